//! Every other container. A target apart from `wav`, so that neither takes the other's time.
#![no_main]

use chorus_fuzz::read_all;
use libfuzzer_sys::fuzz_target;

/// Panics of symphonia are caught by the reader and are no finding: only this project's own end the run.
fn tell_own_panics(info: &std::panic::PanicHookInfo<'_>) {
    if info.location().is_some_and(|place| !place.file().contains("symphonia")) {
        eprintln!("{info}");
    }
}

fuzz_target!(init: std::panic::set_hook(Box::new(tell_own_panics)), |bytes: &[u8]| {
    read_all(bytes);
});
