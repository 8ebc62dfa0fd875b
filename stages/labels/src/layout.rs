//! What a label layout is: an open set, one file of `layouts/` for each member.

use chorus_keys::Key;

use crate::contents::Contents;
use crate::event::Event;
use crate::label::LabelText;
pub use crate::layout_settings::Settings;
use crate::look::ArchiveLook;
use crate::recordings::RecordingIndex;

/// A layout of annotations: where its labels are, and how bytes become events.
///
/// To add one, implement this trait in a file of its own and add a line to [`crate::layouts::LAYOUTS`].
pub trait Layout: Send + Sync {
    /// The word in `annotate.format`.
    fn name(&self) -> &'static str;

    /// What the layout is, in one sentence.
    fn about(&self) -> &'static str;

    /// The annotation files; `None` where the paths of the recordings are the annotations.
    fn files(&self) -> Option<AnnotationFiles>;

    /// Keys of the section `annotate` that the layout reads beside `format` and `label_text`.
    fn keys(&self) -> LayoutKeys {
        LayoutKeys::default()
    }

    /// Keys of the section `annotate` that only this layout has, from the options struct that [`Layout::reader`] reads; they belong in
    /// [`Layout::keys`] too.
    fn own_keys(&self) -> Vec<Key> {
        Vec::new()
    }

    /// How labels are written when `annotate.label_text` is not set.
    fn label_text(&self) -> LabelText {
        LabelText::Plain
    }

    /// Whether a file holds everything that was heard in its recording. Where it does, windows without an event are negative;
    /// where it does not, they stay unknown.
    fn is_complete(&self) -> bool {
        true
    }

    /// How labels are read with these settings.
    ///
    /// # Errors
    /// A key of the layout has a value of another type.
    fn reader(&self, settings: &Settings) -> Result<Reader, serde_yaml::Error>;

    /// How annotation files find their recordings; by default by the recording's name. Paths are relative to the archive.
    fn pairing<'a>(&self, recordings: &[&'a str], _files: &[&'a str]) -> FindRecording<'a> {
        let index = RecordingIndex::new(recordings.iter().copied());
        Box::new(move |file, name| name.map_or_else(|| index.of_file(file), |name| index.named(name)).map(str::to_owned))
    }

    /// What `chorus init` writes when the archive looks like this layout; `None` where it does not. The first layout of
    /// [`crate::layouts::LAYOUTS`] with a proposal is taken.
    fn propose(&self, _look: &ArchiveLook<'_>) -> Option<Proposal> {
        None
    }
}

/// Where annotation files are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnnotationFiles {
    /// Folder or file within the archive when `annotate.folder` is not set.
    pub place: &'static str,
    /// Extensions in lower case, without the dot.
    pub extensions: &'static [&'static str],
}

/// Keys that a layout reads, with their section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LayoutKeys {
    /// Keys without which the layout cannot be read, each with what to do when it is missing.
    pub required: &'static [(&'static str, &'static str)],
    /// Keys that change how the layout is read. Keys that only other layouts use are refused.
    pub used: &'static [&'static [&'static str]],
}

impl LayoutKeys {
    /// Whether the layout reads a key.
    pub fn uses(&self, key: &str) -> bool {
        self.used.iter().any(|keys| keys.contains(&key))
    }
}

/// How labels are read, once the layout's options are known.
pub enum Reader {
    /// From the bytes of an annotation file.
    File(Box<dyn Fn(&[u8]) -> Contents + Send + Sync>),
    /// From the path of a recording.
    Path(fn(&str) -> Event),
}

impl Reader {
    /// A reader of annotation files.
    pub fn of_files(read: impl Fn(&[u8]) -> Contents + Send + Sync + 'static) -> Self {
        Self::File(Box::new(read))
    }
}

/// Finds the recording for an annotation file and the name that some of its lines give; without a name, by the file's own.
/// The error says why there is none.
pub type FindRecording<'a> = Box<dyn Fn(&str, Option<&str>) -> Result<String, String> + 'a>;

/// A configuration for an archive that looks like one layout.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Proposal {
    /// Value of `annotate.format`.
    pub format: &'static str,
    /// Value of `annotate.folder`, where it is not the layout's usual one.
    pub folder: Option<String>,
    /// Value of `archive.audio`, where the layout says in which folder the recordings are.
    pub audio: Option<&'static str>,
    /// Value of `split.file`, where the layout brings a split.
    pub split_file: Option<&'static str>,
    /// What the user should check.
    pub note: Option<&'static str>,
}

impl Proposal {
    /// A proposal of a layout with its usual settings.
    pub fn of(layout: &dyn Layout) -> Self {
        Self { format: layout.name(), ..Self::default() }
    }
}

/// What a file of the archive holds when it is read with the usual settings of a layout; `None` where it cannot be read or none
/// of its lines can be used.
pub(crate) fn readable(layout: &dyn Layout, look: &ArchiveLook<'_>, file: &str) -> Option<Contents> {
    let Ok(Reader::File(read)) = layout.reader(&Settings::default()) else { return None };
    Some(read(&look.bytes(file)?)).filter(|contents| contents.fault.is_none())
}

/// Whether a file holds labels of this layout.
pub(crate) fn holds_labels(layout: &dyn Layout, look: &ArchiveLook<'_>, file: &str) -> bool {
    let is_label = |event: &Event| event.problem.is_none() && !event.label.is_empty();
    readable(layout, look, file).is_some_and(|contents| contents.events().any(is_label) || !contents.declared.is_empty())
}

#[cfg(test)]
pub(crate) mod testing {
    use std::collections::BTreeSet;

    use super::*;
    use crate::event::Extent;

    /// What a file holds, read by a layout with the keys of this YAML mapping.
    pub(crate) fn read(layout: &dyn Layout, bytes: &[u8], settings: &str) -> Contents {
        let settings: Settings = serde_yaml::from_str(&format!("{{{settings}}}")).unwrap();
        let Reader::File(read) = layout.reader(&settings).unwrap() else { panic!("{} has no files", layout.name()) };
        read(bytes)
    }

    /// The number of lines that the events come from. Checks that each event can be used or says why not.
    pub(crate) fn accounted(contents: &Contents) -> usize {
        let mut places: Vec<_> = contents.events().map(|event| (event.line, event.item)).collect();
        places.sort_unstable();
        assert!(places.windows(2).all(|pair| pair[0] != pair[1]), "a label twice: {places:?}");
        for event in contents.events().filter(|event| event.problem.is_none()) {
            let span = event.start_s.zip(event.end_s).is_some_and(|(start, end)| start <= end) || event.moments.is_some();
            assert_eq!(event.extent == Extent::Span, span, "{event:?}");
        }
        places.into_iter().map(|(line, _)| line).collect::<BTreeSet<_>>().len()
    }

    /// The names of the fields of an options struct, as keys of `annotate`.
    pub(crate) fn fields(options: &impl serde::Serialize) -> BTreeSet<String> {
        let serde_yaml::Value::Mapping(fields) = serde_yaml::to_value(options).unwrap() else { panic!("options are a struct") };
        fields.keys().map(|name| format!("annotate.{}", name.as_str().unwrap())).collect()
    }

    /// The keys that a layout uses.
    pub(crate) fn used(layout: &dyn Layout) -> BTreeSet<String> {
        layout.keys().used.iter().flat_map(|keys| keys.iter()).map(|key| (*key).to_owned()).collect()
    }
}
