//! Questions to the workers: programs that hold what `chorus` does not link. They answer on their standard output and end.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use chorus_engine::graph::Program;
use chorus_engine::worker_failure;
use serde_json::Value;

/// What a worker at a path prints.
///
/// # Errors
/// In words: it cannot be started, or it fails; then its own message, where it has one.
pub(super) fn printed(
    worker: Program,
    path: &Path,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> Result<String, String> {
    let output = Command::new(path).args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|e| format!("{}: cannot be started: {e}", path.display()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    let told = String::from_utf8_lossy(&output.stderr);
    let told = told.trim().strip_prefix("error: ").unwrap_or(told.trim());
    // A program that the system ended says nothing.
    let ended = || format!("{} {}", worker.file(), worker_failure(worker, output.status));
    Err(if told.is_empty() { ended() } else { told.to_owned() })
}

/// What a worker at a path answers in JSON.
///
/// # Errors
/// Those of [`printed`], and where it is no JSON.
pub(super) fn asked(
    worker: Program,
    path: &Path,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> Result<Value, String> {
    let text = printed(worker, path, arguments)?;
    serde_json::from_str(&text).map_err(|e| format!("{} gave no JSON ({e}): {text}", worker.file()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_cannot_be_started_or_gives_no_json_is_told() {
        let told = printed(Program::Torch, Path::new("/nowhere/chorus-torch"), ["--version"]).unwrap_err();
        assert!(told.contains("/nowhere/chorus-torch: cannot be started"), "{told}");
        let told = asked(Program::Onnx, Path::new("/bin/echo"), ["text"]).unwrap_err();
        assert!(told.contains("chorus-onnx gave no JSON") && told.ends_with(": text"), "{told}");
        let told = printed(Program::Onnx, Path::new("false"), [""; 0]).unwrap_err();
        assert!(told.starts_with("chorus-onnx ended with"), "{told}");
    }
}
