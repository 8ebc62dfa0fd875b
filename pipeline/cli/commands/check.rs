//! `chorus check`.

use std::process::ExitCode;

use chorus_engine::Config;

use crate::args::CheckArgs;
use crate::output;
use crate::stages::runner;

pub(crate) fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let config = args.config.load()?;
    let run = config.run_path();
    let brought: Vec<String> = config.brought().map(|key| setting(&config, key)).collect();
    let runner = runner(config)?;
    runner.check()?;
    output::line(&format!("the configuration is valid; run: {}; stages: {}", run.display(), runner.stages().join(", ")))?;
    if !brought.is_empty() {
        output::line(&format!("settings from the model: {}", brought.join(", ")))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A key with its value, on one line.
fn setting(config: &Config, key: &str) -> String {
    let value = serde_json::to_string(config.get(key)).unwrap_or_default();
    format!("{key} {}", value.trim_matches('"'))
}
