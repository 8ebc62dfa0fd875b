"""The loop with the listener, from the review page to new metrics: `review.py CHORUS`.

A synthetic survey loses the annotations of one site. `chorus next` chooses clips, a headless Chromium opens the page as a file, and every
clip is judged by key presses. The sheet that the page saves goes into the archive, a new run reads it, and its labels and metrics are held
against the verdicts. Skipped, and said so, where there is no Chromium. Ends with exit status 1 and what is wrong, else prints what was done.
"""

import csv
import io
import json
import subprocess
import sys
import tempfile
import urllib.parse
from collections import Counter
from pathlib import Path

import chromium

CONFIG = """
archive: {{path: {archive}, audio: raw_data}}
run: {{path: {run}}}
ingest: {{site_sheet: sites.csv}}
annotate: {{format: anuraset_raw, code_table: species.csv{sheets}}}
split: {{source: file, file: subset.csv}}
featurize: {{n_mels: 32, n_fft: 256, win_length: 256, hop_length: 512}}
train: {{architecture: mobilenet_v3_small, width: 0.25, epochs: 3, batch_size: 8, multimix_mixtures: 8, threads: 1, checkpoint_every_s: 0}}
predict: {{batch_size: 16, embeddings: true}}
units: {{keep_free_gib: 0}}
"""
UNLABELLED = "MARSH02"
# A note that a spreadsheet would run, with everything that has to be quoted.
NOTE = '=1+1, "wind"'


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


class Loop:
    """A survey, and runs of it."""

    def __init__(self, chorus, folder):
        self.chorus, self.folder, self.archive = chorus, folder, folder / "archive"
        run(chorus, "demo", "--tiny", self.archive)
        self.calls = []
        for path in self.archive.glob("strong_labels/*/*.txt"):
            for line in path.read_text().splitlines():
                start, end, label = line.split("\t")
                self.calls.append((path.stem, float(start), float(end), label.split("_")[0]))
            if path.parent.name == UNLABELLED:
                path.unlink()

    def make(self, name, sheets=""):
        config, folder = self.folder / f"{name}.yaml", self.folder / name
        config.write_text(CONFIG.format(archive=self.archive, run=folder, sheets=sheets))
        run(self.chorus, "run", "-c", config)
        return folder

    def ask(self, folder, sql):
        return list(csv.DictReader(io.StringIO(run(self.chorus, "query", "--run", folder, sql, "--format", "csv"))))

    def calls_in(self, row):
        """The species that call in a row's span, by the survey's own truth."""
        name = Path(row["recording"]).stem
        return {species for stem, start, end, species in self.calls if stem == name and start < float(row["end_s"]) and end > float(row["start_s"])}


def rows_of(content):
    return list(csv.DictReader(io.StringIO(content.decode())))


def shown(browser):
    """The row of the clip that the page shows, counted from 0."""
    return int(browser.run("document.getElementById('position').textContent").split(" of ")[0]) - 1


def judge(browser, loop, folder):
    """Judges all clips by keyboard and gives what the page saves: the sheet, and the verdicts that it should have."""
    untouched = (folder / "sheet.csv").read_bytes()
    rows = rows_of(untouched)
    browser.open((folder / "review.html").as_uri())
    browser.wait("document.getElementById('picture').naturalWidth > 0")
    assert shown(browser) == 0 and browser.run("document.getElementById('code').textContent") == rows[0]["class"]

    # Nothing was said yet: what is saved is the sheet as it was, byte by byte.
    browser.press("s")
    assert browser.downloaded("sheet.csv") == untouched, "the page changes a sheet without verdicts"

    # The space bar plays, and the cursor goes over the picture; it pauses too.
    browser.press(" ")
    browser.wait("document.getElementById('audio').currentTime > 0.2 && !document.getElementById('cursor').hidden")
    before = browser.run("parseFloat(document.getElementById('cursor').style.left)")
    browser.wait(f"parseFloat(document.getElementById('cursor').style.left) > {before}")
    browser.press(" ")
    browser.wait("document.getElementById('audio').paused")
    ratio = browser.run("document.getElementById('audio').duration") / browser.run("JSON.parse(document.getElementById('data').textContent).clips[0].length")
    assert abs(ratio - 1) < 0.02, f"the sound is {ratio} times as long as the page says"

    # A wrong verdict is undone; moving changes nothing; help opens and closes.
    browser.press("y")
    assert shown(browser) == 1
    browser.press("z")
    assert shown(browser) == 0 and browser.run("document.getElementById('yes').getAttribute('aria-pressed')") == "false"
    browser.press("j", "ArrowRight", "k", "ArrowLeft")
    assert shown(browser) == 0
    browser.press("?")
    assert browser.run("document.getElementById('help').open")
    browser.press("y")
    browser.press("Escape")
    assert not browser.run("document.getElementById('help').open") and shown(browser) == 0

    # Another class of the run, found by typing a part of its name; and a note.
    asked = {row["class"] for row in rows if (row["recording"], row["start_s"]) == (rows[0]["recording"], rows[0]["start_s"])}
    other = next(name for name in sorted({species for *_, species in loop.calls}) if name not in asked)
    browser.press("c", *other[:4].lower(), "Enter")
    browser.run("document.getElementById('notes').focus()")
    browser.call("Input.insertText", text=NOTE)
    browser.press("Escape")

    verdicts = []
    for at, row in enumerate(rows):
        assert shown(browser) == at, (at, shown(browser))
        verdict = "unsure" if at % 7 == 6 else "yes" if row["class"] in loop.calls_in(row) else "no"
        verdicts.append(verdict)
        browser.press(verdict[0])
    assert len(set(verdicts)) == 3, f"the test needs all verdicts: {Counter(verdicts)}"
    assert f"{len(rows)} of {len(rows)} judged" in browser.run("document.getElementById('progress').textContent")
    browser.press("s")
    return browser.downloaded("sheet.csv"), untouched, verdicts, other


def check_sheet(content, untouched, verdicts, other):
    """That the saved sheet is the former one with verdicts, a note that is harmless, and a row more."""
    before, after = rows_of(untouched), rows_of(content)
    assert content.splitlines()[0] == untouched.splitlines()[0] and len(after) == len(before) + 1
    added = after.pop(1)
    assert (added["class"], added["verdict"], added["strata"], added["score"]) == (other, "yes", "added", ""), added
    assert [added[name] for name in ("clip", "recording", "start_s", "end_s")] == [before[0][name] for name in ("clip", "recording", "start_s", "end_s")]
    assert [row["verdict"] for row in after] == verdicts
    assert after[0]["notes"] == "'" + NOTE, after[0]["notes"]
    for row, was in zip(after, before):
        assert {**row, "verdict": "", "notes": ""} == was
    return added


def check_kept(browser, folder, content, work):
    """That the browser keeps verdicts, and that a page without them takes them from a saved sheet."""
    page = (folder / "review.html").as_uri()
    browser.open(page)
    browser.press("s")
    assert browser.downloaded("sheet.csv") == content, "verdicts are gone when the page is opened again"
    browser.run("localStorage.clear()")
    browser.open(page)
    assert " 0 of " in " " + browser.run("document.getElementById('progress').textContent")
    saved = work / "saved.csv"
    # As a spreadsheet of another locale saves it.
    dialect = io.StringIO()
    csv.writer(dialect, delimiter=";", lineterminator="\r\n").writerows(csv.reader(io.StringIO(content.decode())))
    saved.write_bytes(b"\xef\xbb\xbf" + dialect.getvalue().encode())
    browser.choose_file("#file", saved)
    browser.wait("document.getElementById('live').textContent.includes('loaded')")
    browser.press("s")
    assert browser.downloaded("sheet.csv") == content, "a loaded sheet is another one"
    saved.write_text("a,b\n1,2\n")
    browser.choose_file("#file", saved)
    browser.wait("document.getElementById('warning').textContent.includes('no column clip')")
    browser.press("z")
    browser.press("s")
    assert rows_of(browser.downloaded("sheet.csv"))[0]["verdict"] == "", "loading cannot be undone"


def check_run(loop, before, after, content, added):
    """That verdicts are labels of the new run, and that its metrics are others."""
    labels = "SELECT r.path, s.start_s, s.end_s, l.class, l.value FROM labels l JOIN segments s USING (segment_id) JOIN recordings r ON r.recording_id = l.recording_id"
    values = {(row["path"], float(row["start_s"]), row["class"]): row["value"] for row in loop.ask(after, labels)}
    earlier = {(row["path"], float(row["start_s"]), row["class"]): row["value"] for row in loop.ask(before, labels)}
    rows, checked = rows_of(content), 0
    said = {(row["recording"], float(row["start_s"]), row["class"]): row["verdict"] for row in rows}
    for place, verdict in said.items():
        assert earlier[place] == "", f"{place} had a label already, and was asked for"
        # A neighbouring window's yes reaches into this one, if they overlap; in this survey they do not.
        assert values[place] == {"yes": "1", "no": "0", "unsure": ""}[verdict], (place, verdict, values[place])
        checked += 1
    assert values[added["recording"], float(added["start_s"]), added["class"]] == "1"
    metric = "SELECT subset, class, value, support FROM metrics WHERE metric = 'average_precision' AND site IS NULL AND \"group\" IS NULL ORDER BY 1, 2"
    assert loop.ask(before, metric) != loop.ask(after, metric), "the metrics are the same"
    return checked


def main(chorus):
    program = chromium.find()
    if program is None:
        print(f"skipped: no browser ({', '.join(chromium.NAMES)})")
        return
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        loop = Loop(Path(chorus).resolve(), work)
        before = loop.make("before")
        folder = work / "round1"
        run(chorus, "next", "--run", before, "-o", folder, "--per-class", "6", "--per-hour", "3")
        strata = Counter(row["strata"] for row in rows_of((folder / "sheet.csv").read_bytes()))
        assert set(strata) == {"top", "uncertain", "stratified", "diverse"}, strata
        with chromium.Chromium(program, work / "browser") as browser:
            content, untouched, verdicts, other = judge(browser, loop, folder)
            added = check_sheet(content, untouched, verdicts, other)
            check_kept(browser, folder, content, work)
            outside = [url for url in browser.asked if urllib.parse.urlsplit(url).scheme not in ("file", "about", "blob", "data")]
            assert not outside and not browser.problems, (outside, browser.problems)
        (loop.archive / "reviews").mkdir()
        (loop.archive / "reviews" / "round1.csv").write_bytes(content)
        after = loop.make("after", ", review_sheets: reviews")
        checked = check_run(loop, before, after, content, added)
        told = [json.loads(line) for line in run(chorus, "rounds", loop.archive / "reviews" / "round1.csv", "--run", before, "--run", after, "--format", "json").splitlines()]
        total = next(row for row in told if row["round"] == 1 and row["class"] is None)
        assert total["yes"] == verdicts.count("yes") + 1 and total["no"] == verdicts.count("no"), total
        assert run(chorus, "next", "--run", after, "-o", work / "round2", "--per-class", "6", "--per-hour", "3").strip()
        again = {(row["recording"], row["start_s"], row["class"]) for row in rows_of((work / "round2" / "sheet.csv").read_bytes())}
        assert not again & {(row["recording"], row["start_s"], row["class"]) for row in rows_of(content)}, "a judged window is asked for again"
        print(f"{len(verdicts)} clips judged by keyboard ({dict(Counter(verdicts))}), 1 class added; {checked} labels and the metrics of the next run follow from them")


if __name__ == "__main__":
    main(*sys.argv[1:])
