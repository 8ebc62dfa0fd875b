//! What a split keeps together.

use std::collections::BTreeMap;

/// Recordings that stay on one side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub id: String,
    /// Number of recordings.
    pub recordings: u64,
    /// Number of recordings (or of windows) that are positive, by class.
    pub positives: BTreeMap<String, u64>,
}
