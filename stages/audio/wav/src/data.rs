//! Where the samples lie in a file.

use crate::error::{Defect, DefectKind, Error, Reason};

/// The samples of a file, as bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Data {
    /// The first byte.
    pub start: u64,
    /// Bytes that can be read: the file holds them.
    pub available: u64,
    /// Bytes that the header promises, where it does.
    pub declared: Option<u64>,
    /// How the end was found.
    pub extent: Extent,
}

/// How the end of the data was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// By the header, and the file holds it all.
    Stated,
    /// By the end of the file, which comes before the stated end.
    CutShort,
    /// By the end of the file, because the stated size is unusable, for the reason given.
    ToEndOfFile(&'static str),
}

impl Data {
    /// The data from `start` on, where the header states `size` bytes and the file holds `rest`.
    #[must_use]
    pub fn stated(start: u64, size: u64, rest: u64) -> Self {
        let extent = if size > rest { Extent::CutShort } else { Extent::Stated };
        Self { start, available: size.min(rest), declared: Some(size), extent }
    }

    /// The data from `start` on, all `rest` bytes of the file, because the stated size is of no use.
    #[must_use]
    pub fn to_end_of_file(start: u64, rest: u64, why: &'static str) -> Self {
        Self { start, available: rest, declared: None, extent: Extent::ToEndOfFile(why) }
    }

    /// What is wrong with the extent, when the data makes `frames` frames and the header promises `declared`.
    #[must_use]
    pub fn defect(&self, frames: u64, declared: Option<u64>) -> Option<Defect> {
        match self.extent {
            Extent::Stated => None,
            Extent::ToEndOfFile(found) => Some(Defect::harmless(
                DefectKind::SizeMissing,
                format!("the data chunk's size is {found}; read to the end of the file, {frames} frames"),
            )),
            Extent::CutShort => {
                let declared = declared.unwrap_or(frames);
                let missing = declared.saturating_sub(frames);
                // A cut inside the last frame, or of a byte of padding, loses nothing that could be read.
                (missing > 0).then(|| Defect {
                    kind: DefectKind::Truncated,
                    detail: format!("the file holds {frames} of {declared} promised frames"),
                    lost_frames: Some(missing),
                })
            }
        }
    }

    /// The frames that can be read and the frames that the header promises, by the frames of so many bytes.
    ///
    /// # Errors
    /// [`Reason::NoData`] when there is not one frame.
    pub fn frames(&self, frames_of: impl Fn(u64) -> u64) -> Result<(u64, Option<u64>), Error> {
        let (frames, declared) = (frames_of(self.available), self.declared.map(frames_of));
        if frames > 0 {
            return Ok((frames, declared));
        }
        let promised = declared.map_or("an unknown number of".to_owned(), |n| n.to_string());
        Err(Error::refused(Reason::NoData, format!("the header promises {promised} frames and the file holds none")))
    }
}
