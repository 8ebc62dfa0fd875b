//! Unknown sounds (open-set recognition): the stage `unknown` tells of each window how unlike everything it is that the model learnt.
//!
//! - [`likeness`]: distances of an embedding from those that were learnt from. [`scores`]: the four scores of a window, and how one of
//!   them becomes a share of known windows.
//! - [`reference`]: the first pass, which looks at the windows of train and validation; a given model brings what it found.
//! - [`windows`]: the second one, for each site-day. [`rise`]: how far an unknown window rises above the background.
//! - [`sounds`]: the third one, which puts what is unknown and loud into groups.
//! - [`metrics`]: the fourth one, which tells how well classes are found that were held out (`split.held_out_classes`).

mod likeness;
mod metrics;
mod reference;
mod rise;
mod scores;
mod settings;
mod sounds;
mod windows;

pub use metrics::OpenSetMetrics;
pub use reference::{REFERENCE, UnknownReference, check, with_class as reference_with_class};
pub use settings::declarations;
pub use sounds::UnknownSounds;
pub use windows::Unknown;
