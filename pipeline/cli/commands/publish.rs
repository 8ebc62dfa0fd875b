//! `chorus publish`.

use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context;
use chorus_archive::is_url;
use chorus_engine::{Console, RunDir, bytes, counted, files_below};
use chorus_platform::names::text_with_slashes;
use chorus_store::publish::publish;

use super::freshness;
use crate::args::{PublishArgs, UsageError};

pub(crate) fn run(args: &PublishArgs) -> anyhow::Result<ExitCode> {
    if !is_url(&args.url) {
        let found =
            format!("{}: this is no URL; expected s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX", args.url);
        return Err(UsageError(found).into());
    }
    let folder = args.config.run_dir()?;
    let run = RunDir::new(&folder);
    let tables = [freshness::open(&args.config)?];
    let names: Vec<&str> = tables[0].present().iter().map(|table| table.name.as_str()).collect();
    let manifest = std::fs::read(run.manifest()).ok().and_then(|text| serde_json::from_slice(&text).ok());
    let manifest = manifest.with_context(|| {
        format!("{} has no manifest.json: a run is published when `chorus run` has made all of it", folder.display())
    })?;
    freshness::check(&tables, &names, args.fresh.fresh)?;
    // Nothing may work on the run meanwhile.
    let _lock = run.lock()?;
    let files = files(&run)?;
    let console = Console::new();
    let (progress, done) = (console.progress("publish", files.len() as u64, "file"), AtomicUsize::new(0));
    let told = |more: usize| progress.done((done.fetch_add(more, Ordering::Relaxed) + more) as u64, "");
    let published = publish(&args.url, &folder, &files, manifest, told)?;
    drop(progress);
    let removed = if published.removed > 0 { format!(", {} removed", published.removed) } else { String::new() };
    console.say(&format!(
        "published to {}: {} sent ({}), {} there already{removed}",
        args.url,
        counted(published.sent, "file"),
        bytes(published.bytes),
        published.kept
    ));
    if !published.keeps_apart {
        console.warn("this store overwrites objects without regard to conditions: see to it that nobody else publishes there at the same time");
    }
    console.say(&format!("next: chorus query --run {} \"SHOW TABLES\"", args.url));
    Ok(ExitCode::SUCCESS)
}

/// The files that are published, by path relative to the run: tables, model and report, and the configuration.
fn files(run: &RunDir) -> anyhow::Result<Vec<String>> {
    let parts = [run.tables(), run.model(), run.path().join("report")];
    let mut files = vec![run.resolved_config()];
    for part in parts {
        files.extend(files_below(&part).with_context(|| format!("{}: cannot be listed", part.display()))?);
    }
    let relative = |path: std::path::PathBuf| {
        let relative = path.strip_prefix(run.path()).ok().and_then(|path| path.to_str());
        let relative = relative.map(|path| text_with_slashes(path).into_owned());
        relative.with_context(|| format!("{}: this name is not UTF-8 and cannot be published", path.display()))
    };
    files.into_iter().map(relative).collect()
}
