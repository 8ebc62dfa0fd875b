//! A guard around code of other projects: a panic on one damaged file must not end a run over ten thousand recordings.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `work`. `None` when it panicked; nothing that it worked on may be used afterwards. This needs `panic = "unwind"`, the
/// default of all profiles.
pub(super) fn calm<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_answer() {
        assert_eq!(calm(|| 1), Some(1));
        assert_eq!(calm(|| -> u8 { panic!("hostile bytes, as in this test") }), None);
    }
}
