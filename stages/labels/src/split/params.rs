//! The section `split` of the configuration.

use chorus_keys::{Choices, Finding, KeyType, Keys, Kind, Range, Values};
use serde::Deserialize;

use crate::layouts;
use crate::subset::Subset;

/// The section `split` of the configuration.
#[derive(Debug, Clone, Deserialize, Keys)]
#[keys(section = "split")]
pub(crate) struct SplitSettings {
    /// How the test set is chosen.
    #[key(default = "grouped")]
    pub(super) source: Source,
    /// CSV file of the archive with the subset of each recording (train, validation, test or unused), or with its fold.
    #[key(within = "archive.path", example = "subset.csv")]
    file: Option<String>,
    /// What is never divided between subsets.
    #[key(default = "recording")]
    pub(super) group: GroupBy,
    /// With group: column, CSV file of the archive with the group of each recording; null: the file in split.file.
    #[key(within = "archive.path", example = "groups.csv")]
    group_file: Option<String>,
    /// With group: column, the column of that file that holds the group.
    #[key(default = "group", example = "fname")]
    pub(super) group_column: String,
    /// With source: grouped, share of the recordings for the test set, in whole groups.
    #[key(default = "0.25", range = 0.0..=0.9)]
    pub(super) test_fraction: f64,
    /// With source: folds, the number of folds.
    #[key(unit = "folds", default = "5", range = 2..=1000, example = "10")]
    pub(super) folds: usize,
    /// Fold, or list of folds, that is the test set of this run: with source: folds, a number from 1 to split.folds; with
    /// source: file, as in the column fold of split.file.
    #[key(example = "1")]
    fold: Option<OneOrMore>,
    /// With source: leave_one_site_out, the site, or list of sites, that is the test set of this run.
    #[key(example = "POND01")]
    site: Option<OneOrMore>,
    /// Share of the recordings that are not in the test set for the validation set, in whole groups. It is not used when
    /// split.file has a validation set.
    #[key(default = "0.2", range = 0.0..=0.9)]
    pub(super) validation_fraction: f64,
    /// With model.path: share of the recordings on which evaluate chooses new thresholds for the model (subset validation), in whole
    /// groups. With source: grouped, the others are test. 0: the model's own thresholds are judged.
    #[key(default = "0", range = 0.0..=0.9, example = "0.5")]
    threshold_fraction: f64,
    /// Let recordings without labels teach (pretrain, self_training) whose group has recordings in test or validation, such as further
    /// recordings of a site that is left out. Recordings of test and validation themselves never do.
    #[key(default = "false")]
    #[allow(dead_code, reason = "read by its name, by the stages that learn without labels")]
    pub(super) judged_groups_teach: bool,
    /// Seed of the random draws.
    #[key(default = "0", range = 0..)]
    pub(super) seed: u64,
    /// Whether the model is given, so that nothing is learnt.
    #[serde(skip)]
    pub(super) is_model_given: bool,
}

/// How the test set is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Choices)]
#[serde(rename_all = "snake_case")]
pub(super) enum Source {
    /// A stratified share of whole groups.
    Grouped,
    /// One or several of a number of stratified folds.
    Folds,
    /// All recordings of a site.
    LeaveOneSiteOut,
    /// As split.file has it.
    File,
}

/// What is never divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Choices)]
#[serde(rename_all = "snake_case")]
pub(super) enum GroupBy {
    /// A recording.
    Recording,
    /// All recordings of a site.
    Site,
    /// All recordings of a site and night.
    Night,
    /// All recordings with the same entry in split.group_column.
    Column,
}

/// Choices that need another key.
const REQUIRED: &[(&str, &str, &str)] = &[
    ("file", "split.file", "the file"),
    ("folds", "split.fold", "the fold for testing"),
    ("leave_one_site_out", "split.site", "the site for testing"),
];

/// Refuses choices without the key that they need.
pub(crate) fn missing_keys(values: &Values) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (source, key, what) in REQUIRED {
        if values.text("split.source") == Some(source) && values.get(key).is_null() {
            let next = format!("name {what} in {key} (or with --set {key}=…), or set split.source to grouped");
            findings.push(Finding::new("split.source", format!("`{source}` without {key}"), next));
        }
    }
    let no_file = ["split.group_file", "split.file"].iter().all(|key| values.get(key).is_null());
    if values.text("split.group") == Some("column") && no_file {
        let next = "name the file that holds the column in split.group_file (or split.file)";
        findings.push(Finding::new("split.group", "`column` without a file", next));
    }
    findings
}

/// Keys that count only with one of these values of others.
const CONDITIONAL: &[(&str, &[(&str, &str)])] = &[
    ("split.file", &[("split.source", "file"), ("split.group", "column")]),
    ("split.group_file", &[("split.group", "column")]),
    ("split.group_column", &[("split.group", "column")]),
    ("split.test_fraction", &[("split.source", "grouped")]),
    ("split.folds", &[("split.source", "folds")]),
    ("split.fold", &[("split.source", "folds"), ("split.source", "file")]),
    ("split.site", &[("split.source", "leave_one_site_out")]),
];

/// Keys that have no effect with these values.
pub(crate) fn without_effect(values: &Values) -> Vec<Finding> {
    let holds = |&(key, value): &(&str, &str)| values.text(key) == Some(value);
    let is_given = values.text("model.path").is_some();
    if is_given && values.text("annotate.format").is_none_or(|format| format == layouts::NONE) {
        // A run that only applies a model has no split.
        return Vec::new();
    }
    let without = |key: &str, used: &str| Finding::new(key, "a value without effect", format!("it is used only {used}"));
    let conditional = CONDITIONAL.iter().filter(|(_, wanted)| !wanted.iter().any(holds)).map(|(key, wanted)| {
        let wanted: Vec<String> = wanted.iter().map(|(key, value)| format!("{key}: {value}")).collect();
        without(key, &format!("with {}", wanted.join(" or ")))
    });
    let of_mode: &[(&str, &str)] = if is_given {
        &[("split.test_fraction", "without model.path"), ("split.validation_fraction", "without model.path")]
    } else {
        &[("split.threshold_fraction", "with model.path")]
    };
    conditional.chain(of_mode.iter().map(|(key, used)| without(key, used))).collect()
}

/// One name or several. A number is a name too.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(NumberOrText),
    Many(Vec<NumberOrText>),
}

impl KeyType for OneOrMore {
    fn kind(_: Range) -> Kind {
        Kind::Names
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum NumberOrText {
    Number(u64),
    Text(String),
}

impl NumberOrText {
    fn text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.trim().to_owned(),
        }
    }
}

impl SplitSettings {
    /// The file with subsets or folds, where the source is a file.
    pub(super) fn list(&self) -> Option<&str> {
        self.file.as_deref().filter(|_| self.source == Source::File)
    }

    /// The file with groups, where groups are a column.
    pub(super) fn group_list(&self) -> Option<&str> {
        self.group_file.as_deref().or(self.file.as_deref()).filter(|_| self.group == GroupBy::Column)
    }

    /// The key that names the file with groups.
    pub(super) fn group_key(&self) -> &'static str {
        if self.group_file.is_some() { "split.group_file" } else { "split.file" }
    }

    /// The same where the model is given: what is not needed for new thresholds is test.
    pub(super) fn of_given_model(&self) -> Self {
        Self { validation_fraction: self.threshold_fraction, is_model_given: true, ..self.clone() }
    }

    /// The sides that should have recordings.
    pub(super) fn wanted_sides(&self) -> Vec<Subset> {
        let is_wanted = |side: &Subset| match side {
            Subset::Test | Subset::Train if self.is_model_given => *side == Subset::Test,
            Subset::Test => self.source != Source::Grouped || self.test_fraction > 0.0,
            Subset::Validation => self.validation_fraction > 0.0,
            Subset::Train | Subset::Unused => true,
        };
        Subset::SIDES.into_iter().filter(is_wanted).collect()
    }

    /// The folds that are test.
    pub(super) fn test_folds(&self) -> Vec<String> {
        names(self.fold.as_ref())
    }

    /// The sites that are test.
    pub(super) fn test_sites(&self) -> Vec<String> {
        names(self.site.as_ref())
    }
}

fn names(names: Option<&OneOrMore>) -> Vec<String> {
    match names {
        None => Vec::new(),
        Some(OneOrMore::One(name)) => vec![name.text()],
        Some(OneOrMore::Many(names)) => names.iter().map(NumberOrText::text).collect(),
    }
}

#[cfg(test)]
impl SplitSettings {
    /// The defaults with a quarter of the rest for validation, and with these keys.
    pub(super) fn with(more: &str) -> Self {
        let mut values = chorus_keys::Declarations::default().section::<Self>().defaults();
        values.set("split.validation_fraction", 0.25.into());
        for (key, value) in serde_yaml::from_str::<serde_yaml::Mapping>(&format!("{{{more}}}")).unwrap() {
            values.set(&format!("split.{}", key.as_str().unwrap()), value);
        }
        values.settings().unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_of_which_nothing_is_asked_may_be_empty() {
        assert_eq!(SplitSettings::with("source: grouped, group: site").wanted_sides(), Subset::SIDES);
        let none = "group: site, test_fraction: 0, validation_fraction: 0";
        assert_eq!(SplitSettings::with(&format!("source: grouped, {none}")).wanted_sides(), [Subset::Train]);
        assert_eq!(SplitSettings::with(&format!("source: file, {none}")).wanted_sides(), [Subset::Train, Subset::Test]);
    }

    #[test]
    fn a_given_model_needs_no_side_to_learn_from() {
        let given = |more: &str| SplitSettings::with(more).of_given_model();
        assert_eq!(given("source: grouped").wanted_sides(), [Subset::Test]);
        assert_eq!(given("source: grouped, threshold_fraction: 0.5").wanted_sides(), [Subset::Validation, Subset::Test]);
        assert_eq!(given("threshold_fraction: 0.5").validation_fraction, 0.5);
    }

    #[test]
    fn names_are_numbers_texts_and_lists_of_both() {
        let params = SplitSettings::with("source: folds, group: site, fold: 3, site: [A, 12, ' B ']");
        assert_eq!(
            (params.test_folds(), params.test_sites()),
            (vec!["3".to_owned()], ["A", "12", "B"].map(str::to_owned).into())
        );
        assert_eq!((params.list(), params.group_list()), (None, None));
        let params = SplitSettings::with("source: folds, group: column, file: a.csv");
        assert_eq!((params.list(), params.group_list()), (None, Some("a.csv")));
        let params = SplitSettings::with("source: file, group: column, file: a.csv, group_file: b.csv");
        assert_eq!((params.list(), params.group_list()), (Some("a.csv"), Some("b.csv")));
        assert_eq!(params.test_folds(), Vec::<String>::new());
    }

    #[test]
    fn choices_without_their_key_are_refused_and_keys_without_effect_are_found() {
        let values = |sets: &[(&str, &str)]| {
            let mut values = chorus_keys::Declarations::default().section::<SplitSettings>().defaults();
            sets.iter().for_each(|(key, value)| values.set(key, (*value).into()));
            values
        };
        assert_eq!(missing_keys(&values(&[])), []);
        assert_eq!(missing_keys(&values(&[("split.source", "file"), ("split.group", "column")])).len(), 2);
        let of = |sets: &[(&str, &str)]| without_effect(&values(sets)).into_iter().map(|f| f.key).collect::<Vec<_>>();
        let folds = [("split.source", "folds")];
        let unused = ["split.file", "split.group_file", "split.group_column", "split.test_fraction", "split.site"];
        assert_eq!(of(&folds), [&unused[..], &["split.threshold_fraction"]].concat());
        assert!(of(&[("model.path", "m")]).is_empty());
        let judged = of(&[("model.path", "m"), ("annotate.format", "raven")]);
        assert!(
            judged.contains(&"split.validation_fraction".to_owned()) && !judged.contains(&"split.threshold_fraction".to_owned())
        );
    }
}
