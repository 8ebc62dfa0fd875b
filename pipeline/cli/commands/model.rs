//! `chorus model`: describes a model, or compares two. It reads the cards, the thresholds, and the metrics of the models' runs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use chorus_card::{Card, DECISIONS, Decisions, MODEL_CARD, WEIGHTS};
use chorus_engine::{RunTables, hash_bytes};
use serde_yaml::Value;

use crate::args::ModelCommand;
use crate::output::{self, aligned};

pub(crate) fn run(command: &ModelCommand) -> anyhow::Result<ExitCode> {
    match command {
        ModelCommand::Show { folder, json } => show(&Model::read(folder)?, *json),
        ModelCommand::Compare { first, second } => compare(&Model::read(first)?, &Model::read(second)?),
    }?;
    Ok(ExitCode::SUCCESS)
}

/// A model, with its thresholds and the metrics of its run.
struct Model {
    name: String,
    card: Card,
    /// Thresholds by class.
    thresholds: BTreeMap<String, f64>,
    /// Metrics on the test set over all sites, by metric.
    metrics: BTreeMap<String, f64>,
    /// Whether the file of weights is the one that the card describes.
    whole: bool,
}

impl Model {
    fn read(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(MODEL_CARD);
        let card = Card::read(&path)?;
        let weights = std::fs::read(folder.join(WEIGHTS)).unwrap_or_default();
        let whole = card.model_id == hash_bytes(&weights)[..16];
        // A model has no decisions until it was evaluated.
        let decisions =
            Some(folder.join(DECISIONS)).filter(|path| path.exists()).map(|path| Decisions::read(&path)).transpose()?;
        let thresholds = decisions.map(|decisions| decisions.thresholds).unwrap_or_default();
        let thresholds = thresholds.into_iter().map(|(class, threshold)| (class, threshold.threshold)).collect();
        let metrics = metrics(folder).with_context(|| format!("metrics beside {}", folder.display()))?;
        Ok(Self { name: folder.display().to_string(), card, thresholds, metrics, whole })
    }

    fn classes(&self) -> BTreeSet<&str> {
        self.card.classes.iter().map(String::as_str).collect()
    }

    /// Every entry of the card except the classes, by its dotted name.
    fn entries(&self) -> BTreeMap<String, String> {
        let mut entries = BTreeMap::new();
        flatten("", &serde_yaml::to_value(&self.card).unwrap_or_default(), &mut entries);
        entries.remove("classes");
        entries
    }
}

/// Test metrics of the run that the model belongs to: means over the classes, for all sites and windows.
fn metrics(folder: &Path) -> anyhow::Result<BTreeMap<String, f64>> {
    // A model's folder may have been copied out of its run.
    let Ok(run) = RunTables::open(&folder.join(".."), |_| Vec::new()) else { return Ok(BTreeMap::new()) };
    let Some(part) = run.partitions("metrics")?.pop() else { return Ok(BTreeMap::new()) };
    let batch = part.read(&["subset", "site", "class", "group", "metric", "value"])?;
    let of = |column: &str| batch.texts(column);
    let (subsets, sites, classes, groups, names) = (of("subset")?, of("site")?, of("class")?, of("group")?, of("metric")?);
    let mut metrics = BTreeMap::new();
    for (row, value) in batch.f64("value")?.iter().enumerate() {
        let overall = sites[row].is_none() && classes[row].is_none() && groups[row].is_none();
        if let (true, Some("test"), Some(name), Some(value)) = (overall, subsets[row].as_deref(), &names[row], value) {
            metrics.insert(name.clone(), value);
        }
    }
    Ok(metrics)
}

fn flatten(prefix: &str, value: &Value, into: &mut BTreeMap<String, String>) {
    match value {
        Value::Mapping(mapping) => {
            for (key, value) in mapping {
                let key = key.as_str().unwrap_or_default();
                flatten(&if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") }, value, into);
            }
        }
        other => {
            let text = serde_yaml::to_string(other).unwrap_or_default();
            into.insert(prefix.to_owned(), text.trim().to_owned());
        }
    }
}

fn show(model: &Model, json: bool) -> anyhow::Result<()> {
    if json {
        let all =
            serde_json::json!({"card": model.card, "thresholds": model.thresholds, "test": model.metrics, "whole": model.whole});
        return Ok(output::line(&all.to_string())?);
    }
    if !model.whole {
        output::line(&format!(
            "{WEIGHTS} is missing, or it does not belong to {MODEL_CARD}; copy the complete folder of the model"
        ))?;
    }
    let rows: Vec<[String; 2]> = model.entries().into_iter().map(|(key, value)| [key, value]).collect();
    output::line(aligned(&rows).trim_end())?;
    output::line("")?;
    let mut rows = vec![["class", "threshold"].map(str::to_owned)];
    rows.extend(model.classes().into_iter().map(|class| [class.to_owned(), threshold(model.thresholds.get(class))]));
    output::line(aligned(&rows).trim_end())?;
    if !model.metrics.is_empty() {
        output::line("\ntest metrics of the model's run (means over the classes):")?;
        let rows: Vec<[String; 2]> = model.metrics.iter().map(|(name, value)| [name.clone(), format!("{value:.4}")]).collect();
        output::line(aligned(&rows).trim_end())?;
    }
    Ok(())
}

fn threshold(value: Option<&f64>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| format!("{value:.4}"))
}

/// Prints the differences only.
fn compare(first: &Model, second: &Model) -> anyhow::Result<()> {
    let mut rows = vec![["", &first.name, &second.name].map(str::to_owned)];
    let absent = || "absent".to_owned();
    let (ours, theirs) = (first.entries(), second.entries());
    for key in ours.keys().chain(theirs.keys()).collect::<BTreeSet<_>>() {
        let (a, b) = (ours.get(key), theirs.get(key));
        if a != b {
            rows.push([key.clone(), a.cloned().unwrap_or_else(absent), b.cloned().unwrap_or_else(absent)]);
        }
    }
    for class in first.classes().union(&second.classes()) {
        let side = |model: &Model| match model.classes().contains(class) {
            true => threshold(model.thresholds.get(*class)),
            false => absent(),
        };
        if side(first) != side(second) {
            rows.push([format!("threshold of {class}"), side(first), side(second)]);
        }
    }
    let differs = |metric: &&String| first.metrics.get(*metric) != second.metrics.get(*metric);
    for metric in first.metrics.keys().chain(second.metrics.keys()).collect::<BTreeSet<_>>().into_iter().filter(differs) {
        let side = |model: &Model| model.metrics.get(metric).map_or_else(absent, |value| format!("{value:.4}"));
        rows.push([format!("test {metric}"), side(first), side(second)]);
    }
    if rows.len() == 1 {
        return Ok(output::line("the two models are the same")?);
    }
    Ok(output::line(aligned(&rows).trim_end())?)
}
