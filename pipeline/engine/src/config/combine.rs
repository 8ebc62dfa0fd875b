//! Combinations of values that cannot work together.

use chorus_keys::{Finding, Values};
use serde_yaml::Value;

/// All impossible combinations.
pub(super) fn problems(config: &Values) -> Vec<Finding> {
    let mut problems = Vec::new();
    let mut refuse = |key: &str, found: String, allowed: String| problems.push(Finding::new(key, found, allowed));
    let n = |key: &str| config.number(key);

    let labelled = config.text("annotate.format") != Some("none");
    let modelled = config.text("model.path").is_some();
    if labelled && modelled {
        refuse(
            "model.path",
            "a model for an archive with labels".into(),
            "to train here, leave model.path out; to apply the model, set annotate.format to none".into(),
        );
    }
    if !modelled && n("predict.min_score") > 0.0 {
        refuse(
            "predict.min_score",
            format!("{} in a run that evaluates its model", n("predict.min_score")),
            "evaluate needs every score: leave it at 0, or apply the model in a run of its own with model.path".into(),
        );
    }
    annotations(config, &mut refuse);
    let sum: f64 = config.get("train.mix2_probabilities").as_sequence().into_iter().flatten().filter_map(Value::as_f64).sum();
    if (sum - 1.0).abs() > 1e-6 {
        refuse("train.mix2_probabilities", format!("a sum of {sum}"), "allowed: a sum of 1".into());
    }
    problems
}

/// Keys of files and folders of the archive.
pub(super) const WITHIN_ARCHIVE: &[&str] = &[
    "annotate.folder",
    "annotate.code_table",
    "annotate.review_sheets",
];

/// What is wrong when a run is to do more than to look at its recordings, and has neither labels nor a model.
pub(super) fn lacks_purpose(config: &Values) -> Vec<Finding> {
    let key = "annotate.format";
    let lacks = config.text(key) == Some("none") && config.text("model.path").is_none();
    let finding = Finding::new(
        key,
        "an archive with neither labels nor a model",
        "to learn from its labels, set annotate.format; to apply a model made before, set model.path to its folder (runs/NAME/model); \
         `chorus run ingest` needs neither",
    );
    lacks.then_some(finding).into_iter().collect()
}

/// Keys of columns, which only tables have.
const COLUMNS: &[&str] = &[
    "annotate.recording_column",
    "annotate.label_column",
    "annotate.start_column",
    "annotate.end_column",
    "annotate.low_column",
    "annotate.high_column",
    "annotate.quality_column",
];

/// Impossible combinations of the section annotate.
fn annotations(config: &Values, refuse: &mut impl FnMut(&str, String, String)) {
    let format = config.text("annotate.format").unwrap_or_default();
    if matches!(format, "csv" | "clips") && config.text("annotate.folder").is_none() {
        refuse(
            "annotate.format",
            format!("`{format}` without annotate.folder"),
            "name the CSV file, or the folder that holds nothing but such files, in annotate.folder".into(),
        );
    }
    let has_columns = matches!(format, "none" | "raven" | "csv" | "clips");
    for key in COLUMNS.iter().filter(|key| !has_columns && config.text(key).is_some()) {
        refuse(key, format!("a column with annotate.format `{format}`"), "columns are chosen with raven, csv and clips".into());
    }
    if format == "none" || config.text("annotate.rule") != Some("overlap") {
        return;
    }
    let (overlap_s, window_s) = (config.number("annotate.min_overlap_s"), config.number("segment.window_s"));
    if overlap_s > window_s {
        refuse(
            "annotate.min_overlap_s",
            format!("{overlap_s} s"),
            format!(
                "no window could hold so much: allowed: up to segment.window_s, {window_s} s, or null to let annotate.min_overlap_fraction decide alone"
            ),
        );
    }
    if overlap_s.is_nan() && config.number("annotate.min_overlap_fraction").is_nan() {
        refuse(
            "annotate.min_overlap_s",
            "null, and annotate.min_overlap_fraction null too".into(),
            "no window would ever be positive: give one of the two a value, or set annotate.rule to anuraset".into(),
        );
    }
}
