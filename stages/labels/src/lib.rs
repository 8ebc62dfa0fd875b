//! From annotation files to labels of windows, and the split of recordings: the stages `annotate` and `split`.
//!
//! - [`layouts`]: one file for each label layout, from bytes to [`event::Event`]s. [`layout`] is the trait of a layout, [`reading`] a
//!   layout with the settings of a run.
//! - [`codes`], [`label`], [`judge`]: the class of each event, and which events are used.
//! - [`overlap`]: which windows an event makes positive.
//! - [`stratify`]: groups of recordings to subsets or folds.

mod annotate;
mod classes;
pub mod codes;
pub mod contents;
mod delimited;
mod digest;
pub mod error;
pub mod event;
mod files;
mod glance;
pub mod judge;
pub mod label;
pub mod layout;
pub mod layouts;
pub mod look;
pub mod overlap;
mod pairing;
pub mod reading;
pub mod recording_list;
mod recordings;
mod session;
mod split;
pub mod stratify;
mod strict_csv;
pub mod subset;
mod tell;
mod text;
mod windows;

use chorus_keys::{Declarations, Finding, Values};

pub use annotate::Annotate;
pub use classes::AnnotateClasses;
pub use glance::glance;
pub use split::Split;

/// The configuration keys of the two stages.
pub fn declarations() -> Declarations {
    let reading = Declarations::default()
        .section::<reading::CommonKeys>()
        .section::<layouts::columns::SeparatorKeys>()
        .section::<layouts::columns::EventColumnKeys>();
    let own = layouts::LAYOUTS.iter().flat_map(|layout| layout.own_keys());
    own.fold(reading, Declarations::key)
        .section::<annotate::FileSettings>()
        .section::<classes::ClassSettings>()
        .section::<annotate::LabelSettings>()
        .section::<split::SplitSettings>()
        .check(layouts::unfit_keys)
        .check(annotate::unreachable_overlap)
        .check(split::missing_keys)
        .check(labels_and_a_model)
        .purpose(neither_labels_nor_a_model)
        .remark(split::without_effect)
}

fn labels_and_a_model(values: &Values) -> Vec<Finding> {
    let both = values.text("annotate.format") != Some("none") && values.text("model.path").is_some();
    let allowed = "to train here, leave model.path out; to apply the model, set annotate.format to none";
    both.then(|| Finding::new("model.path", "a model for an archive with labels", allowed)).into_iter().collect()
}

fn neither_labels_nor_a_model(values: &Values) -> Vec<Finding> {
    let neither = values.text("annotate.format") == Some("none") && values.text("model.path").is_none();
    let allowed = "to train on its labels, set annotate.format; to apply a model that was trained before, set model.path to its folder \
                   (runs/NAME/model); `chorus run ingest` needs neither";
    let finding = || Finding::new("annotate.format", "an archive with neither labels nor a model", allowed);
    neither.then(finding).into_iter().collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn combinations_that_cannot_work_are_found() {
        let findings = |sets: &[(&str, &str)]| {
            let mut values = declarations().defaults();
            sets.iter().for_each(|(key, value)| values.set(key, serde_yaml::from_str(value).unwrap()));
            declarations().findings(&values).into_iter().map(|finding| finding.key).collect::<Vec<_>>()
        };
        assert_eq!(findings(&[]), [""; 0]);
        assert_eq!(findings(&[("annotate.format", "raven"), ("model.path", "m")]), ["model.path"]);
        assert_eq!(findings(&[("annotate.format", "csv")]), ["annotate.format"]);
        assert_eq!(findings(&[("annotate.format", "audacity"), ("annotate.low_column", "low")]), ["annotate.low_column"]);
        let null = [("annotate.format", "raven"), ("annotate.min_overlap_s", "null"), ("annotate.min_overlap_fraction", "null")];
        assert_eq!(findings(&null), ["annotate.min_overlap_s"]);
        let long = [("annotate.format", "raven"), ("annotate.min_overlap_s", "4"), ("segment.window_s", "3")];
        assert_eq!(findings(&long), ["annotate.min_overlap_s"]);
        let mut values = declarations().defaults();
        assert_eq!(declarations().missing_purpose(&values).len(), 1);
        values.set("model.path", "m".into());
        assert!(declarations().missing_purpose(&values).is_empty());
    }
}
