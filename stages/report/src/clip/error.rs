//! Why a clip cannot be made.

use chorus_audio::error::AudioError;

/// Why there is no clip.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClipError {
    /// The recording cannot be read.
    #[error(transparent)]
    Audio(#[from] AudioError),
    /// Its samples make no file.
    #[error("a clip of {samples} samples cannot be written or drawn: {found}")]
    Unfit {
        /// How many samples there are.
        samples: usize,
        /// What is wrong with them.
        found: String,
    },
}
