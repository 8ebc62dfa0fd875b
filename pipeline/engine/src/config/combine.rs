//! Combinations of values that cannot work together.

use std::path::{Component, Path};

use serde_yaml::Value;

use super::{Config, Problem, keys};

/// All impossible combinations; `place` says where a key was set.
pub(super) fn problems(config: &Config, place: impl Fn(&str) -> String) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut refuse = |key: &str, found: String, allowed: String| {
        problems.push(Problem { place: place(key), key: key.to_owned(), found, allowed });
    };
    let n = |key: &str| config.number(key);

    let half = n("featurize.sample_rate_hz") / 2.0;
    if n("featurize.f_max_hz") > half {
        refuse(
            "featurize.f_max_hz",
            format!("{} Hz", n("featurize.f_max_hz")),
            format!("allowed: up to half of featurize.sample_rate_hz, {half} Hz"),
        );
    }
    if n("featurize.f_min_hz") >= n("featurize.f_max_hz") {
        refuse(
            "featurize.f_min_hz",
            format!("{} Hz", n("featurize.f_min_hz")),
            format!("allowed: less than featurize.f_max_hz, {} Hz", n("featurize.f_max_hz")),
        );
    }
    if n("featurize.win_length") > n("featurize.n_fft") {
        refuse(
            "featurize.win_length",
            n("featurize.win_length").to_string(),
            format!("allowed: up to featurize.n_fft, {}", n("featurize.n_fft")),
        );
    }
    if n("featurize.high_pass_hz") >= half {
        refuse(
            "featurize.high_pass_hz",
            format!("{} Hz", n("featurize.high_pass_hz")),
            format!(
                "nothing would be left: allowed: less than half of featurize.sample_rate_hz, {half} Hz, or null for no high-pass"
            ),
        );
    }
    let window = n("segment.window_s") * n("featurize.sample_rate_hz");
    if window < n("featurize.n_fft") {
        refuse(
            "segment.window_s",
            format!("{} s, which is {window} samples", n("segment.window_s")),
            format!("allowed: at least featurize.n_fft, {} samples", n("featurize.n_fft")),
        );
    }
    let labelled = config.text("annotate.format") != Some("none");
    let modelled = config.text("model.path").is_some();
    for (source, key, what) in [
        ("file", "split.file", "the file"),
        ("folds", "split.fold", "the fold for testing"),
        ("leave_one_site_out", "split.site", "the site for testing"),
    ] {
        if config.text("split.source") == Some(source) && config.get(key).is_null() {
            let next = format!("name {what} in {key} (or with --set {key}=…), or set split.source to grouped");
            refuse("split.source", format!("`{source}` without {key}"), next);
        }
    }
    if config.text("split.group") == Some("column")
        && ["split.group_file", "split.file"].iter().all(|key| config.get(key).is_null())
    {
        refuse(
            "split.group",
            "`column` without a file".into(),
            "name the file that holds the column in split.group_file (or split.file)".into(),
        );
    }
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
    for key in WITHIN_ARCHIVE {
        if let Some(path) = config.text(key).filter(|path| !is_within(config.text("archive.path"), path)) {
            let allowed = "allowed: a path within archive.path, relative to it; copy the file there".to_owned();
            refuse(key, format!("`{path}`, which is outside of the archive"), allowed);
        }
    }
    let groups = config.get("evaluate.class_groups").as_mapping();
    for name in groups.into_iter().flatten().filter_map(|(name, _)| name.as_str()).filter(|name| is_taken(name)) {
        refuse(
            "evaluate.class_groups",
            format!("a group `{name}`"),
            "evaluate makes groups of that name itself: choose another".into(),
        );
    }
    if let Some(zone) = config.text("archive.timezone")
        && jiff::tz::TimeZone::get(zone).is_err()
    {
        refuse("archive.timezone", format!("`{zone}`"), "allowed: an IANA zone, such as America/Sao_Paulo or UTC".into());
    }
    let device = config.text("device").unwrap_or_default();
    let cuda = device.strip_prefix("cuda:").is_some_and(|n| n.parse::<u32>().is_ok());
    if !(device == "auto" || device == "cpu" || cuda) {
        refuse("device", format!("`{device}`"), "allowed: auto, cpu or cuda:N".into());
    }
    let sum: f64 = config.get("train.mix2_probabilities").as_sequence().into_iter().flatten().filter_map(Value::as_f64).sum();
    if (sum - 1.0).abs() > 1e-6 {
        refuse("train.mix2_probabilities", format!("a sum of {sum}"), "allowed: a sum of 1".into());
    }
    problems
}

/// Keys of files and folders of the archive.
const WITHIN_ARCHIVE: &[&str] = &[
    "archive.audio",
    "ingest.site_sheet",
    "annotate.folder",
    "annotate.code_table",
    "annotate.review_sheets",
    "split.file",
    "split.group_file",
];

/// Whether a path, relative to the archive, stays within it. Links may lead wherever they do.
fn is_within(archive: Option<&str>, path: &str) -> bool {
    let (Some(archive), path) = (archive, Path::new(path)) else { return true };
    let below = match std::path::absolute(archive) {
        Ok(archive) if path.is_absolute() => path.strip_prefix(archive).ok(),
        _ => Some(path),
    };
    below.is_some_and(|below| depth(below).is_some())
}

/// How many folders down a path leads; `None` where it leads above its beginning on the way.
fn depth(path: &Path) -> Option<usize> {
    path.components().try_fold(0_usize, |depth, part| match part {
        Component::ParentDir => depth.checked_sub(1),
        Component::Normal(_) => Some(depth + 1),
        _ => Some(depth),
    })
}

/// What is wrong when a run is to do more than to look at its recordings, and has neither labels nor a model.
pub(super) fn lacks_purpose(config: &Config) -> Option<Problem> {
    let key = "annotate.format";
    let lacks = config.text(key) == Some("none") && config.text("model.path").is_none();
    lacks.then(|| Problem {
        place: config.place(key),
        key: key.to_owned(),
        found: "an archive with neither labels nor a model".into(),
        allowed: "to learn from its labels, set annotate.format; to apply a model made before, set model.path to its folder (runs/NAME/model); \
                  `chorus run ingest` needs neither"
            .into(),
    })
}

/// Keys of the section split, with what gives them a meaning.
const SPLIT_KEYS: &[(&str, &[(&str, &str)])] = &[
    ("split.file", &[("split.source", "file"), ("split.group", "column")]),
    ("split.group_file", &[("split.group", "column")]),
    ("split.group_column", &[("split.group", "column")]),
    ("split.test_fraction", &[("split.source", "grouped")]),
    ("split.folds", &[("split.source", "folds")]),
    ("split.fold", &[("split.source", "folds"), ("split.source", "file")]),
    ("split.site", &[("split.source", "leave_one_site_out")]),
];

/// Keys that were given and change nothing, each with a sentence that says so.
pub(super) fn idle(config: &Config) -> Vec<(&'static str, String)> {
    let is_default =
        |key: &str| keys::find(key).is_some_and(|k| serde_yaml::from_str(k.default).is_ok_and(|v: Value| v == *config.get(key)));
    let says = |&(key, value): &(&str, &str)| config.text(key) == Some(value);
    // A run that learns nothing has no split.
    let given = SPLIT_KEYS.iter().filter(|(key, _)| config.text("model.path").is_none() && !is_default(key));
    given
        .filter(|(_, wanted)| !wanted.iter().any(says))
        .map(|(key, wanted)| {
            let wanted: Vec<String> = wanted.iter().map(|(key, value)| format!("{key}: {value}")).collect();
            (*key, format!("{}: {key} changes nothing here; it counts with {}", config.place(key), wanted.join(" or ")))
        })
        .collect()
}

/// Whether the stage evaluate gives such a name to groups that it makes from what it finds.
fn is_taken(group: &str) -> bool {
    ["supported", "well_supported"].contains(&group) || ["polyphony_", "night_"].iter().any(|prefix| group.starts_with(prefix))
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
fn annotations(config: &Config, refuse: &mut impl FnMut(&str, String, String)) {
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
