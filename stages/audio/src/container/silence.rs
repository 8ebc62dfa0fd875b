//! Coded silence of AudioMoths: a block of 512 bytes that stands for many.
//!
//! An AudioMoth with an amplitude threshold or a frequency trigger names its file `…T.WAV` and does not write what it did not
//! trigger on. Each gap is one block of 256 samples: 32 samples of 1 or -1, the bits of a count, lowest first, and 224 zeros. The
//! count is the number of blocks of silence that the block stands for. Blocks are aligned to 512 bytes in the file. A reader
//! that takes them for sound loses the gaps, and every later time is early.
//!
//! Source: Open Acoustic Devices, "AudioMoth Triggered T.WAV File Format".

use super::facts::{Facts, Repair, RepairCode};
use super::frames::Frames;
use crate::error::Fault;

/// Samples of a block, of which the first say how many blocks of silence it stands for.
const BLOCK: usize = 256;
const COUNT: usize = 32;
/// Bytes of a block and of a sample.
const BLOCK_BYTES: u64 = 512;
const SAMPLE_BYTES: u64 = 2;
/// Bytes of an AudioMoth's header before the samples. A file that was made into FLAC has lost them.
const HEADER_BYTES: u64 = 488;
/// The value 1 of 16-bit samples.
const ONE: f32 = 1.0 / 32_768.0;
/// Blocks that are read at a time.
const BLOCKS: usize = 64;
/// The most silence that the blocks of a file may stand for: no recording of an AudioMoth lasts longer than a day.
const MOST_SILENCE_S: u64 = 24 * 3600;

/// Frames in which coded silence has the length that it stands for.
#[derive(Debug)]
pub(super) struct Expanded {
    inner: Box<dyn Frames>,
    facts: Facts,
    /// Frames before the first block.
    lead: usize,
    /// Frames that were read and not handed out, from `taken` on. At `taken` or `lead` behind it a block begins.
    held: Vec<f32>,
    taken: usize,
    /// Frames of silence to hand out before `held`.
    silence: u64,
    /// Frames of silence so far, and by how many more frames the file has become longer.
    expanded: u64,
    added: u64,
    /// The block whose count no recording can have.
    refused: Option<Repair>,
}

/// The frames of a WAV file whose samples begin at byte `start`; as they are where the file can hold no coded silence.
pub(super) fn of_wav(frames: Box<dyn Frames>, start: u64) -> Box<dyn Frames> {
    let facts = frames.facts();
    let may_hold = facts.codec == "pcm_s16le" && facts.channels == 1 && start.is_multiple_of(SAMPLE_BYTES);
    if may_hold { Box::new(Expanded::new(frames, start)) } else { frames }
}

/// The same of a FLAC file. There the alignment is not certain, so that only an AudioMoth's own file is believed.
pub(super) fn of_flac(frames: Box<dyn Frames>) -> Box<dyn Frames> {
    let facts = frames.facts();
    let may_hold = facts.bits_per_sample == 16 && facts.channels == 1 && facts.header.is_audiomoth();
    if may_hold { Box::new(Expanded::new(frames, HEADER_BYTES)) } else { frames }
}

impl Expanded {
    fn new(inner: Box<dyn Frames>, start: u64) -> Self {
        let lead = (BLOCK_BYTES - start % BLOCK_BYTES) % BLOCK_BYTES / SAMPLE_BYTES;
        Self {
            facts: inner.facts().clone(),
            inner,
            lead: lead as usize,
            held: Vec::new(),
            taken: 0,
            silence: 0,
            expanded: 0,
            added: 0,
            refused: None,
        }
    }

    /// Reads the next blocks. At the end it reads nothing, and the facts are final.
    fn fill(&mut self) -> Result<(), Fault> {
        self.held.clear();
        self.taken = 0;
        let wanted = self.lead + BLOCKS * BLOCK;
        while self.held.len() < wanted {
            if self.inner.read(wanted - self.held.len(), &mut self.held)? == 0 {
                break;
            }
        }
        if self.held.is_empty() {
            self.facts = self.inner.facts().clone();
            self.facts.frames += self.added;
            if let Some(refused) = self.refused.clone() {
                self.facts.repair = Repair::join(self.facts.repair.take(), refused);
            }
        }
        Ok(())
    }

    /// The position in `held` of the next block of coded silence, and how many frames it stands for.
    fn next_coded(&mut self) -> Option<(usize, u64)> {
        let first = self.taken + self.lead;
        for (i, block) in self.held.get(first..)?.as_chunks::<BLOCK>().0.iter().enumerate() {
            let Some(frames) = coded(block) else { continue };
            if self.expanded + frames <= MOST_SILENCE_S * u64::from(self.facts.sample_rate_hz) {
                return Some((first + i * BLOCK, frames));
            }
            let hours = frames as f64 / f64::from(self.facts.sample_rate_hz) / 3600.0;
            let detail = format!(
                "a block of coded silence states {hours:.1} h, and a recording has no more than {} h of it; the block was not \
                 expanded, and all times behind it may be early",
                MOST_SILENCE_S / 3600
            );
            self.refused.get_or_insert_with(|| Repair::new(RepairCode::Damaged, detail).losing_unknown());
        }
        None
    }
}

/// The frames of silence that a block stands for; `None` where it is sound.
fn coded(block: &[f32; BLOCK]) -> Option<u64> {
    let (count, rest) = block.split_at(COUNT);
    let is_coded = count.iter().all(|sample| sample.abs() == ONE) && rest.iter().all(|sample| *sample == 0.0);
    let blocks = count.iter().rev().fold(0, |sum, sample| sum << 1 | u64::from(*sample > 0.0));
    (is_coded && blocks > 0).then_some(blocks * BLOCK as u64)
}

impl Frames for Expanded {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    /// How much silence there is, is known at the end.
    fn is_settled(&self) -> bool {
        false
    }

    fn read(&mut self, max_frames: usize, out: &mut Vec<f32>) -> Result<usize, Fault> {
        loop {
            if self.silence > 0 {
                let frames = self.silence.min(max_frames as u64);
                out.resize(out.len() + frames as usize, 0.0);
                self.silence -= frames;
                return Ok(frames as usize);
            }
            if self.taken == self.held.len() {
                self.fill()?;
                if self.held.is_empty() {
                    return Ok(0);
                }
            }
            let coded = self.next_coded();
            let sound = coded.map_or(self.held.len(), |(at, _)| at) - self.taken;
            if let Some((_, frames)) = coded.filter(|_| sound == 0) {
                self.taken += BLOCK;
                self.silence = frames;
                self.expanded += frames;
                // The block itself is no sound.
                self.added += frames - BLOCK as u64;
                continue;
            }
            // Blocks begin where they did before, whatever part is handed out.
            let frames = sound.min(max_frames);
            out.extend_from_slice(&self.held[self.taken..self.taken + frames]);
            self.taken += frames;
            self.lead = (self.lead + BLOCK - frames % BLOCK) % BLOCK;
            return Ok(frames);
        }
    }
}
