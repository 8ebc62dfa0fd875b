//! Compressed recordings. symphonia finds the packets and decodes them. This code decides which frames belong to the
//! recording, what is lost, and which header is not believed.
//!
//! Properties of symphonia 0.6.1 that are the reasons for this code:
//! - FLAC frames that fail their checksum, or contradict STREAMINFO, are dropped without an error: the next packet's
//!   timestamp shows the hole.
//! - A FLAC that ends early gives an unexpected end of file when STREAMINFO states a total, and an ordinary end when it does not:
//!   then only the bytes that belong to no packet show it.
//! - A STREAMINFO that contradicts all frames (block size, bits, channels) makes the whole file unreadable: `flac` corrects it.
//! - A malformed tag makes the whole file unreadable too, and metadata is read into memory: `flac` and `mpeg` keep both from it.
//! - On a source that can be searched backwards it guesses the length of an MP3 from its first frames, and cuts the
//!   end by that guess: only what can be read in one direction is handed to it, where the format allows it.
//! - Edit lists of MPEG-4 and the edges of CAF are not applied: `mp4` and `caf` read them.
//! - Its readers take a stated size in small steps from the file, so that memory stays within a multiple of what the
//!   file holds; where the multiple is large (Vorbis setup, CAF packet tables) the headers are checked before they
//!   are handed on.

pub(super) mod caf;
mod fault;
mod flac;
mod guard;
mod mp4;
pub(super) mod mpeg;
mod ogg;
mod reader;
mod stream;

use chorus_archive::ReadSeek;

use super::frames::Frames;
use super::sniff::Kind;
use crate::error::Fault;
pub(super) use reader::CompressedReader;

/// Opens a compressed recording.
pub(super) fn open(file: Box<dyn ReadSeek>, kind: Kind) -> Result<Box<dyn Frames>, Fault> {
    let stream = match kind {
        Kind::Flac => flac::stream(file)?,
        Kind::Adts => mpeg::adts(file)?,
        Kind::Ogg => ogg::stream(file)?,
        Kind::Mp4 => mp4::stream(file)?,
        _ => mpeg::mp3(file)?,
    };
    Ok(Box::new(CompressedReader::new(stream)?))
}
