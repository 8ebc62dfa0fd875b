"""Exports a run and opens each format with programs that nobody here wrote: `exports.py CHORUS RUN`.

Camtrap DP is validated by frictionless, against the field lists of its version 1.0.2 (the standard's own files are on the network, where a test
does not go), and its acoustic form against the schemas that it brings along; Darwin Core by its meta.xml, read by Python's XML parser, with each
row of an extension belonging to an event and each absence to a night without a detection; Raven, Kaleidoscope, CSV and detection histories are read by pandas, and
Audacity tracks too (scikit-maad and opensoundscape, whose readers call pandas in the same way, take gigabytes to install: they were tried by hand).
Every format holds as many detections as pyarrow counts in the run. Ends with exit status 1 and what differs, else prints what was compared.
"""

import json
import subprocess
import sys
import tempfile
import xml.etree.ElementTree
from pathlib import Path

import frictionless
import pandas
import pyarrow
import pyarrow.dataset

HIVE = pyarrow.schema([("site", pyarrow.string()), ("date", pyarrow.date32())])
TIME = {"type": "datetime", "format": "%Y-%m-%dT%H:%M:%S%z"}
REQUIRED, UNIQUE = {"required": True}, {"required": True, "unique": True}

# Fields of Camtrap DP 1.0.2 with type and constraints: https://camtrap-dp.tdwg.org/data.
DEPLOYMENTS = {
    "deploymentID": ("string", UNIQUE), "locationID": ("string", {}), "locationName": ("string", {}),
    "latitude": ("number", {"required": True, "minimum": -90, "maximum": 90}), "longitude": ("number", {"required": True, "minimum": -180, "maximum": 180}),
    "coordinateUncertainty": ("integer", {"minimum": 1}), "deploymentStart": (TIME, REQUIRED), "deploymentEnd": (TIME, REQUIRED), "setupBy": ("string", {}),
    "cameraID": ("string", {}), "cameraModel": ("string", {}), "cameraDelay": ("integer", {}), "cameraHeight": ("number", {}), "cameraDepth": ("number", {}),
    "cameraTilt": ("integer", {}), "cameraHeading": ("integer", {}), "detectionDistance": ("number", {}), "timestampIssues": ("boolean", {}),
    "baitUse": ("boolean", {}), "featureType": ("string", {}), "habitat": ("string", {}), "deploymentGroups": ("string", {}), "deploymentTags": ("string", {}),
    "deploymentComments": ("string", {}),
}  # fmt: skip
MEDIA = {
    "mediaID": ("string", UNIQUE), "deploymentID": ("string", REQUIRED), "captureMethod": ("string", {"enum": ["activityDetection", "timeLapse"]}),
    "timestamp": (TIME, REQUIRED), "filePath": ("string", {"required": True, "pattern": r"^(?=^[^./~])(^((?!\.{2}).)*$).*$"}),
    "filePublic": ("boolean", REQUIRED), "fileName": ("string", {}), "fileMediatype": ("string", {"required": True, "pattern": "^(image|video|audio)/.*$"}),
    "exifData": ("object", {}), "favorite": ("boolean", {}), "mediaComments": ("string", {}),
}  # fmt: skip
SHARE = {"minimum": 0, "maximum": 1}
OBSERVATIONS = {
    "observationID": ("string", UNIQUE), "deploymentID": ("string", REQUIRED), "mediaID": ("string", {}), "eventID": ("string", {}),
    "eventStart": (TIME, REQUIRED), "eventEnd": (TIME, REQUIRED), "observationLevel": ("string", {"required": True, "enum": ["media", "event"]}),
    "observationType": ("string", {"required": True, "enum": ["animal", "human", "vehicle", "blank", "unknown", "unclassified"]}),
    "cameraSetupType": ("string", {"enum": ["setup", "calibration"]}), "scientificName": ("string", {}), "count": ("integer", {"minimum": 1}),
    "lifeStage": ("string", {}), "sex": ("string", {}), "behavior": ("string", {}), "individualID": ("string", {}), "individualPositionRadius": ("number", {}),
    "individualPositionAngle": ("number", {}), "individualSpeed": ("number", {}), "bboxX": ("number", SHARE), "bboxY": ("number", SHARE),
    "bboxWidth": ("number", SHARE), "bboxHeight": ("number", SHARE), "classificationMethod": ("string", {"enum": ["human", "machine"]}),
    "classifiedBy": ("string", {}), "classificationTimestamp": (TIME, {}), "classificationProbability": ("number", SHARE), "observationTags": ("string", {}),
    "observationComments": ("string", {}),
}  # fmt: skip
TABLES = {"deployments": DEPLOYMENTS, "media": MEDIA, "observations": OBSERVATIONS}
STANDARD = "https://raw.githubusercontent.com/tdwg/camtrap-dp/1.0.2"
# Entries of datapackage.json that its profile requires beside those of every data package.
ENTRIES = ["resources", "profile", "created", "contributors", "project", "spatial", "temporal", "taxonomic"]
PROJECT = ["title", "samplingDesign", "captureMethod", "individualAnimals", "observationLevel"]


def table_schema(name):
    kind = lambda kind: kind if isinstance(kind, dict) else {"type": kind}
    fields = [{"name": field, **kind(of), "constraints": constraints} for field, (of, constraints) in TABLES[name].items()]
    keys = {"deployments": [], "media": ["deployments"], "observations": ["deployments", "media"]}[name]
    key = lambda table: {"deployments": "deploymentID", "media": "mediaID"}[table]
    foreign = [{"fields": key(table), "reference": {"resource": table, "fields": key(table)}} for table in keys]
    return {"fields": fields, "missingValues": [""], "primaryKey": list(TABLES[name])[0], "foreignKeys": foreign}


# What the acoustic form adds to the tables, by the issues 420 to 461 of tdwg/camtrap-dp.
ACOUSTIC = {"deployments": ["recordingSchedule"], "media": ["samplingFrequency", "bitDepth", "gain"], "observations": ["frequencyLow", "frequencyHigh"]}
METHODS = {"activityDetection", "continuous", "recordingSchedule"}


def acoustic(folder):
    """Validates the acoustic form by the schemas in it; its number of observations."""
    package = json.loads((folder / "datapackage.json").read_text())
    assert package["project"]["protocolType"] == ["acoustic"] and set(package["project"]["captureMethod"]) <= METHODS
    for resource in package["resources"]:
        names = [field["name"] for field in resource["schema"]["fields"]]
        assert names == [*TABLES[resource["name"]], *ACOUSTIC[resource["name"]]], f"{resource['name']}: {names}"
    report = frictionless.Package.from_descriptor(package, basepath=str(folder)).validate()
    assert report.valid, report.flatten(["rowNumber", "fieldName", "type", "message"])
    media = pandas.read_csv(folder / "media.csv")
    assert (media["samplingFrequency"] > 0).all() and set(media["captureMethod"]) <= METHODS
    observations = pandas.read_csv(folder / "observations.csv")
    bounds = observations[["frequencyLow", "frequencyHigh"]].dropna()
    assert (bounds["frequencyLow"] < bounds["frequencyHigh"]).all() and set(observations["observationLevel"]) <= {"interval"}
    return len(observations)


def camtrap_dp(folder):
    """Validates the package as it stands, its schemas put in the place of their addresses; its number of observations."""
    package = json.loads((folder / "datapackage.json").read_text())
    missing = [entry for entry in ENTRIES if entry not in package] + [entry for entry in PROJECT if entry not in package["project"]]
    assert not missing, f"datapackage.json lacks {missing}"
    assert package.pop("profile") == f"{STANDARD}/camtrap-dp-profile.json"
    assert package["project"]["samplingDesign"] == "opportunistic" and package["project"]["captureMethod"] == ["timeLapse"]
    for resource in package["resources"]:
        assert resource["schema"] == f"{STANDARD}/{resource['name']}-table-schema.json" and resource["profile"] == "tabular-data-resource"
        resource["schema"] = table_schema(resource["name"])
    report = frictionless.Package.from_descriptor(package, basepath=str(folder)).validate()
    assert report.valid, report.flatten(["rowNumber", "fieldName", "type", "message"])
    assert {task.name for task in report.tasks} == set(TABLES)
    # The check can fail: a package with an observation of no medium is none.
    broken = (folder / "observations.csv").read_text().splitlines()
    if len(broken) > 1:
        fields = broken[1].split(",")
        (folder / "observations.csv").write_text("\n".join([broken[0], ",".join([*fields[:2], "nowhere", *fields[3:]])]) + "\n")
        assert not frictionless.Package.from_descriptor(package, basepath=str(folder)).validate().valid, "frictionless takes anything"
        (folder / "observations.csv").write_text("\n".join(broken) + "\n")
    return len(pandas.read_csv(folder / "observations.csv"))


SPACE = "{http://rs.tdwg.org/dwc/text/}"


def described(folder, table):
    """A table as meta.xml describes it."""
    found = pandas.read_csv(
        folder / table.find(f"{SPACE}files/{SPACE}location").text,
        sep=table.get("fieldsTerminatedBy"),
        quotechar=table.get("fieldsEnclosedBy"),
        encoding=table.get("encoding"),
        header=None,
        skiprows=int(table.get("ignoreHeaderLines")),
        dtype=str,
        keep_default_na=False,
    )
    terms = [field.get("term").rsplit("/", 1)[1] for field in table.findall(f"{SPACE}field")]
    assert len(terms) == found.shape[1], f"{len(terms)} terms for {found.shape[1]} columns"
    found.columns = terms
    return found


def darwin_core(folder):
    """Reads the archive as its meta.xml says; its number of occurrences that are present."""
    archive = xml.etree.ElementTree.parse(folder / "meta.xml").getroot()
    events = described(folder, archive.find(f"{SPACE}core"))
    assert archive.find(f"{SPACE}core").get("rowType").endswith("dwc/terms/Event") and events["eventID"].is_unique
    extensions = {table.get("rowType"): described(folder, table) for table in archive.findall(f"{SPACE}extension")}
    for row_type, table in extensions.items():
        assert set(table["eventID"]) <= set(events["eventID"]), f"{row_type}: rows of no event"
    occurrences = extensions["http://rs.tdwg.org/dwc/terms/Occurrence"]
    assert occurrences["occurrenceID"].is_unique and set(occurrences["basisOfRecord"]) <= {"MachineObservation"}
    present, absent = (occurrences[occurrences["occurrenceStatus"] == status] for status in ("present", "absent"))
    assert len(present) + len(absent) == len(occurrences)
    dates = present["eventDate"][present["eventDate"] != ""].str.split("/", expand=True)
    if len(dates):
        start, end = (pandas.to_datetime(dates[column], utc=True, format="ISO8601") for column in (0, 1))
        assert (end > start).all()
    found = set(zip(present["eventID"], present["scientificName"]))
    missing = list(zip(absent["eventID"], absent["scientificName"]))
    assert not found & set(missing) and len(set(missing)) == len(missing), "a taxon is present and absent in a night"
    nights = extensions["http://rs.tdwg.org/eco/terms/Event"].set_index("eventID")
    listed = [(event, name) for event, names in nights["absentTaxa"].items() for name in names.split(" | ") if name]
    assert sorted(listed) == sorted(missing), "the Humboldt Extension lists other absences"
    assert all(name in nights.loc[event, "targetTaxonomicScope"].split(" | ") for event, name in listed), "absent, and not looked for"
    assert (nights["samplingEffortValue"].astype(float) > 0).all()
    media = extensions["http://rs.tdwg.org/ac/terms/Multimedia"]
    assert media["identifier"].is_unique and set(media["type"]) <= {"Sound"} and set(present["associatedMedia"]) <= set(media["providerManagedID"])
    return len(present)


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
    readers = {"csv": flat, "raven": raven, "audacity": audacity, "kaleidoscope": kaleidoscope, "darwin-core": darwin_core, "camtrap-dp": camtrap_dp}
    with tempfile.TemporaryDirectory() as work:
        export = lambda name, *options, folder=None: subprocess.run(
            [chorus, "export", name, "--run", run, "-o", Path(work, folder or name), *options], check=True, capture_output=True
        )
        for name, reader in readers.items():
            export(name)
            found = reader(Path(work, name))
            assert found == wanted, f"{name}: {found} detections, and {wanted} in the run"
            print(f"{name}: {found} detections, as in the run")
        export("camtrap-dp", "--acoustic", folder="acoustic")
        assert (found := acoustic(Path(work, "acoustic"))) == wanted, f"camtrap-dp --acoustic: {found} detections, and {wanted} in the run"
        print(f"camtrap-dp --acoustic: {found} detections, as in the run")
        export("detection-histories")
        cells = histories(Path(work, "detection-histories"), table("activity").to_pandas())
        print(f"detection-histories: {cells} nights of classes at sites, as in the table activity")
    assert wanted > 0 and cells > 0, "the run has no detections: nothing was compared"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
