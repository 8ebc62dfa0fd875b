//! A window as a strategy sees it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::export::detection::{Detection, Recording};

/// A window that is not labelled yet, and its score of one class.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// The score, 0 to 1.
    pub score: f64,
    /// The score from which the class counts as detected at this site.
    pub threshold: f64,
    /// A number from 0 to below 1 by chance, of this window and class; the same seed gives the same.
    pub chance: f64,
    /// The share of known windows that are more like what was learnt, of a loud window that is unlike all of it, where the class is the one
    /// that scores highest there.
    pub unknown: Option<f64>,
}

/// A window that may be chosen for a class.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The window's identity.
    pub segment: String,
    /// The hour that it is of, of the site's clock.
    pub hour: String,
    /// Whether its site has no labels yet.
    pub is_new: bool,
    /// The pool that its strategy put it into.
    pub pool: usize,
    /// Its recording.
    pub(super) recording: Arc<Recording>,
    /// The window as the sheet lists it.
    pub(super) detection: Detection,
}

/// Embeddings, each of length 1.
#[derive(Debug, Default)]
pub struct Vectors {
    /// By window.
    pub(super) by_window: BTreeMap<String, Vec<f32>>,
    /// Those of labelled windows.
    pub(super) labelled: Vec<Vec<f32>>,
}

impl Vectors {
    /// That of a window; `None` where the run has none.
    pub fn of(&self, segment: &str) -> Option<&[f32]> {
        self.by_window.get(segment).map(Vec::as_slice)
    }

    /// Whether no window that may be chosen has one.
    pub(super) fn is_empty(&self) -> bool {
        self.by_window.is_empty()
    }

    /// Those of labelled windows: all, or a sample by chance where they are many.
    pub fn labelled(&self) -> &[Vec<f32>] {
        &self.labelled
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::export::detection::tests::{detection_at, recording};

    /// A candidate of this name, hour and pool.
    pub(in super::super) fn candidate(segment: &str, hour: &str, pool: usize) -> Candidate {
        Candidate {
            segment: segment.into(),
            hour: hour.into(),
            is_new: false,
            pool,
            recording: Arc::new(recording("r")),
            detection: detection_at("FROG", 0.0, 0.5),
        }
    }

    /// The names of candidates.
    pub(in super::super) fn names(candidates: &[Candidate]) -> String {
        candidates.iter().map(|candidate| candidate.segment.as_str()).collect::<Vec<_>>().join(" ")
    }
}
