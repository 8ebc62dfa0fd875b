//! What is remembered of a unit: the fingerprint of everything it was made from, part by part so that a rerun can explain itself,
//! and the size and hash of each output.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{EngineError, RunDir, Unit, atomic};

/// BLAKE3 of some bytes, 32 hexadecimal digits.
pub fn hash_bytes(bytes: &[u8]) -> String {
    hash_text(blake3::Hasher::new().update(bytes))
}

/// The digits of a hash. 128 bits rule out collisions by chance in any archive.
pub(crate) fn hash_text(hasher: &blake3::Hasher) -> String {
    hasher.finalize().to_hex()[..32].to_owned()
}

/// Everything that a unit's outputs depend on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Version of the pass's code.
    pub code_version: u32,
    /// Declared keys with their values.
    pub keys: BTreeMap<String, serde_json::Value>,
    /// Inputs with hashes of their content: tables and files of the run.
    pub inputs: BTreeMap<String, String>,
    /// What lies outside of the run, with hashes.
    pub external: BTreeMap<String, String>,
    /// Ids of the schemas of all tables in play.
    pub schemas: Vec<String>,
    /// What the executing program adds: libtorch's version and the kind of device.
    pub runtime: BTreeMap<String, String>,
}

/// Size and hash of an output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutputState {
    /// Size.
    pub bytes: u64,
    /// Hash of the content.
    pub hash: String,
    /// Rows, for a table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
}

/// The state of a unit that was committed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnitState {
    /// What it was made from.
    pub fingerprint: Fingerprint,
    /// What it made, by path relative to the run.
    pub outputs: BTreeMap<String, OutputState>,
}

impl Fingerprint {
    /// In what it differs from the one that is recorded, in words; `None` when it does not. Without a runtime of its own
    /// (the program that plans is not the one that executes) the recorded one is taken as right.
    pub fn difference(&self, recorded: &Self) -> Option<String> {
        if self.code_version != recorded.code_version {
            return Some(format!("code version {} -> {}", recorded.code_version, self.code_version));
        }
        let none = serde_json::Value::Null;
        if let Some((key, value)) = self.keys.iter().find(|(k, v)| recorded.keys.get(*k) != Some(v)) {
            return Some(format!("{key} {} -> {value}", recorded.keys.get(key).unwrap_or(&none)));
        }
        if self.keys.len() != recorded.keys.len() {
            return Some("the stage depends on other keys now".into());
        }
        if self.schemas != recorded.schemas {
            return Some("the schema of a table changed".into());
        }
        changed("input", &self.inputs, &recorded.inputs)
            .or_else(|| changed("", &self.external, &recorded.external))
            .or_else(|| if self.runtime.is_empty() { None } else { changed("", &self.runtime, &recorded.runtime) })
    }

    /// A hash of all of it.
    pub fn digest(&self) -> String {
        hash_bytes(&serde_json::to_vec(self).expect("maps of texts are JSON"))
    }
}

fn changed(what: &str, now: &BTreeMap<String, String>, then: &BTreeMap<String, String>) -> Option<String> {
    let what = if what.is_empty() { String::new() } else { format!("{what} ") };
    if let Some(name) = now.iter().find(|(k, v)| then.get(*k).is_some_and(|t| t != *v)).map(|(k, _)| k) {
        return Some(format!("{what}{name} changed"));
    }
    if let Some(name) = now.keys().find(|k| !then.contains_key(*k)) {
        return Some(format!("{what}{name} is new"));
    }
    then.keys().find(|k| !now.contains_key(*k)).map(|name| format!("{what}{name} is gone"))
}

impl UnitState {
    /// The state in a file. One that cannot be read counts as none: its unit is made again.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    }

    /// Writes it; the last act of a commit.
    pub(crate) fn save(&self, run: &RunDir, pass: &str, unit: &Unit) -> Result<(), EngineError> {
        let bytes = serde_json::to_vec(self).expect("maps of texts are JSON");
        atomic::write(&run.tmp(), &run.state(pass, unit), &bytes).map(drop)
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

/// The hash of a file's content, read in pieces.
///
/// # Errors
/// [`EngineError::Io`].
pub fn hash_file(path: &Path) -> Result<String, EngineError> {
    let file = fs::File::open(path).map_err(EngineError::io(path, "cannot be opened"))?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file).map_err(EngineError::io(path, "cannot be read"))?;
    Ok(hash_text(&hasher))
}

/// The states of all units of a pass.
pub(crate) fn load(run: &RunDir, pass: &str) -> BTreeMap<Unit, UnitState> {
    let root = run.states(pass);
    let mut states = BTreeMap::new();
    let mut read = |path: &Path, unit: Unit| {
        if let Some(state) = UnitState::read(path) {
            states.insert(unit, state);
        }
    };
    read(&root.join("run.json"), Unit::Run);
    let folders = |path: &Path| -> Vec<_> { fs::read_dir(path).into_iter().flatten().flatten().map(|e| e.path()).collect() };
    for path in folders(&root).iter().flat_map(|site| folders(site)).flat_map(|date| folders(&date)) {
        let relative = path.strip_prefix(&root).unwrap_or(&path).to_string_lossy().into_owned();
        if let Some(unit) = Unit::parse(&relative) {
            read(&path, unit);
        }
    }
    states
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_says_what_changed() {
        let then = Fingerprint {
            code_version: 1,
            keys: [("featurize.n_mels".to_owned(), 64.into())].into(),
            inputs: [("segments".to_owned(), "aa".to_owned())].into(),
            ..Fingerprint::default()
        };
        assert_eq!(then.difference(&then), None);
        let mut now = then.clone();
        now.keys.insert("featurize.n_mels".into(), 128.into());
        assert_eq!(now.difference(&then).unwrap(), "featurize.n_mels 64 -> 128");
        let mut now = then.clone();
        now.inputs.insert("segments".into(), "bb".into());
        assert_eq!(now.difference(&then).unwrap(), "input segments changed");
        let mut now = then.clone();
        now.external.insert("a.txt".into(), "cc".into());
        assert_eq!(now.difference(&then).unwrap(), "a.txt is new");
        assert_eq!(then.difference(&now).unwrap(), "a.txt is gone");
        let mut now = then.clone();
        now.code_version = 2;
        assert_eq!(now.difference(&then).unwrap(), "code version 1 -> 2");
    }

    #[test]
    fn the_runtime_counts_only_where_it_is_known() {
        let then = Fingerprint { runtime: [("libtorch".to_owned(), "2.12".to_owned())].into(), ..Fingerprint::default() };
        assert_eq!(Fingerprint::default().difference(&then), None);
        let now = Fingerprint { runtime: [("libtorch".to_owned(), "2.13".to_owned())].into(), ..Fingerprint::default() };
        assert_eq!(now.difference(&then).unwrap(), "libtorch changed");
    }
}
