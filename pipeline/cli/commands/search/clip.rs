//! The vector of a sound file, made by the backbone that made the table.

use std::path::Path;

use chorus_search::Embeddings;
use serde_json::{Map, Value};

use crate::args::UsageError;
use crate::commands::backbone::asked;

/// The vector of the window at a second of a sound file: `[value]`. The worker that opens the run's backbone makes it.
///
/// # Errors
/// [`UsageError`] where the run's embeddings are not of a backbone, or of another one than it names now; those of the worker.
pub(super) fn embed_clip(embeddings: &Embeddings, file: &Path, at: Option<f64>) -> anyhow::Result<Vec<f32>> {
    let refuse = |found: &str, next: &str| UsageError(format!("--clip {}: {found}; {next}", file.display()));
    let config = embeddings.runs().iter().find_map(|run| run.config()).ok_or_else(|| {
        refuse("the run has no recorded configuration, so its backbone is not known", "search with --recording or --class")
    })?;
    let (Some(backbone), Some(contract)) = (config.text("backbone.path"), config.text("backbone.contract")) else {
        let next = "search with --recording or --class, or make embeddings with backbone.path";
        return Err(refuse("the embeddings are those of the run's own network", next).into());
    };
    let settings: Map<String, Value> = ["hop_s", "pool", "batch_size", "map", "min_score", "memory_gib"]
        .iter()
        .map(|key| ((*key).to_owned(), serde_json::to_value(config.get(&format!("embed.{key}"))).unwrap_or_default()))
        .collect();
    let number = |value: f64| value.to_string();
    let window_s = config.number("segment.window_s");
    let audio = file.to_string_lossy();
    let arguments = [
        "clip",
        "--device",
        config.text("device").unwrap_or("auto"),
        "--audio",
        &audio,
        "--at",
        &number(at.unwrap_or(0.0)),
        "--window-s",
        &number(window_s),
        "--settings",
        &Value::Object(settings).to_string(),
    ];
    let answer = asked(Path::new(backbone), Path::new(contract), &arguments)?;
    if answer["id"].as_str() != Some(embeddings.model_id()) {
        let found = format!("the run's backbone is {backbone} now, and the embeddings are of another one");
        return Err(refuse(&found, "run embed again").into());
    }
    Ok(serde_json::from_value(answer["embedding"].clone())?)
}
