//! From the files of an archive to log-mel spectrograms: the stages `ingest`, `segment` and `featurize`.
//!
//! - [`container`]: files to samples; [`names`]: times in file names; [`dsp`]: resampling, windows, log-mel.
//! - [`extract`]: recordings to the spectrograms of their windows, shared by `featurize` and by `predict` straight from audio.

pub mod container;
pub mod dsp;
pub mod error;
pub mod extract;
mod featurize;
mod ingest;
pub mod names;
mod segment;

pub use featurize::Featurize;
pub use ingest::{Glance, Ingest, IngestError, glance};
pub use segment::Segment;
