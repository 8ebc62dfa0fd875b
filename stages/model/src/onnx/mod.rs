//! Models as ONNX files, for programs that are not ours: `chorus model export onnx`.
//!
//! A network has its normalisations folded into the convolutions, as prediction has. It takes windows of sound, which is all that others
//! need, or the rows of the table `features`. A head takes the embeddings of its backbone.

mod graph;
mod probability;
mod proto;
mod sound;

use std::path::{Path, PathBuf};

use chorus_card::{Card, Contract, DECISIONS, Decisions, Function, Logits, MODEL_CARD, WEIGHTS};
use chorus_engine::{Disk, EngineError, WorkError, atomic, hash_bytes};
use chorus_score::calibration::{METHODS, curves};
use serde::Serialize;
use serde_json::json;

use crate::backbones::mel_config;
use crate::device::{self, HOST};
use crate::precision::Precision;
use crate::{features, predict};
pub use graph::{Attribute, Dimension, Graph, Value};

/// Names of the outputs.
const EMBEDDING: &str = "embedding";
const LOGITS: &str = "logits";
const PROBABILITIES: &str = "probabilities";

/// What an exported network takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Windows of sound `[batch, sample]`, full scale being 1.
    Audio,
    /// Log-mel spectrograms `[batch, 1, mel, frame]`, as the table `features` holds them.
    Features,
}

/// What was exported.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The files that were written.
    pub files: Vec<PathBuf>,
    /// Inputs with their shapes.
    pub inputs: Vec<String>,
    /// Outputs with their shapes.
    pub outputs: Vec<String>,
    /// What to know before it is used.
    pub notes: Vec<String>,
}

/// Writes the model of a folder as an ONNX file. One that takes sound gets a contract beside it, with which it is a backbone of Chorus.
///
/// # Errors
/// A folder that is no model, a model that has no such form, files that exist already or cannot be written.
pub fn export(folder: &Path, out: &Path, takes: Takes) -> Result<Report, WorkError> {
    let card = Card::read(&folder.join(MODEL_CARD))?;
    let mut exported = if card.backbone.is_some() { head(folder)? } else { network(folder, card, takes)? };
    let probabilities = exported.add_probabilities(folder)?;
    let about = exported.about(folder)?;
    let Exported { card, graph, inputs, mut outputs, mut notes, contract, .. } = exported;
    outputs.extend(probabilities);
    let bytes = graph.into_file(&card.architecture, about);
    let mut files = vec![(out.to_owned(), bytes.clone())];
    if let Some(contract) = contract {
        let classes = out.with_extension("classes.txt");
        let logits = Logits {
            name: LOGITS.to_owned(),
            classes: classes.file_name().map(PathBuf::from).unwrap_or_default(),
            function: Function::Logistic,
        };
        let outputs = chorus_card::Outputs { logits: Some(logits), ..contract.outputs };
        let contract = Contract { outputs, hash: Some(hash_bytes(&bytes)[..16].to_owned()), ..contract };
        files.push((Contract::beside(out), contract.to_yaml().into_bytes()));
        files.push((classes, (card.classes.join("\n") + "\n").into_bytes()));
    } else {
        notes.push("it takes no sound, so it has no contract and is no backbone of Chorus".to_owned());
    }
    if let Some((there, _)) = files.iter().find(|(path, _)| path.exists()) {
        return Err(format!("{}: it exists already; name another file", there.display()).into());
    }
    let beside = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    for (path, bytes) in &files {
        atomic::write(&Disk::local(), beside, beside, path, bytes)?;
    }
    Ok(Report { files: files.into_iter().map(|(path, _)| path).collect(), inputs, outputs, notes })
}

/// A model on its way to a file.
struct Exported {
    card: Card,
    graph: Graph,
    logits: Value,
    inputs: Vec<String>,
    outputs: Vec<String>,
    notes: Vec<String>,
    /// How it is used as a backbone, where it takes sound.
    contract: Option<Contract>,
    /// Whether the calibration is that of the logits that the graph gives.
    is_calibrated: bool,
}

fn network(folder: &Path, card: Card, takes: Takes) -> Result<Exported, WorkError> {
    let path = folder.join(MODEL_CARD);
    let frozen = predict::load(&card, &path, &folder.join(WEIGHTS), &device::name(HOST), Precision::Float32)?;
    let architecture = &frozen.options().architecture;
    features::check_input(&**architecture)?;
    let config = mel_config(&card, &path)?;
    let contract = Contract::of_card(&card).map_err(|found| format!("{}: {found}", path.display()))?;
    let (mut graph, mut notes) = (Graph::default(), Vec::new());
    let (input, shape) = match takes {
        Takes::Audio => {
            let samples = contract.samples();
            let sound = graph.input("sound", &[Dimension::Any("batch"), Dimension::Fixed(samples as i64)]);
            let spectrograms = sound::log_mel(&mut graph, &sound, samples, &config)?;
            let what = format!("sound [batch, {samples}], {} Hz, full scale 1", contract.sample_rate_hz);
            if let Some(corner) = config.high_pass_hz {
                notes.push(format!(
                    "the model was trained behind a Butterworth high-pass filter of fourth order with its corner at {corner} Hz, \
                     which is no part of the file: filter each recording before it is cut into windows (Chorus does by the contract)"
                ));
            }
            (spectrograms, what)
        }
        Takes::Features => {
            let bands = config.n_mels as i64;
            let shape = [Dimension::Any("batch"), Dimension::Fixed(1), Dimension::Fixed(bands), Dimension::Any("frame")];
            (graph.input("features", &shape), format!("features [batch, 1, {bands}, frame], as in the table features"))
        }
    };
    let normalised = architecture.normalisation().export(&mut graph, &input);
    let Some([embeddings, logits]) = frozen.export(&mut graph, &normalised)? else {
        return Err(format!("the network {} cannot be written as ONNX", architecture.name()).into());
    };
    let embedding = architecture.embedding();
    graph.output(EMBEDDING, &embeddings, &[Dimension::Any("batch"), Dimension::Fixed(embedding)]);
    graph.output(LOGITS, &logits, &of_classes(&card));
    let outputs = vec![format!("{EMBEDDING} [batch, {embedding}]"), format!("{LOGITS} [batch, {}]", card.classes.len())];
    // A licence that forbids commercial use may bind what learnt from the backbone's embeddings.
    let is_bound = card.distilled_from.as_ref().is_some_and(|teacher| teacher.non_commercial);
    let contract = Contract {
        input: chorus_card::SoundInput { name: Some("sound".to_owned()), ..contract.input },
        commercial_use: is_bound.then_some(false),
        ..contract
    };
    let contract = (takes == Takes::Audio).then_some(contract);
    Ok(Exported { card, graph, logits, inputs: vec![shape], outputs, notes, contract, is_calibrated: true })
}

fn head(folder: &Path) -> Result<Exported, WorkError> {
    let (card, linear) = chorus_head::given::linear(folder)?;
    let Some(linear) = linear else {
        return Err(format!("a head of the method {} cannot be written as ONNX", card.architecture).into());
    };
    let backbone = card.backbone.as_ref().map(|backbone| backbone.name.clone()).unwrap_or_default();
    let (classes, width) = (card.classes.len() as i64, card.embedding);
    let mut graph = Graph::default();
    let input = graph.input(EMBEDDING, &[Dimension::Any("batch"), Dimension::Fixed(width)]);
    let (weight, bias) = (graph.floats(&[classes, width], &linear.weight), graph.floats(&[classes], &linear.bias));
    let logits = graph.add("Gemm", &[&input, &weight, &bias], &[("transB", Attribute::Integer(1))]);
    graph.output(LOGITS, &logits, &of_classes(&card));
    let mut notes = vec![format!("it takes the embeddings of {backbone}")];
    let context = card.setting("head.context").and_then(serde_yaml::Value::as_f64).unwrap_or(0.0);
    if context > 0.0 {
        notes.push(format!(
            "head.context is {context}: Chorus adds what is heard around a window, and the file does not; so it gives no probabilities"
        ));
    }
    let inputs = vec![format!("{EMBEDDING} [batch, {width}], of {backbone}")];
    let outputs = vec![format!("{LOGITS} [batch, {classes}]")];
    Ok(Exported { card, graph, logits, inputs, outputs, notes, contract: None, is_calibrated: context == 0.0 })
}

fn of_classes(card: &Card) -> [Dimension; 2] {
    [Dimension::Any("batch"), Dimension::Fixed(card.classes.len() as i64)]
}

impl Exported {
    /// What was decided for this model, where it was evaluated.
    fn decisions(&self, folder: &Path) -> Result<Option<Decisions>, WorkError> {
        let path = folder.join(DECISIONS);
        if !path.exists() {
            return Ok(None);
        }
        // Those of an ensemble are for other scores.
        Ok(Some(Decisions::read(&path)?).filter(|decisions| decisions.model_id == self.card.model_id))
    }

    /// Adds the output of probabilities, where the model has a calibration for all sites, and gives its name and shape.
    fn add_probabilities(&mut self, folder: &Path) -> Result<Option<String>, WorkError> {
        let Some(decisions) = self.decisions(folder)?.filter(|_| self.is_calibrated) else {
            self.notes.push("it gives no probabilities: there is no calibration for these logits".to_owned());
            return Ok(None);
        };
        let curves = curves(&decisions, METHODS)?;
        let Some(found) = probability::probabilities(&mut self.graph, &self.logits, &self.card.classes, &curves) else {
            self.notes.push("it gives no probabilities: no class has a calibration".to_owned());
            return Ok(None);
        };
        self.graph.output(PROBABILITIES, &found, &of_classes(&self.card));
        let lacking: Vec<&str> =
            self.card.classes.iter().filter(|class| !curves.contains_key(*class)).map(String::as_str).collect();
        if !lacking.is_empty() {
            self.notes.push(format!("probabilities are NaN for classes without a calibration: {}", lacking.join(", ")));
        }
        Ok(Some(format!("{PROBABILITIES} [batch, {}]", self.card.classes.len())))
    }

    /// What the file says of the model besides the graph.
    fn about(&self, folder: &Path) -> Result<Vec<(String, String)>, WorkError> {
        let card = &self.card;
        let number = |key: &str| card.setting(key).map(serde_json::to_string).transpose();
        let thresholds = self.decisions(folder)?.map(|decisions| {
            let of = |class: &String| Some((class.clone(), json!(decisions.thresholds.get(class)?.threshold)));
            serde_json::Value::Object(card.classes.iter().filter_map(of).collect()).to_string()
        });
        let told = [
            ("model_id", Some(card.model_id.clone())),
            ("architecture", Some(card.architecture.clone())),
            ("classes", Some(serde_json::to_string(&card.classes)?)),
            ("names", Some(serde_json::to_string(&card.names)?)),
            ("sample_rate_hz", number("featurize.sample_rate_hz")?),
            ("window_s", number("segment.window_s")?),
            ("settings", Some(serde_json::to_string(&card.settings)?)),
            ("normalisation", Some(card.normalisation.clone())),
            ("thresholds", thresholds),
            ("backbone", card.backbone.as_ref().map(|backbone| backbone.name.clone())),
            ("license", card.license.clone()),
            ("chorus_version", Some(card.versions.chorus.clone())),
            ("exported_by", Some(env!("CARGO_PKG_VERSION").to_owned())),
        ];
        Ok(told.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
    }
}

/// Refuses a file whose name is not that of an ONNX file, by which Chorus knows one.
///
/// # Errors
/// [`EngineError::Model`].
pub fn check_name(out: &Path) -> Result<(), EngineError> {
    if out.extension().is_some_and(|extension| extension == "onnx") {
        return Ok(());
    }
    let found = "expected a name that ends in .onnx".to_owned();
    Err(EngineError::Model { path: out.to_owned(), found, next: "name another file with --out".to_owned() })
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use chorus_audio::dsp::logmel::{Level, MelConfig};
    use chorus_score::calibration::{Curves, Logistic, Rising};
    use tch::Kind;

    use super::graph::tests::checked;
    use super::*;
    use crate::extension::Settings;
    use crate::network::{NETWORKS, Network, NetworkOptions};

    /// A small network of each kind with sound as input and with probabilities, as a file.
    fn files() -> BTreeMap<&'static str, Vec<u8>> {
        let settings: Settings = serde_yaml::from_str("{width: 0.125}").unwrap();
        let classes = ["A", "B", "C"].map(str::to_owned);
        let file = |name: &'static str, config: &MelConfig| {
            let entry = crate::network::find(name).unwrap();
            let options = NetworkOptions::new(entry.with(&settings).unwrap(), 1, 3);
            let frozen = Network::new(options, 0, Kind::Float, HOST).unwrap().freeze(Kind::Float).unwrap();
            let mut graph = Graph::default();
            let sound = graph.input("sound", &[Dimension::Any("batch"), Dimension::Fixed(8000)]);
            let features = sound::log_mel(&mut graph, &sound, 8000, config).unwrap();
            let normalised = frozen.options().architecture.normalisation().export(&mut graph, &features);
            let [_, logits] = frozen.export(&mut graph, &normalised).unwrap().expect("every network of the list can be exported");
            let rising = Rising { scores: vec![0.1, 0.5, 0.9], probabilities: vec![0.0, 0.25, 1.0] };
            let mut curves = Curves::new();
            curves.insert("A".to_owned(), Box::new(Logistic { slope: 2.0, intercept: 0.5 }));
            curves.insert("B".to_owned(), Box::new(rising));
            let found = probability::probabilities(&mut graph, &logits, &classes, &curves).unwrap();
            graph.output(PROBABILITIES, &found, &[Dimension::Any("batch"), Dimension::Fixed(3)]);
            graph.into_file(name, Vec::new())
        };
        let plain = MelConfig::default();
        let pcen = MelConfig { level: Level::Pcen, ..MelConfig::default() };
        let files = NETWORKS.iter().map(|entry| (entry.name, file(entry.name, &plain)));
        files.chain([("pcen", file(NETWORKS[0].name, &pcen))]).collect()
    }

    #[test]
    fn every_network_can_be_written_with_operators_that_all_programs_have() {
        let known: BTreeSet<&str> = [
            "Add",
            "Cast",
            "Clip",
            "Conv",
            "Div",
            "Gemm",
            "GlobalAveragePool",
            "HardSigmoid",
            "HardSwish",
            "Identity",
            "Log",
            "MatMul",
            "Max",
            "MaxPool",
            "Min",
            "Mul",
            "Pad",
            "Pow",
            "ReduceMax",
            "ReduceMean",
            "ReduceMin",
            "ReduceSum",
            "Relu",
            "Sigmoid",
            "Sub",
            "Unsqueeze",
            "Where",
        ]
        .into();
        for (name, bytes) in files() {
            let graph = checked(&bytes).graph.unwrap();
            let unknown: Vec<_> = graph.node.iter().map(|node| node.op_type.as_str()).filter(|op| !known.contains(op)).collect();
            assert!(unknown.is_empty(), "{name}: {unknown:?}");
            for constant in &graph.initializer {
                let size = match constant.data_type {
                    proto::element::FLOAT => 4,
                    proto::element::INT64 => 8,
                    _ => 1,
                };
                let expected = size * constant.dims.iter().product::<i64>() as usize;
                assert_eq!(constant.raw_data.as_ref().map(Vec::len), Some(expected), "{name}: {}", constant.name);
            }
        }
    }

    #[test]
    fn a_transform_that_does_not_fit_and_a_name_that_says_nothing_are_refused() {
        let mut graph = Graph::default();
        let sound = graph.input("sound", &[]);
        let long = MelConfig { n_fft: 65_536, win_length: 65_536, ..MelConfig::default() };
        assert!(sound::log_mel(&mut graph, &sound, 100_000, &long).unwrap_err().contains("export one that takes features"));
        assert!(sound::log_mel(&mut graph, &sound, 256, &MelConfig::default()).unwrap_err().contains("256 samples"));
        assert!(check_name(Path::new("a.onnx")).is_ok() && check_name(Path::new("a.pt")).is_err());
    }
}
