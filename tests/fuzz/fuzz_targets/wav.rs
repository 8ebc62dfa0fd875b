//! The WAV family, whatever its header claims.
#![no_main]

use chorus_fuzz::read_all;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    read_all(bytes);
});
