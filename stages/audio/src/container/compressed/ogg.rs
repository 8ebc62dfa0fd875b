//! Ogg: Vorbis and FLAC. Source: RFC 3533 (pages), Xiph.org, "Vorbis I specification".
//!
//! symphonia 0.6.1 refuses a file when one of its first pages is damaged. So it gets the undamaged pages only, and the content
//! of the others becomes a hole.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use chorus_archive::ReadSeek;
use chorus_wav::bytes::length;
use symphonia::core::io::ReadOnlySource;
use symphonia::default::formats::OggReader;

use super::super::sniff::unsupported;
use super::fault::rejected;
use super::stream::{self, Edges, Stream};
use crate::error::{Fault, RejectCode};
use crate::headers::{TAG_BYTES, Tags};

/// How a page begins.
const MARK: [u8; 4] = *b"OggS";
/// Bytes before the table of segments in a page, and the places of its fields.
const PAGE_HEAD_BYTES: usize = 27;
const POSITION_AT: usize = 6;
const SERIAL_AT: usize = 14;
const NUMBER_AT: usize = 18;
const CHECKSUM_AT: usize = 22;
const SEGMENTS_AT: usize = 26;
/// Pages looked at for the headers of a stream.
const MAX_PAGES: usize = 4096;
/// The largest Vorbis setup header that is handed on, bytes. Encoders write some kilobytes, but a hostile header can state tables
/// of a thousand times its own size.
const MAX_SETUP_BYTES: usize = 64 * 1024;
/// How often, on average, each byte of a file may be read again in search of pages.
const PATIENCE: u64 = 8;
/// The packets before a Vorbis stream's sound: identification, comments, setup. FLAC has its comments in the same place.
const COMMENTS_PACKET: usize = 1;
const SETUP_PACKET: usize = 2;
/// How the comments of a Vorbis stream begin.
const COMMENTS: &[u8] = b"\x03vorbis";

/// The marks of codecs at the start of a stream's first packet, and their names where they are not read.
const CODECS: [(&[u8], Option<&str>); 6] = [
    (b"\x01vorbis", None),
    (b"\x7FFLAC", None),
    (b"OpusHead", Some("Opus in Ogg")),
    (b"Speex   ", Some("Speex in Ogg")),
    (b"\x80theora", Some("Theora video in Ogg")),
    (b"PCM     ", Some("PCM in Ogg")),
];

/// An Ogg file.
pub(super) fn stream(mut file: Box<dyn ReadSeek>) -> Result<Stream, Fault> {
    let len = length(&mut file)?;
    let mut pages = Pages::new(file, len)?;
    let headers = headers(&mut pages)?;
    pages.rewind()?;
    let demuxer = stream::demuxer("ogg", Box::new(ReadOnlySource::new(pages)), OggReader::try_new)?;
    let edges = Edges { cut_by_decoder: true, starts_late: headers.has_gap, ..Edges::none(None) };
    Ok(Stream { edges, tags: headers.tags(), ..Stream::new(demuxer, "ogg", len) })
}

/// Goes through the pages before the sound: names what is not read, and refuses a setup header of a size that no
/// encoder writes.
fn headers(pages: &mut Pages) -> Result<Headers, Fault> {
    let mut stream: Option<Headers> = None;
    for _ in 0..MAX_PAGES {
        if !pages.next()? {
            return stream.ok_or_else(no_page);
        }
        let page = Page(&pages.page);
        let headers = match &mut stream {
            Some(headers) if headers.serial != page.serial() => continue,
            Some(headers) => headers,
            none => {
                check_codec(page.body())?;
                none.insert(Headers::new(&page))
            }
        };
        headers.take(&page)?;
        if page.position() > 0 {
            return stream.ok_or_else(no_page);
        }
    }
    Err(rejected(RejectCode::BadHeader, format!("no sound within the first {MAX_PAGES} pages of the ogg file")))
}

/// The headers of a stream, so far.
struct Headers {
    serial: [u8; 4],
    next_page: u32,
    /// Whether pages are missing among the headers and the first of the sound.
    has_gap: bool,
    /// The number of the packet that is being read, and its bytes.
    packet: usize,
    packet_bytes: usize,
    /// The packet of comments, at most [`TAG_BYTES`] of it.
    comments: Vec<u8>,
}

impl Headers {
    fn new(first: &Page<'_>) -> Self {
        let (serial, next_page) = (first.serial(), first.number());
        Self { serial, next_page, has_gap: false, packet: 0, packet_bytes: 0, comments: Vec::new() }
    }

    /// What recorders and converters wrote into the comments.
    fn tags(&self) -> Tags {
        let mut tags = Tags::default();
        if let Some(block) = self.comments.strip_prefix(COMMENTS) {
            tags.take_vorbis(block);
        } else if let [4 | 0x84, _, _, _, block @ ..] = &self.comments[..] {
            // In a FLAC stream: a metadata block of type 4, with the length of three bytes.
            tags.take_vorbis(block);
        }
        tags
    }

    fn take(&mut self, page: &Page<'_>) -> Result<(), Fault> {
        self.has_gap |= page.number() != self.next_page;
        self.next_page = page.number().wrapping_add(1);
        let mut body = page.body();
        for &segment in page.segments() {
            let (part, rest) = body.split_at_checked(usize::from(segment)).unwrap_or((body, &[]));
            body = rest;
            if self.packet == COMMENTS_PACKET && self.comments.len() as u64 + u64::from(segment) <= TAG_BYTES {
                self.comments.extend_from_slice(part);
            }
            self.packet_bytes += usize::from(segment);
            if self.packet == SETUP_PACKET && self.packet_bytes > MAX_SETUP_BYTES {
                return Err(rejected(
                    RejectCode::BadHeader,
                    format!("the setup header of the ogg stream is larger than {MAX_SETUP_BYTES} bytes"),
                ));
            }
            // A packet ends with the first segment that is not full.
            if segment < u8::MAX {
                (self.packet, self.packet_bytes) = (self.packet + 1, 0);
            }
        }
        Ok(())
    }
}

fn check_codec(packet: &[u8]) -> Result<(), Fault> {
    match CODECS.iter().find(|(mark, _)| packet.starts_with(mark)) {
        Some((_, None)) => Ok(()),
        Some((_, Some(name))) => unsupported(name),
        None => unsupported("an unknown codec in Ogg"),
    }
}

fn no_page() -> Fault {
    rejected(RejectCode::TruncatedHeader, "the ogg file has no complete page that agrees with its checksum".to_owned())
}

/// A whole page, its checksum kept.
struct Page<'p>(&'p [u8]);

impl<'p> Page<'p> {
    /// Where the sound of the page ends, in frames; 0 for headers.
    fn position(&self) -> i64 {
        i64::from_le_bytes([0, 1, 2, 3, 4, 5, 6, 7].map(|i| self.0[POSITION_AT + i]))
    }

    fn serial(&self) -> [u8; 4] {
        [0, 1, 2, 3].map(|i| self.0[SERIAL_AT + i])
    }

    /// The page's place in its stream.
    fn number(&self) -> u32 {
        u32::from_le_bytes([0, 1, 2, 3].map(|i| self.0[NUMBER_AT + i]))
    }

    fn segments(&self) -> &'p [u8] {
        &self.0[PAGE_HEAD_BYTES..][..usize::from(self.0[SEGMENTS_AT])]
    }

    fn body(&self) -> &'p [u8] {
        &self.0[PAGE_HEAD_BYTES + usize::from(self.0[SEGMENTS_AT])..]
    }
}

/// The sound pages of a file, one behind the other.
struct Pages {
    file: BufReader<Box<dyn ReadSeek>>,
    /// The current page, and how much of it was read.
    page: Vec<u8>,
    taken: usize,
    /// Bytes that may still be read again behind false page marks, of which hostile files are full.
    patience: u64,
    checksums: [u32; 256],
}

impl Pages {
    fn new(file: Box<dyn ReadSeek>, len: u64) -> io::Result<Self> {
        let (file, patience) = (BufReader::new(file), len.saturating_mul(PATIENCE));
        let mut pages = Self { file, page: Vec::new(), taken: 0, patience, checksums: checksums() };
        pages.rewind()?;
        Ok(pages)
    }

    fn rewind(&mut self) -> io::Result<()> {
        self.page.clear();
        self.taken = 0;
        self.file.seek(SeekFrom::Start(0)).map(|_| ())
    }

    /// Goes to the next page; false at the end of the file.
    fn next(&mut self) -> io::Result<bool> {
        while self.find_mark()? {
            if self.complete()? {
                return Ok(true);
            }
            // No page after all, or a damaged one: another may begin within it.
            let behind_mark = self.page.len() - MARK.len();
            if let Some(left) = self.patience.checked_sub(behind_mark as u64) {
                self.patience = left;
                self.file.seek_relative(-(behind_mark as i64))?;
            }
        }
        self.page.clear();
        Ok(false)
    }

    /// Goes behind the next mark, which is then all of the page.
    fn find_mark(&mut self) -> io::Result<bool> {
        let mut window = [0; MARK.len()];
        let mut byte = [0; 1];
        while window != MARK {
            if self.file.read(&mut byte)? == 0 {
                return Ok(false);
            }
            window.rotate_left(1);
            window[MARK.len() - 1] = byte[0];
        }
        self.page.clear();
        self.taken = 0;
        self.page.extend(MARK);
        Ok(true)
    }

    /// Reads the rest of the page; whether it is all there and sound.
    fn complete(&mut self) -> io::Result<bool> {
        if !self.grow_to(PAGE_HEAD_BYTES)? || !self.grow_to(PAGE_HEAD_BYTES + usize::from(self.page[SEGMENTS_AT]))? {
            return Ok(false);
        }
        let body: usize = self.page[PAGE_HEAD_BYTES..].iter().map(|&segment| usize::from(segment)).sum();
        Ok(self.grow_to(self.page.len() + body)? && self.is_sound())
    }

    fn grow_to(&mut self, bytes: usize) -> io::Result<bool> {
        let missing = (bytes - self.page.len()) as u64;
        Ok((&mut self.file).take(missing).read_to_end(&mut self.page)? as u64 == missing)
    }

    /// Whether the checksum, taken with its own place zeroed, is that of the page.
    fn is_sound(&self) -> bool {
        let stated = u32::from_le_bytes([0, 1, 2, 3].map(|i| self.page[CHECKSUM_AT + i]));
        let bytes = self.page.iter().enumerate().map(|(i, &byte)| if (CHECKSUM_AT..SEGMENTS_AT).contains(&i) { 0 } else { byte });
        stated == bytes.fold(0, |sum: u32, byte| sum << 8 ^ self.checksums[usize::from((sum >> 24) as u8 ^ byte)])
    }
}

impl Read for Pages {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.page.len() && !self.next()? {
            return Ok(0);
        }
        let read = (&self.page[self.taken..]).read(buffer)?;
        self.taken += read;
        Ok(read)
    }
}

/// The checksums of single bytes: CRC-32 with the polynomial 0x04C11DB7, highest bit first.
fn checksums() -> [u32; 256] {
    std::array::from_fn(|byte| {
        (0..8).fold((byte as u32) << 24, |sum, _| if sum & 0x8000_0000 != 0 { sum << 1 ^ 0x04C1_1DB7 } else { sum << 1 })
    })
}
