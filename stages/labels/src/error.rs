//! What can be wrong with label files, species lists, subsets and splits.

use std::path::PathBuf;

/// Why labels could not be read, applied or split.
#[derive(Debug, thiserror::Error)]
pub enum LabelsError {
    /// A file that cannot be opened or read.
    #[error("{path}: cannot be read ({source}); check that it exists and may be read", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file that is larger than any list.
    #[error("{path}: {bytes} bytes, expected at most {limit} in a list or a file of annotations; move it away, or correct annotate.folder", path = path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The largest that is read.
        limit: u64,
    },
    /// A class that no code counts for.
    #[error("annotate.classes names {class}, and no code of {path} counts for it{near}; correct one of the two", path = path.display())]
    UnknownClass {
        /// The class.
        class: String,
        /// The code table.
        path: PathBuf,
        /// What it may have been meant to be.
        near: String,
    },
    /// The folder (or file) of the annotations is missing.
    #[error("{path}: there is no such folder or file in the archive; correct annotate.folder", path = path.display())]
    NoFolder {
        /// The folder.
        path: PathBuf,
    },
    /// None of the annotation files can be used.
    #[error("{path}: {fault}; so it is with all {files} annotation files that hold lines, and none of their lines can be used", path = path.display())]
    Unusable {
        /// The first of them.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        fault: String,
        /// How many there are.
        files: usize,
    },
    /// There is nothing to learn.
    #[error("{folder}: no class was found in the annotation files; name the codes in annotate.classes or annotate.code_table, or correct annotate.folder", folder = folder.display())]
    NoClasses {
        /// The folder that was searched.
        folder: PathBuf,
    },
    /// The subset file names no recording of the archive.
    #[error("{path}: none of its {rows} recordings is in the archive; the first is `{first}`, expected the stem, the file name or the path of a recording. Correct the file, split.file or split.group_file", path = path.display())]
    NoMatch {
        /// The file.
        path: PathBuf,
        /// How many recordings it names.
        rows: usize,
        /// The first.
        first: String,
    },
    /// There is nothing to learn from.
    #[error(
        "no recording of the archive was reviewed, so there is nothing to split; check that annotation files lie where annotate.folder says and are named like their recordings"
    )]
    NothingReviewed,
    /// A line of a CSV file that does not hold what it should.
    #[error("{path}:{line}: found {found}, expected {expected}; correct the file", path = path.display())]
    Csv {
        /// The file.
        path: PathBuf,
        /// Line in the file, from 1.
        line: u64,
        /// What stands there.
        found: String,
        /// What may stand there.
        expected: String,
    },
    /// A window or an event that is no interval of time.
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
        /// What holds for every one.
        expected: &'static str,
        /// What to do.
        next: &'static str,
    },
    /// Fractions of a split that cannot be met.
    #[error(
        "split fractions are train {train}, validation {validation}, test {test}, expected numbers from 0 to 1 with the sum 1 and train above 0; change them in the configuration"
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
    /// Folds that would stay empty.
    #[error(
        "{folds} folds of {groups} groups, expected at least as many groups as folds; lower split.folds, or choose smaller groups with split.group"
    )]
    TooManyFolds {
        /// Folds asked for.
        folds: usize,
        /// Groups there are.
        groups: usize,
    },
    /// A fold or a site that is asked for and not there.
    #[error(
        "{key} names `{found}`, and no reviewed recording is there; {hint}there are {known}",
        hint = hint.as_ref().map_or_else(String::new, |name| format!("did you mean {name}? ")),
        known = if known.is_empty() { "none".to_owned() } else { known.join(", ") }
    )]
    NotThere {
        /// The configuration's key.
        key: &'static str,
        /// What it names.
        found: String,
        /// The name that is most like it, where one is.
        hint: Option<String>,
        /// What there is.
        known: Vec<String>,
    },
    /// All recordings are held out.
    #[error("{key} holds out every recording, and nothing is left to learn from; leave out some of its names")]
    NothingLeft {
        /// The configuration's key.
        key: &'static str,
    },
    /// A list with folds and none chosen.
    #[error("{path}: it gives folds and no subsets; name the fold for testing in split.fold: {folds}", path = path.display(), folds = folds.join(", "))]
    NoFold {
        /// The list.
        path: PathBuf,
        /// The folds there are.
        folds: Vec<String>,
    },
}
