"""Exports a run and opens each format with programs that nobody here wrote: `exports.py CHORUS RUN`.

Camtrap DP in its two forms is validated by frictionless and jsonschema (camtrap_dp.py); Darwin Core by Python's XML parser and pandas against the
standard's terms (darwin_core.py); standards.py shows that both refuse what is wrong. Raven, Kaleidoscope, CSV and detection histories are read by
pandas, and Audacity tracks too (scikit-maad and opensoundscape, whose readers call pandas in the same way, take gigabytes to install: they were
tried by hand). Every format holds as many detections as pyarrow counts in the run. Ends with exit status 1 and what differs, else prints what was
compared.
"""

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


def main(chorus, run):
    table = lambda name, partitioning=None: pyarrow.dataset.dataset(run / "tables" / name, partitioning=partitioning).to_table()
    hive = pyarrow.dataset.partitioning(HIVE, flavor="hive")
    wanted = table("detections", hive).num_rows
    acoustic = lambda folder: camtrap_dp.check(folder, is_acoustic=True)
    readers = {"csv": flat, "raven": raven, "audacity": audacity, "kaleidoscope": kaleidoscope}
    readers |= {"darwin-core": darwin_core.check, "camtrap-dp": camtrap_dp.check, "camtrap-dp --acoustic": acoustic}
    with tempfile.TemporaryDirectory() as work:
        export = lambda form: subprocess.run(
            [chorus, "export", *form.split(), "--run", run, "-o", Path(work, form)], check=True, capture_output=True
        )
        for form, reader in readers.items():
            export(form)
            found = reader(Path(work, form))
            assert found == wanted, f"{form}: {found} detections, and {wanted} in the run"
            print(f"{form}: {found} detections, as in the run")
        export("detection-histories")
        cells = histories(Path(work, "detection-histories"), table("activity").to_pandas())
        print(f"detection-histories: {cells} nights of classes at sites, as in the table activity")
    assert wanted > 0 and cells > 0, "the run has no detections: nothing was compared"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
