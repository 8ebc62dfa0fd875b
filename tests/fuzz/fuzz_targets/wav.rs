//! The WAV family, whatever its header claims.
#![no_main]

use chorus_fuzz::read_all;
use libfuzzer_sys::fuzz_target;

// Every frame takes at least a byte of the file.
fuzz_target!(|bytes: &[u8]| {
    read_all(bytes, 1);
});
