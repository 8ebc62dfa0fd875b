//! What can be wrong with the numbers that are scored.

/// Why scores could not be turned into metrics, thresholds, events or effort.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ScoreError {
    /// Two columns that belong together differ in length.
    #[error("expected as many labels as scores ({expected}), found {found}; join labels and predictions by segment_id first")]
    Length {
        /// Number of scores.
        expected: usize,
        /// Number of labels.
        found: usize,
    },
    /// A score that has no place in an order.
    #[error("score {index} is {found}, expected a finite number; run predict again, and train if that does not help")]
    Score {
        /// Position in the slice.
        index: usize,
        /// The score.
        found: f64,
    },
    /// A window that is empty, or starts before the one before it.
    #[error("window {index} is {start_s} to {end_s} s, expected {expected}; run segment again")]
    Window {
        /// Position in the slice.
        index: usize,
        /// Start within the recording, seconds.
        start_s: f64,
        /// End within the recording, seconds.
        end_s: f64,
        /// What holds for every window.
        expected: &'static str,
    },
    /// A parameter outside its range.
    #[error("{name} is {found}, expected {expected}; change it in the configuration")]
    Parameter {
        /// Name of the parameter.
        name: &'static str,
        /// Its value.
        found: f64,
        /// What is allowed.
        expected: &'static str,
    },
    /// A span of time that ends before it starts, or lies outside the calendar.
    #[error(
        "the span from {start_utc_us} to {end_utc_us} (microseconds since 1970, UTC) is not a span of time in the years -9999 to 9999; correct the recording's time in the site sheet"
    )]
    Span {
        /// Start, microseconds since 1970-01-01 UTC.
        start_utc_us: i64,
        /// End, microseconds since 1970-01-01 UTC.
        end_utc_us: i64,
    },
    /// The file of plausibility.table cannot be used.
    #[error("{path}:{line}: {detail}; correct the file that plausibility.table names (docs/plausibility.md)", path = path.display())]
    Expectations {
        /// The file.
        path: std::path::PathBuf,
        /// The line, from 1.
        line: u64,
        /// What was found and what was expected.
        detail: String,
    },
    /// A calibration method that does not exist.
    #[error("evaluate.calibration is `{found}`, expected one of {expected}; change it in the configuration")]
    Method {
        /// The name.
        found: String,
        /// The names of the methods.
        expected: String,
    },
    /// A calibration that no method can read.
    #[error("decisions.yaml: the calibration of {class}: {detail}; run evaluate again in the run that made the model")]
    Calibration {
        /// The class.
        class: String,
        /// What was found and what was expected.
        detail: String,
    },
    /// When the sun rises and sets cannot be told.
    #[error("the sun of the night of {night}: {detail}; correct latitude, longitude or the recordings' time in the site sheet")]
    Sun {
        /// The date on which the night begins.
        night: String,
        /// Why.
        detail: String,
    },
    /// Nothing says from which score a class counts as detected.
    #[error(
        "no threshold is known for class {class}: the decisions.yaml in the model's folder has none; set detect.threshold to one threshold for all classes"
    )]
    NoThreshold {
        /// The class.
        class: String,
    },
    /// Predict left out scores that detect has to see.
    #[error(
        "class {class} is detected from a score of {needed} on, and predict.min_score {min_score} left lower ones out; set predict.min_score to at most {needed}, or detect.threshold higher"
    )]
    LeftOut {
        /// The class.
        class: String,
        /// The lowest score that counts.
        needed: f64,
        /// The lowest score in the table.
        min_score: f64,
    },
    /// Predictions and labels speak of different windows or classes.
    #[error(
        "{unit}: predictions hold {predictions} and labels {labels}, expected the same windows and classes; run annotate and predict again"
    )]
    Mismatch {
        /// The unit.
        unit: String,
        /// What predictions hold, in words.
        predictions: String,
        /// What labels hold, in words.
        labels: String,
    },
    /// There is nothing to evaluate.
    #[error("there are no predictions; check that recordings are longer than segment.window_s, or set segment.tail to pad")]
    NoPredictions,
}
