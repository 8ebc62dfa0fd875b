"""Checks by the standards' own files, where somebody has them: the environment variable CHORUS_STANDARDS names their folder.

The files are not in the repository (schemas/README.md says why), and no test needs them. They lie anywhere in the folder, each once:

- Camtrap DP: camtrap-dp-profile.json, deployments-table-schema.json, media-table-schema.json and observations-table-schema.json of
  https://github.com/tdwg/camtrap-dp, release 1.0.2, and what the profile refers to: data-package.json of
  https://specs.frictionlessdata.io/schemas. The geojson.json that it refers to comes with frictionless.
- Darwin Core: dwc_event_*.xml, dwc_occurrence_*.xml, humboldt_*.xml and audiovisual_*.xml of https://github.com/gbif/rs.gbif.org, and the
  vocabularies that they name and the export uses: basis_of_record_*.xml, occurrence_status_*.xml, unit_of_measurement_*.xml, type.xml,
  boolean.xml.
"""

import copy
import datetime
import functools
import json
import os
import re
import xml.etree.ElementTree
from pathlib import Path

import frictionless
import jsonschema
import referencing
import referencing.jsonschema

import camtrap_dp
import darwin_core

VARIABLE = "CHORUS_STANDARDS"
EXTENSION, THESAURUS = "{http://rs.gbif.org/extension/}", "{http://rs.gbif.org/thesaurus/}"
IDENTIFIER = "{http://purl.org/dc/terms/}identifier"

# jsonschema passes over formats for which it lacks a package: these are looked at without one.
FORMATS = jsonschema.FormatChecker()


@FORMATS.checks("uri")
def is_address(value):
    return not isinstance(value, str) or re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s\"<>\\^`{|}]+", value) is not None


@FORMATS.checks("date-time", raises=ValueError)
def is_instant(value):
    if not isinstance(value, str):
        return True
    return "T" in value and datetime.datetime.fromisoformat(value.replace("Z", "+00:00")).tzinfo is not None


@functools.cache
def folder():
    """The folder of the standards' files, or None where the variable is not set."""
    named = os.environ.get(VARIABLE)
    if not named:
        return None
    assert Path(named).is_dir(), f"{VARIABLE} is `{named}`, expected a folder with the standards' files; unset it to go without"
    return Path(named)


def skipped():
    """The word that is said where nothing is compared."""
    return f"{VARIABLE} is not set: nothing is compared with the standards' own files"


@functools.cache
def read_json(name):
    """A file of the folder by its name; what frictionless brings along need not be in it."""
    found = sorted(folder().rglob(name))
    brought = Path(frictionless.__file__).parent / "assets" / "profiles" / name
    if not found and brought.is_file():
        found = [brought]
    assert len(found) == 1, f"{VARIABLE}: {len(found)} files {name} in {folder()}, expected one"
    return json.loads(found[0].read_text(encoding="utf-8"))


def table_schema(name):
    return read_json(f"{name}-table-schema.json")


def referred(address):
    """What a schema refers to, by the last part of its address."""
    contents = read_json(address.rsplit("/", 1)[1])
    return referencing.Resource.from_contents(contents, default_specification=referencing.jsonschema.DRAFT4)


def metadata_faults(package, profile):
    """What a profile has against datapackage.json, in words that name the entries."""
    validator = jsonschema.Draft4Validator(profile, registry=referencing.Registry(retrieve=referred), format_checker=FORMATS)
    return [f"{'/'.join(map(str, error.absolute_path)) or 'the package'}: {error.message}" for error in validator.iter_errors(package)]


def check_camtrap_dp(place, is_acoustic=False):
    """Validates a package by the standard's own profile and table schemas. Its number of observations.

    The acoustic form is a package of another profile: of the standard's files only the one of all data packages is for it.
    """
    package = json.loads((place / "datapackage.json").read_text(encoding="utf-8"))
    wrong = metadata_faults(package, read_json("data-package.json" if is_acoustic else "camtrap-dp-profile.json"))
    assert not wrong, f"datapackage.json: {wrong}"
    described = {key: value for key, value in copy.deepcopy(package).items() if key != "profile"}
    if not is_acoustic:
        for resource in described["resources"]:
            resource["schema"] = table_schema(resource["name"])
    camtrap_dp.check_tables(place, described)
    return sum(1 for _ in frictionless.Resource(path="observations.csv", basepath=str(place)).read_rows())


def camtrap_dp_differences():
    """What our table schemas and the published ones say differently, and how many fields and constraints were compared."""
    tables = {name: table_schema(name) for name in camtrap_dp.TABLES}
    lines = [line for name, table in tables.items() for line in camtrap_dp.differences(name, table)]
    fields = [field for table in tables.values() for field in table["fields"]]
    constraints = [name for field in fields for name, value in field.get("constraints", {}).items() if value is not False]
    return lines, len(fields), len(constraints)


@functools.cache
def definitions():
    """GBIF's definitions by kind of row: the attributes of each term, by its whole address."""
    found = {}
    for path in sorted(folder().rglob("*.xml")):
        root = xml.etree.ElementTree.parse(path).getroot()
        if root.tag == EXTENSION + "extension":
            kind = root.get("rowType")
            assert kind not in found, f"{VARIABLE}: {path} is a second definition of {kind}, expected one"
            found[kind] = {term.get("qualName"): term.attrib for term in root.findall(EXTENSION + "property")}
    missing = [kind for kind in darwin_core.VOCABULARIES if kind not in found]
    assert not missing, f"{VARIABLE}: {folder()} has no definition of {missing}, expected an XML file of rs.gbif.org for each"
    return found


@functools.cache
def vocabulary(address):
    """The words of a vocabulary that a definition names, or None where its file is not in the folder."""
    found = sorted(folder().rglob(address.rsplit("/", 1)[1]))
    if not found:
        return None
    assert len(found) == 1, f"{VARIABLE}: {[*map(str, found)]} have one name, expected one file"
    root = xml.etree.ElementTree.parse(found[0]).getroot()
    return {concept.get(IDENTIFIER) for concept in root.findall(THESAURUS + "concept")}


IS_OF_TYPE = {"decimal": r"-?\d+(\.\d+)?", "integer": r"-?\d+"}


def check_darwin_core(place):
    """Holds an archive to GBIF's definitions: each column is a term of its kind of row, required ones are there and filled, words are of the
    vocabularies, numbers are numbers. The number of columns. The first column names the event, in extensions as `coreid`: whether the
    definition has it as a term, too, does not matter.
    """
    columns = 0
    archive = xml.etree.ElementTree.parse(place / "meta.xml").getroot()
    for table in archive:
        location, rows = darwin_core.described(place, table)
        definition = definitions()[table.get("rowType")]
        strange = [term for term in rows.columns[1:] if term not in definition]
        assert not strange, f"{location}: {strange} are no terms of the definition of {table.get('rowType')}"
        for term, attributes in definition.items():
            if attributes["required"] == "true":
                assert term in rows and (rows[term] != "").all(), f"{location}: {term} is required, and missing or empty"
            if term not in rows:
                continue
            columns += 1
            filled = rows[term][rows[term] != ""]
            words = vocabulary(attributes["thesaurus"]) if attributes.get("thesaurus") else None
            wrong = [] if words is None else sorted({*filled} - words)
            assert not wrong, f"{location}: {term} is {wrong}, expected words of {attributes['thesaurus']}"
            form = IS_OF_TYPE.get(attributes.get("type"))
            wrong = [] if form is None else [value for value in filled if not re.fullmatch(form, value)]
            assert not wrong, f"{location}: {term} is {wrong[:3]}, expected a number ({attributes['type']})"
    return columns


def darwin_core_differences():
    """What our lists and GBIF's definitions say differently, and how many terms and vocabularies were compared."""
    lines, terms, words = [], 0, 0
    known = darwin_core.known("terms")
    for kind in darwin_core.VOCABULARIES:
        definition = definitions()[kind]
        terms += len(definition)
        lines += [f"{kind}: {term} is not in terms.csv" for term in definition if term not in known]
        lines += [
            f"{kind}: {term} is required there, and not needed here"
            for term, attributes in definition.items()
            if attributes["required"] == "true" and term not in darwin_core.NEEDED[kind]
        ]
        for term, attributes in definition.items():
            theirs = vocabulary(attributes["thesaurus"]) if attributes.get("thesaurus") else None
            ours = darwin_core.TRUTH if darwin_core.QUESTION.fullmatch(term) else darwin_core.VALUES.get(term)
            if theirs is None or ours is None:
                continue
            words += 1
            # The units of time are some of all units.
            strange = ours - {word.removesuffix("-time") for word in theirs} if ours == darwin_core.UNITS else ours ^ theirs
            if strange:
                lines.append(f"{kind}: {term} has other words than {attributes['thesaurus']}: {sorted(strange)}")
    return lines, terms, words
