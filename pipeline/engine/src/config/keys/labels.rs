//! Keys of labels.

use super::{FRACTION, Key, Kind, key, optional};

/// `annotate`.
pub(super) const LABELS: &[Key] = &[
    // annotate
    key(
        "annotate.format",
        Kind::Choice(&["none", "anuraset_raw", "anuraset_processed", "raven", "audacity", "csv", "clips", "folders", "review"]),
        "",
        "none",
        "Layout of the annotations, see docs/labels.md: Raven selection tables, Audacity label tracks, CSV of events, CSV of whole clips, a folder for each class, AnuraSet's releases, sheets that `chorus clips` wrote",
    ),
    optional(
        "annotate.folder",
        Kind::Text,
        "",
        "Folder or file within the archive that holds the annotations; default strong_labels with anuraset_raw, metadata.csv with anuraset_processed, reviews with review, else the whole archive",
    ),
    optional(
        "annotate.label_text",
        Kind::Choice(&["plain", "code_quality"]),
        "",
        "What a label says: its text is the code, or CODE_Q with a quality mark; default code_quality with anuraset_raw, else plain",
    ),
    Key {
        nullable: true,
        ..key(
            "annotate.label_separator",
            Kind::Text,
            "",
            "\";\"",
            "What stands between several labels in one field of a CSV file",
        )
    },
    optional(
        "annotate.recording_column",
        Kind::Text,
        "",
        "Column that names the recording by path, name or stem; default by the usual names",
    ),
    optional(
        "annotate.label_column",
        Kind::Text,
        "",
        "Column of the label; default the first of Species, Annotation, Label, Code and the like",
    ),
    optional("annotate.start_column", Kind::Text, "", "Column of the start in seconds; default by the usual names"),
    optional("annotate.end_column", Kind::Text, "", "Column of the end in seconds; default by the usual names"),
    optional("annotate.low_column", Kind::Text, "", "Column of the lower frequency; default by the usual names"),
    optional("annotate.high_column", Kind::Text, "", "Column of the upper frequency; default by the usual names"),
    optional("annotate.quality_column", Kind::Text, "", "Column of the quality mark; default quality, where there is one"),
    key(
        "annotate.frequency_unit",
        Kind::Choice(&["hz", "khz"]),
        "",
        "hz",
        "Unit of the frequencies in tables; columns that say kHz are read as such anyway",
    ),
    key(
        "annotate.reviewed",
        Kind::Choice(&["mentioned", "all"]),
        "",
        "mentioned",
        "Recordings that count as listened to: those that an annotation file speaks of, or all, so that no label means nothing heard",
    ),
    optional(
        "annotate.code_table",
        Kind::Text,
        "",
        "CSV within the archive: code, and perhaps class (several codes may share one; empty: dropped), scientific_name, english",
    ),
    optional(
        "annotate.review_sheets",
        Kind::Text,
        "",
        "Filled-in sheets of `chorus clips`, a CSV or a folder of them within the archive, read beside the annotations: a yes is an event, a no makes its class absent in its span",
    ),
    key("annotate.classes", Kind::Texts, "", "[]", "Classes to learn; empty: the code table's, or else every code found"),
    key("annotate.qualities", Kind::Texts, "", "[]", "Quality marks that count; empty: all"),
    key(
        "annotate.rule",
        Kind::Choice(&["overlap", "anuraset"]),
        "",
        "overlap",
        "When a window holds an event: by overlap, or by AnuraSet's own rule (event widened to whole seconds touches the window)",
    ),
    Key {
        nullable: true,
        ..key(
            "annotate.min_overlap_s",
            Kind::Float(0.0, 600.0),
            "s",
            "0.5",
            "With rule: overlap, a window is positive from this many seconds of the class; null: seconds don't decide",
        )
    },
    Key {
        nullable: true,
        ..key(
            "annotate.min_overlap_fraction",
            FRACTION,
            "",
            "0.5",
            "With rule: overlap, a window is positive too when it holds this share of one event; null: shares don't decide",
        )
    },
];
