//! What the engine asks of the file system on which a run lies. [`super::local`] is the one of this machine; tests have one in memory that
//! loses what was not synced, and fails any call.
//!
//! Nothing here tells the time of a file: no decision depends on it.

use std::fmt;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use chorus_platform::identity::Identity;
use jiff::Timestamp;

/// What a file system tells of a file or folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facts {
    /// The size of its content.
    pub(crate) bytes: u64,
    /// Whether it is a folder.
    pub(crate) is_folder: bool,
}

/// One thing in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its path: that of the folder, and its name.
    pub(crate) path: PathBuf,
    /// Whether it is a folder itself. A link is none, whatever it leads to.
    pub(crate) is_folder: bool,
}

/// A file that is read.
pub(crate) trait Reader: Read + Seek + Send {}

impl<R: Read + Seek + Send> Reader for R {}

/// A file that is written.
pub(crate) trait Writer: Write + fmt::Debug + Send + Sync {
    /// Waits until what was written is on the disk.
    fn sync(&self) -> io::Result<()>;
}

/// An open folder, by which to wait for a whole file system.
pub(crate) trait Watch: fmt::Debug + Send + Sync {
    /// Waits until all that was written to the file system is on the disk. Tells of errors since the folder was opened, and of older ones
    /// only where nobody else was told of them.
    fn sync_all(&self) -> io::Result<()>;
}

/// How to take a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Together with others that take it so; without waiting.
    Shared,
    /// Alone; without waiting.
    Exclusive,
    /// Alone; waits for whoever has it.
    Wait,
}

/// An open file that serves as a lock only. The lock ends with the last process that has the file open.
pub(crate) trait LockFile: fmt::Debug + Send + Sync {
    /// Takes the lock; false where another process has it.
    fn lock(&self, mode: Mode) -> io::Result<bool>;
    /// Gives the lock back.
    fn unlock(&self) -> io::Result<()>;
    /// Which file it is. It may have lost its name.
    fn identity(&self) -> io::Result<Identity>;
    /// Lets the programs that this process starts hold the lock too, where the system allows that.
    fn hand_on(&self) -> io::Result<()>;
}

/// The calls. They are those of POSIX, each tried once: a signal may interrupt any of them. Other systems do the same in their own ways.
pub(crate) trait FileSystem: fmt::Debug + Send + Sync {
    /// Opens a file for reading.
    fn open(&self, path: &Path) -> io::Result<Box<dyn Reader>>;
    /// Makes a new file. Fails where the name is taken.
    fn create(&self, path: &Path) -> io::Result<Box<dyn Writer>>;
    /// Opens a file to append to it, and makes it where it is missing.
    fn extend(&self, path: &Path) -> io::Result<Box<dyn Writer>>;
    /// Waits until the content of a file is on the disk, whoever wrote it.
    fn sync_file(&self, path: &Path) -> io::Result<()>;
    /// Waits until the names in a folder are on the disk. Does nothing where the file system cannot.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;
    /// Opens a folder by which to wait for its whole file system; `None` where the system cannot wait for one.
    fn watch(&self, folder: &Path) -> io::Result<Option<Box<dyn Watch>>>;
    /// Makes one folder.
    fn make_folder(&self, path: &Path) -> io::Result<()>;
    /// Gives a file another name. Whatever bore that name before is replaced in one step.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Gives a file a second name.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes the name of a file.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Removes an empty folder.
    fn remove_folder(&self, path: &Path) -> io::Result<()>;
    /// Removes a folder and all in it. Links are removed and not followed.
    fn remove_all(&self, path: &Path) -> io::Result<()>;
    /// What a folder holds, in any order.
    fn list(&self, folder: &Path) -> io::Result<Vec<Entry>>;
    /// What is known of a path; links are followed.
    fn facts(&self, path: &Path) -> io::Result<Facts>;
    /// Which file or folder a path leads to; links are followed.
    fn identity(&self, path: &Path) -> io::Result<Identity>;
    /// Whether names that differ by case only are of two files where this path lies.
    fn tells_case_apart(&self, path: &Path) -> bool;
    /// Opens, and makes, a file that serves as a lock only.
    fn open_lock(&self, path: &Path) -> io::Result<Box<dyn LockFile>>;
    /// Bytes that are free where a path lies.
    fn free_bytes(&self, path: &Path) -> io::Result<u64>;
    /// The time of day. Clocks are set, and go back.
    fn now(&self) -> Timestamp;
    /// A name that no other file of this process has had. One of another process that bears its number may have left such a file.
    fn unique(&self) -> String;
}
