//! `chorus model`: describes a model, compares two, or writes one for other programs. It reads the cards, the thresholds, and the metrics
//! of the models' runs.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use chorus_card::{Card, DECISIONS, Decisions, MODEL_CARD, Threshold, WEIGHTS};
use chorus_engine::graph::Program;
use chorus_engine::{RunTablesError, hash_bytes};
use chorus_frames::polars::df;
use chorus_frames::polars::prelude::{IntoLazy, JoinCoalesce, JoinType, LazyFrame, PolarsResult, SortMultipleOptions, col, lit};
use chorus_frames::{Frames, FramesError};
use serde_yaml::Value;

use super::backbone;
use crate::args::{ModelCommand, ModelExport};
use crate::output::{self, aligned};

pub(crate) fn run(command: &ModelCommand) -> anyhow::Result<ExitCode> {
    match command {
        ModelCommand::Show { folder, json } => show(&Model::read(folder)?, *json),
        ModelCommand::Compare { first, second } => compare(&Model::read(first)?, &Model::read(second)?),
        ModelCommand::Export(ModelExport::Onnx { folder, output, input, json }) => export_onnx(folder, output, input, *json),
    }?;
    Ok(ExitCode::SUCCESS)
}

/// A model, with its thresholds and the metrics of its run.
struct Model {
    name: String,
    card: Card,
    /// Thresholds by class.
    thresholds: BTreeMap<String, Threshold>,
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

    /// What can be compared, by `part` (the card's entries, thresholds, metrics) and `name`: its exact `value`, and as it is `shown`.
    fn lines(&self) -> PolarsResult<LazyFrame> {
        let entries = self.entries().into_iter().map(|(key, value)| (0, key, value.clone(), value));
        let thresholds = self.classes().into_iter().map(|class| {
            let shown = threshold(self.thresholds.get(class));
            (1, format!("threshold of {class}"), shown.clone(), shown)
        });
        let usable = self.thresholds.iter().map(|(class, threshold)| {
            let shown = if threshold.usable { "yes" } else { "no" };
            (1, format!("usable: {class}"), shown.to_owned(), shown.to_owned())
        });
        let metrics = self.metrics.iter();
        let metrics = metrics.map(|(metric, value)| (2, format!("test {metric}"), value.to_string(), format!("{value:.4}")));
        let lines: Vec<(i32, String, String, String)> = entries.chain(thresholds).chain(usable).chain(metrics).collect();
        let lines = df!(
            "part" => lines.iter().map(|line| line.0).collect::<Vec<_>>(),
            "name" => lines.iter().map(|line| line.1.as_str()).collect::<Vec<_>>(),
            "value" => lines.iter().map(|line| line.2.as_str()).collect::<Vec<_>>(),
            "shown" => lines.iter().map(|line| line.3.as_str()).collect::<Vec<_>>(),
        )?;
        Ok(lines.lazy())
    }
}

/// Test metrics of the run that the model belongs to: means over the classes, for all sites and windows.
fn metrics(folder: &Path) -> anyhow::Result<BTreeMap<String, f64>> {
    let table = match Frames::open(folder.join("..")).and_then(|run| run.table("metrics")) {
        // A model's folder may have been copied out of its run.
        Err(FramesError::Run(RunTablesError::NoRun { .. } | RunTablesError::NotMade { .. })) => return Ok(BTreeMap::new()),
        table => table?,
    };
    let over_all = col("site").is_null().and(col("class").is_null()).and(col("group").is_null());
    let rows = table.filter(col("subset").eq(lit("test")).and(over_all)).select([col("metric"), col("value")]).collect()?;
    let (names, values) = (rows.column("metric")?.str()?, rows.column("value")?.f64()?);
    Ok(names.iter().zip(values.iter()).filter_map(|(name, value)| Some((name?.to_owned(), value?))).collect())
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

/// The worker with libtorch writes the file, since it folds the weights as for a prediction.
fn export_onnx(folder: &Path, out: &Path, input: &str, json: bool) -> anyhow::Result<()> {
    let mut arguments =
        vec![OsStr::new("export"), OsStr::new("--model"), folder.as_os_str(), OsStr::new("--out"), out.as_os_str()];
    if input == "features" {
        arguments.push(OsStr::new("--features"));
    }
    let report = backbone::answer(Program::Torch, arguments)?;
    if json {
        return Ok(output::json(&report.to_string())?);
    }
    let list = |key: &str| report[key].as_array().into_iter().flatten().filter_map(serde_json::Value::as_str).collect::<Vec<_>>();
    let rows = ["files", "inputs", "outputs"].map(|key| [key.to_owned(), list(key).join(", ")]);
    output::line(aligned(&rows).trim_end())?;
    output::notes(&list("notes"));
    Ok(())
}

fn show(model: &Model, json: bool) -> anyhow::Result<()> {
    if json {
        let thresholds: BTreeMap<&String, f64> = model.thresholds.iter().map(|(class, of)| (class, of.threshold)).collect();
        let left_out: BTreeMap<&String, &Option<String>> =
            model.thresholds.iter().filter(|(_, of)| !of.usable).map(|(class, of)| (class, &of.why_not)).collect();
        let (card, test, whole) = (&model.card, &model.metrics, model.whole);
        let all = serde_json::json!({"card": card, "thresholds": thresholds, "left_out": left_out, "test": test, "whole": whole});
        return Ok(output::json(&all.to_string())?);
    }
    if !model.whole {
        output::line(&format!(
            "{WEIGHTS} is missing, or it does not belong to {MODEL_CARD}; copy the complete folder of the model"
        ))?;
    }
    let rows: Vec<[String; 2]> = model.entries().into_iter().map(|(key, value)| [key, value]).collect();
    output::line(aligned(&rows).trim_end())?;
    output::line("")?;
    let mut rows = vec![["class", "threshold", "can be told"].map(str::to_owned)];
    rows.extend(model.classes().into_iter().map(|class| {
        let of = model.thresholds.get(class);
        [class.to_owned(), threshold(of), of.map(told).unwrap_or_default()]
    }));
    output::line(aligned(&rows).trim_end())?;
    if !model.metrics.is_empty() {
        output::line("\ntest metrics of the model's run (means over the classes):")?;
        let rows: Vec<[String; 2]> = model.metrics.iter().map(|(name, value)| [name.clone(), format!("{value:.4}")]).collect();
        output::line(aligned(&rows).trim_end())?;
    }
    Ok(())
}

fn threshold(of: Option<&Threshold>) -> String {
    of.map_or_else(|| "none".to_owned(), |of| format!("{:.4}", of.threshold))
}

/// Whether validation shows that a class can be told, or why not.
fn told(of: &Threshold) -> String {
    match &of.why_not {
        Some(why_not) => format!("no: {why_not}"),
        None if of.usable => "yes".to_owned(),
        None => "no".to_owned(),
    }
}

/// Prints the differences only.
fn compare(first: &Model, second: &Model) -> anyhow::Result<()> {
    let by = ["part", "name"];
    let joined = first.lines()?.join_builder().with(second.lines()?).on(by.map(col));
    let joined = joined.how(JoinType::Full).coalesce(JoinCoalesce::CoalesceColumns).suffix("_of_second").finish();
    let differing = joined.filter(col("value").neq_missing(col("value_of_second"))).sort(by, SortMultipleOptions::default());
    let differing = differing.collect()?;
    let text = |column: &str| differing.column(column).and_then(|texts| texts.str());
    let (names, ours, theirs) = (text("name")?, text("shown")?, text("shown_of_second")?);
    let mut rows = vec![["", &first.name, &second.name].map(str::to_owned)];
    for ((name, ours), theirs) in names.iter().zip(ours.iter()).zip(theirs.iter()) {
        rows.push([name.unwrap_or_default(), ours.unwrap_or("absent"), theirs.unwrap_or("absent")].map(str::to_owned));
    }
    if rows.len() == 1 {
        return Ok(output::line("the two models are the same")?);
    }
    Ok(output::line(aligned(&rows).trim_end())?)
}
