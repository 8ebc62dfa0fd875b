//! `chorus enroll`: a class more for a trained model, from a few windows or clips in which it calls. Nothing is trained again, and the
//! scores of the other classes stay as they are.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use chorus_card::{Card, DECISIONS, Decisions, Enrolled, MODEL_CARD, Source, TAXA, Threshold, WEIGHTS};
use chorus_engine::{Console, Disk, atomic, hash_bytes};
use chorus_head::{fit_class, with_class};
use chorus_query::Tables;
use chorus_search::{Embeddings, Span};
use chorus_unknown::{REFERENCE, reference_with_class};

use super::search::examples;
use super::windows;
use crate::args::{EnrollArgs, UsageError};

/// The windows that a class is told from: those of train with labels.
const OTHERS: &str = "SELECT DISTINCT '' AS run, s.site, s.date, s.recording_id, s.start_s, s.end_s FROM segments s \
    JOIN training_sets t ON t.recording_id = s.recording_id AND t.subset = 'train' \
    JOIN labels l ON l.segment_id = s.segment_id AND l.value IS NOT NULL";

pub(crate) fn run(args: &EnrollArgs) -> anyhow::Result<ExitCode> {
    let folders = args.runs.folders()?;
    let [run] = folders.as_slice() else {
        return Err(UsageError("--run: name one run, the one that trained the model".to_owned()).into());
    };
    let model = run.join("model");
    let card_path = model.join(MODEL_CARD);
    let mut card = Card::read(&card_path)?;
    if card.classes.contains(&args.name) {
        return Err(UsageError(format!("{}: the model has this class; train again to change it", args.name)).into());
    }
    if args.output.exists() {
        return Err(UsageError(format!("--output {}: it exists already; name a new folder", args.output.display())).into());
    }
    let embeddings =
        Embeddings::open(windows::open(&args.runs, &["embeddings", "recordings", "labels", "training_sets"], args.fresh.fresh)?)?;
    // A row of weights for other embeddings would be nonsense that looks like scores.
    let made_by = card.backbone.as_ref().map_or(&card.model_id, |backbone| &backbone.id);
    if embeddings.model_id() != made_by {
        let found = format!("its embeddings are those of {}, and its model takes those of {made_by}", embeddings.model_id());
        return Err(UsageError(format!("--run {}: {found}; make both with one configuration", run.display())).into());
    }
    let found = examples(&embeddings, &args.examples, args.fresh.fresh)?;
    let tables = Tables::of(embeddings.runs().to_vec());
    let mut spans = Vec::new();
    for rows in tables.sql(OTHERS)? {
        spans.extend(Span::of_rows(&rows?, tables.runs())?);
    }
    let others = embeddings.examples(&spans, args.others as usize)?;
    // An example may be a window of train.
    let others: Vec<Vec<f32>> = others.vectors.into_iter().filter(|vector| !found.vectors.contains(vector)).collect();
    let strength = args.strength.or_else(|| card.options.get("setting").and_then(serde_yaml::Value::as_f64)).unwrap_or(0.01);
    let row = fit_class(&found.vectors, &others, strength)?;
    let weights_path = model.join(WEIGHTS);
    let bytes = fs::read(&weights_path).with_context(|| weights_path.display().to_string())?;
    if hash_bytes(&bytes)[..16] != card.model_id {
        return Err(
            UsageError(format!("{}: these are not the weights that {MODEL_CARD} describes", weights_path.display())).into()
        );
    }
    // The tables of a run have the classes in the order of their names.
    let place = card.classes.partition_point(|class| *class < args.name);
    let bytes = with_class(&bytes, &row, place).with_context(|| weights_path.display().to_string())?;
    let model_id = hash_bytes(&bytes)[..16].to_owned();
    // What the model says of unknown sounds comes along. It is made before anything is written, since it may be refused.
    let reference_path = model.join(REFERENCE);
    let reference = if reference_path.exists() {
        let known = fs::read(&reference_path).with_context(|| reference_path.display().to_string())?;
        let grown = reference_with_class(&known, &found.vectors, &card.model_id, &model_id).map_err(|found| {
            let next = "run the stage unknown of this run again, with unknown.enabled: true";
            anyhow::anyhow!("{}: {found}; {next}", reference_path.display())
        })?;
        Some(grown)
    } else {
        None
    };
    let before = std::mem::replace(&mut card.model_id, model_id);
    card.classes.insert(place, args.name.clone());
    let (examples, number) = (found.vectors.len() as u64, others.len() as u64);
    card.enrolled.push(Enrolled { class: args.name.clone(), examples, others: number, strength, before });
    write(&args.output, WEIGHTS, &bytes)?;
    if let Some(reference) = reference {
        write(&args.output, REFERENCE, &reference)?;
    }
    // Thresholds and calibrations of the other classes hold, since their scores are the same.
    let decisions = model.join(DECISIONS);
    if decisions.exists() {
        let mut decisions = Decisions { model_id: card.model_id.clone(), ..Decisions::read(&decisions)? };
        decisions.thresholds.insert(args.name.clone(), untried());
        write(&args.output, DECISIONS, serde_yaml::to_string(&decisions)?.as_bytes())?;
    }
    let taxa = model.join(TAXA);
    if taxa.exists() {
        write(&args.output, TAXA, &fs::read(&taxa).with_context(|| taxa.display().to_string())?)?;
    }
    write(&args.output, MODEL_CARD, card.to_yaml().as_bytes())?;
    let folder = args.output.display();
    Console::new().say(&format!(
        "{} is told from {number} windows of train by {examples} examples; the model with it: {folder}; apply it with model.path: {folder}",
        args.name
    ));
    Ok(ExitCode::SUCCESS)
}

/// What is decided of a class that no validation has seen: it is left out, until somebody asks for all classes or labels tell more of it.
fn untried() -> Threshold {
    let why = "it was enrolled, and no validation tells how good it is; label some of it and set split.threshold_fraction, or set \
               detect.classes: all, which finds it from a score of 0.5 on";
    Threshold {
        threshold: 0.5,
        source: Source::Default,
        f1: None,
        precision: None,
        recall: None,
        positives: 0,
        recordings: Some(0),
        precision_low: None,
        usable: false,
        why_not: Some(why.to_owned()),
    }
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
    Ok(atomic::write(&Disk::local(), folder, folder, &folder.join(name), bytes).map(drop)?)
}
