//! From scores to answers: the stages `evaluate` and `detect`.
//!
//! - [`metrics`], [`reliability`], [`confusions`], [`curves`], [`thresholds`], [`calibration`], [`events`], [`effort`], [`sun`]: plain
//!   functions.
//!
//! What `evaluate` decides and `detect` reads is the file `decisions.yaml`, see [`chorus_card::Decisions`].

mod activity;
pub mod calibration;
pub mod clock;
pub mod confusions;
pub mod curves;
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
pub use evaluate::Evaluate;
