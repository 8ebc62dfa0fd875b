"""The fields and metadata that Camtrap DP 1.0.2 wants, and the check of a package by frictionless and jsonschema.

The tables and entries below were written down from the standard (https://camtrap-dp.tdwg.org/data and /metadata), which says more, such as
what a field means. `standards.py FOLDER` compares the tables with files of the standard. Terms are those of version 1.0, since 1.0.1 and
1.0.2 changed none; that NA and NaN stand for an empty value came with 1.0.2. schemas/README.md says why the files themselves are not here.
"""

import copy
import json

import frictionless
import jsonschema
import pandas

STANDARD = "https://raw.githubusercontent.com/tdwg/camtrap-dp/1.0.2"
MISSING = ["", "NA", "NaN", "nan"]
TIME = {"type": "datetime", "format": "%Y-%m-%dT%H:%M:%S%z"}
NEEDED, KEY = {"required": True}, {"required": True, "unique": True}
NOT_NEGATIVE, SHARE, LENGTH = {"minimum": 0}, {"minimum": 0, "maximum": 1}, {"minimum": 1e-15, "maximum": 1}
FEATURES = [
    "roadPaved", "roadDirt", "trailHiking", "trailGame", "roadUnderpass", "roadOverpass", "roadBridge", "culvert", "burrow", "nestSite", "carcass",
    "waterSource", "fruitingTree",
]  # fmt: skip
TYPES = ["animal", "human", "vehicle", "blank", "unknown", "unclassified"]

# Fields of each table in their order, with type and constraints.
TABLES = {
    "deployments": {
        "deploymentID": ("string", KEY), "locationID": ("string", {}), "locationName": ("string", {}),
        "latitude": ("number", {"required": True, "minimum": -90, "maximum": 90}),
        "longitude": ("number", {"required": True, "minimum": -180, "maximum": 180}), "coordinateUncertainty": ("integer", {"minimum": 1}),
        "deploymentStart": (TIME, NEEDED), "deploymentEnd": (TIME, NEEDED), "setupBy": ("string", {}), "cameraID": ("string", {}),
        "cameraModel": ("string", {}), "cameraDelay": ("integer", NOT_NEGATIVE), "cameraHeight": ("number", NOT_NEGATIVE),
        "cameraDepth": ("number", NOT_NEGATIVE), "cameraTilt": ("integer", {"minimum": -90, "maximum": 90}),
        "cameraHeading": ("integer", {"minimum": 0, "maximum": 360}), "detectionDistance": ("number", NOT_NEGATIVE),
        "timestampIssues": ("boolean", {}), "baitUse": ("boolean", {}), "featureType": ("string", {"enum": FEATURES}), "habitat": ("string", {}),
        "deploymentGroups": ("string", {}), "deploymentTags": ("string", {}), "deploymentComments": ("string", {}),
    },
    "media": {
        "mediaID": ("string", KEY), "deploymentID": ("string", NEEDED), "captureMethod": ("string", {"enum": ["activityDetection", "timeLapse"]}),
        "timestamp": (TIME, NEEDED), "filePath": ("string", {"required": True, "pattern": r"^(?=^[^./~])(^((?!\.{2}).)*$).*$"}),
        "filePublic": ("boolean", NEEDED), "fileName": ("string", {}),
        "fileMediatype": ("string", {"required": True, "pattern": "^(image|video|audio)/.*$"}), "exifData": ("any", {}), "favorite": ("boolean", {}),
        "mediaComments": ("string", {}),
    },
    "observations": {
        "observationID": ("string", KEY), "deploymentID": ("string", NEEDED), "mediaID": ("string", {}), "eventID": ("string", {}),
        "eventStart": (TIME, NEEDED), "eventEnd": (TIME, NEEDED), "observationLevel": ("string", {"required": True, "enum": ["media", "event"]}),
        "observationType": ("string", {"required": True, "enum": TYPES}), "cameraSetupType": ("string", {"enum": ["setup", "calibration"]}),
        "scientificName": ("string", {}), "count": ("integer", {"minimum": 1}), "lifeStage": ("string", {"enum": ["adult", "subadult", "juvenile"]}),
        "sex": ("string", {"enum": ["female", "male"]}), "behavior": ("string", {}), "individualID": ("string", {}),
        "individualPositionRadius": ("number", NOT_NEGATIVE), "individualPositionAngle": ("number", {"minimum": -90, "maximum": 90}),
        "individualSpeed": ("number", NOT_NEGATIVE), "bboxX": ("number", SHARE), "bboxY": ("number", SHARE), "bboxWidth": ("number", LENGTH),
        "bboxHeight": ("number", LENGTH), "classificationMethod": ("string", {"enum": ["human", "machine"]}), "classifiedBy": ("string", {}),
        "classificationTimestamp": (TIME, {}), "classificationProbability": ("number", SHARE), "observationTags": ("string", {}),
        "observationComments": ("string", {}),
    },
}  # fmt: skip
# Tables that a row names, by the field that does.
NAMES = {"deployments": {}, "media": {"deploymentID": "deployments"}, "observations": {"deploymentID": "deployments", "mediaID": "media"}}

# What the acoustic form adds to the tables and to the words, by the issues 420 to 461 of tdwg/camtrap-dp.
ACOUSTIC = {
    "deployments": {"recordingSchedule": ("string", {})},
    "media": {"samplingFrequency": ("integer", {"minimum": 1}), "bitDepth": ("integer", {"minimum": 1}), "gain": ("number", NOT_NEGATIVE)},
    "observations": {"frequencyLow": ("number", NOT_NEGATIVE), "frequencyHigh": ("number", NOT_NEGATIVE)},
}
METHODS, LEVELS = ["activityDetection", "continuous", "recordingSchedule"], ["media", "event", "interval"]
WORDS = {("media", "captureMethod"): METHODS, ("observations", "observationLevel"): LEVELS}


def table_schema(name, is_acoustic=False):
    """The table schema of a table, as Frictionless writes it."""
    fields = []
    for field, (kind, constraints) in {**TABLES[name], **(ACOUSTIC[name] if is_acoustic else {})}.items():
        if is_acoustic and (name, field) in WORDS:
            constraints = {**constraints, "enum": WORDS[name, field]}
        fields.append({"name": field, **(kind if isinstance(kind, dict) else {"type": kind}), "constraints": constraints})
    foreign = [{"fields": field, "reference": {"resource": table, "fields": field}} for field, table in NAMES[name].items()]
    return {"fields": fields, "missingValues": MISSING, "primaryKey": fields[0]["name"], **({"foreignKeys": foreign} if foreign else {})}


def differences(name, published):
    """What a published table schema and ours say differently, in words; texts for people are passed over."""

    def told(schema):
        yield "missingValues", sorted(schema.get("missingValues", [""]))
        listed = lambda value: [value] if isinstance(value, str) else value
        yield "primaryKey", listed(schema.get("primaryKey", []))
        for key in schema.get("foreignKeys", []):
            reference = key["reference"]
            yield f"foreign key {listed(key['fields'])}", (reference["resource"], listed(reference["fields"]))
        yield "fields", [field["name"] for field in schema["fields"]]
        for field in schema["fields"]:
            # A constraint that is false is none, and the format of most fields is the usual one.
            constraints = {key: value for key, value in field.get("constraints", {}).items() if value is not False}
            yield field["name"], (field["type"], field.get("format", "default"), constraints)

    ours, theirs = dict(told(table_schema(name))), dict(told(published))
    return [f"{name}, {key}: {ours.get(key)} here, {theirs.get(key)} there" for key in {**ours, **theirs} if ours.get(key) != theirs.get(key)]


def of(kind, **more):
    return {"type": kind, **more}


def entries(required=(), **properties):
    return of("object", required=[*required], properties=properties)


TEXT = of("string")
# Spelling that the standard wants, as Data Package 1 has it: a path leads nowhere else, and an address has its scheme.
PATH = of("string", pattern=r"^(?=^[^./~])(^((?!\.{2}).)*$).*$")
ADDRESS, MAIL = of("string", pattern=r"^[A-Za-z][A-Za-z0-9+.-]*:[^\s\"<>\\^`{|}]+$"), of("string", format="email")
NAME, LICENCE = of("string", pattern="^([-a-z0-9._/])+$"), of("string", pattern="^([-a-zA-Z0-9._])+$")
DATE = of("string", pattern=r"^\d{4}-\d{2}-\d{2}$", format="date")
ROLES = ["contact", "principalInvestigator", "rightsHolder", "publisher", "contributor"]
RANKS = ["kingdom", "phylum", "class", "order", "family", "genus", "species", "subspecies"]
DESIGNS = ["simpleRandom", "systematicRandom", "clusteredRandom", "experimental", "targeted", "opportunistic"]
POINT = of("array", prefixItems=[of("number", minimum=-180, maximum=180), of("number", minimum=-90, maximum=90)], minItems=2, maxItems=2)
# How something else is related to the package, kinds of it, and kinds of its identifier, as DataCite 4.4 has them.
RELATIONS = [
    "IsCitedBy", "Cites", "IsSupplementTo", "IsSupplementedBy", "IsContinuedBy", "Continues", "IsNewVersionOf", "IsPreviousVersionOf", "IsPartOf",
    "HasPart", "IsPublishedIn", "IsReferencedBy", "References", "IsDocumentedBy", "Documents", "IsCompiledBy", "Compiles", "IsVariantFormOf",
    "IsOriginalFormOf", "IsIdenticalTo", "HasMetadata", "IsMetadataFor", "Reviews", "IsReviewedBy", "IsDerivedFrom", "IsSourceOf", "Describes",
    "IsDescribedBy", "HasVersion", "IsVersionOf", "Requires", "IsRequiredBy", "Obsoletes", "IsObsoletedBy",
]  # fmt: skip
RELATED = [
    "Audiovisual", "Book", "BookChapter", "Collection", "ComputationalNotebook", "ConferencePaper", "ConferenceProceeding", "DataPaper", "Dataset",
    "Dissertation", "Event", "Image", "InteractiveResource", "Journal", "JournalArticle", "Model", "OutputManagementPlan", "PeerReview",
    "PhysicalObject", "Preprint", "Report", "Service", "Software", "Sound", "Standard", "Text", "Workflow", "Other",
]  # fmt: skip
IDENTIFIERS = [
    "ARK", "arXiv", "bibcode", "DOI", "EAN13", "EISSN", "Handle", "IGSN", "ISBN", "ISSN", "ISTC", "LISSN", "LSID", "PMID", "PURL", "UPC", "URL",
    "URN", "w3id",
]  # fmt: skip

# What datapackage.json must say, as a JSON schema. The export writes no other geometry than points.
PROFILE = entries(
    ["resources", "profile", "created", "contributors", "project", "spatial", "temporal", "taxonomic"],
    profile=of("string", const=f"{STANDARD}/camtrap-dp-profile.json"),
    name=NAME,
    id=TEXT,
    created=of("string", pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$"),
    title=TEXT,
    description=TEXT,
    version=TEXT,
    homepage=ADDRESS,
    image=TEXT,
    keywords=of("array", items=TEXT, minItems=1),
    contributors=of(
        "array",
        items=entries(["title"], title=TEXT, path=PATH, email=MAIL, organization=TEXT, role=of("string", enum=ROLES)),
        minItems=1,
    ),
    sources=of("array", items=entries(["title"], title=TEXT, path=PATH, email=MAIL, version=TEXT)),
    licenses=of(
        "array",
        items={
            **entries(["scope"], name=LICENCE, path=PATH, title=TEXT, scope=of("string", enum=["data", "media"])),
            "anyOf": [{"required": ["name"]}, {"required": ["path"]}],
        },
        minItems=2,
    ),
    resources=of(
        "array",
        items=entries(["name", "path", "profile", "schema"], path=PATH, format=TEXT, mediatype=of("string", pattern="^(.+)/(.+)$"), encoding=TEXT),
        minItems=3,
    ),
    bibliographicCitation=TEXT,
    coordinatePrecision=of("number"),
    references=of("array", items=TEXT),
    relatedIdentifiers=of(
        "array",
        items=entries(
            ["relationType", "relatedIdentifier", "relatedIdentifierType"],
            relationType=of("string", enum=RELATIONS),
            relatedIdentifier=TEXT,
            relatedIdentifierType=of("string", enum=IDENTIFIERS),
            resourceTypeGeneral=of("string", enum=RELATED),
        ),
    ),
    project=entries(
        ["title", "samplingDesign", "captureMethod", "individualAnimals", "observationLevel"],
        title=TEXT,
        id=TEXT,
        acronym=TEXT,
        description=TEXT,
        path=ADDRESS,
        samplingDesign=of("string", enum=DESIGNS),
        captureMethod=of("array", items=of("string", enum=["activityDetection", "timeLapse"]), uniqueItems=True, minItems=1),
        individualAnimals=of("boolean"),
        observationLevel=of("array", items=of("string", enum=["media", "event"])),
    ),
    spatial=entries(["type", "coordinates"], type=of("string", const="MultiPoint"), coordinates=of("array", items=POINT, minItems=1)),
    temporal=entries(["start", "end"], start=DATE, end=DATE),
    taxonomic=of(
        "array",
        items=entries(
            ["scientificName"],
            **{rank: TEXT for rank in RANKS[:-2]},
            scientificName=TEXT,
            taxonID=TEXT,
            taxonRank=of("string", enum=RANKS),
            vernacularNames=of("object", patternProperties={"^[a-z]{3}$": TEXT}, additionalProperties=False),
        ),
    ),
)


def profile(is_acoustic):
    if not is_acoustic:
        return PROFILE
    changed = copy.deepcopy(PROFILE)
    changed["properties"]["profile"] = of("string", const="tabular-data-package")
    project = changed["properties"]["project"]
    project["required"].append("protocolType")
    project["properties"]["protocolType"] = {"const": ["acoustic"]}
    project["properties"]["captureMethod"]["items"] = of("string", enum=METHODS)
    project["properties"]["observationLevel"]["items"] = of("string", enum=LEVELS)
    return changed


def check_metadata(package, is_acoustic):
    checker = jsonschema.Draft202012Validator(profile(is_acoustic), format_checker=jsonschema.FormatChecker())
    wrong = [f"{'/'.join(map(str, error.absolute_path)) or 'the package'}: {error.message}" for error in checker.iter_errors(package)]
    assert not wrong, f"datapackage.json: {wrong}"
    assert [resource["name"] for resource in package["resources"]] == [*TABLES], "datapackage.json: resources"
    assert package["temporal"]["start"] <= package["temporal"]["end"], "datapackage.json: temporal ends before it starts"


def check_tables(folder, package):
    try:
        report = frictionless.Package.from_descriptor(package, basepath=str(folder)).validate()
    except frictionless.FrictionlessException as refusal:
        raise AssertionError(f"datapackage.json: {[error.note for error in refusal.reasons or [refusal.error]]}") from refusal
    assert report.valid, report.flatten(["rowNumber", "fieldName", "type", "message"])
    assert {task.name for task in report.tasks} == {*TABLES}


def check_rows(folder, package, is_acoustic):
    """What the standard says in words: ends behind starts, a medium of each observation of media, and the same taxa in tables and metadata."""
    read = lambda name: pandas.read_csv(folder / f"{name}.csv", dtype=str, keep_default_na=False, na_values=MISSING)
    deployments, observations = read("deployments"), read("observations")
    for table, start, end in [(deployments, "deploymentStart", "deploymentEnd"), (observations, "eventStart", "eventEnd")]:
        instants = [pandas.to_datetime(table[field], utc=True, format="ISO8601") for field in (start, end)]
        assert (instants[0] <= instants[1]).all(), f"{end} is before {start}"
    assert observations.loc[observations["observationLevel"] != "event", "mediaID"].notna().all(), "mediaID is empty in an observation of a medium"
    listed, found = {taxon["scientificName"] for taxon in package["taxonomic"]}, {*observations["scientificName"].dropna()}
    assert listed == found, f"taxonomic and scientificName differ in {sorted(listed ^ found)}"
    if is_acoustic:
        bounds = observations[["frequencyLow", "frequencyHigh"]].dropna().astype(float)
        assert (bounds["frequencyLow"] < bounds["frequencyHigh"]).all(), "frequencyHigh is not above frequencyLow"
    return len(observations)


def check(folder, is_acoustic=False):
    """Checks a package in one of its forms: metadata, tables and rows. Its number of observations.

    The acoustic form brings schemas of its own along, since the standard has none of it yet: they have to hold, and so has the standard with
    what the form adds.
    """
    package = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
    check_metadata(package, is_acoustic)
    described = {key: value for key, value in package.items() if key != "profile"}
    if is_acoustic:
        check_tables(folder, copy.deepcopy(described))
    for resource in described["resources"]:
        name = resource["name"]
        schema = table_schema(name, is_acoustic)
        if is_acoustic:
            own, wanted = ([field["name"] for field in of_table["fields"]] for of_table in (resource["schema"], schema))
            assert own == wanted, f"{name}: its own schema has {own}, expected {wanted}"
            assert resource["schema"].get("foreignKeys") != [], f"{name}: foreignKeys is empty, which a tabular data package has not"
        else:
            assert resource["schema"] == f"{STANDARD}/{name}-table-schema.json", f"{name}: schema is {resource['schema']}"
        assert resource["profile"] == "tabular-data-resource", f"{name}: profile is {resource['profile']}"
        resource["schema"] = schema
    check_tables(folder, described)
    return check_rows(folder, package, is_acoustic)
