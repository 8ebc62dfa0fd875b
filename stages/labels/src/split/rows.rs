//! Recordings before and after a split.

use std::collections::BTreeMap;

use crate::recording_list::ListedRecording;
use crate::subset::Subset;

/// A recording that is to be put on a side.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct SplitRecording {
    pub(super) id: String,
    pub(super) path: String,
    pub(super) site: String,
    /// The part of the partitioned tables that holds it.
    pub(super) unit: String,
    pub(super) group: String,
    /// Hash of the file.
    pub(super) content: String,
    /// Why it is on no side.
    pub(super) excuse: Option<String>,
    /// Positive windows by class.
    pub(super) positives: BTreeMap<String, u64>,
}

impl ListedRecording for SplitRecording {
    fn path(&self) -> &str {
        &self.path
    }

    fn site(&self) -> &str {
        &self.site
    }
}

/// A row of the table `splits`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SplitRow {
    pub(super) recording_id: String,
    pub(super) group_id: String,
    pub(super) unit: String,
    pub(super) subset: Subset,
    pub(super) reason: String,
}

impl SplitRow {
    pub(super) fn new(recording: &SplitRecording, subset: Subset, reason: impl Into<String>) -> Self {
        Self {
            recording_id: recording.id.clone(),
            group_id: recording.group.clone(),
            unit: recording.unit.clone(),
            subset,
            reason: reason.into(),
        }
    }
}
