//! Archives on object stores: `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix`, and `https://` for WebDAV.
//!
//! - [`archive`]: the archive that a configuration names, wherever it lies. The one place that knows all kinds of archives.
//! - [`Store`]: an archive on an object store. Keys are paths; size and ETag are a version.
//! - An object is read as a whole into a [`scratch`] file without a name, of which there is a bounded number of bytes. Reading begins
//!   before all of it has arrived.
//! - [`publish`]: puts a run on an object store; [`published`]: reads one from there.
//! - [`access`]: credentials come from the environment or from the files of AWS's own tools, and go nowhere else.

pub mod access;
mod incoming;
pub mod publish;
pub mod published;
pub mod scratch;
mod settings;
mod store;
mod words;

use std::sync::Arc;

use chorus_archive::{Archive, ArchiveError, Cause, Local, is_url};
use chorus_keys::Values;

pub use settings::{StoreSettings, declarations};
pub use store::Store;

/// The archive that a configuration names in `archive.path`, if it names one.
///
/// # Errors
/// As [`archive`].
pub fn named(values: &Values) -> Result<Option<Arc<dyn Archive>>, ArchiveError> {
    let Some(path) = values.text("archive.path") else { return Ok(None) };
    // What a run of an earlier version recorded lacks the keys.
    let settings = values.settings::<StoreSettings>().unwrap_or_default();
    archive(path, &settings).map(Some)
}

/// The archive at a path: a local folder, or an object store where the path is a URL. Whether it is there is not looked at
/// yet.
///
/// # Errors
/// [`Cause::Address`] for a URL that names no object store.
pub fn archive(path: &str, settings: &StoreSettings) -> Result<Arc<dyn Archive>, ArchiveError> {
    if is_url(path) {
        return Ok(Arc::new(Store::open(path, settings).map_err(|cause: Cause| ArchiveError::new(path, cause))?));
    }
    Ok(Arc::new(Local::new(path)))
}
