"""A model at a site that it has not seen, with a few verdicts there: `new_site.py CHORUS DATA BACKBONE CONTRACT [options]`.

Each site of survey_us is left out in turn. A head learns from the others, with a third of their dates for validation. At the site that was
left out, every other date is listened to: the known labels give the verdicts on as many windows a class as `--verdicts` says, which
`chorus next` chooses or `chorus clips --windows` draws (`--ways`). With these verdicts as validation, the model is judged on the other dates
by their known labels. Prints, for all sites together, the precision and recall of detected windows at the run's thresholds, of all classes
and of those that are usable. The recall of usable classes is of the calls of all classes: what is left out is missed.
"""

import argparse
import tempfile
from pathlib import Path

from rounds import HERE, chorus, judged, rows, save

WAYS = {"next": ["next", "--per-hour", "1000"], "random": ["clips", "--windows"]}


class Survey:
    """An archive of links to some recordings, labels of some of them, and what is run on it."""

    def __init__(self, options, folder, base, recordings, labelled=()):
        self.program, self.archive, self.run = options.chorus, folder / "archive", folder / "run"
        data = options.data / "survey_us"
        self.sets = {
            "archive.path": self.archive,
            "run.path": self.run,
            "backbone.path": options.backbone,
            "backbone.contract": options.contract,
        }
        if base is not None:
            # The embeddings are made once. Whole dates are chosen, since a unit is a site's date.
            self.sets["run.base"] = base
        self.archive.mkdir(parents=True)
        (self.archive / "species.csv").symlink_to(data / "species.csv")
        for kind, suffix, chosen in (("raw_data", ".flac", recordings), ("strong_labels", ".txt", labelled)):
            for site, stem in chosen:
                target = self.archive / kind / site / f"{stem}{suffix}"
                target.parent.mkdir(parents=True, exist_ok=True)
                target.symlink_to(data / kind / site / f"{stem}{suffix}")

    def split(self, sides):
        lines = [f"{stem},{site},{subset}\n" for subset, chosen in sides.items() for site, stem in chosen]
        (self.archive / "subset.csv").write_text("".join(["recording,site,subset\n", *lines]))

    def make(self, *stages, **sets):
        sets = {**self.sets, **{key.replace("__", "."): value for key, value in sets.items()}}
        arguments = [text for key, value in sets.items() for text in ("--set", f"{key}={value}")]
        chorus(self.program, "run", *stages, "--with-upstream", "-c", HERE.parent / "survey_us.yaml", *arguments)


def counts(run):
    """Windows of test by decision and label at the run's thresholds: of all classes, and of those that are usable."""
    test = {row["recording_id"] for row in rows(run, "splits") if row["subset"] == "test"}
    thresholds = {row["class"]: row for row in rows(run, "thresholds") if row["site"] is None}
    labels = {(row["segment_id"], row["class"]): row["value"] for row in rows(run, "labels") if row["recording_id"] in test}
    found = {"right": 0, "wrong": 0, "calls": 0, "usable_right": 0, "usable_wrong": 0}
    for row in rows(run, "predictions"):
        value = labels.get((row["segment_id"], row["class"]))
        if value is None:
            continue
        found["calls"] += value
        threshold = thresholds[row["class"]]
        if row["score"] >= threshold["threshold"]:
            kind = "right" if value == 1 else "wrong"
            found[kind] += 1
            found[f"usable_{kind}"] += threshold["usable"]
    of = lambda chosen: sum(chosen(row) for row in thresholds.values())
    found["usable"] = of(lambda row: row["usable"])
    found["own"] = of(lambda row: row["source"] in ("own", "unreached"))
    found["contradicted"] = of(lambda row: "contradict the given model" in (row["why_not"] or ""))
    return found


def told(way, number, results, verdicts, yes):
    total = {key: sum(result[key] for result in results) for key in results[0]}
    share = lambda part, whole: f"{part / whole:.3f}" if whole else "-"
    precision = lambda kind: share(total[f"{kind}right"], total[f"{kind}right"] + total[f"{kind}wrong"])
    recall = lambda kind: share(total[f"{kind}right"], total["calls"])
    print(
        f"{way:6} {number:3} a class ({verdicts} verdicts, {yes} yes): all classes {precision('')} / {recall('')}, "
        f"usable classes {precision('usable_')} / {recall('usable_')}; at {len(results)} sites {total['usable']} classes are usable, "
        f"{total['own']} have thresholds of their own, {total['contradicted']} are contradicted",
        flush=True,
    )


def main(options):
    data = options.data / "survey_us"
    everything = sorted((path.parent.name, path.stem) for path in (data / "raw_data").glob("*/*.flac"))
    date = lambda recording: recording[1].split("_")[1]
    dates = sorted({date(recording) for recording in everything})
    sites = sorted({site for site, _ in everything})
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        known = Survey(options, folder / "known", None, everything, everything)
        known.split({"train": everything})
        known.make("annotate", "embed")
        paths = {row["recording_id"]: row["path"] for row in rows(known.run, "recordings")}
        segments = {row["segment_id"]: (paths[row["recording_id"]], round(row["start_s"])) for row in rows(known.run, "segments")}
        truth = {(*segments[row["segment_id"]], row["class"]): row["value"] for row in rows(known.run, "labels")}
        applied = {}
        for site in sites:
            others = [recording for recording in everything if recording[0] != site]
            is_validation = lambda recording: dates.index(date(recording)) % 3 == 2
            trained = Survey(options, folder / site / "trained", known.run, others, others)
            trained.split(
                {
                    "train": [recording for recording in others if not is_validation(recording)],
                    "validation": [recording for recording in others if is_validation(recording)],
                }
            )
            trained.make("evaluate")
            own = [recording for recording in everything if recording[0] == site]
            heard = [recording for recording in own if dates.index(date(recording)) % 2 == 0]
            rest = [recording for recording in own if recording not in heard]
            model = trained.run / "model"
            # What chooses windows sees no label of the site.
            unlabelled = Survey(options, folder / site / "unlabelled", known.run, heard)
            unlabelled.make("detect", annotate__format="none", model__path=model)
            applied[site] = (model, unlabelled.run, heard, rest)
        print("precision / recall of detected windows, on recordings that nobody listened to", flush=True)
        for number in sorted(set(options.verdicts)):
            for way in options.ways if number > 0 else ["-"]:
                results, verdicts, yes = [], 0, 0
                for site in sites:
                    model, run, heard, rest = applied[site]
                    place = folder / site / f"{way}-{number}"
                    survey = Survey(options, place, known.run, heard + rest, rest)
                    survey.split({"validation": heard, "test": rest})
                    sets = {"model__path": model}
                    if number > 0:
                        listen = place / "listen"
                        chorus(options.chorus, *WAYS[way], "--run", run, "-o", listen, "--per-class", number, "--seed", options.seed)
                        names, found = judged(listen / "sheet.csv", truth)
                        (survey.archive / "reviews").mkdir()
                        save(survey.archive / "reviews" / "sheet.csv", names, found)
                        sets["annotate__review_sheets"] = "reviews"
                        verdicts += len(found)
                        yes += sum(row["verdict"] == "yes" for row in found)
                    survey.make("evaluate", **sets)
                    results.append(counts(survey.run))
                told(way, number, results, verdicts, yes)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    for name in ("chorus", "data", "backbone", "contract"):
        parser.add_argument(name, type=lambda text: Path(text).resolve())
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--verdicts", nargs="+", type=int, default=[0, 5, 20])
    parser.add_argument("--seed", type=int, default=1)
    main(parser.parse_args())
