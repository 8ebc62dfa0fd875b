"""Exports a run and opens each format with programs that nobody here wrote: `exports.py CHORUS RUN`.

Camtrap DP in its two forms is validated by frictionless and jsonschema (camtrap_dp.py); Darwin Core by Python's XML parser and pandas against the
standard's terms (darwin_core.py); standards.py shows that both refuse what is wrong. Both are exported a second time with a sheet of verdicts.
Where the environment variable CHORUS_STANDARDS names a folder of the standards' own files, they are validated by these, too (published.py).
Raven, Kaleidoscope, CSV and detection histories are read by pandas, and Audacity tracks too (scikit-maad and opensoundscape, whose readers call
pandas in the same way, take gigabytes to install: they were tried by hand). Every format holds as many detections as pyarrow counts in the run.
Ends with exit status 1 and what differs, else prints what was compared.
"""

import csv
import subprocess
import sys
import tempfile
from pathlib import Path

import frictionless
import pandas
import pyarrow
import pyarrow.dataset

import camtrap_dp
import darwin_core
import published

HIVE = pyarrow.schema([("site", pyarrow.string()), ("date", pyarrow.date32())])


def raven(folder):
    whole = pandas.read_csv(folder / "all.selections.txt", sep="\t")
    parts = [pandas.read_csv(path, sep="\t") for path in sorted((folder / "recordings").rglob("*.selections.txt"))]
    assert sum(map(len, parts)) == len(whole), "the tables of single recordings hold other selections"
    begins = pandas.read_csv(folder / "recordings.csv").set_index("path")["begins_s"]
    own = whole["Begin Time (s)"] - begins.loc[whole["Begin Path"]].to_numpy()
    assert ((own - whole["File Offset (s)"]).abs() < 2e-6).all(), "times of the session and of the recordings differ"
    return len(whole)


def audacity(folder):
    tracks = [pandas.read_csv(path, sep="\t", header=None, names=["start", "end", "label"]) for path in folder.rglob("*.txt")]
    return sum(map(len, tracks))


def kaleidoscope(folder):
    table = pandas.read_csv(folder / "cluster.csv")
    assert (table["DURATION"] > 0).all() and all(Path(a, b, c).is_file() for a, b, c in zip(table["INDIR"], table["FOLDER"], table["IN FILE"]))
    return len(table)


def flat(folder):
    report = frictionless.Resource(path="detections.csv", basepath=str(folder)).validate()
    assert report.valid, report.flatten(["rowNumber", "fieldName", "message"])
    return len(pandas.read_csv(folder / "detections.csv"))


def histories(folder, activity):
    """Compares every cell with the table of activity."""
    effort = pandas.read_csv(folder / "effort_h.csv", index_col="site")
    cells = 0
    for path in sorted((folder / "histories").glob("*.csv")):
        history = pandas.read_csv(path, index_col="site")
        assert history.shape == effort.shape and (history.isna() == effort.isna()).all().all(), path.name
        own = activity[(activity["class"] == path.stem) & activity["night"].notna()]
        found = own.groupby(["site", "night"])["windows_detected"].sum()
        for (site, night), windows in found.items():
            assert history.loc[site, str(night)] == (windows > 0), f"{path.name}: {site} {night}"
            cells += 1
        assert history.notna().sum().sum() == len(found), path.name
    return cells


METADATA = """
title: Frogs of seven ponds
name: frogs-2026
homepage: https://example.org/frogs?year=2026
keywords: [frogs, passive acoustic monitoring]
contributors: [{title: A. Person, role: contact, email: a.person@example.org}]
licenses: [{name: CC0-1.0, scope: data}, {path: "http://creativecommons.org/licenses/by/4.0/", scope: media}]
coordinatePrecision: 0.0001
relatedIdentifiers: [{relationType: IsSupplementTo, relatedIdentifier: 10.1000/182, relatedIdentifierType: DOI}]
project: {title: Seven ponds, samplingDesign: systematicRandom, path: "https://example.org/ponds"}
"""


def by_the_standard(form, folder):
    """Validates an export by the standard's own files, where they are at hand."""
    if published.folder():
        is_acoustic = "--acoustic" in form
        check = published.check_darwin_core if form.startswith("darwin-core") else lambda folder: published.check_camtrap_dp(folder, is_acoustic)
        check(folder)


def listened(place, found, recordings):
    """Writes a sheet of somebody who agreed with every third detection, refuted every third, could not tell the rest, and heard a class at the end
    of each recording in which the model never found it. How many were refuted, and how many heard.
    """
    paths = dict(zip(recordings["recording_id"], recordings["path"]))
    lengths = dict(zip(recordings["path"], recordings["duration_s"]))
    rows, classes = [], {}
    found = found.sort_values(["recording_id", "class", "start_s"])
    for verdict, row in zip(["yes", "no", "unsure"] * len(found), found.to_dict("records")):
        path = paths[row["recording_id"]]
        rows.append([path, row["class"], row["start_s"], row["end_s"], verdict, "Ada"])
        classes.setdefault(path, set()).add(row["class"])
    every, heard = {*found["class"]}, 0
    for path, own in classes.items():
        for absent in sorted(every - own)[:1]:
            rows.append([path, absent, lengths[path] - 1, lengths[path], "yes", 'Bo "B.", who heard it'])
            heard += 1
    with place.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["recording", "class", "start_s", "end_s", "verdict", "listener"], *rows])
    return sum(row[4] == "no" for row in rows), heard


def main(chorus, run):
    table = lambda name, partitioning=None: pyarrow.dataset.dataset(run / "tables" / name, partitioning=partitioning).to_table()
    hive = pyarrow.dataset.partitioning(HIVE, flavor="hive")
    wanted = table("detections", hive).num_rows
    acoustic = lambda folder: camtrap_dp.check(folder, is_acoustic=True)
    readers = {"csv": flat, "raven": raven, "audacity": audacity, "kaleidoscope": kaleidoscope}
    readers |= {"darwin-core": darwin_core.check, "camtrap-dp": camtrap_dp.check, "camtrap-dp --acoustic": acoustic}
    with tempfile.TemporaryDirectory() as work:
        export = lambda form, *options, to=None: subprocess.run(
            [chorus, "export", *form.split(), "--run", run, "-o", to or Path(work, form), *options], check=True, capture_output=True
        )
        judged = ["darwin-core", "camtrap-dp", "camtrap-dp --acoustic"]
        for form, reader in readers.items():
            export(form)
            found = reader(Path(work, form))
            assert found == wanted, f"{form}: {found} detections, and {wanted} in the run"
            print(f"{form}: {found} detections, as in the run")
            if form in judged:
                by_the_standard(form, Path(work, form))
        sheet, metadata = Path(work, "heard.csv"), Path(work, "survey.yaml")
        metadata.write_text(METADATA, encoding="utf-8")
        refuted, heard = listened(sheet, table("detections", hive).to_pandas(), table("recordings").to_pandas())
        assert refuted and heard, "the run is too small: nobody refuted or heard anything"
        for form in judged:
            # Of Darwin Core's archive those are no part that a person refuted.
            expected = wanted + heard - (refuted if form == "darwin-core" else 0)
            place = Path(work, f"{form} of people")
            more = [] if form == "darwin-core" else ["--metadata", metadata]
            export(form, "--sheet", sheet, *more, to=place)
            found = readers[form](place)
            assert found == expected, f"{form} with verdicts: {found} rows, expected {expected}"
            by_the_standard(form, place)
            print(f"{form}: {found} with verdicts of people: {refuted} refuted, {heard} heard by them alone")
        print(f"validated by the files of {published.folder()}" if published.folder() else published.skipped())
        export("detection-histories")
        cells = histories(Path(work, "detection-histories"), table("activity").to_pandas())
        print(f"detection-histories: {cells} nights of classes at sites, as in the table activity")
    assert wanted > 0 and cells > 0, "the run has no detections: nothing was compared"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
