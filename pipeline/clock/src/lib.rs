//! Dates and times of day.
//!
//! - [`reading`]: as recorders write them into names and headers, and people into tables.
//! - [`Clock`]: from the seconds of a recording to local time.

pub mod reading;
mod recording;

pub use recording::Clock;
