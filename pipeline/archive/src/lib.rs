//! An archive of recordings as an interface: what it holds ([`Archive::list`]) and how a file of it is read ([`Archive::open`]).
//!
//! Stages know an archive by this interface alone, so that an archive need not be a folder. [`Local`] is one; the crate
//! chorus-store has another, for object stores.
//!
//! # Paths
//!
//! A path is text, relative to the archive, with parts separated by `/`. The empty path is the archive itself.
//! Methods also accept the spellings that people write in a configuration: `./a`, `a//b`, `a/../b`, and for [`Local`]
//! an absolute path below its folder. Paths in a listing are always in the plain form.

mod archive;
mod error;
mod local;
mod names;
mod path;
mod version;

pub use archive::{Archive, Entries, Entry, EntryState, Kind, ReadSeek, Selection};
pub use error::{ArchiveError, Cause};
pub use local::{Local, open_file};
pub use names::{cleaned, column_name};
pub use path::{compatible, composed, is_passed_over, is_url, is_within, plain};
pub use version::Version;
