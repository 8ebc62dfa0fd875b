//! The label layouts: one file each, and this list of them.

pub mod anuraset_raw;
pub(crate) mod audacity;
pub(crate) mod columns;
pub(crate) mod recording_columns;
pub mod review;
pub(crate) mod separator;

mod anuraset_processed;
mod channel;
mod clips;
mod csv_events;
mod folders;
mod lengths;
mod numbers;
mod raven;
mod raven_times;
mod rivals;

use std::collections::BTreeSet;

use chorus_keys::Word;

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

/// The word of `annotate.format` for an archive without annotations. It is no layout.
pub(crate) const NONE: &str = "none";

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
    let none = Word { name: NONE, about: "No annotations are read." };
    let layouts = LAYOUTS.iter().map(|layout| Word { name: layout.name(), about: layout.about() });
    [none].into_iter().chain(layouts).collect()
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
