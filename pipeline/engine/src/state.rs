//! What is remembered of a unit: the fingerprint of everything it was made from, part by part so that a rerun can explain itself,
//! and the size and hash of each output.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::base::files_below;
use crate::config::evolution::{Known, REMOVED, Removed, is_same};
use crate::graph::{Output, Pass};
use crate::{EngineError, RunDir, Unit, atomic};

/// BLAKE3 of some bytes, 32 hexadecimal digits.
pub fn hash_bytes(bytes: &[u8]) -> String {
    hash_text(blake3::Hasher::new().update(bytes))
}

/// The digits of a hash. 128 bits rule out collisions by chance in any archive.
pub(crate) fn hash_text(hasher: &blake3::Hasher) -> String {
    hasher.finalize().to_hex()[..32].to_owned()
}

/// What the units of a pass mostly have in common, held once for all of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shared<T>(Arc<T>);

impl<T> Deref for Shared<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> From<T> for Shared<T> {
    fn from(value: T) -> Self {
        Self(Arc::new(value))
    }
}

impl<T: Serialize> Serialize for Shared<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Shared<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self::from)
    }
}

/// Declared keys with their values.
pub type Keys = Shared<BTreeMap<String, Value>>;
/// Ids of schemas.
pub type Schemas = Shared<Vec<String>>;
/// What the units of a pass have in common.
type Common = (Keys, Schemas);

/// Everything that a unit's outputs depend on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Version of the pass's code.
    pub code_version: u32,
    /// Declared keys with their values.
    pub keys: Keys,
    /// Inputs with hashes of their content: tables and files of the run.
    pub inputs: BTreeMap<String, String>,
    /// What lies outside of the run, with hashes.
    pub external: BTreeMap<String, String>,
    /// Ids of the schemas of all tables in play.
    pub schemas: Schemas,
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
    /// The run that holds the outputs, while a plan counts on another run's; `None` for the run at hand.
    #[serde(skip)]
    pub(crate) place: Option<Arc<Path>>,
}

impl Fingerprint {
    /// In words, how it differs from the recorded fingerprint; `None` when it does not. A recorded fingerprint may come from another
    /// version of chorus, with other keys: see [`crate::config::evolution`]. Without a runtime of its own (the program that plans is
    /// not the one that executes) the recorded runtime is taken as right.
    pub fn difference(&self, recorded: &Self) -> Option<String> {
        if self.code_version != recorded.code_version {
            return Some(format!("code version {} -> {}", recorded.code_version, self.code_version));
        }
        changed_key(&self.keys, &recorded.keys, REMOVED)
            .or_else(|| changed_schema(&self.schemas, &recorded.schemas))
            .or_else(|| changed("input", &self.inputs, &recorded.inputs))
            .or_else(|| changed("", &self.external, &recorded.external))
            .or_else(|| if self.runtime.is_empty() { None } else { changed("", &self.runtime, &recorded.runtime) })
    }

    /// A hash of all of it.
    pub fn digest(&self) -> String {
        hash_bytes(&serde_json::to_vec(self).expect("maps of texts are JSON"))
    }
}

/// In words, the first key that differs. A key that one of the sides lacks did not exist there.
fn changed_key(now: &BTreeMap<String, Value>, then: &BTreeMap<String, Value>, removed: &[Removed]) -> Option<String> {
    let differing = |(name, value): (&String, &Value)| {
        let before = || match Known::of(name, removed) {
            Known::Key(key) => key.value_before(),
            Known::Removed(_) | Known::Nothing => Value::Null,
        };
        let then = then.get(name).cloned().unwrap_or_else(before);
        (!is_same(value, &then)).then(|| format!("{name} {then} -> {value}"))
    };
    let left = |(name, value): (&String, &Value)| match Known::of(name, removed) {
        // The pass no longer depends on the key. Had its outputs changed with that, its code version would have.
        Known::Key(_) => None,
        Known::Removed(removed) => {
            let fixed = removed.fixed();
            (!is_same(value, &fixed)).then(|| format!("{name} {value} -> {fixed}, since the key was removed"))
        }
        Known::Nothing => Some(format!("{name} is a key that this version does not know")),
    };
    now.iter().find_map(differing).or_else(|| then.iter().filter(|(name, _)| !now.contains_key(*name)).find_map(left))
}

/// In words, the first table whose schema has another version. Tables that only one side knows do not count here: a table that a pass
/// begins or ceases to read is an input, and a pass that writes other tables has another code version.
fn changed_schema(now: &[String], then: &[String]) -> Option<String> {
    let versions: BTreeMap<&str, &str> = then.iter().filter_map(|id| id.rsplit_once('/')).collect();
    now.iter().filter_map(|id| id.rsplit_once('/')).find_map(|(table, version)| {
        let then = versions.get(table).filter(|then| **then != version)?;
        Some(format!("the schema of the table {table} changed from version {then} to {version}"))
    })
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

    /// The same without waiting for the disk. A state that is lost with the system counts as none.
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

    /// Removes files of the pass's folders that the unit did not make: those of a process that was killed have no state to tell of them.
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
    let below = |path: &Path| -> Vec<PathBuf> { fs::read_dir(path).into_iter().flatten().flatten().map(|e| e.path()).collect() };
    let common: Mutex<Option<Common>> = Mutex::default();
    let read = |path: &Path, unit: Unit| {
        let mut state = UnitState::read(path)?;
        let Fingerprint { keys, schemas, .. } = &mut state.fingerprint;
        let mut common = common.lock().unwrap_or_else(PoisonError::into_inner);
        let (first_keys, first_schemas) = common.get_or_insert_with(|| (keys.clone(), schemas.clone()));
        if keys == first_keys {
            *keys = first_keys.clone();
        }
        if schemas == first_schemas {
            *schemas = first_schemas.clone();
        }
        Some((unit, state))
    };
    let of_site = |site: PathBuf| -> Vec<(Unit, UnitState)> {
        let files = below(&site).into_iter().flat_map(|date| below(&date));
        let unit = |path: &Path| Unit::parse(&path.strip_prefix(&root).unwrap_or(path).to_string_lossy());
        files.filter_map(|path| read(&path, unit(&path)?)).collect()
    };
    let mut states: BTreeMap<Unit, UnitState> = below(&root).into_par_iter().flat_map_iter(of_site).collect();
    states.extend(read(&root.join("run.json"), Unit::Run));
    states
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_says_what_changed() {
        let then = Fingerprint {
            code_version: 1,
            keys: BTreeMap::from([("featurize.n_mels".to_owned(), 64.into())]).into(),
            inputs: [("segments".to_owned(), "aa".to_owned())].into(),
            ..Fingerprint::default()
        };
        assert_eq!(then.difference(&then), None);
        let mut now = then.clone();
        now.keys = BTreeMap::from([("featurize.n_mels".to_owned(), 128.into())]).into();
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

    fn keys(of: &[(&str, Value)]) -> BTreeMap<String, Value> {
        of.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    #[test]
    fn a_key_that_was_added_means_what_held_before() {
        let then = keys(&[("featurize.n_mels", 64.into())]);
        let with = |value: Value| keys(&[("featurize.n_mels", 64.into()), ("featurize.high_pass_hz", value)]);
        assert_eq!(changed_key(&with(Value::Null), &then, &[]), None);
        assert_eq!(changed_key(&with(100.into()), &then, &[]).unwrap(), "featurize.high_pass_hz null -> 100");
    }

    #[test]
    fn a_key_that_was_removed_counts_when_it_had_another_value() {
        let removed = [Removed { name: "featurize.dither", value: "0" }];
        let then = |value: Value| keys(&[("featurize.n_mels", 64.into()), ("featurize.dither", value)]);
        let now = keys(&[("featurize.n_mels", 64.into())]);
        assert_eq!(changed_key(&now, &then(0.into()), &removed), None);
        let reason = changed_key(&now, &then(1.into()), &removed).unwrap();
        assert_eq!(reason, "featurize.dither 1 -> 0, since the key was removed");
        let reason = changed_key(&now, &then(0.into()), &[]).unwrap();
        assert_eq!(reason, "featurize.dither is a key that this version does not know");
        // The pass ceased to depend on a key that is still there.
        assert_eq!(changed_key(&keys(&[]), &now, &removed), None);
    }

    #[test]
    fn a_schema_counts_by_the_version_of_its_table() {
        let ids = |of: &[&str]| of.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        let then = ids(&["features/1", "segments/1"]);
        assert_eq!(changed_schema(&ids(&["features/1", "labels/3"]), &then), None);
        let reason = changed_schema(&ids(&["segments/2"]), &then).unwrap();
        assert_eq!(reason, "the schema of the table segments changed from version 1 to 2");
    }

    /// The contract of evolution: a state that version 0.1 wrote stays readable, and keys that were added since leave its unit fresh.
    #[test]
    fn a_unit_of_version_0_1_is_fresh() {
        let text = include_str!("../tests/evolution/featurize.json");
        let recorded = serde_json::from_str::<UnitState>(text).unwrap().fingerprint;
        let config = crate::Config::from_text("", "c", "c", &["featurize.n_mels=64".to_owned()]).unwrap();
        let today = |name: &str| serde_json::to_value(config.get(name)).unwrap();
        let names = crate::Config::expand(&["archive.channel", "featurize.*", "segment.window_s"]);
        let keys: BTreeMap<String, Value> = names.into_iter().map(|key| (key.name.to_owned(), today(key.name))).collect();
        assert!(keys.len() > recorded.keys.len());
        let now = Fingerprint { keys: keys.clone().into(), ..recorded.clone() };
        assert_eq!(now.difference(&recorded), None);
        let changed = [("featurize.level".to_owned(), "pcen".into())];
        let now = Fingerprint { keys: keys.into_iter().chain(changed).collect::<BTreeMap<_, _>>().into(), ..recorded.clone() };
        assert_eq!(now.difference(&recorded).unwrap(), "featurize.level \"db\" -> \"pcen\"");
    }

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
        let config = crate::Config::from_text("", "c", "c", &["model.path=m".to_owned()]).unwrap();
        let passes = crate::graph::passes(&config);
        state.remove_strays(passes.iter().find(|pass| pass.name == "report").unwrap(), &run).unwrap();
        let left: Vec<String> =
            files_below(run.path()).iter().map(|p| p.strip_prefix(run.path()).unwrap().display().to_string()).collect();
        assert_eq!(left, ["report/clips/own.wav", "report/other.html", "tables/t/part-000.parquet"]);
    }

    #[test]
    fn the_runtime_counts_only_where_it_is_known() {
        let then = Fingerprint { runtime: [("libtorch".to_owned(), "2.12".to_owned())].into(), ..Fingerprint::default() };
        assert_eq!(Fingerprint::default().difference(&then), None);
        let now = Fingerprint { runtime: [("libtorch".to_owned(), "2.13".to_owned())].into(), ..Fingerprint::default() };
        assert_eq!(now.difference(&then).unwrap(), "libtorch changed");
    }
}
