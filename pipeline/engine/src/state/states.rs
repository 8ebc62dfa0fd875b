//! The states of all units of a run, and what they say of the tables and the model.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::journal::{self, Extent};
use super::unit_state::UnitState;
use crate::graph::{DECISIONS, Input, Output, Pass, UNIT_COLUMN, has_labels};
use crate::{Config, EngineError, RunDir, Unit};

/// The recorded states of all passes.
pub type States = BTreeMap<&'static str, BTreeMap<Unit, UnitState>>;

/// Reads the states of these passes.
///
/// # Errors
/// [`EngineError::Io`].
pub(crate) fn load_states<'a>(run: &RunDir, passes: impl IntoIterator<Item = &'a Pass>) -> Result<States, EngineError> {
    passes.into_iter().map(|pass| Ok((pass.name, load(run, pass.name)?))).collect()
}

/// The states of all units of a pass.
///
/// # Errors
/// [`EngineError::Io`].
pub(crate) fn load(run: &RunDir, pass: &str) -> Result<BTreeMap<Unit, UnitState>, EngineError> {
    Ok(journal::read(run, pass, |_| Extent::All)?.made)
}

/// The parts of a table that a pass reads; `None` for all of them. Of several tables that list parts, those that exist count.
pub(crate) fn chosen(run: &RunDir, pass: &Pass, table: &str, states: &States) -> Result<Option<BTreeSet<Unit>>, EngineError> {
    let lists = pass.inputs.iter().filter_map(|input| match input {
        Input::Parts { of, by } if *of == table => Some(*by),
        _ => None,
    });
    let mut chosen: Option<BTreeSet<Unit>> = None;
    for by in lists {
        chosen.get_or_insert_default().extend(listed(run, by, states)?);
    }
    Ok(chosen)
}

/// The units that a table lists; none before it exists.
fn listed(run: &RunDir, by: &'static str, states: &States) -> Result<Vec<Unit>, EngineError> {
    let output = RunDir::output(Output::Table(by), &Unit::Run);
    let lent = states.values().filter_map(|units| units.get(&Unit::Run)).find(|state| state.outputs.contains(&output));
    let path = lent.map_or_else(|| run.path().join(&output), |state| state.locate(run, &output));
    if run.disk().find(&path)?.is_none() {
        return Ok(Vec::new());
    }
    let batch = chorus_tables::read_columns(chorus_tables::schema(by)?, &path, &[UNIT_COLUMN])?;
    let named: BTreeSet<&str> = batch.utf8(UNIT_COLUMN)?.iter().flatten().collect();
    Ok(named.into_iter().filter_map(|unit| Unit::parse(&format!("{unit}.parquet"))).collect())
}

/// What another run recorded of the units of a table: their states, by the pass that bears the name of the table's stage.
pub(crate) fn of_other_run(other: &RunDir, table: &str) -> Result<BTreeMap<Unit, UnitState>, EngineError> {
    let schema = chorus_tables::schema(table)?;
    let made = load(other, &schema.stage)?;
    Ok(made
        .into_iter()
        .filter(|(unit, state)| state.outputs.contains(&RunDir::output(Output::Table(&schema.name), unit)))
        .collect())
}

/// The folder of the model: `model.path`, or this run's own.
pub fn model_folder(config: &Config, run: &RunDir) -> PathBuf {
    config.text("model.path").map_or_else(|| run.model(), PathBuf::from)
}

/// A file of the model. A run with labels makes decisions of its own, also for a given model, whose folder is never written to.
pub fn model_file(config: &Config, run: &RunDir, name: &str) -> PathBuf {
    let is_own = name == DECISIONS && has_labels(config);
    if is_own { run.model().join(name) } else { model_folder(config, run).join(name) }
}
