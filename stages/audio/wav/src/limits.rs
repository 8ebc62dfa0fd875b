//! What a header may state.

/// The largest sample rate that a header may state: twice what the fastest bat detectors use.
pub const MAX_SAMPLE_RATE_HZ: u32 = 1_000_000;

/// The largest number of channels that a header may state: more than any array that records to one file has.
pub const MAX_CHANNELS: u16 = 128;
