//! The tables of a Darwin Core Archive and `meta.xml`, which describes them.

use maud::{PreEscaped, html};

const DWC: &str = "http://rs.tdwg.org/dwc/terms/";
const ECO: &str = "http://rs.tdwg.org/eco/terms/";
const AC: &str = "http://rs.tdwg.org/ac/terms/";
const DC: &str = "http://purl.org/dc/elements/1.1/";
const DCTERMS: &str = "http://purl.org/dc/terms/";
const XMP: &str = "http://ns.adobe.com/xap/1.0/";
const MO: &str = "http://purl.org/ontology/mo/";

/// A table of the archive. The first column says which event a row is about.
pub(super) struct Table {
    file: &'static str,
    /// Where the kind of its rows is defined, and its name.
    row_type: (&'static str, &'static str),
    /// Columns by the vocabulary that defines them.
    columns: &'static [(&'static str, &'static [&'static str])],
}

/// Nights at sites.
pub(super) const EVENT: Table = Table {
    file: "event.csv",
    row_type: (DWC, "Event"),
    columns: &[(
        DWC,
        &[
            "eventID",
            "eventType",
            "eventDate",
            "locationID",
            "locality",
            "decimalLatitude",
            "decimalLongitude",
            "geodeticDatum",
            "samplingProtocol",
            "sampleSizeValue",
            "sampleSizeUnit",
            "samplingEffort",
            "eventRemarks",
        ],
    )],
};

/// What was found, and what was listened for and not found.
pub(super) const OCCURRENCE: Table = Table {
    file: "occurrence.csv",
    row_type: (DWC, "Occurrence"),
    columns: &[(
        DWC,
        &[
            "eventID",
            "occurrenceID",
            "basisOfRecord",
            "occurrenceStatus",
            "eventDate",
            "locationID",
            "locality",
            "decimalLatitude",
            "decimalLongitude",
            "geodeticDatum",
            "taxonID",
            "taxonConceptID",
            "scientificName",
            "vernacularName",
            "verbatimIdentification",
            "identifiedBy",
            "identificationVerificationStatus",
            "identificationRemarks",
            "associatedMedia",
            "occurrenceRemarks",
        ],
    )],
};

/// How a night was listened to.
pub(super) const HUMBOLDT: Table = Table {
    file: "humboldt.csv",
    row_type: (ECO, "Event"),
    columns: &[
        (DWC, &["eventID"]),
        (
            ECO,
            &[
                "targetTaxonomicScope",
                "taxonCompletenessReported",
                "isTaxonomicScopeFullyReported",
                "isAbsenceReported",
                "absentTaxa",
                "hasNonTargetTaxa",
                "compilationTypes",
                "inventoryTypes",
                "protocolNames",
                "protocolDescriptions",
                "isAbundanceReported",
                "isSamplingEffortReported",
                "samplingEffortProtocol",
                "samplingEffortValue",
                "samplingEffortUnit",
            ],
        ),
    ],
};

/// Recordings.
pub(super) const MULTIMEDIA: Table = Table {
    file: "multimedia.csv",
    row_type: (AC, "Multimedia"),
    columns: &[
        (DWC, &["eventID"]),
        (DCTERMS, &["identifier"]),
        (DC, &["type"]),
        (DCTERMS, &["title"]),
        (AC, &["providerManagedID"]),
        (DC, &["format"]),
        (XMP, &["CreateDate"]),
        (AC, &["mediaDuration"]),
        (MO, &["sample_rate"]),
        (AC, &["captureDevice", "resourceCreationTechnique"]),
    ],
};

impl Table {
    fn terms(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.columns.iter().flat_map(|(space, names)| names.iter().map(|name| (*space, *name)))
    }

    /// The names of the columns.
    pub(super) fn header(&self) -> Vec<&'static str> {
        self.terms().map(|(_, name)| name).collect()
    }

    /// A row with these values; columns that are not named are empty.
    pub(super) fn row(&self, values: &[(&str, String)]) -> Vec<String> {
        let value = |name: &str| values.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        self.terms().map(|(_, name)| value(name).unwrap_or_default()).collect()
    }
}

/// `meta.xml`.
pub(super) fn descriptor() -> String {
    let described = html! {
        archive xmlns="http://rs.tdwg.org/dwc/text/" {
            core encoding="UTF-8" fieldsTerminatedBy="," linesTerminatedBy="\\n" fieldsEnclosedBy="\"" ignoreHeaderLines="1"
                rowType=(EVENT.row_type.0.to_owned() + EVENT.row_type.1) {
                files { location { (EVENT.file) } }
                id index="0" {}
                (fields(&EVENT))
            }
            @for table in [&OCCURRENCE, &HUMBOLDT, &MULTIMEDIA] {
                extension encoding="UTF-8" fieldsTerminatedBy="," linesTerminatedBy="\\n" fieldsEnclosedBy="\"" ignoreHeaderLines="1"
                    rowType=(table.row_type.0.to_owned() + table.row_type.1) {
                    files { location { (table.file) } }
                    coreid index="0" {}
                    (fields(table))
                }
            }
        }
    };
    html! { (PreEscaped("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")) (described) "\n" }.into_string()
}

fn fields(table: &Table) -> PreEscaped<String> {
    html! {
        @for (index, (space, name)) in table.terms().enumerate() {
            field index=(index) term=(space.to_owned() + name) {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_descriptor_names_every_column_of_every_table() {
        let text = descriptor();
        assert!(text.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<archive xmlns=\"http://rs.tdwg.org/dwc/text/\">"));
        assert!(text.contains("fieldsEnclosedBy=\"&quot;\"") && text.contains(r#"linesTerminatedBy="\n""#), "{text}");
        let tables = [&EVENT, &OCCURRENCE, &HUMBOLDT, &MULTIMEDIA];
        assert_eq!(text.matches("<field ").count(), tables.iter().map(|table| table.header().len()).sum::<usize>());
        assert!(text.contains(r#"<field index="18" term="http://rs.tdwg.org/dwc/terms/associatedMedia"></field>"#), "{text}");
        assert!(text.contains(r#"<field index="5" term="http://rs.tdwg.org/eco/terms/absentTaxa"></field>"#), "{text}");
        assert!(text.contains(r#"rowType="http://rs.tdwg.org/eco/terms/Event""#) && text.matches("<coreid ").count() == 3);
        for table in tables {
            let header = table.header();
            assert!(
                header[0] == "eventID" && header.iter().all(|name| header.iter().filter(|other| *other == name).count() == 1)
            );
        }
    }
}
