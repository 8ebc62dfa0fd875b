//! Compressed sound in CAF. symphonia 0.6.1 reads the wrong place after a packet table that does not fill its chunk, as
//! libsndfile writes it, and takes memory by the stated number of packets. So it gets a file that holds the four necessary
//! chunks, with the table cut to its length.

use chorus_archive::ReadSeek;
use chorus_wav::Data;
use chorus_wav::bytes::{u32_be, u64_be};
use symphonia::default::formats::CafReader;

use super::fault::rejected;
use super::stream::{self, Edges, Stream};
use crate::error::{Fault, RejectCode};

/// Memory that symphonia takes for a packet, and what a table may take beyond the size of the sound.
const BYTES_PER_PACKET: u64 = 32;
const TABLE_BYTES: u64 = 16 << 20;
/// Bytes of a packet table before its entries.
const TABLE_HEAD_BYTES: usize = 24;

/// Bytes of the description of the format.
pub(in super::super) const DESCRIPTION_BYTES: usize = 32;

/// The parts of a CAF file that a decoder of compressed sound needs.
#[derive(Debug)]
pub(in super::super) struct Parts {
    /// The `desc` chunk as it stands.
    pub(in super::super) description: [u8; DESCRIPTION_BYTES],
    /// The decoder's settings, `kuki`.
    pub(in super::super) cookie: Option<Vec<u8>>,
    /// The packet table, `pakt`.
    pub(in super::super) packets: Option<Vec<u8>>,
    /// Where the packets lie.
    pub(in super::super) data: Data,
}

impl Parts {
    /// Numbers that the packet table holds for each packet: its size and its frames, each where it varies.
    fn entries_per_packet(&self) -> u64 {
        [16, 20].into_iter().filter(|&at| u32_be(&self.description, at) == 0).count() as u64
    }
}

/// The sound of a CAF file.
pub(in super::super) fn stream(file: Box<dyn ReadSeek>, parts: &Parts) -> Result<Stream, Fault> {
    let data = &parts.data;
    let table = parts.packets.as_deref().filter(|table| table.len() >= TABLE_HEAD_BYTES).ok_or_else(|| {
        rejected(
            RejectCode::TruncatedHeader,
            "the caf file ends before its table of packets, without which compressed sound can't be found".to_owned(),
        )
    })?;
    let (packets, frames, priming) = (u64_be(table, 0), u64_be(table, 8), u64::from(u32_be(table, 16)));
    if packets.saturating_mul(BYTES_PER_PACKET) > data.available.saturating_add(TABLE_BYTES) {
        return Err(rejected(
            RejectCode::BadHeader,
            format!("the caf file states {packets} packets for {} bytes of sound", data.available),
        ));
    }
    let per_packet = parts.entries_per_packet();
    let table = &table[..TABLE_HEAD_BYTES + entries_bytes(&table[TABLE_HEAD_BYTES..], packets * per_packet)];
    let head = [
        b"caff\0\x01\0\0".to_vec(),
        chunk(b"desc", &parts.description),
        chunk(b"kuki", parts.cookie.as_deref().unwrap_or_default()),
        chunk(b"pakt", table),
        [b"data".as_slice(), &(data.available + 4).to_be_bytes(), &[0; 4]].concat(),
    ]
    .concat();
    let source = stream::Spliced::new(head, file, data.start, data.available);
    let demuxer = stream::demuxer("caf", Box::new(source), CafReader::try_new)?;
    let edges = Edges {
        origin: -priming.cast_signed(),
        skip: priming,
        keep: Some(frames).filter(|&frames| frames > 0),
        slack: None,
        cut_by_decoder: false,
        starts_late: false,
    };
    Ok(Stream { edges, ..Stream::new(demuxer, "caf", data.available) })
}

fn chunk(name: &[u8; 4], payload: &[u8]) -> Vec<u8> {
    [name.as_slice(), &(payload.len() as u64).to_be_bytes(), payload].concat()
}

/// Bytes of the first `entries` numbers, of seven bits a byte, the last byte of each having its highest bit clear.
fn entries_bytes(table: &[u8], entries: u64) -> usize {
    let ends = table.iter().enumerate().filter(|(_, byte)| **byte & 0x80 == 0).map(|(i, _)| i + 1);
    match usize::try_from(entries).ok().and_then(|n| n.checked_sub(1)) {
        None => 0,
        Some(last) => ends.clone().nth(last).unwrap_or(table.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_ends_with_its_last_number() {
        assert_eq!(entries_bytes(&[0x05, 0x81, 0x00, 0x07, 0, 0], 3), 4);
        assert_eq!(entries_bytes(&[0x05], 0), 0);
        assert_eq!(entries_bytes(&[0x85, 0x85], 1), 2, "cut within a number");
    }
}
