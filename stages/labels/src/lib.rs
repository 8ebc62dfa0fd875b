//! From annotation files to labels of windows, and the split of recordings: the stages `annotate` and `split`.
//!
//! - [`layouts`]: one file for each label layout, from bytes to [`event::Event`]s. [`layout`] is the trait of a layout,
//!   [`reading`] a layout with the settings of a run.
//! - [`moment`]: dates with a time of day in place of seconds of a recording.
//! - [`codes`], [`taxon`], [`label`], [`judge`]: the class of each event, what is known of it, and which events are used.
//! - [`overlap`]: which windows an event makes positive. [`verdicts`]: the rule by which verdicts of review sheets count.
//! - [`stratify`]: groups of recordings to subsets or folds.

mod annotate;
mod classes;
pub mod codes;
pub mod contents;
mod delimited;
mod digest;
pub mod error;
pub mod event;
mod file_events;
mod files;
mod glance;
mod joined;
pub mod judge;
pub mod label;
pub mod layout;
mod layout_keys;
mod layout_settings;
pub mod layouts;
pub mod look;
pub mod moment;
pub mod overlap;
mod pairing;
pub mod reading;
pub mod recording_list;
mod recordings;
mod session;
mod settings;
mod split;
pub mod stratify;
mod strict_csv;
pub mod subset;
pub mod taxon;
mod tell;
mod text;
mod unread;
pub mod verdicts;
mod windows;

use chorus_keys::{Declarations, Finding, Values};

pub use annotate::Annotate;
pub use classes::AnnotateClasses;
pub use glance::glance;
pub use split::Split;
pub use unread::unread;

/// The configuration keys of the two stages.
pub fn declarations() -> Declarations {
    let layouts = layout_keys::declared().into_iter().fold(Declarations::default(), Declarations::key);
    layouts
        .section::<settings::FileSettings>()
        .section::<settings::ClassSettings>()
        .section::<annotate::LabelSettings>()
        .section::<annotate::HeldOutSettings>()
        .section::<split::SplitSettings>()
        .check(layout_keys::unfit_keys)
        .check(annotate::unreachable_overlap)
        .check(split::missing_keys)
        .purpose(neither_labels_nor_a_model)
        .remark(split::without_effect)
}

fn neither_labels_nor_a_model(values: &Values) -> Vec<Finding> {
    let neither = values.text("annotate.format") == Some(layouts::NONE) && values.text("model.path").is_none();
    let allowed = "to train on its labels, set annotate.format; to apply a model that was trained before, set model.path to its folder \
                   (runs/NAME/model); `chorus run ingest` needs neither";
    let finding = || Finding::new("annotate.format", "an archive with neither labels nor a model", allowed);
    neither.then(finding).into_iter().collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_configuration_knows_exactly_these_layouts_and_keys() {
        let declared = declarations();
        let known: BTreeSet<&str> = declared.find("annotate.format").unwrap().kind.words().iter().map(|word| word.name).collect();
        assert_eq!(known, layouts::names().chain(["none"]).collect());
        assert_eq!(layouts::names().collect::<BTreeSet<_>>().len(), layouts::LAYOUTS.len());
        assert!(layouts::keys().into_iter().all(|key| declared.find(key).is_some()));
        for layout in layouts::LAYOUTS {
            let required = layout.keys().required;
            assert!(required.iter().all(|(key, _)| layout.keys().uses(key)), "{} requires a key that it ignores", layout.name());
            assert!(layout.about().ends_with('.') && layout.about().len() < 120, "{}", layout.about());
        }
    }

    #[test]
    fn keys_that_a_layout_needs_and_keys_that_it_does_not_use() {
        let findings = |yaml: &str| {
            let mut values = declarations().defaults();
            for (key, value) in serde_yaml::from_str::<serde_yaml::Mapping>(yaml).unwrap() {
                values.set(&format!("annotate.{}", key.as_str().unwrap()), value);
            }
            layout_keys::unfit_keys(&values)
        };
        for unset in ["{format: csv}", "{format: clips, folder: null}"] {
            let found = findings(unset);
            assert_eq!((found.len(), found[0].key.as_str()), (1, "annotate.format"));
            assert!(found[0].found.contains("without annotate.folder"), "{found:?}");
        }
        let found = findings("{format: audacity, label_column: x, low_column: null, label_separator: ;}");
        assert_eq!((found.len(), found[0].key.as_str()), (1, "annotate.label_column"));
        assert!(found[0].allowed.ends_with("it is read with raven, csv and clips"), "{found:?}");
        assert_eq!(findings("{format: folders, folder: x}")[0].key, "annotate.folder");
        assert_eq!(findings("{format: none, label_column: x}"), findings("{format: none, label_column: x, low_column: null}"));
        assert!(findings("{format: none, label_column: x}")[0].found.contains("annotate.format `none` does not use"));
        for sound in ["{format: none}", "{format: csv, folder: x, start_column: t}", "{format: raven}"] {
            assert_eq!(findings(sound), [], "{sound}");
        }
    }

    #[test]
    fn combinations_that_cannot_work_are_found() {
        let findings = |sets: &[(&str, &str)]| {
            let mut values = declarations().defaults();
            sets.iter().for_each(|(key, value)| values.set(key, serde_yaml::from_str(value).unwrap()));
            declarations().findings(&values).into_iter().map(|finding| finding.key).collect::<Vec<_>>()
        };
        assert_eq!(findings(&[]), [""; 0]);
        assert_eq!(findings(&[("annotate.format", "raven"), ("model.path", "m")]), [""; 0], "the model is judged by the labels");
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
