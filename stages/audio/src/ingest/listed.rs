//! A file that may be a recording, as a listing shows it and as it is remembered.

use chorus_archive::{Entry, EntryState, Version};
use serde::{Deserialize, Serialize};

/// A file as the listing shows it. Equal values have the same content, as far as that can be known without reading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub(super) struct ListedFile {
    /// Path relative to the archive, with forward slashes. Bytes that are not UTF-8 are shown as `\x` and two digits.
    pub(super) path: String,
    pub(super) bytes: u64,
    /// Changes when the content may have changed.
    pub(super) version: Version,
    /// Whether `path` opens the file.
    pub(super) state: EntryState,
}

/// A [`ListedFile`] as it is remembered. Up to version 0.1 inode and time of change were kept apart: without them, every
/// recording of an archive that is known already would have to be read again.
#[derive(Serialize, Deserialize)]
struct Written {
    path: String,
    bytes: u64,
    version: Option<String>,
    #[serde(default)]
    not_utf8: bool,
    #[serde(default)]
    dangling: bool,
    #[serde(default, skip_serializing)]
    inode: u64,
    #[serde(default, skip_serializing)]
    changed_ns: i64,
}

impl From<Written> for ListedFile {
    fn from(written: Written) -> Self {
        let Written { path, bytes, version, not_utf8, dangling, inode, changed_ns } = written;
        let state = match (not_utf8, dangling) {
            (true, _) => EntryState::NotUtf8,
            (false, true) => EntryState::DanglingLink,
            (false, false) => EntryState::File,
        };
        let version = version.map_or_else(|| Version::by_change(inode, changed_ns), Version::from);
        Self { path, bytes, version, state }
    }
}

impl From<ListedFile> for Written {
    fn from(ListedFile { path, bytes, version, state }: ListedFile) -> Self {
        let (not_utf8, dangling) = (state == EntryState::NotUtf8, state == EntryState::DanglingLink);
        Self { path, bytes, version: Some(version.to_string()), not_utf8, dangling, inode: 0, changed_ns: 0 }
    }
}

impl From<Entry> for ListedFile {
    fn from(entry: Entry) -> Self {
        let Entry { path, size, version, state } = entry;
        Self { path, bytes: size, version, state }
    }
}
