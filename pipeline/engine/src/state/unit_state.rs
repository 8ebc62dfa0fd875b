//! What is remembered of a unit: the fingerprint of everything it was made from, and the size and hash of each output.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chorus_platform::names::with_slashes;
use serde::Deserialize;

use super::fingerprint::Fingerprint;
use super::outputs::Outputs;
use crate::files::atomic;
use crate::files::hash::hash_on;
use crate::graph::{Output, Pass};
use crate::{EngineError, RunDir};

/// The state of a unit that was committed.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct UnitState {
    /// What it was made from.
    pub fingerprint: Fingerprint,
    /// What it made, by path relative to the run.
    pub outputs: Outputs,
    /// The run that holds the outputs, while a plan counts on those of a base; `None` for this run.
    #[serde(skip)]
    pub(crate) place: Option<Arc<Path>>,
}

impl UnitState {
    /// Where an output of it lies.
    pub(crate) fn locate(&self, run: &RunDir, output: &str) -> PathBuf {
        self.place.as_deref().unwrap_or(run.path()).join(output)
    }

    /// Removes files in the pass's output folders that the unit did not make. A process that was killed leaves such
    /// files, and no state lists them.
    pub(crate) fn remove_strays(&self, pass: &Pass, run: &RunDir) -> Result<(), EngineError> {
        let folders =
            pass.outputs.iter().filter_map(|o| if let Output::Folder(path) = o { Some(run.path().join(path)) } else { None });
        let is_own = |path: &PathBuf| path.strip_prefix(run.path()).is_ok_and(|p| self.outputs.contains(&with_slashes(p)));
        for folder in folders {
            let files = run.disk().files_below(&folder)?;
            atomic::remove(run.disk(), run.path(), files.into_iter().filter(|path| !is_own(path)))?;
        }
        Ok(())
    }

    /// What is wrong with its outputs: whether they are there with the recorded size, and with `verify` the recorded content.
    ///
    /// # Errors
    /// [`EngineError::Io`] where that cannot be told. A file that is there and cannot be read is damaged.
    pub(crate) fn check_outputs(&self, run: &RunDir, verify: bool) -> Result<Option<String>, EngineError> {
        for (path, output) in self.outputs.iter() {
            let full = run.path().join(path);
            let fault = match run.disk().find(&full)? {
                None => Some(format!("{path} is missing")),
                Some(found) if found.bytes != output.bytes => {
                    Some(format!("{path} has {} bytes in place of {}", found.bytes, output.bytes))
                }
                Some(_) if verify => match hash_on(run.disk(), &full) {
                    Ok(hash) => (hash != output.hash).then(|| format!("{path} is damaged")),
                    Err(error) => Some(format!("{path} is damaged: {error}")),
                },
                Some(_) => None,
            };
            if fault.is_some() {
                return Ok(fault);
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Per;

    #[test]
    fn what_no_state_tells_of_goes_from_a_folder_and_from_nowhere_else() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::new(dir.path().join("run"));
        let output = run.write(&run.path().join("report/clips/own.wav"), b"own").unwrap();
        for stray in ["report/clips/stray.wav", "report/clips/deep/stray.wav", "report/other.html", "tables/t/part-000.parquet"] {
            run.write(&run.path().join(stray), b"stray").unwrap();
        }
        let outputs = [("report/clips/own.wav", output)].into_iter().collect();
        let state = UnitState { fingerprint: Fingerprint::default(), outputs, place: None };
        let pass = Pass { outputs: vec![Output::Folder("report/clips")], ..Pass::new("report", Per::Run) };
        state.remove_strays(&pass, &run).unwrap();
        let left: Vec<String> = run
            .disk()
            .files_below(run.path())
            .unwrap()
            .iter()
            .map(|p| p.strip_prefix(run.path()).unwrap().display().to_string())
            .collect();
        assert_eq!(left, ["report/clips/own.wav", "report/other.html", "tables/t/part-000.parquet"]);
    }
}
