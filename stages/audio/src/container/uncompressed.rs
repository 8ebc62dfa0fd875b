//! Samples that lie in a file as they are, or as ADPCM: WAV, AIFF and CAF end here.

use chorus_archive::ReadSeek;
use chorus_wav::FrameReader;

use super::facts::{Facts, Repair, RepairCode};
use super::frames::Frames;
use crate::error::Fault;

/// Streams the frames.
#[derive(Debug)]
pub(super) struct Uncompressed {
    reader: FrameReader<Box<dyn ReadSeek>>,
    facts: Facts,
    frames_left: u64,
    /// Samples that were not finite and are in the repair already.
    reported: u64,
}

impl Uncompressed {
    pub(super) fn new(reader: FrameReader<Box<dyn ReadSeek>>, facts: Facts) -> Self {
        Self { reader, frames_left: facts.frames, facts, reported: 0 }
    }

    /// Adds the samples that were not finite to the repair, once.
    fn report_replaced(&mut self) {
        let replaced = self.reader.replaced() - std::mem::replace(&mut self.reported, self.reader.replaced());
        if replaced == 0 {
            return;
        }
        let samples = self.facts.frames * u64::from(self.facts.channels);
        let detail = format!("{replaced} of {samples} samples are NaN or infinite and read as 0");
        let lost_s = replaced as f64 / samples as f64 * self.facts.duration_s();
        let repair = Repair::new(RepairCode::BadSamples, detail).losing(lost_s);
        self.facts.repair = Repair::join(self.facts.repair.take(), repair);
    }
}

impl Frames for Uncompressed {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Floats have to be read to know whether all of them are finite.
    fn is_settled(&self) -> bool {
        !self.facts.codec.starts_with("pcm_f")
    }

    fn read(&mut self, max_frames: usize, out: &mut Vec<f32>) -> Result<usize, Fault> {
        let frames = self.reader.read(max_frames, out)?;
        self.frames_left = self.frames_left.saturating_sub(frames as u64);
        if self.frames_left == 0 {
            self.report_replaced();
        }
        Ok(frames)
    }
}
