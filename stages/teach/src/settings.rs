//! The keys of the section `self_training` that say what teaches. Those of the training itself are declared with it.

use chorus_keys::{Declarations, Finding, Keys, Values};
use serde::Deserialize;

/// The keys.
#[derive(Debug, Clone, Deserialize, Keys)]
#[keys(section = "self_training")]
pub(crate) struct TeacherSettings {
    /// Folder of the run whose predictions teach: a run on the same archive with the same classes and windows, with any kind of model.
    /// Null: the network learns from labels alone. `chorus self-train` sets it round by round.
    #[key(path, example = "runs/ponds")]
    #[allow(dead_code, reason = "read by its name, as the input of the stage")]
    pub teacher: Option<String>,
    /// The teacher's probability of a class from which a window is a positive one. Probabilities are calibrated where the teacher's run
    /// has a calibration of the class.
    #[key(default = "0.5", range = 0.0..=1.0)]
    pub positive_from: f64,
    /// The probability below which a window is a negative one.
    #[key(default = "0.1", range = 0.0..=1.0)]
    pub negative_below: f64,
    /// Probabilities between the two are raised to this power: above 1, what is uncertain teaches less of a call.
    #[key(default = "2", range = above(0.0).up_to(10.0))]
    pub power: f64,
    /// Lower the probabilities of a class where the teacher finds it more often than the labels of the train set have it.
    #[key(default = "true")]
    pub match_priors: bool,
    /// Weight of a supposed label in the loss. A known one has 1.
    #[key(default = "1", range = above(0.0).up_to(1.0))]
    pub weight: f64,
    /// Largest number of windows that teach. Of more, so many are drawn; those with high probabilities are more likely.
    #[key(unit = "windows", default = "20000", range = 1..)]
    pub max_windows: usize,
    /// Largest share of windows in which no class is supposed to call.
    #[key(default = "0.5", range = 0.0..=1.0)]
    pub quiet_share: f64,
    /// Seed of the draw.
    #[key(default = "0", range = 0..)]
    pub seed: u64,
}

/// The keys of the section that this crate declares.
pub fn declarations() -> Declarations {
    Declarations::default().section::<TeacherSettings>().check(in_order).check(for_networks)
}

fn in_order(values: &Values) -> Vec<Finding> {
    let (negative, positive) = (values.number("self_training.negative_below"), values.number("self_training.positive_from"));
    if negative <= positive {
        return Vec::new();
    }
    let allowed = format!("at most self_training.positive_from, which is {positive}");
    vec![Finding::new("self_training.negative_below", negative.to_string(), allowed)]
}

/// A head learns from given labels alone.
fn for_networks(values: &Values) -> Vec<Finding> {
    let on_embeddings = values.text("train.on").map_or_else(|| values.text("backbone.path").is_some(), |on| on == "embeddings");
    match values.text("self_training.teacher") {
        Some(teacher) if on_embeddings && values.text("model.path").is_none() => {
            let allowed = "only a network of its own learns from a teacher: set train.on: features, or leave it null";
            vec![Finding::new("self_training.teacher", teacher.to_owned(), allowed)]
        }
        _ => Vec::new(),
    }
}
