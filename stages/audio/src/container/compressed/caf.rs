//! Compressed sound in CAF: symphonia finds the packets, and the packet table says which frames are the recording.

use std::fs::File;

use symphonia::default::formats::CafReader;

use super::super::caf::Packets;
use super::super::raw::DataChunk;
use super::stream::{self, Edges, Stream};
use super::rejected;
use crate::error::{Fault, RejectCode};

/// Memory that symphonia takes for a packet, and what a table may take beyond the size of the sound.
const BYTES_PER_PACKET: u64 = 32;
const TABLE_BYTES: u64 = 16 << 20;

/// A CAF file whose sound lies in `data`.
pub(in super::super) fn stream(file: File, data: &DataChunk, packets: Option<Packets>) -> Result<Stream, Fault> {
    let packets = packets.ok_or_else(|| {
        rejected(
            RejectCode::TruncatedHeader,
            "the caf file ends before its table of packets, without which compressed sound can't be found".to_owned(),
        )
    })?;
    if packets.number.saturating_mul(BYTES_PER_PACKET) > data.available.saturating_add(TABLE_BYTES) {
        return Err(rejected(
            RejectCode::BadHeader,
            format!("the caf file states {} packets for {} bytes of sound", packets.number, data.available),
        ));
    }
    let demuxer = stream::demuxer("caf", Box::new(file), CafReader::try_new)?;
    let edges = Edges {
        origin: -packets.priming.cast_signed(),
        skip: packets.priming,
        keep: Some(packets.frames).filter(|&frames| frames > 0),
        slack: None,
        cut_by_decoder: false,
    };
    Ok(Stream { edges, ..Stream::new(demuxer, "caf", data.available) })
}
