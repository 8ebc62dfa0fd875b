//! A folder of recordings for each class, such as ESC-10 has it. There are no annotation files: the paths of the recordings are
//! the annotations.

use crate::event::Event;
use crate::layout::{AnnotationFiles, Layout, Proposal, Reader, Settings};
use crate::look::ArchiveLook;
use crate::text::parts;

/// The layout `folders`.
pub(super) struct Folders;

impl Layout for Folders {
    fn name(&self) -> &'static str {
        "folders"
    }

    fn about(&self) -> &'static str {
        "A folder of recordings for each class."
    }

    fn files(&self) -> Option<AnnotationFiles> {
        None
    }

    fn reader(&self, _settings: &Settings) -> Result<Reader, serde_yaml::Error> {
        Ok(Reader::Path(label_of_path))
    }

    /// Folders of classes look like folders of sites. Where no name holds a time, several folders are more likely classes.
    fn propose(&self, look: &ArchiveLook<'_>) -> Option<Proposal> {
        let seen = look.recordings()?;
        let note =
            "No name holds a time and there are several folders: each is taken for a class. If they are sites, set format: none.";
        (!seen.have_times && seen.folders > 1).then(|| Proposal { note: Some(note), ..Proposal::of(self) })
    }
}

/// The label of a recording: the name of its folder.
fn label_of_path(recording: &str) -> Event {
    match parts(recording)[..] {
        [.., folder, _] => Event::whole(1, folder),
        _ => Event::unusable(1, "", "lies in no folder, expected one for each class"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_a_class() {
        assert_eq!(label_of_path("esc10/dog_bark/1.wav").label, "dog_bark");
        assert!(label_of_path("1.wav").problem.is_some());
    }
}
