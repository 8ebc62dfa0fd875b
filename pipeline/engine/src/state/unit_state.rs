//! What is remembered of a unit: the fingerprint of everything it was made from, and the size and hash of each output.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::fingerprint::Fingerprint;
use crate::files::atomic::{self, OutputState};
use crate::files::hash::hash_file;
use crate::files::tree::files_below;
use crate::graph::{Output, Pass};
use crate::{EngineError, RunDir, Unit};

/// The state of a unit that was committed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnitState {
    /// What it was made from.
    pub fingerprint: Fingerprint,
    /// What it made, by path relative to the run.
    pub outputs: BTreeMap<String, OutputState>,
    /// The run that holds the outputs, while a plan counts on those of the base; `None` for this run.
    #[serde(skip)]
    pub(crate) place: Option<Arc<Path>>,
}

impl UnitState {
    /// The state in a file. One that cannot be read counts as missing, so its unit is made again.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    }

    /// Writes it. This is the last step of a commit.
    pub(crate) fn save(&self, run: &RunDir, pass: &str, unit: &Unit) -> Result<(), EngineError> {
        let bytes = serde_json::to_vec(self).expect("maps of texts are JSON");
        atomic::write(&run.tmp(), &run.state(pass, unit), &bytes).map(drop)
    }

    /// The same without waiting for the disk. A state that is lost in a crash counts as missing.
    pub(crate) fn save_unsynced(&self, run: &RunDir, pass: &str, unit: &Unit) -> Result<(), EngineError> {
        let bytes = serde_json::to_vec(self).expect("maps of texts are JSON");
        atomic::write_unsynced(&run.tmp(), &run.state(pass, unit), &bytes)
    }

    /// Where an output of it lies.
    pub(crate) fn locate(&self, run: &RunDir, output: &str) -> PathBuf {
        self.place.as_deref().unwrap_or(run.path()).join(output)
    }

    /// Removes what the unit made before and no longer makes, such as a table that was switched off.
    pub(crate) fn remove_superseded(&self, before: Option<Self>, run: &RunDir) -> Result<(), EngineError> {
        let outputs = before.into_iter().flat_map(|before| before.outputs.into_keys());
        let gone = outputs.filter(|path| !self.outputs.contains_key(path));
        gone.into_iter().try_for_each(|path| atomic::remove(run.path(), &run.path().join(path)))
    }

    /// Removes files in the pass's output folders that the unit did not make. A process that was killed leaves such
    /// files, and no state lists them.
    pub(crate) fn remove_strays(&self, pass: &Pass, run: &RunDir) -> Result<(), EngineError> {
        let folders =
            pass.outputs.iter().filter_map(|o| if let Output::Folder(path) = o { Some(run.path().join(path)) } else { None });
        let files = folders.flat_map(|folder| files_below(&folder));
        let is_own =
            |path: &PathBuf| path.strip_prefix(run.path()).is_ok_and(|p| self.outputs.contains_key(&*p.to_string_lossy()));
        files.filter(|path| !is_own(path)).try_for_each(|path| atomic::remove(run.path(), &path))
    }

    /// Whether its outputs are there with the recorded size, and with `verify` the recorded content.
    pub(crate) fn check_outputs(&self, run: &RunDir, verify: bool) -> Option<String> {
        self.outputs.iter().find_map(|(path, output)| {
            let full = run.path().join(path);
            match fs::metadata(&full) {
                Err(_) => Some(format!("{path} is missing")),
                Ok(meta) if meta.len() != output.bytes => {
                    Some(format!("{path} has {} bytes in place of {}", meta.len(), output.bytes))
                }
                Ok(_) if verify && hash_file(&full).ok().as_ref() != Some(&output.hash) => Some(format!("{path} is damaged")),
                Ok(_) => None,
            }
        })
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
        let output = atomic::write(&run.tmp(), &run.path().join("report/clips/own.wav"), b"own").unwrap();
        for stray in ["report/clips/stray.wav", "report/clips/deep/stray.wav", "report/other.html", "tables/t/part-000.parquet"] {
            atomic::write(&run.tmp(), &run.path().join(stray), b"stray").unwrap();
        }
        let outputs = [("report/clips/own.wav".to_owned(), output)].into();
        let state = UnitState { fingerprint: Fingerprint::default(), outputs, place: None };
        let pass = Pass { outputs: vec![Output::Folder("report/clips")], ..Pass::new("report", Per::Run) };
        state.remove_strays(&pass, &run).unwrap();
        let left: Vec<String> =
            files_below(run.path()).iter().map(|p| p.strip_prefix(run.path()).unwrap().display().to_string()).collect();
        assert_eq!(left, ["report/clips/own.wav", "report/other.html", "tables/t/part-000.parquet"]);
    }
}
