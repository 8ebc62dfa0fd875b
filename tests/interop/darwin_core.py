"""What Darwin Core, its Humboldt Extension and Audiovisual Core want of an archive, and the check of one.

Which terms and kinds of rows there are is in schemas/darwin-core. Controlled values, needed terms, and values that go together were written down
from the standards' term lists (https://dwc.tdwg.org/list, https://eco.tdwg.org/list, https://ac.tdwg.org/termlist) and the vocabularies that GBIF
names for them (https://rs.gbif.org).
"""

import csv
import re
import xml.etree.ElementTree
from pathlib import Path

import pandas

SCHEMAS = Path(__file__).parent / "schemas" / "darwin-core"
SPACE = "{http://rs.tdwg.org/dwc/text/}"
DWC, ECO, AC = "http://rs.tdwg.org/dwc/terms/", "http://rs.tdwg.org/eco/terms/", "http://rs.tdwg.org/ac/terms/"
DC, DCTERMS, XMP, MO = "http://purl.org/dc/elements/1.1/", "http://purl.org/dc/terms/", "http://ns.adobe.com/xap/1.0/", "http://purl.org/ontology/mo/"
EVENT, OCCURRENCE, HUMBOLDT, MULTIMEDIA = DWC + "Event", DWC + "Occurrence", ECO + "Event", AC + "Multimedia"

# The vocabularies whose terms a kind of row may have, as terms.csv names them.
VOCABULARIES = {EVENT: {"dwc", "dc"}, OCCURRENCE: {"dwc", "dc"}, HUMBOLDT: {"eco", "dwc"}, MULTIMEDIA: {"ac", "dc"}}
# Terms that are in no row empty. GBIF also wants a date of each event and occurrence, which a recording without a known time does not have.
NEEDED = {
    EVENT: [DWC + "eventID", DWC + "samplingProtocol"],
    OCCURRENCE: [DWC + "eventID", DWC + "occurrenceID", DWC + "basisOfRecord", DWC + "occurrenceStatus", DWC + "scientificName"],
    HUMBOLDT: [DWC + "eventID", ECO + "isAbsenceReported", ECO + "isSamplingEffortReported"],
    MULTIMEDIA: [DWC + "eventID", DCTERMS + "identifier"],
}
# Terms of which no two rows have the same value.
UNIQUE = {EVENT: DWC + "eventID", OCCURRENCE: DWC + "occurrenceID", HUMBOLDT: DWC + "eventID", MULTIMEDIA: DCTERMS + "identifier"}

TRUTH = {"true", "false"}
BASES = {
    "PreservedSpecimen", "FossilSpecimen", "LivingSpecimen", "HumanObservation", "MachineObservation", "MaterialEntity", "MaterialSample",
    "Occurrence", "MaterialCitation",
}  # fmt: skip
# Units of time of GBIF's vocabulary of units: effort here is time.
UNITS = {"millisecond", "second", "minute", "hour", "day"}
KINDS = {
    "Collection", "Dataset", "Event", "Image", "InteractiveResource", "MovingImage", "PhysicalObject", "Service", "Software", "Sound",
    "StillImage", "Text",
}  # fmt: skip
COMPILED = {"samplingEvents", "compilationOfExistingSources", "compilationOfExistingSourcesAndSamplingEvents"}
SEARCHED = {"restrictedSearch", "openSearch", "opportunisticSearch", "adventitious", "compilation"}
VALUES = {
    DWC + "basisOfRecord": BASES,
    DWC + "occurrenceStatus": {"present", "absent"},
    DWC + "sampleSizeUnit": UNITS,
    ECO + "taxonCompletenessReported": {"notReported", "reportedComplete", "reportedIncomplete"},
    ECO + "compilationTypes": COMPILED,
    ECO + "inventoryTypes": SEARCHED,
    DC + "type": KINDS,
}
# Terms of the Humboldt Extension that are true or false.
QUESTION = re.compile(rf"{ECO}(is|has|are)[A-Z]\w+")
# Terms whose value may be a list, with the usual separator.
LISTS, SEPARATOR = {ECO + "compilationTypes", ECO + "inventoryTypes"}, " | "
# Numbers and their bounds.
NUMBERS = {
    DWC + "decimalLatitude": (-90, 90), DWC + "decimalLongitude": (-180, 180), DWC + "sampleSizeValue": (0, None),
    ECO + "samplingEffortValue": (0, None), AC + "mediaDuration": (0, None), MO + "sample_rate": (1, None),
}  # fmt: skip
# Terms of which a row has all or none.
TOGETHER = [
    [DWC + "decimalLatitude", DWC + "decimalLongitude", DWC + "geodeticDatum"],
    [DWC + "sampleSizeValue", DWC + "sampleSizeUnit"],
    [ECO + "samplingEffortValue", ECO + "samplingEffortUnit"],
]
DAY = r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
INSTANT = rf"{DAY}(?:T(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?"
# ISO 8601: a date or an instant, or an interval between two.
DATES = {DWC + "eventDate": rf"{INSTANT}(?:/{INSTANT})?", XMP + "CreateDate": INSTANT}


def known(name):
    """Each term or kind of row with the vocabularies that have it."""
    with (SCHEMAS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        found = {}
        for vocabulary, _, address in csv.reader(file):
            found.setdefault(address, set()).add(vocabulary)
        return found


def described(folder, table):
    """A table as meta.xml describes it: its columns are named by the whole addresses of terms."""
    location = table.find(f"{SPACE}files/{SPACE}location").text
    fields = sorted(table.findall(f"{SPACE}field"), key=lambda field: int(field.get("index")))
    assert [int(field.get("index")) for field in fields] == [*range(len(fields))], f"{location}: the indexes of its columns are not 0, 1, 2 …"
    read = lambda **options: pandas.read_csv(
        folder / location,
        sep=table.get("fieldsTerminatedBy"),
        quotechar=table.get("fieldsEnclosedBy"),
        encoding=table.get("encoding"),
        header=None,
        dtype=str,
        keep_default_na=False,
        **options,
    )
    lines = int(table.get("ignoreHeaderLines"))
    assert lines == 1, f"{location}: {lines} lines of header"
    terms = [field.get("term") for field in fields]
    heading, wanted = [*read(nrows=1).iloc[0]], [term.rsplit("/", 1)[1] for term in terms]
    assert heading == wanted, f"{location}: its columns are {heading}, and meta.xml has {wanted}"
    rows = read(skiprows=lines) if len((folder / location).read_text(encoding="utf-8").splitlines()) > lines else pandas.DataFrame(columns=terms)
    rows.columns = terms
    return location, rows


def check_terms(location, kind, terms):
    """Every column is a term of a vocabulary that a row of this kind may have; the first one names the event."""
    standard = known("terms")
    assert kind in known("class-rowtype"), f"{location}: {kind} is no kind of row of the standard"
    assert kind in VOCABULARIES, f"{location}: nobody told what a row of {kind} needs"
    assert terms[0] == DWC + "eventID" and len({*terms}) == len(terms), f"{location}: {terms}"
    unknown = [term for term in terms if term not in standard]
    assert not unknown, f"{location}: {unknown} are no terms of the standard"
    strange = [term for term in terms[1:] if not standard[term] & VOCABULARIES[kind]]
    assert not strange, f"{location}: {strange} are no terms of a row of {kind}"
    missing = [term for term in NEEDED[kind] if term not in terms]
    assert not missing, f"{location}: {missing} are missing"


def check_values(location, kind, rows):
    """Needed and unique terms, controlled values, numbers, dates, and terms that go together."""

    def refuse(term, wrong, expected):
        assert not wrong.any(), f"{location}: {term} is `{rows.loc[wrong, term].iloc[0]}`, expected {expected}"

    for term in NEEDED[kind]:
        refuse(term, rows[term].str.strip() == "", "a value in each row")
    refuse(UNIQUE[kind], rows[UNIQUE[kind]].duplicated(), "no value twice")
    for term in rows.columns:
        filled = rows[term][rows[term] != ""]
        words = TRUTH if QUESTION.fullmatch(term) else VALUES.get(term)
        if words:
            is_known = filled.map(lambda value: {*(value.split(SEPARATOR) if term in LISTS else [value])} <= words)
            refuse(term, ~is_known.reindex(rows.index, fill_value=True).astype(bool), f"one of {sorted(words)}")
        if term in NUMBERS:
            least, most = NUMBERS[term]
            number = pandas.to_numeric(filled, errors="coerce")
            is_within = (number >= least) & (number <= (most if most is not None else float("inf")))
            refuse(term, ~is_within.reindex(rows.index, fill_value=True), f"a number from {least} to {most}")
        if term in DATES:
            refuse(term, ~filled.str.fullmatch(DATES[term]).reindex(rows.index, fill_value=True).astype(bool), "a date or an interval of ISO 8601")
    for terms in TOGETHER:
        there = [term for term in terms if term in rows]
        if there:
            assert there == terms, f"{location}: {there} without {[term for term in terms if term not in rows]}"
            filled = rows[terms] != ""
            refuse(terms[0], filled.any(axis=1) & ~filled.all(axis=1), f"a value in all of {terms} or in none")


def check_nights(tables):
    """What the tables say together: of present and absent taxa, of nights and their recordings. The number of occurrences that are present."""
    events, occurrences, nights, media = (tables[kind] for kind in (EVENT, OCCURRENCE, HUMBOLDT, MULTIMEDIA))
    for kind in (OCCURRENCE, HUMBOLDT, MULTIMEDIA):
        assert {*tables[kind][DWC + "eventID"]} <= {*events[DWC + "eventID"]}, f"{kind}: rows of no event"
    assert {*occurrences[DWC + "basisOfRecord"]} <= {"MachineObservation"}
    present, absent = (occurrences[occurrences[DWC + "occurrenceStatus"] == status] for status in ("present", "absent"))
    dates = present[DWC + "eventDate"][present[DWC + "eventDate"] != ""].str.split("/", expand=True)
    if len(dates):
        start, end = (pandas.to_datetime(dates[column], utc=True, format="ISO8601") for column in (0, 1))
        assert (end > start).all(), "eventDate ends before it starts"
    taxa = lambda rows: [*zip(rows[DWC + "eventID"], rows[DWC + "scientificName"])]
    assert not {*taxa(present)} & {*taxa(absent)} and len({*taxa(absent)}) == len(absent), "a taxon is present and absent in a night"
    nights = nights.set_index(DWC + "eventID")
    listed = [(event, name) for event, names in nights[ECO + "absentTaxa"].items() for name in names.split(SEPARATOR) if name]
    assert sorted(listed) == sorted(taxa(absent)), "the Humboldt Extension lists other absences"
    scope = nights[ECO + "targetTaxonomicScope"].str.split(SEPARATOR, regex=False)
    assert all(name in scope[event] for event, name in listed), "absent, and not looked for"
    told = nights[ECO + "isAbsenceReported"] == "true"
    assert told[[event for event, _ in listed]].all(), "absences, and isAbsenceReported is false"
    assert (nights[ECO + "samplingEffortValue"].astype(float) > 0).all(), "a night without effort"
    assert {*media[DC + "type"]} <= {"Sound"}
    assert {*present[DWC + "associatedMedia"]} <= {*media[AC + "providerManagedID"]}, "associatedMedia without a row of its own"
    return len(present)


def check(folder):
    """Checks an archive: terms, values, and what its tables say together. Its number of occurrences that are present."""
    archive = xml.etree.ElementTree.parse(folder / "meta.xml").getroot()
    core, extensions = archive.find(f"{SPACE}core"), archive.findall(f"{SPACE}extension")
    assert core.get("rowType") == EVENT, f"meta.xml: the core is of {core.get('rowType')}, expected {EVENT}"
    assert core.find(f"{SPACE}id").get("index") == "0" and {table.find(f"{SPACE}coreid").get("index") for table in extensions} == {"0"}
    tables = {}
    for table in [core, *extensions]:
        kind = table.get("rowType")
        location, rows = described(folder, table)
        check_terms(location, kind, [*rows.columns])
        check_values(location, kind, rows)
        tables[kind] = rows
    missing = [kind for kind in VOCABULARIES if kind not in tables]
    assert not missing, f"meta.xml has no table of {missing}"
    return check_nights(tables)
