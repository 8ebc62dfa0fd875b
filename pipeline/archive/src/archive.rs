//! The interface.

use std::fmt;
use std::io::{Read, Seek};

use crate::error::{ArchiveError, Cause};
use crate::version::Version;

/// An archive of recordings and of the files beside them. It is never written to.
pub trait Archive: fmt::Debug + Send + Sync {
    /// The archive's own name: the last part of its folder or of its prefix; `None` where it has none.
    fn name(&self) -> Option<String>;

    /// How messages name a path of this archive, with the archive in front.
    fn location(&self, path: &str) -> String;

    /// Whether a path names a folder or a file; `None` where there is neither.
    ///
    /// # Errors
    /// [`Cause::Outside`]; [`Cause::Io`] when this cannot be found out.
    fn kind_of(&self, path: &str) -> Result<Option<Kind>, ArchiveError>;

    /// The files that a selection names, each once, in no promised order.
    ///
    /// An implementation may list lazily, so an error can also be an item; after an error the iterator is not continued.
    ///
    /// # Errors
    /// [`Cause::NotFound`] when there is nothing at [`Selection::folder`]; [`Cause::Outside`]; [`Cause::Io`].
    fn list<'a>(&'a self, selection: Selection<'a>) -> Result<Entries<'a>, ArchiveError>;

    /// Opens a file for reading.
    ///
    /// # Errors
    /// [`Cause::NotFound`]; [`Cause::NotAFile`]; [`Cause::Outside`]; [`Cause::Io`].
    fn open(&self, path: &str) -> Result<Box<dyn ReadSeek>, ArchiveError>;

    /// As [`Archive::list`], sorted by path.
    ///
    /// # Errors
    /// Those of [`Archive::list`].
    fn sorted(&self, selection: Selection<'_>) -> Result<Vec<Entry>, ArchiveError> {
        let mut entries = self.list(selection)?.collect::<Result<Vec<_>, _>>()?;
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(entries)
    }

    /// The content of a small file: a table of labels, a site sheet.
    ///
    /// # Errors
    /// Those of [`Archive::open`]; [`Cause::TooLarge`] when the file has more than `limit` bytes.
    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, ArchiveError> {
        let fail = |cause| ArchiveError::new(self.location(path), cause);
        let mut file = self.open(path)?;
        let size = file.seek(std::io::SeekFrom::End(0)).map_err(|e| fail(Cause::Io(e)))?;
        if size > limit {
            return Err(fail(Cause::TooLarge { size, limit }));
        }
        file.rewind().map_err(|e| fail(Cause::Io(e)))?;
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        // The size of a file that is being written grows: the limit holds all the same.
        file.take(limit).read_to_end(&mut bytes).map_err(|e| fail(Cause::Io(e)))?;
        Ok(bytes)
    }
}

/// An open file of an archive. `Sync` because decoders ask for it.
pub trait ReadSeek: Read + Seek + Send + Sync {}

impl<R: Read + Seek + Send + Sync> ReadSeek for R {}

impl fmt::Debug for dyn ReadSeek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReadSeek")
    }
}

/// What a path can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A folder; in an object store, a prefix with at least one key below it.
    Folder,
    /// A file, or anything else that is not a folder.
    File,
}

/// A listing.
pub type Entries<'a> = Box<dyn Iterator<Item = Result<Entry, ArchiveError>> + Send + 'a>;

/// What to list. What [`is_passed_over`](crate::is_passed_over) names is never listed: hidden files and folders, and folders of
/// operating systems.
#[derive(Clone, Copy)]
pub struct Selection<'a> {
    /// The folder below which files are listed. Where it names a file, that file alone is listed, whatever it is called.
    pub folder: &'a str,
    /// Whether the folder or the file with this path of the archive is left out. A folder that is left out is not read.
    pub is_excluded: &'a (dyn Fn(&str) -> bool + Sync),
    /// Whether a file of this name (without folders) is wanted.
    pub is_wanted: &'a (dyn Fn(&str) -> bool + Sync),
}

impl fmt::Debug for Selection<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Selection").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// A file of a listing. Equal entries have the same content, as far as that can be known without reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The path in the archive. Bytes that are not UTF-8 are shown as `\x` and two digits.
    pub path: String,
    /// The size of the file, bytes.
    pub size: u64,
    /// Changes when the content may have changed.
    pub version: Version,
    /// Whether the file can be opened by this path.
    pub state: EntryState,
}

/// Whether a listed file can be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryState {
    /// A file that `path` opens.
    File,
    /// A link to a file that is not there, as where a disk is missing. Its size is 0.
    DanglingLink,
    /// A link that leads nowhere, or to itself, and whose name is not that of a wanted file: a folder may be behind it, such as that of a
    /// disk that is not mounted. Its size is 0, and its version says where it leads.
    LostLink,
    /// A file whose real path is not UTF-8: `path` shows it and does not open it.
    NotUtf8,
}
