//! Being asked to stop.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Sets a flag when this process is asked to end: by ctrl-C (SIGINT) or, on Unix, by SIGTERM. Asked a second time, it ends at once with
/// status 1.
///
/// # Errors
/// What the system says when handlers cannot be set.
pub fn stop_on_signals(stop: &Arc<AtomicBool>) -> io::Result<()> {
    for signal in [SIGINT, SIGTERM] {
        // Before the flag is set, so that the first signal only sets it.
        flag::register_conditional_shutdown(signal, 1, Arc::clone(stop))?;
        flag::register(signal, Arc::clone(stop))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering;

    #[test]
    fn a_signal_sets_the_flag() {
        let stop = Arc::new(AtomicBool::new(false));
        stop_on_signals(&stop).unwrap();
        signal_hook::low_level::raise(SIGTERM).unwrap();
        assert!(stop.load(Ordering::SeqCst));
    }
}
