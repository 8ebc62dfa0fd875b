//! What was chosen for a person to listen to, and the order in which it is heard.

use chorus_engine::hash_bytes;

use crate::export::detection::{Detection, Recording};

/// A span of a recording that was chosen for a class: a detection, or a window.
pub(super) struct Chosen {
    /// Position of its run among those of the folder.
    pub(super) source: usize,
    /// The folder that its clip is put into, and numbered in.
    pub(super) folder: String,
    pub(super) recording: Recording,
    pub(super) detection: Detection,
    pub(super) drawn: Drawn,
}

impl Chosen {
    /// One of the only run; clips lie by class.
    pub(super) fn of(recording: Recording, detection: Detection, drawn: Drawn) -> Self {
        Self { source: 0, folder: detection.class.to_string(), recording, detection, drawn }
    }
}

/// How it was drawn, as the sheet tells it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Drawn {
    /// The strata that it is of, joined by `+`.
    pub(super) strata: String,
    /// The bin of scores that it stands for; empty where it stands for itself alone.
    pub(super) bin: String,
    /// Detections in that bin.
    pub(super) bin_detections: u64,
}

/// Orders clips by class, and within a class by chance, so that whoever stops early has judged a fair part.
pub(super) fn shuffle(chosen: &mut [Chosen], seed: u64) {
    let order = |chosen: &Chosen| chance(&format!("{seed} {}", chosen.detection.id(&chosen.recording)));
    chosen.sort_by(|a, b| a.detection.class.cmp(&b.detection.class).then(order(a).total_cmp(&order(b))));
}

/// A number from 0 to below 1 that follows from a text, and looks as if by chance.
pub(super) fn chance(text: &str) -> f64 {
    let hash = hash_bytes(text.as_bytes());
    let digits = u64::from_str_radix(hash.get(..13).unwrap_or("0"), 16).unwrap_or(0);
    // 13 hexadecimal digits are 52 bits, as many as a double holds.
    digits as f64 / (1u64 << 52) as f64
}
