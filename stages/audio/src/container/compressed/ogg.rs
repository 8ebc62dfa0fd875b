//! Ogg: Vorbis and FLAC. Source: RFC 3533 (pages), Xiph.org, "Vorbis I specification".

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use symphonia::default::formats::OggReader;

use super::super::raw::length;
use super::stream::{self, Edges, Stream};
use super::super::sniff::unsupported;
use super::rejected;
use crate::error::{Fault, RejectCode};

/// Bytes before the table of segments in a page, and the places of the serial number and the number of segments.
const PAGE_HEAD_BYTES: usize = 27;
const SERIAL_AT: usize = 14;
const SEGMENTS_AT: usize = 26;
/// Pages looked at for the headers of a stream.
const MAX_PAGES: usize = 4096;
/// The largest Vorbis setup header that is handed on; encoders write some kilobytes. It can state tables a thousand times its own size.
const MAX_SETUP_BYTES: usize = 64 * 1024;
/// The packets before a Vorbis stream's sound: identification, comments, setup.
const SETUP_PACKET: usize = 2;

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
pub(super) fn stream(mut file: File) -> Result<Stream, Fault> {
    let len = length(&mut file)?;
    check_codec(&mut file)?;
    check_setup(&mut file)?;
    let demuxer = stream::demuxer("ogg", stream::section(file, 0, len)?, OggReader::try_new)?;
    let edges = Edges { cut_by_decoder: true, ..Edges::none(None) };
    Ok(Stream { edges, ..Stream::new(demuxer, "ogg", len) })
}

/// Names what is not read.
fn check_codec(file: &mut File) -> Result<(), Fault> {
    let mut head = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.by_ref().take(512).read_to_end(&mut head)?;
    let packet = head.get(PAGE_HEAD_BYTES..).and_then(|rest| rest.get(usize::from(head[SEGMENTS_AT])..));
    let packet = packet.ok_or_else(|| {
        rejected(RejectCode::TruncatedHeader, format!("the ogg file ends after {} bytes, inside its first page", head.len()))
    })?;
    match CODECS.iter().find(|(mark, _)| packet.starts_with(mark)) {
        Some((_, None)) => Ok(()),
        Some((_, Some(name))) => unsupported(name),
        None => unsupported("an unknown codec in Ogg"),
    }
}

/// Refuses a setup header of a size that no encoder writes.
fn check_setup(file: &mut File) -> Result<(), Fault> {
    let mut pages = Pages::new(file)?;
    let (mut packet, mut packet_bytes) = (0, 0);
    let Some(first) = pages.next()? else { return Ok(()) };
    let serial = first.serial;
    let mut page = first;
    for _ in 0..MAX_PAGES {
        if page.serial == serial {
            for &segment in &page.segments {
                packet_bytes += usize::from(segment);
                if packet == SETUP_PACKET && packet_bytes > MAX_SETUP_BYTES {
                    return Err(rejected(
                        RejectCode::BadHeader,
                        format!("the setup header of the ogg stream is larger than {MAX_SETUP_BYTES} bytes"),
                    ));
                }
                // A packet ends with the first segment that is not full.
                if segment < u8::MAX {
                    (packet, packet_bytes) = (packet + 1, 0);
                }
            }
        }
        if packet > SETUP_PACKET {
            return Ok(());
        }
        match pages.next()? {
            Some(next) => page = next,
            None => return Ok(()),
        }
    }
    Err(rejected(RejectCode::BadHeader, format!("no sound within the first {MAX_PAGES} pages of the ogg file")))
}

struct Page {
    serial: [u8; 4],
    segments: Vec<u8>,
}

/// Goes from page to page, over what lies between.
struct Pages<'f> {
    reader: std::io::BufReader<&'f mut File>,
}

impl<'f> Pages<'f> {
    fn new(file: &'f mut File) -> Result<Self, Fault> {
        file.seek(SeekFrom::Start(0))?;
        Ok(Self { reader: std::io::BufReader::new(file) })
    }

    /// The next page; None at the end of the file.
    fn next(&mut self) -> Result<Option<Page>, Fault> {
        let mut window = [0; 4];
        let mut byte = [0; 1];
        while &window != b"OggS" {
            if self.reader.read(&mut byte)? == 0 {
                return Ok(None);
            }
            window = [window[1], window[2], window[3], byte[0]];
        }
        let mut head = [0; PAGE_HEAD_BYTES - 4];
        let mut segments = Vec::new();
        let complete = self.reader.read_exact(&mut head).and_then(|()| {
            segments.resize(usize::from(head[SEGMENTS_AT - 4]), 0);
            self.reader.read_exact(&mut segments)
        });
        if complete.is_err() {
            return Ok(None);
        }
        let serial = [head[SERIAL_AT - 4], head[SERIAL_AT - 3], head[SERIAL_AT - 2], head[SERIAL_AT - 1]];
        Ok(Some(Page { serial, segments }))
    }
}
