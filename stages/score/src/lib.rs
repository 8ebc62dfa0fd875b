//! From scores to answers: the stages `evaluate` and `detect`.
//!
//! - [`metrics`], [`reliability`], [`confusions`], [`curves`], [`thresholds`], [`calibration`], [`events`], [`effort`]: plain functions on
//!   slices.
//! - [`decisions`]: the file that `evaluate` writes and `detect` reads.

mod activity;
pub mod calibration;
mod clock;
pub mod confusions;
pub mod curves;
pub mod decisions;
mod detect;
pub mod effort;
pub mod error;
mod evaluate;
pub mod events;
pub mod metrics;
pub mod reliability;
pub mod thresholds;

pub use activity::Activity;
pub use detect::Detect;
pub use evaluate::Evaluate;
