//! Every other container. A target apart from `wav`, so that neither takes the other's time.
#![no_main]

use chorus_fuzz::read_all;
use libfuzzer_sys::fuzz_target;

/// A FLAC frame of one value has up to 65,535 samples in 14 bytes; what is lost between frames reads as silence.
const FRAMES_PER_BYTE: u64 = 1 << 16;

fuzz_target!(|bytes: &[u8]| {
    read_all(bytes, FRAMES_PER_BYTE);
});
