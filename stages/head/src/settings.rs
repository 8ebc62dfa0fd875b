//! The section `head`. Options that only one method reads are declared in the method's file.

use chorus_keys::{Declarations, Finding, Keys, Values, Word};
use serde::Deserialize;

use crate::methods::{ClassWeight, METHODS, MethodSettings};

/// The keys of the section `head`.
#[derive(Debug, Clone, Deserialize, Keys)]
#[keys(section = "head")]
pub struct HeadSettings {
    /// How the head is fitted.
    #[key(default = "logistic", choices = methods)]
    pub method: String,
    /// Number of parts in which the train windows are cut to choose between settings of the method, such as the strengths of
    /// logistic. A group of the split (split.group) is in one part.
    #[key(unit = "folds", default = "5", range = 2..=100)]
    pub folds: usize,
    /// How much the positive and the negative windows of a class count together.
    #[key(default = "balanced")]
    pub class_weight: ClassWeight,
    /// Largest number of train windows without any positive label. Of more, so many are drawn.
    #[key(unit = "windows", default = "20000", range = 0..)]
    pub max_negatives: usize,
    /// Weight of a window without a label of the class, as a negative: 0 leaves it out. Of help where few windows are labelled and the
    /// class is rare.
    #[key(default = "0", range = 0.0..=1.0, example = "0.05")]
    pub unlabelled_weight: f32,
    /// How much the windows around a window count in its score: the weight of the highest logit among them; 0: not at all. Of help where
    /// animals call again and again, and windows are judged one by one.
    #[key(default = "0", range = 0.0..1.0, example = "0.5")]
    pub context: f32,
    /// How far from a window the windows around it may begin, in the same recording.
    #[key(unit = "s", default = "30", range = above(0.0).up_to(3600.0))]
    pub context_s: f64,
    /// Seed of the parts and of what is drawn.
    #[key(default = "0", range = 0..)]
    pub seed: u64,
    /// The options of the methods.
    #[serde(flatten)]
    pub methods: MethodSettings,
}

fn methods() -> Vec<Word> {
    METHODS.iter().map(|method| Word { name: method.name(), about: method.about() }).collect()
}

/// The configuration keys of heads.
pub fn declarations() -> Declarations {
    Declarations::default().section::<HeadSettings>().check(takes_maps)
}

/// Refuses maps for a method that learns from embeddings of whole windows.
fn takes_maps(values: &Values) -> Vec<Finding> {
    let fits = values.text("model.path").is_none() && values.text("train.on") != Some("features");
    let method = values.text("head.method").and_then(|name| METHODS.iter().find(|method| method.name() == name));
    match method {
        Some(method) if fits && values.get("embed.map").as_bool() == Some(true) && !method.takes_maps() => {
            let possible: Vec<&str> = METHODS.iter().filter(|method| method.takes_maps()).map(|method| method.name()).collect();
            let allowed = format!("with embed.map: {}, which learns from maps", possible.join(", "));
            vec![Finding::new("head.method", format!("`{}`", method.name()), allowed)]
        }
        _ => Vec::new(),
    }
}
