//! From scores to answers: the stages `evaluate` and `detect`.
//!
//! - [`metrics`], [`reliability`], [`confusions`], [`curves`], [`thresholds`], [`calibration`], [`events`], [`effort`], [`sun`]: plain
//!   functions.
//! - [`decisions`]: the file that `evaluate` writes and `detect` reads.

mod activity;
pub mod calibration;
pub mod clock;
pub mod confusions;
pub mod curves;
pub mod decisions;
mod detect;
pub mod effort;
pub mod error;
mod evaluate;
pub mod events;
pub mod metrics;
mod predicted;
pub mod reliability;
mod rule;
pub mod sun;
pub mod thresholds;

pub use activity::Activity;
pub use detect::Detect;
pub use evaluate::{Evaluate, metric_definitions};
