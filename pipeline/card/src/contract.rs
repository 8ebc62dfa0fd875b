//! The contract of a backbone: a YAML file that says how a network that somebody else trained is used.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_yaml::Value;

use crate::{Card, CardError, MODEL_CARD, file};

/// How a backbone is used: what it takes, what it gives, and under which licence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// Its name, such as BirdNET 2.4.
    pub name: String,
    /// Rate of the samples that it takes, Hz.
    pub sample_rate_hz: u32,
    /// Length of its window, s.
    pub window_s: f64,
    /// What it takes.
    pub input: SoundInput,
    /// What it gives, by what Chorus calls it.
    pub outputs: Outputs,
    /// Licence of its weights, such as CC-BY-NC-SA-4.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// Whether the licence allows commercial use; without it the licence's name decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commercial_use: Option<bool>,
    /// Where it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Hash of its file, BLAKE3, hexadecimal: at least the first 16 digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
}

/// What a backbone takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SoundInput {
    /// Name of the input that takes the sound; without it, the only input that is neither a constant nor a state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its shape: the words `batch` and `samples`, and numbers. `batch` may be missing: then one window is given at a time.
    pub shape: Vec<Dimension>,
    /// What is done to each window before it enters.
    #[serde(default, skip_serializing_if = "Scale::is_none")]
    pub scale: Scale,
    /// What full scale is after that: samples are multiplied by it.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub full_scale: f32,
    /// Corner of a high-pass filter over the recording, Hz.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high_pass_hz: Option<f64>,
    /// Samples before each window that the backbone is given too, as those of a window before.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub context_samples: usize,
    /// Further inputs with one value each, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub constants: BTreeMap<String, f64>,
    /// Further inputs that are given what an output gave for the windows before, zeros for the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub states: Vec<State>,
}

/// A dimension of an input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Dimension {
    /// A fixed length.
    Fixed(usize),
    /// `batch` or `samples`.
    Named(Axis),
}

/// A named dimension of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Axis {
    /// Windows.
    Batch,
    /// Samples of a window.
    Samples,
}

/// What is done to each window by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Nothing: full scale is 1.
    #[default]
    None,
    /// It is divided by its largest magnitude.
    Peak,
    /// Its mean is taken off, and it is divided by its standard deviation.
    Standard,
}

impl Scale {
    fn is_none(&self) -> bool {
        *self == Self::None
    }
}

/// A value that goes from one window to the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The input.
    pub input: String,
    /// The output.
    pub output: String,
    /// The shape of both.
    pub shape: Vec<usize>,
}

/// What a backbone gives.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outputs {
    /// The embedding: numbers per window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedding: Option<Embedding>,
    /// The embedding at each position in time and frequency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<Map>,
    /// Scores of classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logits: Option<Logits>,
    /// Probability of speech, one number per window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speech: Option<String>,
}

/// The output that is the embedding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Embedding {
    /// Name of the output.
    pub name: String,
    /// What is made of an output with more than one dimension per window.
    #[serde(default, skip_serializing_if = "Pool::is_flat")]
    pub pool: Pool,
}

/// The output that is a map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Map {
    /// Name of the output.
    pub name: String,
    /// Where the values of a position lie in its shape.
    #[serde(default, skip_serializing_if = "Channels::are_last")]
    pub channels: Channels,
}

/// Where the values of a position lie in the shape of a map.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channels {
    /// `[batch, position…, value]`
    #[default]
    Last,
    /// `[batch, value, position…]`
    First,
}

impl Channels {
    fn are_last(&self) -> bool {
        *self == Self::Last
    }
}

/// What is made of a map.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pool {
    /// All of its numbers, one after the other.
    #[default]
    Flat,
    /// The mean over all dimensions but the last.
    Mean,
    /// The largest over all dimensions but the last.
    Max,
}

impl Pool {
    fn is_flat(&self) -> bool {
        *self == Self::Flat
    }
}

/// The output that holds scores of classes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logits {
    /// Name of the output.
    pub name: String,
    /// File with the names of the classes, one a line, relative to the contract.
    pub classes: PathBuf,
    /// What makes a score between 0 and 1 of a logit.
    #[serde(default, skip_serializing_if = "Function::is_logistic")]
    pub function: Function,
}

/// What makes scores of logits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Function {
    /// Each class by itself: the logistic function.
    #[default]
    Logistic,
    /// The classes of a window sum to 1.
    Softmax,
    /// Nothing: the output is scores already.
    None,
}

impl Function {
    fn is_logistic(&self) -> bool {
        *self == Self::Logistic
    }

    /// The scores `[class]` of one window's logits `[class]`.
    pub fn scores(self, mut logits: Vec<f32>) -> Vec<f32> {
        match self {
            Self::None => {}
            Self::Logistic => logits.iter_mut().for_each(|logit| *logit = (1.0 / (1.0 + (-f64::from(*logit)).exp())) as f32),
            Self::Softmax => {
                let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let sum: f64 = logits.iter().map(|logit| f64::from(logit - largest).exp()).sum();
                logits.iter_mut().for_each(|logit| *logit = (f64::from(*logit - largest).exp() / sum) as f32);
            }
        }
        logits
    }
}

fn one() -> f32 {
    1.0
}

fn is_one(value: &f32) -> bool {
    *value == 1.0
}

fn is_zero(value: &usize) -> bool {
    *value == 0
}

impl Contract {
    /// The contract's file when none is named: that of the backbone's name with the extension .yaml; for the weights of a model of
    /// Chorus, the model's card.
    pub fn beside(backbone: &Path) -> PathBuf {
        if is_own(backbone) { backbone.with_file_name(MODEL_CARD) } else { backbone.with_extension("yaml") }
    }

    /// Reads a contract. That of a model of Chorus is made from the model's card.
    ///
    /// # Errors
    /// [`CardError::Contract`] when the file cannot be read, is no contract, or contradicts itself.
    pub fn read(path: &Path) -> Result<Self, CardError> {
        let bad = |found: String| CardError::Contract { path: path.to_owned(), found };
        if path.file_name().is_some_and(|name| name == MODEL_CARD) {
            return Self::of_card(&Card::read(path)?).map_err(bad);
        }
        let contract: Self = file::read(path).map_err(bad)?;
        contract.fault().map_or(Ok(contract), |found| Err(bad(found)))
    }

    /// The contract of a model of Chorus: a network over spectrograms that are made from the sound.
    ///
    /// # Errors
    /// In words, a head on the embeddings of another backbone, or a card that lacks a setting.
    pub fn of_card(card: &Card) -> Result<Self, String> {
        if card.backbone.is_some() {
            return Err("this model is a head on the embeddings of another backbone; name that backbone".into());
        }
        let number = |key: &str| card.setting(key).and_then(Value::as_f64);
        let rate = number("featurize.sample_rate_hz").ok_or("the card lacks featurize.sample_rate_hz")?;
        Ok(Self {
            name: format!("{} {}", card.architecture, card.model_id),
            sample_rate_hz: rate as u32,
            window_s: number("segment.window_s").ok_or("the card lacks segment.window_s")?,
            input: SoundInput {
                name: None,
                shape: vec![Dimension::Named(Axis::Batch), Dimension::Named(Axis::Samples)],
                scale: Scale::None,
                full_scale: 1.0,
                high_pass_hz: number("featurize.high_pass_hz"),
                context_samples: 0,
                constants: BTreeMap::new(),
                states: Vec::new(),
            },
            outputs: Outputs { embedding: Some(Embedding { name: "embedding".into(), pool: Pool::Flat }), ..Outputs::default() },
            license: card.license.clone(),
            commercial_use: None,
            source: None,
            hash: Some(card.model_id.clone()),
        })
    }

    /// In words, what contradicts itself.
    fn fault(&self) -> Option<String> {
        let samples = self.samples();
        let axes = |axis| self.input.shape.iter().filter(|dimension| **dimension == Dimension::Named(axis)).count();
        match () {
            () if self.sample_rate_hz == 0 => Some("sample_rate_hz: found 0, expected a rate in Hz".into()),
            () if !(0.001..=600.0).contains(&self.window_s) => {
                Some(format!("window_s: found {}, expected seconds from 0.001 to 600", self.window_s))
            }
            () if samples == 0 => Some("window_s: a window has no sample at this rate".into()),
            () if axes(Axis::Samples) != 1 => Some("input.shape: expected the word `samples` once".into()),
            () if axes(Axis::Batch) > 1 => Some("input.shape: expected the word `batch` at most once".into()),
            () if self.input.shape.iter().any(|d| matches!(d, Dimension::Fixed(n) if *n != 1)) => {
                Some("input.shape: expected 1 for each dimension that is neither `batch` nor `samples`".into())
            }
            () if !self.input.full_scale.is_finite() || self.input.full_scale <= 0.0 => {
                Some(format!("input.full_scale: found {}, expected a number above 0", self.input.full_scale))
            }
            () if self.outputs == Outputs::default() => Some("outputs: expected embedding, logits or speech".into()),
            () if self.outputs.logits.as_ref().is_some_and(|logits| !is_below(&logits.classes)) => Some(
                "outputs.logits.classes: expected a file in the contract's folder or below; name another one in backbone.classes"
                    .into(),
            ),
            () if self.hash.as_ref().is_some_and(|hash| !is_hash(hash)) => {
                Some("hash: expected 16 to 64 hexadecimal digits of BLAKE3".into())
            }
            () => None,
        }
    }

    /// Samples of a window.
    pub fn samples(&self) -> usize {
        (self.window_s * f64::from(self.sample_rate_hz)).round() as usize
    }

    /// The shape of the input for so many windows.
    pub fn shape(&self, batch: usize) -> Vec<usize> {
        let length = |dimension: &Dimension| match dimension {
            Dimension::Fixed(n) => *n,
            Dimension::Named(Axis::Batch) => batch,
            Dimension::Named(Axis::Samples) => self.input.context_samples + self.samples(),
        };
        self.input.shape.iter().map(length).collect()
    }

    /// Whether several windows can be given at once.
    pub fn has_batches(&self) -> bool {
        self.input.shape.contains(&Dimension::Named(Axis::Batch))
    }

    /// Whether the licence is known to forbid commercial use.
    pub fn forbids_commercial_use(&self) -> bool {
        let by_name = || self.license.as_deref().is_some_and(is_non_commercial);
        self.commercial_use.map_or_else(by_name, |allowed| !allowed)
    }

    /// What the embeddings depend on besides the backbone's file, as text.
    pub fn essence(&self) -> String {
        let parts = (self.sample_rate_hz, self.window_s, &self.input, &self.outputs.embedding);
        serde_yaml::to_string(&parts).expect("plain data is YAML")
    }

    /// The contract as YAML.
    ///
    /// # Panics
    /// Never: a contract is plain data.
    pub fn to_yaml(&self) -> String {
        serde_yaml::to_string(self).expect("plain data is YAML")
    }
}

/// Whether a backbone is the file of weights of a model of Chorus.
fn is_own(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "safetensors")
}

/// Whether a path stays in the folder that it is relative to: a contract from elsewhere must not name files of its choice.
fn is_below(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

fn is_hash(text: &str) -> bool {
    (16..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether the name of a licence says that it forbids commercial use, as CC-BY-NC-SA-4.0 does.
fn is_non_commercial(license: &str) -> bool {
    let words: Vec<String> = license.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase).collect();
    let whole = words.concat();
    words.iter().any(|word| word == "nc") || ["noncommercial", "nichtkommerziell"].iter().any(|word| whole.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BIRDNET: &str = "\
name: BirdNET 2.4
sample_rate_hz: 48000
window_s: 3
input: {name: audio, shape: [batch, samples]}
outputs: {embedding: {name: embedding}}
license: CC BY-NC-SA 4.0
";

    fn read(text: &str) -> Result<Contract, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("b.yaml");
        std::fs::write(&path, text).unwrap();
        Contract::read(&path).map_err(|e| e.to_string())
    }

    #[test]
    fn a_contract_says_what_goes_in_and_comes_out() {
        let contract = read(BIRDNET).unwrap();
        assert_eq!((contract.samples(), contract.shape(4), contract.has_batches()), (144_000, vec![4, 144_000], true));
        assert!(contract.forbids_commercial_use());
        let again: Contract = serde_yaml::from_str(&contract.to_yaml()).unwrap();
        assert_eq!(again, contract);
        let other = read(&BIRDNET.replace("[batch, samples]", "[samples, 1]")).unwrap();
        assert_eq!((other.shape(4), other.has_batches()), (vec![144_000, 1], false));
        assert_ne!(other.essence(), contract.essence());
        assert_eq!(read(&BIRDNET.replace("CC BY-NC-SA 4.0", "MIT")).unwrap().essence(), contract.essence());
    }

    #[test]
    fn what_contradicts_itself_is_named() {
        let refused = |from: &str, to: &str, wanted: &str| {
            let error = read(&BIRDNET.replace(from, to)).unwrap_err();
            assert!(error.contains("b.yaml") && error.contains(wanted), "{error}");
        };
        refused("48000", "0", "sample_rate_hz: found 0");
        refused("window_s: 3", "window_s: -3", "window_s: found -3");
        refused("[batch, samples]", "[batch]", "the word `samples` once");
        refused("[batch, samples]", "[batch, 2, samples]", "expected 1 for each dimension");
        refused("[batch, samples]", "[batches, samples]", "input.shape");
        refused("outputs: {embedding: {name: embedding}}", "outputs: {}", "expected embedding, logits or speech");
        for path in ["/etc/passwd", "../labels.txt", "a/../../labels.txt"] {
            let logits = format!("outputs: {{logits: {{name: logits, classes: {path}}}}}");
            refused(
                "outputs: {embedding: {name: embedding}}",
                &logits,
                "outputs.logits.classes: expected a file in the contract's folder",
            );
        }
        refused("license:", "licence:", "licence");
        refused("license: CC BY-NC-SA 4.0", "hash: xyz", "hash: expected 16 to 64");
    }

    #[test]
    fn scores_are_made_of_logits() {
        let logits = || vec![0.0, 1000.0, -1000.0];
        assert_eq!(Function::Logistic.scores(logits()), [0.5, 1.0, 0.0]);
        assert_eq!(Function::Softmax.scores(logits()), [0.0, 1.0, 0.0]);
        assert_eq!(Function::Softmax.scores(vec![2.0; 4]), [0.25; 4]);
        assert_eq!(Function::None.scores(logits()), logits());
    }

    #[test]
    fn licences_that_forbid_commercial_use_are_known_by_name() {
        for (license, forbids) in [
            ("CC-BY-NC-SA-4.0", true),
            ("cc by nc 4.0", true),
            ("PolyForm Noncommercial 1.0", true),
            ("Apache-2.0", false),
            ("NCSA", false),
        ] {
            assert_eq!(is_non_commercial(license), forbids, "{license}");
        }
        let contract = read(&format!("{BIRDNET}commercial_use: true\n")).unwrap();
        assert!(!contract.forbids_commercial_use());
    }

    #[test]
    fn the_card_of_an_own_model_is_its_contract() {
        let settings = serde_yaml::from_str("{segment: {window_s: 5}, featurize: {sample_rate_hz: 22050}}").unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(MODEL_CARD);
        std::fs::write(&path, crate::testing::card(settings).to_yaml()).unwrap();
        assert_eq!(Contract::beside(&dir.path().join("weights.safetensors")), path);
        let contract = Contract::read(&path).unwrap();
        assert_eq!((contract.samples(), contract.hash.as_deref()), (110_250, Some("cafe")));
    }
}
