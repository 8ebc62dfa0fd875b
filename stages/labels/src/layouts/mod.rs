//! The label layouts: one file each, and this list of them.

pub mod anuraset_raw;
pub(crate) mod audacity;
pub(crate) mod columns;
pub mod review;

mod anuraset_processed;
mod clips;
mod csv_events;
mod folders;
mod raven;
mod raven_times;

use std::collections::BTreeSet;

use chorus_keys::{Finding, Values, Word};

use crate::layout::Layout;

/// All layouts. `chorus init` tries them in this order: those with a fixed folder first, then those whose files hold most that
/// other files do not.
pub static LAYOUTS: &[&dyn Layout] = &[
    &anuraset_raw::AnurasetRaw,
    &anuraset_processed::AnurasetProcessed,
    &raven::Raven,
    &audacity::Audacity,
    &csv_events::CsvEvents,
    &clips::Clips,
    &folders::Folders,
    &review::ReviewSheets,
];

/// The layout with this name.
pub fn find(name: &str) -> Option<&'static dyn Layout> {
    LAYOUTS.iter().copied().find(|layout| layout.name() == name)
}

/// The names of all layouts.
pub fn names() -> impl Iterator<Item = &'static str> {
    LAYOUTS.iter().map(|layout| layout.name())
}

/// The words of `annotate.format`.
pub(crate) fn words() -> Vec<Word> {
    let none = Word { name: "none", about: "No annotations are read." };
    let layouts = LAYOUTS.iter().map(|layout| Word { name: layout.name(), about: layout.about() });
    [none].into_iter().chain(layouts).collect()
}

/// Keys that a layout needs and that have no value, and keys that have a value and that only other layouts read.
pub(crate) fn unfit_keys(values: &Values) -> Vec<Finding> {
    let Some(layout) = values.text("annotate.format").and_then(find) else { return Vec::new() };
    let (name, used) = (layout.name(), layout.keys());
    let missing = used.required.iter().filter(|(key, _)| values.get(key).is_null());
    let missing = missing
        .map(|(key, next)| Finding::new("annotate.format", format!("`{name}` without {key}"), format!("{next}, in {key}")));
    let declared = crate::declarations();
    let is_default = |key: &str| declared.find(key).is_some_and(|key| key.default_value() == *values.get(key.name));
    let ignored = keys().into_iter().filter(|key| !used.uses(key) && !is_default(key));
    let ignored = ignored.map(|key| {
        let allowed = format!("leave it out; it is read with {}", list(&users_of(key)));
        Finding::new(key, format!("a value that annotate.format `{name}` does not use"), allowed)
    });
    missing.chain(ignored).collect()
}

/// `a, b and c`.
fn list(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [others @ .., last] => format!("{} and {last}", others.join(", ")),
    }
}

/// Every key that some layout uses.
pub fn keys() -> BTreeSet<&'static str> {
    LAYOUTS.iter().flat_map(|layout| layout.keys().used).flat_map(|keys| keys.iter().copied()).collect()
}

/// The names of the layouts that use a key.
pub fn users_of(key: &str) -> Vec<&'static str> {
    LAYOUTS.iter().filter(|layout| layout.keys().uses(key)).map(|layout| layout.name()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contents::Contents;
    use crate::event::Event;
    use crate::layout::{AnnotationFiles, LayoutKeys, Reader, Settings};

    #[test]
    fn the_configuration_knows_exactly_these_layouts_and_keys() {
        let declared = crate::declarations();
        let known: BTreeSet<&str> = declared.find("annotate.format").unwrap().kind.words().iter().map(|word| word.name).collect();
        assert_eq!(known, names().chain(["none"]).collect());
        assert_eq!(names().collect::<BTreeSet<_>>().len(), LAYOUTS.len());
        assert!(keys().into_iter().all(|key| declared.find(key).is_some()));
        for layout in LAYOUTS {
            let required = layout.keys().required;
            assert!(required.iter().all(|(key, _)| layout.keys().uses(key)), "{} requires a key that it ignores", layout.name());
            assert!(layout.about().ends_with('.') && layout.about().len() < 120, "{}", layout.about());
        }
    }

    #[test]
    fn keys_that_a_layout_needs_and_keys_that_it_does_not_use() {
        let findings = |yaml: &str| {
            let mut values = crate::declarations().defaults();
            for (key, value) in serde_yaml::from_str::<serde_yaml::Mapping>(yaml).unwrap() {
                values.set(&format!("annotate.{}", key.as_str().unwrap()), value);
            }
            unfit_keys(&values)
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
        for sound in ["{format: none, label_column: x}", "{format: csv, folder: x, start_column: t}", "{format: raven}"] {
            assert_eq!(findings(sound), [], "{sound}");
        }
    }

    #[test]
    fn the_page_on_labels_shows_every_layout() {
        let page = include_str!("../../../../docs/labels.md");
        for layout in LAYOUTS {
            assert!(page.contains(&format!("### `{}`", layout.name())), "docs/labels.md lacks {}", layout.name());
        }
    }

    #[test]
    fn a_layout_has_files_or_reads_paths() {
        for layout in LAYOUTS {
            let reads_files = matches!(layout.reader(&Settings::default()).unwrap(), Reader::File(_));
            assert_eq!(layout.files().is_some(), reads_files, "{}", layout.name());
        }
    }

    /// A layout that nothing else knows: a line of `seconds label` for each call, which lasts `call_s`.
    struct Calls;

    #[derive(serde::Deserialize)]
    struct CallOptions {
        call_s: f64,
    }

    impl Layout for Calls {
        fn name(&self) -> &'static str {
            "calls"
        }

        fn about(&self) -> &'static str {
            "Lines of a time and a label."
        }

        fn files(&self) -> Option<AnnotationFiles> {
            Some(AnnotationFiles { place: "calls", extensions: &["calls"] })
        }

        fn keys(&self) -> LayoutKeys {
            LayoutKeys { used: &[&["annotate.call_s"]], ..LayoutKeys::default() }
        }

        fn reader(&self, settings: &Settings) -> Result<Reader, serde_yaml::Error> {
            let options: CallOptions = settings.options()?;
            Ok(Reader::of_files(move |bytes| {
                let text = String::from_utf8_lossy(bytes);
                let event = |(line, text): (u32, &str)| {
                    let (start, label) = text.split_once(' ').unwrap_or((text, ""));
                    let end_s = start.parse::<f64>().unwrap_or(f64::NAN) + options.call_s;
                    Event::timed(line, start, &end_s.to_string(), label)
                };
                Contents::of_one((1..).zip(text.lines()).map(event).collect())
            }))
        }
    }

    #[test]
    fn a_new_layout_needs_nothing_but_the_trait() {
        static CALLS: &dyn Layout = &Calls;
        let found = crate::layout::testing::read(CALLS, b"1.5 frog\nx toad\n", "call_s: 2, start_column: other");
        let events = &found.by_recording[&None];
        assert_eq!((events[0].start_s, events[0].end_s, events[0].label.as_str()), (Some(1.5), Some(3.5), "frog"));
        assert!(events[1].problem.is_some());
        let refused = CALLS.reader(&Settings::default()).err().unwrap();
        assert!(refused.to_string().contains("call_s"));
        let find = CALLS.pairing(&["audio/A/1.wav"], &["calls/A/1.calls"]);
        assert_eq!(find("calls/A/1.calls", None), Ok("audio/A/1.wav".to_owned()));
    }
}
