//! What a method and a head are.

use chorus_keys::{Choices, Key};
use safetensors::SafeTensors;
use serde::Deserialize;
use serde_yaml::Mapping;

use crate::HeadError;
use crate::examples::Examples;
use crate::weights::Tensor;

/// A way to fit heads.
pub trait Method: Sync {
    /// Its name in the configuration and on cards.
    fn name(&self) -> &'static str;

    /// What it is, in one sentence.
    fn about(&self) -> &'static str;

    /// Its options, keys of the section `head`.
    fn keys(&self) -> Vec<Key>;

    /// How it fits. None: libtorch trains it step by step, in the worker that links it.
    fn fit(&self) -> Option<&dyn Fit>;

    /// Whether it can learn from maps: an embedding for each position within a window.
    fn takes_maps(&self) -> bool {
        false
    }

    /// Reads a head that [`Head::tensors`] wrote, for so many classes and values of an embedding.
    ///
    /// # Errors
    /// [`HeadError::Weights`].
    fn read(&self, tensors: &SafeTensors<'_>, classes: usize, width: usize) -> Result<Box<dyn Head>, HeadError>;
}

/// A fit that sees all windows at once.
pub trait Fit: Sync {
    /// The settings between which the inner folds choose, the simplest first.
    fn settings(&self, options: &MethodSettings) -> Vec<f64>;

    /// Fits a head with each of these settings.
    ///
    /// # Errors
    /// [`HeadError::Fit`].
    fn heads(&self, fitting: &Fitting<'_>, examples: &Examples, settings: &[f64]) -> Result<Vec<Box<dyn Head>>, HeadError>;
}

/// A fitted head.
pub trait Head: Send + Sync {
    /// The logit of each class for one embedding, or for one map of them `[position, value]`.
    fn logits(&self, embedding: &[f32], logits: &mut [f32]);

    /// Its weights.
    fn tensors(&self) -> Vec<Tensor>;

    /// `W` `[class, value]` and `b` `[class]` where logits are W x + b, for programs that are not ours.
    fn linear(&self) -> Option<(&[f32], &[f32])> {
        None
    }
}

/// What all fits of a run have in common.
#[derive(Debug, Clone, Copy)]
pub struct Fitting<'a> {
    /// The options of the methods.
    pub options: &'a MethodSettings,
    /// How positive and negative windows count.
    pub class_weight: ClassWeight,
    /// Weight of windows without a label of a class, as negatives of it.
    pub unlabelled_weight: f32,
    /// Seed of draws.
    pub seed: u64,
}

impl Fitting<'_> {
    /// The weights of the windows in the fit of one class, and whether they are positive. All are 0 for a class without positives or
    /// negatives.
    pub(crate) fn weights(&self, examples: &Examples, class: usize) -> Vec<(f64, bool)> {
        let labels = || examples.labels.iter().skip(class).step_by(examples.classes);
        let raw = |label: &Option<bool>| match label {
            Some(positive) => (1.0, *positive),
            None => (f64::from(self.unlabelled_weight), false),
        };
        let sum =
            |wanted: bool| labels().map(raw).filter(|(_, positive)| *positive == wanted).map(|(weight, _)| weight).sum::<f64>();
        let (positive, negative) = (sum(true), sum(false));
        if positive == 0.0 || negative == 0.0 {
            return labels().map(|label| (0.0, *label == Some(true))).collect();
        }
        let factor = |is_positive: bool| match self.class_weight {
            ClassWeight::None => 1.0,
            ClassWeight::Balanced => (positive + negative) / (2.0 * if is_positive { positive } else { negative }),
        };
        labels().map(raw).map(|(weight, is_positive)| (weight * factor(is_positive), is_positive)).collect()
    }
}

/// How much the positive and the negative windows of a class count together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Choices)]
#[serde(rename_all = "snake_case")]
pub enum ClassWeight {
    /// Equally: each window is weighted by the number of windows over twice the number of windows with its label.
    Balanced,
    /// Each window counts 1.
    None,
}

/// The options of all methods.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct MethodSettings(Mapping);

impl MethodSettings {
    /// A list of numbers, empty where the option is null.
    pub(crate) fn numbers(&self, option: &str) -> Vec<f64> {
        self.0
            .get(option)
            .and_then(|list| list.as_sequence())
            .into_iter()
            .flatten()
            .filter_map(serde_yaml::Value::as_f64)
            .collect()
    }

    /// The same with one option set, for tests.
    #[must_use]
    pub fn with(mut self, option: &str, numbers: &[f64]) -> Self {
        self.0.insert(option.into(), numbers.to_vec().into());
        self
    }
}
