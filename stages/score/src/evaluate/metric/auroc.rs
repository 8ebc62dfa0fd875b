//! Area under the ROC curve.

use super::definition::{Formula, Metric};

pub(super) struct Auroc;

impl Metric for Auroc {
    fn name(&self) -> &'static str {
        "auroc"
    }

    fn definition(&self) -> &'static str {
        "probability that a positive window scores higher than a negative one; a tie counts one half"
    }

    fn needs(&self) -> &'static str {
        "a positive and a negative window"
    }

    fn formula(&self) -> Formula {
        Formula::Areas(|areas| areas.auroc)
    }
}
