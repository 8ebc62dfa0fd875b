//! The states of all units of a run, and what they say of the tables and the model.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::journal::{self, Extent};
use super::unit_state::UnitState;
use crate::graph::{Input, Output, Pass, UNIT_COLUMN};
use crate::{Config, EngineError, RunDir, Unit};

/// The recorded states of all passes.
pub type States = BTreeMap<&'static str, BTreeMap<Unit, UnitState>>;

/// Reads the states of these passes.
pub(crate) fn load_states<'a>(run: &RunDir, passes: impl IntoIterator<Item = &'a Pass>) -> States {
    passes.into_iter().map(|p| (p.name, load(run, p.name))).collect()
}

/// The states of all units of a pass.
pub(crate) fn load(run: &RunDir, pass: &str) -> BTreeMap<Unit, UnitState> {
    journal::read(run, pass, |_| Extent::All).made
}

/// The parts of a table that a pass reads; `None` for all of them. No part is read until the table that lists them exists.
pub(crate) fn chosen(run: &RunDir, pass: &Pass, table: &str, states: &States) -> Result<Option<BTreeSet<Unit>>, EngineError> {
    let by = pass.inputs.iter().find_map(|input| match input {
        Input::Parts { of, by } if *of == table => Some(*by),
        _ => None,
    });
    let Some(by) = by else { return Ok(None) };
    let output = RunDir::output(Output::Table(by), &Unit::Run);
    let lent = states.values().filter_map(|units| units.get(&Unit::Run)).find(|state| state.outputs.contains(&output));
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
