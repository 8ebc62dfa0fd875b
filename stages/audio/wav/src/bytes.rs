//! Reading at a place of a source.

use std::io::{self, Read, Seek, SeekFrom};

/// Reads at byte `at` until `buffer` is full or the source ends; returns the number of bytes read.
///
/// # Errors
/// Those of the source.
pub fn read_at<R: Read + Seek>(source: &mut R, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
    source.seek(SeekFrom::Start(at))?;
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// At most `limit` of the `size` bytes from `at` on, and no more than the source has.
///
/// # Errors
/// Those of the source.
pub fn payload<R: Read + Seek>(source: &mut R, at: u64, size: u64, limit: u64) -> io::Result<Vec<u8>> {
    let left = length(source)?.saturating_sub(at);
    let mut bytes = vec![0; size.min(limit).min(left) as usize];
    let read = read_at(source, at, &mut bytes)?;
    bytes.truncate(read);
    Ok(bytes)
}

/// The length of the source, bytes.
///
/// # Errors
/// Those of the source.
pub fn length(source: &mut impl Seek) -> io::Result<u64> {
    source.seek(SeekFrom::End(0))
}

/// The big-endian number of four bytes at `at`.
///
/// # Panics
/// When `bytes` ends before.
#[must_use]
pub fn u32_be(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().fold(0, |sum, &byte| sum << 8 | u32::from(byte))
}

/// The big-endian number of eight bytes at `at`.
///
/// # Panics
/// When `bytes` ends before.
#[must_use]
pub fn u64_be(bytes: &[u8], at: usize) -> u64 {
    bytes[at..at + 8].iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte))
}
