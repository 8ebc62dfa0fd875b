//! Errors of annotation files, code tables, recording lists and splits.

use chorus_archive::ArchiveError;

/// Why labels could not be read, applied or split.
#[derive(Debug, thiserror::Error)]
pub enum LabelsError {
    /// A file that cannot be listed or read, or that is larger than any list.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A class without a code.
    #[error("annotate.classes names {class}, and no code of {path} has that class{near}; correct one of the two")]
    UnknownClass {
        /// The class.
        class: String,
        /// The code table.
        path: String,
        /// `; did you mean X?`, or nothing.
        near: String,
    },
    /// A class without a label, which can only be a mistake.
    #[error("annotate.classes names {class}, and no label has that class{near}; labels have {labels}; correct one of the two")]
    IdleClass {
        /// The class.
        class: String,
        /// `; did you mean X?`, or nothing.
        near: String,
        /// Classes of the labels.
        labels: String,
    },
    /// The folder (or file) of the annotations is missing.
    #[error("{path}: there is no such folder or file in the archive; correct annotate.folder")]
    NoFolder {
        /// The folder.
        path: String,
    },
    /// None of the annotation files can be used.
    #[error("{path}: {fault}. No line of any of the {files} annotation files with lines can be used")]
    Unusable {
        /// The first of the files.
        path: String,
        /// What is wrong with it, and what to do.
        fault: String,
        /// Number of files with lines.
        files: usize,
    },
    /// There is nothing to learn.
    #[error(
        "{folder}: no class was found in the annotation files; \
         name the codes in annotate.classes or annotate.code_table, or correct annotate.folder"
    )]
    NoClasses {
        /// The folder that was searched.
        folder: String,
    },
    /// A given model cannot be judged by these labels.
    #[error(
        "no class of the labels is one of the model. Classes of the labels: {labelled}; of the model: {model}. Map the codes of the labels to \
         the model's names in annotate.code_table (columns code and class), or set annotate.format to none to apply the model without labels"
    )]
    NoCommonClass {
        /// The classes of the labels.
        labelled: String,
        /// The classes of the model.
        model: String,
    },
    /// A list names no recording of the archive.
    #[error(
        "{path}: none of its {rows} recordings is in the archive; \
         the first is `{}`, expected the path or the file name of a recording, with or without its extension. \
         Correct the file, split.file or split.group_file",
        chorus_text::shown(.first)
    )]
    NoMatch {
        /// The file.
        path: String,
        /// Number of its rows.
        rows: usize,
        /// The first name.
        first: String,
    },
    /// No recording was reviewed.
    #[error(
        "no recording of the archive was reviewed, so there is nothing to split; \
         check that the annotation files are in annotate.folder and are named like their recordings"
    )]
    NothingReviewed,
    /// A wrong line of a CSV file.
    #[error("{path}:{line}: found {}, expected {expected}; correct the file", chorus_text::shown(.found))]
    Csv {
        /// The file.
        path: String,
        /// Line in the file, from 1.
        line: u64,
        /// What the line holds.
        found: String,
        /// What the line should hold.
        expected: String,
    },
    /// A window or an event with impossible times.
    #[error("{what} {index} is {start_s} to {end_s} s, expected {expected}; {next}")]
    Interval {
        /// `window` or `event`.
        what: &'static str,
        /// Position in the slice.
        index: usize,
        /// Start within the recording, seconds.
        start_s: f64,
        /// End within the recording, seconds.
        end_s: f64,
        /// What is expected of it.
        expected: &'static str,
        /// What to do.
        next: &'static str,
    },
    /// Impossible fractions of a split.
    #[error(
        "split fractions are train {train}, validation {validation}, test {test}, \
         expected numbers from 0 to 1 with the sum 1 and train above 0; change them in the configuration"
    )]
    Fractions {
        /// Share of the recordings for training.
        train: f64,
        /// Share for validation.
        validation: f64,
        /// Share for the test.
        test: f64,
    },
    /// A group that occurs twice.
    #[error("group {id} occurs twice, expected each group once; join its recordings first")]
    DuplicateGroup {
        /// The group.
        id: String,
    },
    /// More folds than groups.
    #[error(
        "{folds} folds of {groups} groups, expected at least as many groups as folds; \
         lower split.folds, or choose smaller groups with split.group"
    )]
    TooManyFolds {
        /// Number of folds.
        folds: usize,
        /// Number of groups.
        groups: usize,
    },
    /// A fold or a site without recordings.
    #[error(
        "{key} names `{found}`, and no reviewed recording is there; {hint}there are {known}",
        hint = hint.as_ref().map_or_else(String::new, |name| format!("did you mean {name}? ")),
        known = if known.is_empty() { "none".to_owned() } else { known.join(", ") }
    )]
    NotThere {
        /// The configuration's key.
        key: &'static str,
        /// The name in the configuration.
        found: String,
        /// The most similar name, where one is similar.
        hint: Option<String>,
        /// The names with recordings.
        known: Vec<String>,
    },
    /// All recordings are held out.
    #[error("{key} holds out every recording, and nothing is left to learn from; remove some of its names")]
    NothingLeft {
        /// The configuration's key.
        key: &'static str,
    },
    /// A list of folds of which none is chosen.
    #[error(
        "{path}: the file has folds and no subsets; name the fold for testing in split.fold: {folds}", folds = folds.join(", ")
    )]
    NoFold {
        /// The list.
        path: String,
        /// The folds of the list.
        folds: Vec<String>,
    },
}
