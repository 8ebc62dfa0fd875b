//! The WAV family: RIFF, RIFX, RF64, BW64 and Sony Wave64, read by ourselves because recorders lose power.
//!
//! Headers are not believed further than the file goes: nothing is allocated or skipped by a stated size without a check against
//! the file's length. Sources: RFC 2361 (format tags), EBU Tech 3306 (RF64), ITU-R BS.2088 (BW64), Sony's Wave64 description.

mod chunks;
mod format;

use std::fs::File;

use super::adpcm::AdpcmReader;
use super::compressed::{CompressedReader, mpeg};
use super::raw::{DataChunk, Layout, RawReader, expect_frames};
use super::sniff::WavForm;
use super::{Facts, MAX_SAMPLE_RATE_HZ, Repair, RepairCode, Source};
use crate::error::{Fault, RejectCode};
use crate::headers::{self, Header};
use chunks::{MAX_CHUNKS, Outline};
use format::{Body, Format};

/// Opens a file of the WAV family whose header begins at byte `start`.
pub(super) fn open(mut file: File, form: WavForm, start: u64) -> Result<Source, Fault> {
    let outline = chunks::outline(&mut file, form, start)?;
    let big_endian = form == WavForm::Rifx;
    let format = Format::parse(&outline.fmt, big_endian)?;
    let data = outline.data.as_ref().ok_or_else(|| no_data_chunk(&outline))?;
    match format.body {
        Body::Pcm(encoding) => {
            let layout = Layout { encoding, big_endian, channels: format.channels };
            let frames = |bytes| bytes / layout.frame_bytes() as u64;
            let facts = facts(form, &outline, data, &format, encoding.codec_name(big_endian), frames)?;
            RawReader::new(file, data.start, layout, facts).map(Source::Raw)
        }
        Body::Adpcm(blocks) => {
            let codec = blocks.codec_name().to_owned();
            let facts = facts(form, &outline, data, &format, codec, |bytes| blocks.frames(bytes))?;
            AdpcmReader::new(file, data.start, data.available, blocks, facts).map(Source::Adpcm)
        }
        Body::Mp3 => {
            let mut stream = mpeg::section(file, data.start, data.available, form.container())?;
            stream.repair = outline.repair.clone();
            if outline.more_data > 0 {
                let later = format!("{} bytes in later data chunks were not read", outline.more_data);
                stream.repair = Repair::join(stream.repair, Repair::new(RepairCode::BadChunk, later).losing_unknown());
            }
            stream.tags = outline.tags;
            CompressedReader::new(stream).map(|reader| Source::Compressed(Box::new(reader)))
        }
    }
}

fn no_data_chunk(outline: &Outline) -> Fault {
    let detail = if outline.gave_up {
        format!("the first {MAX_CHUNKS} chunks hold a format and no data, and no more of them are looked at")
    } else {
        "the file has a format and no data chunk: the header is there, the sound is not".to_owned()
    };
    Fault::Rejected(RejectCode::NoAudioData, detail)
}

fn facts(
    form: WavForm,
    outline: &Outline,
    data: &DataChunk,
    format: &Format,
    codec: String,
    frames_of: impl Fn(u64) -> u64,
) -> Result<Facts, Fault> {
    let (frames, declared_frames) = (frames_of(data.available), data.declared.map(&frames_of));
    expect_frames(frames, declared_frames)?;
    let header = headers::read(&outline.tags);
    let time_expansion = time_expansion(format.sample_rate_hz, &header);
    let sample_rate_hz = (f64::from(format.sample_rate_hz) * time_expansion).round() as u32;
    let mut repair = data.repair(frames, declared_frames, sample_rate_hz);
    for known in [&outline.repair, &format.repair].into_iter().flatten() {
        repair = Repair::join(repair, known.clone());
    }
    let later = frames_of(outline.more_data);
    if later > 0 {
        let found = format!("{later} frames in later data chunks, of which WAV has one, were not read");
        let lost_s = later as f64 / f64::from(sample_rate_hz);
        repair = Repair::join(repair, Repair::new(RepairCode::BadChunk, found).losing(lost_s));
    }
    Ok(Facts {
        codec,
        container: form.container(),
        sample_rate_hz,
        time_expansion,
        channels: format.channels,
        bits_per_sample: format.bits,
        frames,
        declared_frames,
        repair,
        header: Box::new(header),
    })
}

/// By how much the sound was sampled faster than the file states: the factor of its header, unless that gives a rate that no
/// recorder has.
fn time_expansion(file_rate_hz: u32, header: &Header) -> f64 {
    let factor = header.expansion_of(file_rate_hz);
    if f64::from(file_rate_hz) * factor <= f64::from(MAX_SAMPLE_RATE_HZ) { factor } else { 1.0 }
}
