//! The states of all units of a run, and what they say of the tables and the model.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rayon::prelude::*;

use super::fingerprint::{Fingerprint, Keys, Schemas};
use super::unit_state::UnitState;
use crate::graph::{Input, Output, Pass, UNIT_COLUMN};
use crate::sync::locked;
use crate::{Config, EngineError, RunDir, Unit};

/// What the units of a pass have in common.
type Common = (Keys, Schemas);

/// The recorded states of all passes.
pub type States = BTreeMap<&'static str, BTreeMap<Unit, UnitState>>;

/// Reads the states of all passes.
pub(crate) fn load_states<'a>(run: &RunDir, passes: impl IntoIterator<Item = &'a Pass>) -> States {
    passes.into_iter().map(|p| (p.name, load(run, p.name))).collect()
}

/// The states of all units of a pass.
pub(crate) fn load(run: &RunDir, pass: &str) -> BTreeMap<Unit, UnitState> {
    let root = run.states(pass);
    let below = |path: &Path| -> Vec<PathBuf> { fs::read_dir(path).into_iter().flatten().flatten().map(|e| e.path()).collect() };
    let common: Mutex<Option<Common>> = Mutex::default();
    let read = |path: &Path, unit: Unit| {
        let mut state = UnitState::read(path)?;
        let Fingerprint { keys, schemas, .. } = &mut state.fingerprint;
        let mut common = locked(&common);
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

/// The parts of a table that a pass reads; `None` for all of them. No part is read until the table that lists them exists.
pub(crate) fn chosen(run: &RunDir, pass: &Pass, table: &str, states: &States) -> Result<Option<BTreeSet<Unit>>, EngineError> {
    let by = pass.inputs.iter().find_map(|input| match input {
        Input::Parts { of, by } if *of == table => Some(*by),
        _ => None,
    });
    let Some(by) = by else { return Ok(None) };
    let output = RunDir::output(Output::Table(by), &Unit::Run);
    let lent = states.values().filter_map(|units| units.get(&Unit::Run)).find(|state| state.outputs.contains_key(&output));
    let path = lent.map_or_else(|| run.path().join(&output), |state| state.locate(run, &output));
    if !path.exists() {
        return Ok(Some(BTreeSet::new()));
    }
    let batch = chorus_tables::read_columns(chorus_tables::schema(by)?, &path, &[UNIT_COLUMN])?;
    let named: BTreeSet<&str> = batch.utf8(UNIT_COLUMN)?.iter().flatten().collect();
    Ok(Some(named.into_iter().filter_map(|unit| Unit::parse(&format!("{unit}.parquet"))).collect()))
}

/// The folder of the model: `model.path`, or this run's own.
pub fn model_folder(config: &Config, run: &RunDir) -> PathBuf {
    config.text("model.path").map_or_else(|| run.model(), PathBuf::from)
}
