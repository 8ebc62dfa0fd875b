//! What is fresh, and what is not and why. It knows files and states, and executes nothing.

pub(crate) mod part;
pub(crate) mod planner;
pub(crate) mod scan;
mod status;

pub use status::{PassPlan, Status, UnitPlan};
