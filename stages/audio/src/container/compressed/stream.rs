//! What the reader of compressed sound needs to know of a file: its packets, and which of the decoded frames are the recording.

use std::io::{self, Read, Seek, SeekFrom};

use chorus_archive::ReadSeek;
use chorus_wav::bytes::length;
use symphonia::core::errors::{Error, Result as Decoded};
use symphonia::core::formats::{FormatOptions, FormatReader};
use symphonia::core::io::{MediaSource, MediaSourceStream, ReadOnlySource};

use super::super::facts::Repair;
use super::fault::{rejected, unreadable};
use super::guard;
use crate::error::{Fault, RejectCode};
use crate::headers::Tags;

/// An opened file.
pub(in super::super) struct Stream {
    pub(super) demuxer: Box<dyn FormatReader>,
    pub(super) container: &'static str,
    /// Bytes that packets can be made of.
    pub(super) bytes: u64,
    /// Bytes around each packet, where every byte of a sound file belongs to some packet.
    pub(super) packet_overhead: Option<u64>,
    pub(super) edges: Edges,
    /// What is wrong with the file around the packets.
    pub(in super::super) repair: Option<Repair>,
    /// What recorders wrote beside the packets.
    pub(in super::super) tags: Tags,
}

/// Which of the decoder's frames are the recording: encoders put frames before and behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edges {
    /// The timestamp of the decoder's first frame.
    pub(super) origin: i64,
    /// Frames before the recording.
    pub(super) skip: u64,
    /// Frames of the recording, where the file states them.
    pub(super) keep: Option<u64>,
    /// Frames that may follow. When there are more, the stated length is wrong and all are kept; None: they never are.
    pub(super) slack: Option<u64>,
    /// Whether symphonia's decoder cuts them off by itself.
    pub(super) cut_by_decoder: bool,
    /// Whether the first packets are known to be missing, so that a late start is a hole.
    pub(super) starts_late: bool,
}

impl Edges {
    /// Every frame is the recording, `keep` of them by the header, or more.
    pub(super) fn none(keep: Option<u64>) -> Self {
        Self { origin: 0, skip: 0, keep, slack: Some(0), cut_by_decoder: false, starts_late: false }
    }
}

impl Stream {
    /// A stream without a fault and without edges, from `bytes` bytes of packets.
    pub(super) fn new(demuxer: Box<dyn FormatReader>, container: &'static str, bytes: u64) -> Self {
        let keep = None;
        Self { demuxer, container, bytes, packet_overhead: None, edges: Edges::none(keep), repair: None, tags: Tags::default() }
    }
}

/// A part of a file that can only be read forwards: a demuxer then looks neither at its end, nor guesses a length from it.
pub(super) fn section(mut file: Box<dyn ReadSeek>, start: u64, bytes: u64) -> Result<Box<dyn MediaSource>, Fault> {
    file.seek(SeekFrom::Start(start))?;
    Ok(Box::new(ReadOnlySource::new(file.take(bytes))))
}

/// A whole file, which can be searched.
pub(super) fn whole(mut file: Box<dyn ReadSeek>) -> Result<Box<dyn MediaSource>, Fault> {
    let len = length(&mut file)?;
    file.rewind()?;
    Ok(Box::new(Searchable { file, len }))
}

/// A whole file as symphonia takes it.
struct Searchable {
    file: Box<dyn ReadSeek>,
    len: u64,
}

impl Read for Searchable {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
}

impl Seek for Searchable {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

impl MediaSource for Searchable {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.len)
    }
}

/// A made head before a part of a file, as one file.
#[derive(Debug)]
pub(super) struct Spliced {
    head: Vec<u8>,
    file: Box<dyn ReadSeek>,
    start: u64,
    bytes: u64,
    at: u64,
}

impl Spliced {
    /// `head`, then `bytes` bytes of `file` from `start` on.
    pub(super) fn new(head: Vec<u8>, file: Box<dyn ReadSeek>, start: u64, bytes: u64) -> Self {
        Self { head, file, start, bytes, at: 0 }
    }

    fn len(&self) -> u64 {
        self.head.len() as u64 + self.bytes
    }
}

impl Read for Spliced {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let head = self.head.len() as u64;
        let read = match self.at.checked_sub(head) {
            None => (&self.head[self.at as usize..]).read(buffer)?,
            Some(behind) => {
                self.file.seek(SeekFrom::Start(self.start + behind))?;
                self.file.by_ref().take(self.bytes.saturating_sub(behind)).read(buffer)?
            }
        };
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Spliced {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.len().checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

impl MediaSource for Spliced {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.len())
    }
}

/// Makes a demuxer, whatever is in the file.
pub(super) fn demuxer<R: FormatReader + 'static>(
    container: &str,
    source: Box<dyn MediaSource>,
    make: impl FnOnce(MediaSourceStream<'static>, FormatOptions) -> Decoded<R>,
) -> Result<Box<dyn FormatReader>, Fault> {
    let stream = MediaSourceStream::new(source, Default::default());
    match guard::calm(|| make(stream, FormatOptions::default())) {
        Some(made) => Ok(Box::new(made.map_err(|error: Error| unreadable(container, error))?)),
        None => Err(rejected(RejectCode::BadHeader, format!("the {container} header breaks the demuxer"))),
    }
}
