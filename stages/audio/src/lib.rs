//! From the files of an archive to log-mel spectrograms: the stages `ingest`, `segment` and `featurize`.
//!
//! - [`container`]: files to samples; [`headers`]: what recorders write beside the samples; [`names`]: what they
//!   write into file names; [`clock`]: times as both write them; [`dsp`]: resampling, windows, log-mel.
//! - [`extract`]: recordings to the spectrograms of their windows, shared by `featurize` and by `predict` straight from audio.

pub mod clock;
pub mod container;
pub mod dsp;
pub mod error;
pub mod extract;
mod featurize;
pub mod headers;
mod ingest;
pub mod names;
mod segment;

pub use featurize::Featurize;
pub use ingest::{Glance, Ingest, IngestError, SiteSheet, glance};
pub use segment::Segment;
