//! What symphonia is shown of a FLAC file: STREAMINFO and the audio, without tags, pictures and seek tables. A malformed tag then
//! costs nothing, and a large one no memory. What recorders write into tags is handed out apart.

use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};

use symphonia::core::io::{MediaSource, ReadOnlySource};

use super::super::sniff::id3v2_bytes;
use super::super::wav::read_at;
use super::rejected;
use crate::error::{Fault, RejectCode};
use crate::headers::{TAG_BYTES, Tags};

/// Bytes of a STREAMINFO block, and the type of that block (RFC 9639, section 8.2).
const STREAMINFO_BYTES: usize = 34;
const STREAMINFO_TYPE: u8 = 0;
/// Types of the blocks that hold tags.
const APPLICATION_TYPE: u8 = 2;
const VORBIS_COMMENT_TYPE: u8 = 4;
/// The flag of the last metadata block.
const LAST_BLOCK: u8 = 0x80;

/// A source of the bare stream, and the number of bytes of audio in it. Tags on the way to it are put into `tags`.
pub(super) fn bare_stream(mut file: File, tags: &mut Tags) -> Result<(Box<dyn MediaSource>, u64), Fault> {
    let len = file.seek(SeekFrom::End(0))?;
    let mut head = [0; 10];
    let read = read_at(&mut file, 0, &mut head)?;
    let mut at = id3v2_bytes(&head[..read]).unwrap_or(0) + 4;
    let mut streaminfo = None;
    loop {
        let mut block = [0; 4 + STREAMINFO_BYTES];
        let read = read_at(&mut file, at, &mut block)?;
        let flags = block[0];
        let size = u32::from_be_bytes([0, block[1], block[2], block[3]]) as usize;
        at += 4 + size as u64;
        if read < 4 || at > len {
            return Err(rejected(
                RejectCode::TruncatedHeader,
                format!("the flac file ends after {len} bytes, inside its metadata"),
            ));
        }
        if flags & !LAST_BLOCK == STREAMINFO_TYPE && size == STREAMINFO_BYTES {
            streaminfo.get_or_insert(block);
        }
        match flags & !LAST_BLOCK {
            APPLICATION_TYPE => tags.take_foreign(&payload(&mut file, at - size as u64, size)?),
            VORBIS_COMMENT_TYPE => tags.take_vorbis(&payload(&mut file, at - size as u64, size)?),
            _ => {}
        }
        if flags & LAST_BLOCK != 0 {
            break;
        }
    }
    let mut streaminfo = streaminfo
        .ok_or_else(|| rejected(RejectCode::BadHeader, "the flac file has no STREAMINFO block of 34 bytes".to_owned()))?;
    streaminfo[0] |= LAST_BLOCK;
    file.seek(SeekFrom::Start(at))?;
    let stream = Cursor::new([b"fLaC".as_slice(), &streaminfo].concat()).chain(file);
    Ok((Box::new(ReadOnlySource::new(stream)), len.saturating_sub(at)))
}

/// The payload of a block of tags, as far as it is read.
fn payload(file: &mut File, at: u64, size: usize) -> Result<Vec<u8>, Fault> {
    let mut bytes = vec![0; size.min(TAG_BYTES as usize)];
    let read = read_at(file, at, &mut bytes)?;
    bytes.truncate(read);
    Ok(bytes)
}
