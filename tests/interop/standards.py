"""Shows that the checks of Camtrap DP and Darwin Core refuse what is wrong: `standards.py`.

A package and an archive, written here by hand, pass; each of them with one fault is refused, and the refusal names the fault. Where the
environment variable CHORUS_STANDARDS names a folder of the standards' own files (published.py says which), our rules are compared with them,
and the same package, archive and faults are held to them. Without it that is left out, with a word. Needs no run. Ends with exit status 1 and
what went wrong.
"""

import copy
import csv
import json
import tempfile
from pathlib import Path

import camtrap_dp
import darwin_core
import published
from darwin_core import AC, DC, DCTERMS, DWC, ECO, EVENT, HUMBOLDT, MO, MULTIMEDIA, OCCURRENCE, XMP

ROWS = {
    "deployments": [
        {"deploymentID": "POND", "locationID": "POND", "latitude": "-12.5", "longitude": "130.9", "deploymentStart": "2024-05-01T18:00:00+09:30",
         "deploymentEnd": "2024-05-03T06:00:00+09:30"},
    ],
    "media": [
        {"mediaID": "m1", "deploymentID": "POND", "captureMethod": "timeLapse", "timestamp": "2024-05-01T18:00:00+09:30", "filePath": "POND/a.wav",
         "filePublic": "false", "fileName": "a.wav", "fileMediatype": "audio/wav"},
    ],
    "observations": [
        {"observationID": "m1:FROG:3", "deploymentID": "POND", "mediaID": "m1", "eventID": "m1:FROG:3", "eventStart": "2024-05-01T18:00:03+09:30",
         "eventEnd": "2024-05-01T18:00:06+09:30", "observationLevel": "media", "observationType": "animal", "scientificName": "Litoria rubella",
         "classificationMethod": "machine", "classificationProbability": "0.9"},
        {"observationID": "m1:FROG:9", "deploymentID": "POND", "mediaID": "m1", "eventID": "m1:FROG:9", "eventStart": "2024-05-01T18:00:09+09:30",
         "eventEnd": "2024-05-01T18:00:12+09:30", "observationLevel": "media", "observationType": "unknown", "classificationMethod": "human"},
    ],
}  # fmt: skip
PACKAGE = {
    "profile": f"{camtrap_dp.STANDARD}/camtrap-dp-profile.json",
    "created": "2024-06-01T10:00:00Z",
    "title": "Frogs",
    "contributors": [{"title": "A. Person", "role": "contact"}],
    "licenses": [{"name": "CC0-1.0", "scope": "data"}, {"path": "http://creativecommons.org/licenses/by/4.0/", "scope": "media"}],
    "project": {
        "title": "Frogs",
        "samplingDesign": "opportunistic",
        "captureMethod": ["timeLapse"],
        "individualAnimals": False,
        "observationLevel": ["media"],
    },
    "spatial": {"type": "MultiPoint", "coordinates": [[130.9, -12.5]]},
    "temporal": {"start": "2024-05-01", "end": "2024-05-03"},
    "taxonomic": [{"scientificName": "Litoria rubella", "vernacularNames": {"eng": "desert tree frog"}}],
}
RELATED = {"relationType": "Cites", "relatedIdentifier": "10.1/x", "relatedIdentifierType": "DOI"}
# Entries that a package may have, as they are right.
MORE = {
    "name": "frogs-2026", "id": "12", "homepage": "https://example.org/frogs", "version": "1.0", "keywords": ["frogs"], "image": "frog.png",
    "contributors": [{"title": "A. Person", "role": "contact", "email": "a.person@example.org", "path": "https://example.org", "organization": "B"}],
    "sources": [{"title": "Chorus", "version": "1.0", "path": "chorus/run"}], "coordinatePrecision": 0.01, "references": ["A. Person (2026)"],
    "bibliographicCitation": "A. Person (2026)", "relatedIdentifiers": [RELATED | {"resourceTypeGeneral": "Dataset"}],
}  # fmt: skip
# The field of a table that is wrong in its first row, and how.
WRONG_FIELDS = [
    ("deployments", "deploymentID", ""), ("deployments", "deploymentID", "NA"), ("deployments", "latitude", "-91"),
    ("deployments", "longitude", "130,9"), ("deployments", "deploymentStart", "2024-05-01 18:00:00"), ("deployments", "cameraHeading", "361"),
    ("deployments", "deploymentEnd", "2024-05-01T17:00:00+09:30"), ("deployments", "featureType", "pond"), ("media", "deploymentID", "LAKE"),
    ("media", "captureMethod", "continuous"), ("media", "filePath", "../a.wav"), ("media", "filePath", ".hidden/a.wav"),
    ("media", "filePublic", "perhaps"), ("media", "fileMediatype", "wav"), ("media", "timestamp", ""), ("observations", "mediaID", "m2"),
    ("observations", "mediaID", ""), ("observations", "observationLevel", "interval"), ("observations", "observationType", "frog"),
    ("observations", "classificationProbability", "1.01"), ("observations", "classificationMethod", "model"), ("observations", "count", "0"),
    ("observations", "eventEnd", "2024-05-01T18:00:01+09:30"), ("observations", "scientificName", "Litoria"), ("observations", "sex", "both"),
    ("observations", "observationID", "m1:FROG:9"),
]  # fmt: skip
# Entries of datapackage.json that are wrong; None takes an entry away.
WRONG_ENTRIES = [
    ("created", "yesterday"), ("temporal", None), ("taxonomic", None), ("contributors", [{"title": "A. Person", "role": "boss"}]),
    ("licenses", [{"name": "CC0-1.0", "scope": "data"}]), ("spatial", {"type": "MultiPoint", "coordinates": [[-12.5, 130.9]]}),
    ("temporal", {"start": "2024-05-01", "end": "2024-13-03"}),
    ("taxonomic", [{"scientificName": "Litoria rubella", "vernacularNames": {"en": "x"}}]),
    ("project", {**PACKAGE["project"], "samplingDesign": "random"}), ("project", {**PACKAGE["project"], "captureMethod": []}),
    ("project", {key: value for key, value in PACKAGE["project"].items() if key != "individualAnimals"}),
    ("profile", "https://example.org/camtrap-dp-profile.json"), ("name", "Frogs"), ("id", 12), ("homepage", "example.org"), ("version", 1.0),
    ("keywords", []), ("contributors", []), ("contributors", [{"role": "contact"}]), ("contributors", [{"title": "A. Person", "email": "person"}]),
    ("contributors", [{"title": "A. Person", "path": "/person"}]), ("sources", [{"title": "Chorus", "version": 1}]), ("sources", [{"path": "a"}]),
    ("licenses", [{"name": "CC BY", "scope": "data"}, {"name": "CC0-1.0", "scope": "media"}]),
    ("licenses", [{"title": "free", "scope": "data"}, {"name": "CC0-1.0", "scope": "media"}]),
    ("licenses", [{"path": "../licence", "scope": "data"}, {"name": "CC0-1.0", "scope": "media"}]),
    ("licenses", [{"name": "CC0-1.0", "scope": "text"}, {"name": "CC0-1.0", "scope": "media"}]),
    ("coordinatePrecision", "fine"), ("references", [1]), ("bibliographicCitation", 7), ("created", "2024-06-01 10:00:00"),
    ("project", {**PACKAGE["project"], "title": 7}), ("project", {**PACKAGE["project"], "path": "frogs"}),
    ("project", {**PACKAGE["project"], "individualAnimals": "no"}), ("project", {**PACKAGE["project"], "observationLevel": ["interval"]}),
    ("project", {**PACKAGE["project"], "captureMethod": ["timeLapse", "timeLapse"]}),
    ("project", {**PACKAGE["project"], "captureMethod": ["continuous"]}),
    ("taxonomic", [{"scientificName": "Litoria rubella", "taxonRank": "tribe"}]), ("taxonomic", [{"taxonID": "1"}]),
    ("relatedIdentifiers", [RELATED | {"relationType": "Quotes"}]), ("relatedIdentifiers", [RELATED | {"relatedIdentifierType": "doi"}]),
    ("relatedIdentifiers", [RELATED | {"resourceTypeGeneral": "Frog"}]), ("relatedIdentifiers", [{"relationType": "Cites"}]),
]  # fmt: skip
# What only the standard's words forbid, and no schema of it: fields and entries with their wrong values.
IN_WORDS = [
    ("deploymentEnd", "2024-05-01T17:00:00+09:30"), ("eventEnd", "2024-05-01T18:00:01+09:30"), ("mediaID", ""), ("scientificName", "Litoria"),
    ("spatial", {"type": "MultiPoint", "coordinates": [[-12.5, 130.9]]}), ("profile", "https://example.org/camtrap-dp-profile.json"),
]  # fmt: skip


def write_table(path, header, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, header, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_package(folder, tables, entries, is_acoustic=False):
    """A package of these rows; its acoustic form brings its schemas along."""
    package = {**copy.deepcopy(entries), "resources": []}
    if is_acoustic:
        package["profile"] = "tabular-data-package"
        package["project"] |= {"protocolType": ["acoustic"], "captureMethod": ["recordingSchedule"], "observationLevel": ["interval"]}
    for name, rows in tables.items():
        schema = camtrap_dp.table_schema(name, is_acoustic)
        write_table(folder / f"{name}.csv", [field["name"] for field in schema["fields"]], rows)
        published = f"{camtrap_dp.STANDARD}/{name}-table-schema.json"
        resource = {"name": name, "path": f"{name}.csv", "profile": "tabular-data-resource", "format": "csv", "mediatype": "text/csv"}
        package["resources"].append({**resource, "encoding": "utf-8", "schema": schema if is_acoustic else published})
    (folder / "datapackage.json").write_text(json.dumps(package), encoding="utf-8")


def refused(check, folder, word, what):
    """The check refuses, and names what is wrong."""
    try:
        check(folder)
    except AssertionError as error:
        assert word in str(error), f"{what}: the refusal does not name {word}: {error}"
    else:
        raise AssertionError(f"{what} is taken")


def takes(check, folder):
    """Whether a check takes what is in a folder."""
    try:
        check(folder)
    except AssertionError:
        return False
    return True


def held(check, folder, what, is_refused):
    """Where the standards' own files are at hand, they refuse what they are said to refuse, and nothing else."""
    if published.folder():
        assert takes(check, folder) != is_refused, f"{what}: the standard's own files {'take' if is_refused else 'refuse'} it"


def camtrap_dp_refuses(folder):
    for entries in (PACKAGE, PACKAGE | MORE):
        write_package(folder, ROWS, entries)
        assert camtrap_dp.check(folder) == len(ROWS["observations"])
        if published.folder():
            assert published.check_camtrap_dp(folder) == len(ROWS["observations"])
    for table, field, value in WRONG_FIELDS:
        tables = copy.deepcopy(ROWS)
        tables[table][0][field] = value
        write_package(folder, tables, PACKAGE)
        what = f"Camtrap DP with {field} `{value}` in {table}"
        refused(camtrap_dp.check, folder, field, what)
        held(published.check_camtrap_dp, folder, what, (field, value) not in IN_WORDS)
    for entry, value in WRONG_ENTRIES:
        entries = {key: other for key, other in {**PACKAGE, entry: value}.items() if other is not None}
        write_package(folder, ROWS, entries)
        what = f"Camtrap DP with {entry} {value}"
        refused(camtrap_dp.check, folder, entry, what)
        held(published.check_camtrap_dp, folder, what, (entry, value) not in IN_WORDS)
    return len(WRONG_FIELDS) + len(WRONG_ENTRIES)


def acoustic_refuses(folder):
    tables = copy.deepcopy(ROWS)
    tables["media"][0] |= {"captureMethod": "recordingSchedule", "samplingFrequency": "48000", "bitDepth": "16"}
    for row in tables["observations"]:
        row |= {"observationLevel": "interval", "frequencyLow": "100", "frequencyHigh": "8000"}
    acoustic = lambda folder: camtrap_dp.check(folder, is_acoustic=True)
    write_package(folder, tables, PACKAGE, is_acoustic=True)
    assert acoustic(folder) == len(tables["observations"])
    if published.folder():
        assert published.check_camtrap_dp(folder, is_acoustic=True) == len(tables["observations"])
    refused(camtrap_dp.check, folder, "profile", "the acoustic form as the standard")
    wrong = [("media", "captureMethod", "timeLapse"), ("media", "samplingFrequency", "48 kHz"), ("media", "samplingFrequency", "0")]
    wrong += [("observations", "frequencyHigh", "50"), ("observations", "frequencyLow", "-1"), ("observations", "observationLevel", "whole")]
    for table, field, value in wrong:
        broken = copy.deepcopy(tables)
        broken[table][0][field] = value
        write_package(folder, broken, PACKAGE, is_acoustic=True)
        refused(acoustic, folder, field, f"acoustic Camtrap DP with {field} `{value}` in {table}")
    # Schemas of its own that lack a field of the standard.
    write_package(folder, tables, PACKAGE, is_acoustic=True)
    package = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
    package["resources"][0]["schema"]["fields"][1]["name"] = "locationNumber"
    (folder / "datapackage.json").write_text(json.dumps(package), encoding="utf-8")
    refused(acoustic, folder, "locationID", "a schema without locationID")
    package["resources"][0]["schema"] = {**camtrap_dp.table_schema("deployments", is_acoustic=True), "foreignKeys": []}
    (folder / "datapackage.json").write_text(json.dumps(package), encoding="utf-8")
    refused(acoustic, folder, "foreignKeys", "a schema with an empty list of foreign keys")
    return len(wrong) + 3


def schemas_differ():
    """The comparison with published schemas passes texts over, and tells of every other difference."""
    published = camtrap_dp.table_schema("media")
    assert camtrap_dp.differences("media", {**published, "title": "Media"}) == []
    for change in [
        lambda schema: schema["fields"].pop(),
        lambda schema: schema["fields"].reverse(),
        lambda schema: schema["fields"][2]["constraints"]["enum"].append("continuous"),
        lambda schema: schema["fields"][3].pop("format"),
        lambda schema: schema["foreignKeys"].clear(),
        lambda schema: schema["missingValues"].remove("NA"),
    ]:
        changed = copy.deepcopy(published)
        change(changed)
        assert camtrap_dp.differences("media", changed), "a changed schema is the same"


PLACE = {DWC + "decimalLatitude": "-12.5", DWC + "decimalLongitude": "130.9", DWC + "geodeticDatum": "WGS84"}
NIGHT = {DWC + "eventID": "POND:2024-05-01"}
FOUND = {DWC + "basisOfRecord": "MachineObservation", **PLACE}
ARCHIVE = {
    EVENT: [{**NIGHT, DWC + "eventDate": "2024-05-01/2024-05-02", **PLACE, DWC + "samplingProtocol": "passive acoustic monitoring",
             DWC + "sampleSizeValue": "10.5", DWC + "sampleSizeUnit": "hour"}],
    OCCURRENCE: [
        {**NIGHT, DWC + "occurrenceID": "m1:FROG:3", DWC + "occurrenceStatus": "present", **FOUND, DWC + "scientificName": "Litoria rubella",
         DWC + "eventDate": "2024-05-01T18:00:03.5+09:30/2024-05-01T18:00:06+09:30", DWC + "associatedMedia": "POND/a.wav"},
        {**NIGHT, DWC + "occurrenceID": "POND:2024-05-01:toad", DWC + "occurrenceStatus": "absent", **FOUND,
         DWC + "scientificName": "Rhinella marina", DWC + "eventDate": "2024-05-01/2024-05-02", DWC + "associatedMedia": ""},
    ],
    HUMBOLDT: [{**NIGHT, ECO + "targetTaxonomicScope": "Litoria rubella | Rhinella marina", ECO + "taxonCompletenessReported": "notReported",
                ECO + "isAbsenceReported": "true", ECO + "absentTaxa": "Rhinella marina", ECO + "inventoryTypes": "restrictedSearch",
                ECO + "compilationTypes": "samplingEvents", ECO + "isSamplingEffortReported": "true", ECO + "samplingEffortValue": "10.5",
                ECO + "samplingEffortUnit": "recorderHours"}],
    MULTIMEDIA: [{**NIGHT, DCTERMS + "identifier": "m1", DC + "type": "Sound", AC + "providerManagedID": "POND/a.wav",
                  XMP + "CreateDate": "2024-05-01T18:00:00+09:30", AC + "mediaDuration": "60", MO + "sample_rate": "48000"}],
}  # fmt: skip
# The kind of row, the term, and a wrong value of its first row.
WRONG_TERMS = [
    (EVENT, DWC + "eventID", "LAKE:2024-05-01"), (EVENT, DWC + "eventDate", "1 May 2024"), (EVENT, DWC + "eventDate", "2024-05-32"),
    (EVENT, DWC + "decimalLatitude", "-91"), (EVENT, DWC + "decimalLatitude", ""), (EVENT, DWC + "sampleSizeUnit", "recorder-hours"),
    (EVENT, DWC + "samplingProtocol", ""), (OCCURRENCE, DWC + "basisOfRecord", "Machine Observation"), (OCCURRENCE, DWC + "scientificName", ""),
    (OCCURRENCE, DWC + "occurrenceStatus", "heard"), (OCCURRENCE, DWC + "occurrenceID", "POND:2024-05-01:toad"),
    (OCCURRENCE, DWC + "associatedMedia", "POND/b.wav"), (HUMBOLDT, ECO + "isAbsenceReported", "yes"),
    (HUMBOLDT, ECO + "isAbsenceReported", "false"),
    (HUMBOLDT, ECO + "inventoryTypes", "restrictedSearch | listening"), (HUMBOLDT, ECO + "samplingEffortValue", "long"),
    (HUMBOLDT, ECO + "samplingEffortUnit", ""), (HUMBOLDT, ECO + "absentTaxa", ""), (HUMBOLDT, ECO + "taxonCompletenessReported", "no"),
    (MULTIMEDIA, DC + "type", "Audio"), (MULTIMEDIA, DCTERMS + "identifier", ""), (MULTIMEDIA, XMP + "CreateDate", "18:00"),
]  # fmt: skip
# Those of them that GBIF's definitions refuse: what is required there, and words of the vocabularies that they name.
BY_DEFINITION = [
    (DWC + "basisOfRecord", "Machine Observation"), (DWC + "occurrenceStatus", "heard"), (DWC + "sampleSizeUnit", "recorder-hours"),
    (ECO + "isAbsenceReported", "yes"), (DCTERMS + "identifier", ""),
]  # fmt: skip
# What the refusal names, where that is not the term.
CALLED = {"LAKE:2024-05-01": "rows of no event", ECO + "absentTaxa": "other absences"}
# The kind of row, a term of it, what no column may be instead, and what the refusal names.
WRONG_COLUMNS = [
    (EVENT, DWC + "samplingProtocol", DWC + "samplingMethod", "samplingMethod"),
    (EVENT, DWC + "sampleSizeUnit", ECO + "samplingEffortUnit", "samplingEffortUnit"),
    (EVENT, DWC + "sampleSizeUnit", DWC + "habitat", "sampleSizeUnit"),
    (OCCURRENCE, DWC + "scientificName", DWC + "vernacularName", "scientificName"),
    (OCCURRENCE, DWC + "scientificName", DWC + "species", "species"),
    (HUMBOLDT, ECO + "absentTaxa", ECO + "missingTaxa", "missingTaxa"),
    (MULTIMEDIA, MO + "sample_rate", ECO + "samplingEffortValue", "samplingEffortValue"),
]
# Terms that a kind of row may have, and does not need, instead of another one.
ALLOWED = [DWC + "habitat", DWC + "vernacularName"]


def name_of(term):
    return term.rsplit("/", 1)[1]


def write_archive(folder, tables):
    described = []
    for index, (kind, rows) in enumerate(tables.items()):
        name = f"table{index}.csv"
        short = [{name_of(term): value for term, value in row.items()} for row in rows]
        write_table(folder / name, [*short[0]], short)
        fields = "".join(f'<field index="{column}" term="{term}"/>' for column, term in enumerate(rows[0]))
        tag, key = ("extension", "coreid") if index else ("core", "id")
        form = 'encoding="UTF-8" fieldsTerminatedBy="," linesTerminatedBy="\\n" fieldsEnclosedBy="&quot;" ignoreHeaderLines="1"'
        described.append(f'<{tag} rowType="{kind}" {form}><files><location>{name}</location></files><{key} index="0"/>{fields}</{tag}>')
    (folder / "meta.xml").write_text(f'<archive xmlns="http://rs.tdwg.org/dwc/text/">{"".join(described)}</archive>', encoding="utf-8")


def darwin_core_refuses(folder):
    write_archive(folder, ARCHIVE)
    assert darwin_core.check(folder) == 1
    if published.folder():
        assert published.check_darwin_core(folder) > 0
    for kind, term, value in WRONG_TERMS:
        tables = copy.deepcopy(ARCHIVE)
        tables[kind][0][term] = value
        write_archive(folder, tables)
        word = CALLED.get(value) or CALLED.get(term) or name_of(term)
        what = f"Darwin Core with {term} `{value}` in {kind}"
        refused(darwin_core.check, folder, word, what)
        held(published.check_darwin_core, folder, what, (term, value) in BY_DEFINITION)
    for kind, term, other, word in WRONG_COLUMNS:
        tables = copy.deepcopy(ARCHIVE)
        tables[kind] = [{other if name == term else name: value for name, value in row.items()} for row in tables[kind]]
        write_archive(folder, tables)
        what = f"Darwin Core with {other} in the place of {term}"
        refused(darwin_core.check, folder, word, what)
        held(published.check_darwin_core, folder, what, other not in ALLOWED)
    for kind in ARCHIVE:
        if kind != EVENT:
            write_archive(folder, {other: rows for other, rows in ARCHIVE.items() if other != kind})
            refused(darwin_core.check, folder, kind, f"Darwin Core without a table of {kind}")
    return len(WRONG_TERMS) + len(WRONG_COLUMNS) + len(ARCHIVE) - 1


def compared():
    """Compares our rules with the standards' own files, and says with how many."""
    lines, fields, constraints = published.camtrap_dp_differences()
    assert not lines, "\n".join(lines)
    print(f"Camtrap DP: {fields} fields with {constraints} constraints are those of {published.folder()}")
    lines, terms, vocabularies = published.darwin_core_differences()
    assert not lines, "\n".join(lines)
    print(f"Darwin Core: {terms} terms and {vocabularies} lists of words are those of {published.folder()}")


def main():
    for name, check in [("Camtrap DP", camtrap_dp_refuses), ("acoustic Camtrap DP", acoustic_refuses), ("Darwin Core", darwin_core_refuses)]:
        with tempfile.TemporaryDirectory() as folder:
            print(f"{name}: what is right passes, and each of {check(Path(folder))} faults is refused")
    schemas_differ()
    if published.folder():
        compared()
    else:
        print(published.skipped())


if __name__ == "__main__":
    main()
