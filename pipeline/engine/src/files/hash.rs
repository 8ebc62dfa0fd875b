//! Hashes of content, by which inputs and outputs are compared.

use std::path::Path;

use super::disk::Disk;
use crate::EngineError;

/// BLAKE3 of some bytes, 32 hexadecimal digits.
pub fn hash_bytes(bytes: &[u8]) -> String {
    hash_text(blake3::Hasher::new().update(bytes))
}

/// The digits of a hash. 128 bits rule out collisions by chance in any archive.
pub(crate) fn hash_text(hasher: &blake3::Hasher) -> String {
    hasher.finalize().to_hex()[..32].to_owned()
}

/// The hash of a file's content, read in pieces.
///
/// # Errors
/// [`EngineError::Io`].
pub fn hash_file(path: &Path) -> Result<String, EngineError> {
    hash_on(&Disk::local(), path)
}

/// The same for a file on some disk.
pub(crate) fn hash_on(disk: &Disk, path: &Path) -> Result<String, EngineError> {
    let file = disk.open(path).map_err(EngineError::io(path, "cannot be opened"))?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file).map_err(EngineError::io(path, "cannot be read"))?;
    Ok(hash_text(&hasher))
}
