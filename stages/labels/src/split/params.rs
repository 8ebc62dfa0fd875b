//! The configuration of a split.

use serde::Deserialize;

use crate::subset::Subset;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Params {
    pub(super) split: SplitParams,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SplitParams {
    pub(super) source: Source,
    file: Option<String>,
    pub(super) group: GroupBy,
    group_file: Option<String>,
    pub(super) group_column: String,
    pub(super) test_fraction: f64,
    pub(super) validation_fraction: f64,
    pub(super) folds: usize,
    fold: Option<OneOrMore>,
    site: Option<OneOrMore>,
    pub(super) seed: u64,
}

/// Where the test set comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Source {
    Grouped,
    Folds,
    LeaveOneSiteOut,
    File,
}

/// What is never divided between subsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum GroupBy {
    Recording,
    Site,
    Night,
    Column,
}

/// One name or several. A number is a name too.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(NumberOrText),
    Many(Vec<NumberOrText>),
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

impl SplitParams {
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

    /// The sides that should have recordings.
    pub(super) fn wanted_sides(&self) -> Vec<Subset> {
        let is_wanted = |side: &Subset| match side {
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
impl SplitParams {
    /// A quarter for test and a quarter of the rest for validation, with these keys besides.
    pub(super) fn with(more: &str) -> Self {
        let defaults = "{test_fraction: 0.25, validation_fraction: 0.25, seed: 0, group_column: group, folds: 5}";
        let mut keys: serde_yaml::Mapping = serde_yaml::from_str(defaults).unwrap();
        keys.extend(serde_yaml::from_str::<serde_yaml::Mapping>(&format!("{{{more}}}")).unwrap());
        serde_yaml::from_value(keys.into()).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_of_which_nothing_is_asked_may_be_empty() {
        assert_eq!(SplitParams::with("source: grouped, group: site").wanted_sides(), Subset::SIDES);
        let none = "group: site, test_fraction: 0, validation_fraction: 0";
        assert_eq!(SplitParams::with(&format!("source: grouped, {none}")).wanted_sides(), [Subset::Train]);
        assert_eq!(SplitParams::with(&format!("source: file, {none}")).wanted_sides(), [Subset::Train, Subset::Test]);
    }

    #[test]
    fn names_are_numbers_texts_and_lists_of_both() {
        let params = SplitParams::with("source: folds, group: site, fold: 3, site: [A, 12, ' B ']");
        assert_eq!(
            (params.test_folds(), params.test_sites()),
            (vec!["3".to_owned()], ["A", "12", "B"].map(str::to_owned).into())
        );
        assert_eq!((params.list(), params.group_list()), (None, None));
        let params = SplitParams::with("source: folds, group: column, file: a.csv");
        assert_eq!((params.list(), params.group_list()), (None, Some("a.csv")));
        let params = SplitParams::with("source: file, group: column, file: a.csv, group_file: b.csv");
        assert_eq!((params.list(), params.group_list()), (Some("a.csv"), Some("b.csv")));
        assert_eq!(params.test_folds(), Vec::<String>::new());
    }
}
