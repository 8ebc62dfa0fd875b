//! From scores to answers: the stages `evaluate` and `detect`.
//!
//! - [`metrics`], [`thresholds`], [`events`], [`effort`]: plain functions on slices.
//! - [`decisions`]: the file that `evaluate` writes and `detect` reads.

mod activity;
pub mod decisions;
mod detect;
pub mod effort;
pub mod error;
mod evaluate;
pub mod events;
pub mod metrics;
pub mod thresholds;

pub use activity::Activity;
pub use detect::Detect;
pub use evaluate::Evaluate;
