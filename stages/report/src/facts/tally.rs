//! Windows that were scored, and how many of them hold a class.

/// Windows, and those among them in which a class was detected.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(crate) struct Tally {
    /// Windows scored.
    pub(crate) windows: u64,
    /// Windows detected.
    pub(crate) detected: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.windows += other.windows;
        self.detected += other.detected;
    }

    /// Share of windows detected; `None` without any window.
    pub(crate) fn share(self) -> Option<f64> {
        (self.windows > 0).then(|| self.detected as f64 / self.windows as f64)
    }
}
