//! The configuration sections of the stages as they are deserialised, one file for each.

mod predict;
mod train;

pub use predict::PredictSettings;
pub use train::{Select, TrainSettings};
