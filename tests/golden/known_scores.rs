//! Stands in for the worker chorus-torch in `tests/golden.rs`: a model that was not trained, and scores that are known. They are made of
//! window and class by a hash, so evaluation and detection get the same input on every processor.
//!
//!     known_scores run --run RUN … STAGE…     as `chorus run` starts the worker
//!     known_scores model FOLDER               writes a model's folder, as another run would have left it
#![allow(clippy::unwrap_used)]

use std::path::Path;

use chorus_audio::dsp::logmel::MelConfig;
use chorus_card::{Card, MODEL_CARD, WEIGHTS, testing};
use chorus_engine::graph::Program;
use chorus_engine::{
    Console, Registry, RunDir, RunOptions, Runner, Scan, ScanContext, Selection, UnitContext, Work, WorkError, hash_bytes,
    read_assignment,
};
use chorus_keys::Keys;
use chorus_tables::UtcMicros;
use safetensors::tensor::{Dtype, TensorView};

/// Scores are multiples of one part in this many: many are equal, as scores of real models rarely are.
const STEPS: u64 = 64;

/// Writes what a training would write.
struct KnownModel;

impl Work for KnownModel {
    type Found = ();

    fn scan(&self, _: &ScanContext<'_>) -> Result<Scan<()>, WorkError> {
        Ok(Scan::default())
    }

    fn run(&self, cx: &UnitContext<'_>, (): &()) -> Result<(), WorkError> {
        let classes = cx.read("classes", &["class"])?.unwrap().texts("class")?.into_iter().flatten().collect();
        let keys = [MelConfig::names(), vec!["segment.window_s"]].concat();
        let card = Card { classes, ..testing::card(cx.values(&keys)?.nested(keys)) };
        cx.write_file("model/weights.safetensors", b"")?;
        cx.write_file("model/model.yaml", card.to_yaml().as_bytes())?;
        cx.write_file("model/curves.csv", b"")?;
        cx.write("training_log", |batch| {
            batch
                .column("epoch", [1_u32])
                .column("step", [1_u64])
                .column("learning_rate", [0.5])
                .column("train_loss", [0.25])
                .column("validation_loss", [0.5])
                .column("validation_macro_f1", [0.25])
                .column("validation_mean_ap", [0.125])
                .column("best", [true])
        })?;
        cx.write("training_mixing", |batch| batch.column("epoch", [1_u32]).column("method", ["none"]).column("steps", [1_u32]))?;
        Ok(())
    }
}

/// Scores by window and class.
struct KnownScores;

impl Work for KnownScores {
    type Found = ();

    fn scan(&self, _: &ScanContext<'_>) -> Result<Scan<()>, WorkError> {
        Ok(Scan::default())
    }

    fn run(&self, cx: &UnitContext<'_>, (): &()) -> Result<(), WorkError> {
        let card = Card::read(&cx.model_file(MODEL_CARD)?.unwrap())?;
        let segments = cx.read("segments", &["segment_id", "recording_id", "start_s", "end_s", "start_utc"])?.unwrap();
        let (windows, recordings) = (segments.texts("segment_id")?, segments.texts("recording_id")?);
        let (starts, ends, utc) = (segments.f64("start_s")?, segments.f64("end_s")?, segments.micros("start_utc")?);
        let mut classes = card.classes;
        classes.sort();
        let rows: Vec<(usize, &str, f32)> = (0..segments.rows())
            .flat_map(|row| classes.iter().map(move |class| (row, class.as_str())))
            .map(|(row, class)| (row, class, score(windows[row].as_deref().unwrap(), class)))
            .collect();
        let text = |texts: &'_ [Option<String>], row: usize| texts[row].clone().unwrap();
        cx.write("predictions", |batch| {
            batch
                .column("segment_id", rows.iter().map(|r| text(&windows, r.0)))
                .column("recording_id", rows.iter().map(|r| text(&recordings, r.0)))
                .column("start_utc", rows.iter().map(|r| utc.iter().nth(r.0).flatten().map(UtcMicros)))
                .column("start_s", rows.iter().map(|r| starts.value(r.0)))
                .column("end_s", rows.iter().map(|r| ends.value(r.0)))
                .column("class", rows.iter().map(|r| r.1))
                .column("logit", rows.iter().map(|r| (r.2 / (1.0 - r.2)).ln()))
                .column("score", rows.iter().map(|r| r.2))
                .column("model_id", rows.iter().map(|_| &card.model_id))
        })?;
        Ok(())
    }
}

/// A score between 0 and 1. High scores come in runs of windows, as calls do.
fn score(window: &str, class: &str) -> f32 {
    let (recording, index) = window.rsplit_once('-').unwrap();
    let spell = index.parse::<u64>().unwrap() / 4;
    let draw = |of: String| u64::from_str_radix(&hash_bytes(of.as_bytes())[..8], 16).unwrap();
    let base = draw(format!("{recording} {spell} {class}")) % (STEPS / 2);
    let own = draw(format!("{window} {class}")) % (STEPS / 2);
    (base + own + 1) as f32 / (STEPS + 1) as f32
}

/// Makes the stages that chorus asks for.
fn run(arguments: &[String]) {
    let after = |name: &str| arguments.iter().position(|a| a == name).map(|at| arguments[at + 1].clone());
    let run = RunDir::new(after("--run").unwrap());
    let stages = arguments.iter().filter(|a| ["train", "predict"].contains(&a.as_str())).cloned().collect();
    let (config, passes) = read_assignment(std::io::stdin().lock(), &run).unwrap();
    let registry = Registry::of(passes).holding("train", KnownModel).holding("predict", KnownScores);
    let options = RunOptions::new(Selection::Only(stages), 1);
    Runner::new(config, registry, Console::new()).as_worker(Program::Torch, Default::default()).run(&options).unwrap();
}

/// A card, and weights that fit it as far as anybody looks at them: a layer for its classes and the length of its embedding.
fn model(folder: &Path) {
    let mut card = testing::card(Default::default());
    let shape = vec![card.classes.len(), card.embedding as usize];
    let zeros = vec![0; size_of::<f32>() * shape.iter().product::<usize>()];
    let head = TensorView::new(Dtype::F32, shape, &zeros).unwrap();
    let weights = safetensors::serialize([("head.weight", head)], None).unwrap();
    card.model_id = hash_bytes(&weights)[..16].to_owned();
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join(WEIGHTS), weights).unwrap();
    std::fs::write(folder.join(MODEL_CARD), card.to_yaml()).unwrap();
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments[0].as_str() {
        "run" => run(&arguments),
        "model" => model(Path::new(&arguments[1])),
        other => panic!("found `{other}`, expected run or model"),
    }
}
