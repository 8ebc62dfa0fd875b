//! `chorus backbone`: tries a backbone out, and prints contracts of known ones. The worker that can open the file runs it.

use std::ffi::OsStr;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use chorus_card::Contract;
use chorus_embed::given::Given;
use chorus_embed::{program, ready};
use chorus_engine::graph::Program;
use chorus_engine::worker_program;
use serde_json::Value;

use super::workers;
use crate::args::{BackboneCommand, UsageError};
use crate::output::{self, aligned};

pub(crate) fn run(command: &BackboneCommand) -> anyhow::Result<ExitCode> {
    match command {
        BackboneCommand::Check { file, contract, device, jobs, json } => {
            let contract = contract.clone().unwrap_or_else(|| Contract::beside(file));
            Given::read(file, &contract)?;
            let threads = jobs.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), |jobs| jobs.get());
            let report = asked(file, &contract, &["check", "--device", device, "--threads", &threads.to_string()])?;
            if *json {
                output::json(&report.to_string())?;
            } else {
                show(&report)?;
            }
        }
        BackboneCommand::Contract { name: None } => {
            for (name, _) in ready::READY {
                output::line(name)?;
            }
        }
        BackboneCommand::Contract { name: Some(name) } => match ready::find(name) {
            Some(text) => output::line(text.trim_end())?,
            None => return Err(UsageError(format!("found no contract `{name}`; there are {}", ready::names())).into()),
        },
    }
    Ok(ExitCode::SUCCESS)
}

/// What the worker that can open a backbone answers.
///
/// # Errors
/// There is no such worker, or it fails; its message is the error's.
pub(crate) fn asked(file: &Path, contract: &Path, arguments: &[&str]) -> anyhow::Result<Value> {
    let worker = program(file).context("no program opens a file with this extension")?;
    let (first, others) = arguments.split_first().context("no command for the worker")?;
    let given = [OsStr::new(first), OsStr::new("--backbone"), file.as_os_str(), OsStr::new("--contract"), contract.as_os_str()];
    answer(worker, given.into_iter().chain(others.iter().map(OsStr::new)))
}

/// What a worker answers as JSON.
///
/// # Errors
/// There is no such worker, or it fails; its message is the error's.
pub(crate) fn answer<'a>(worker: Program, arguments: impl IntoIterator<Item = &'a OsStr>) -> anyhow::Result<Value> {
    let program = worker_program(worker).map_err(|lack| anyhow!("the worker {} {lack}", worker.file()))?;
    workers::asked(worker, &program, arguments).map_err(anyhow::Error::msg)
}

fn show(report: &Value) -> anyhow::Result<()> {
    let text = |key: &str| report[key].as_str().unwrap_or_default().to_owned();
    let list = |key: &str| {
        let items: Vec<&str> = report[key].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if items.is_empty() { "not known".to_owned() } else { items.join(", ") }
    };
    let embedding = report["embedding"].as_u64().map_or_else(|| "none".to_owned(), |n| format!("{n} values"));
    let number = |key: &str| format!("{:.1}", report[key].as_f64().unwrap_or_default());
    let rows = [
        ["backbone".to_owned(), format!("{} ({})", text("name"), text("id"))],
        ["inputs".to_owned(), list("inputs")],
        ["outputs".to_owned(), list("outputs")],
        ["embedding".to_owned(), embedding],
        ["speed".to_owned(), format!("{} windows/s, {} times real time", number("windows_per_s"), number("times_real_time"))],
    ];
    output::line(aligned(&rows).trim_end())?;
    let notes: Vec<&str> = report["notes"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    output::notes(&notes);
    Ok(())
}
