//! The section `embed`.

use chorus_keys::{Choices, Declarations, Finding, Keys, Values};
use serde::Deserialize;

/// The keys of the section `embed`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Keys)]
#[keys(section = "embed")]
pub struct EmbedSettings {
    /// Step between the backbone's windows within a window of the run that is longer than they are; null: the length of the
    /// backbone's window. The step is shortened so that the first and the last of them end with the run's window.
    #[key(unit = "s", range = above(0.0).up_to(600.0), example = "0.5")]
    pub hop_s: Option<f64>,
    /// What becomes of several embeddings in one window of the run.
    #[key(default = "mean")]
    pub pool: Together,
    /// Number of windows that the backbone is given at once, where it takes several.
    #[key(unit = "windows", default = "8", range = 1..=4096)]
    pub batch_size: usize,
    /// Also write the table embedding_maps, if the contract has outputs.map: an embedding for each position within a window. Heads are
    /// then given these, which head.method prototypes can use. It takes as much more disk as there are positions.
    #[key(default = "false")]
    pub map: bool,
    /// Scores of the backbone's own classes from this value on are written to the table backbone_scores, if its contract has
    /// outputs.logits. Null: none.
    #[key(range = 0.0..=1.0, example = "0.1")]
    pub min_score: Option<f32>,
    /// Memory that the program may take with the backbone in it. A backbone that asks for more is refused.
    #[key(unit = "GiB", default = "8", range = above(0.0))]
    pub memory_gib: f64,
}

/// What becomes of several embeddings in one window of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Choices)]
#[serde(rename_all = "snake_case")]
pub enum Together {
    /// Their mean.
    Mean,
    /// The largest of each value.
    Max,
}

/// The configuration keys of the stages.
pub fn declarations() -> Declarations {
    Declarations::default().section::<EmbedSettings>().check(one_table).and(crate::privacy::declarations())
}

/// Refuses two stages that would write the table embeddings.
fn one_table(values: &Values) -> Vec<Finding> {
    let both = values.text("backbone.path").is_some() && values.get("predict.embeddings").as_bool() == Some(true);
    let refuse = || {
        let allowed = "the stage embed writes the table embeddings: leave predict.embeddings out, or backbone.path";
        Finding::new("predict.embeddings", "`true` in a run with a backbone", allowed)
    };
    both.then(refuse).into_iter().collect()
}
