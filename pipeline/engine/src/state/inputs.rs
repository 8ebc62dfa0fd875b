//! What a pass reads of its own run, as hashes of content: what a unit's fingerprint records, and what is compared with it later.

use std::collections::{BTreeMap, BTreeSet};

use super::fingerprint::ABSENT;
use super::states::{States, chosen};
use crate::files::hash::hash_bytes;
use crate::graph::{Input, Output, Pass, Per};
use crate::{EngineError, RunDir, Unit};

/// The tables that a pass reads, each with the pass that makes it.
pub(crate) fn table_makers<'a>(pass: &'a Pass, passes: &'a [Pass]) -> impl Iterator<Item = (&'a Pass, &'static str)> {
    pass.inputs.iter().filter_map(|&input| {
        let table = input.table()?;
        passes.iter().find(|maker| maker.makes(input)).map(|maker| (maker, table))
    })
}

/// Hashes of what all units of a pass read alike: tables of the whole run, and files of the model that the run itself trains.
/// A model file that is not made yet counts as [`ABSENT`].
///
/// # Errors
/// [`EngineError::Table`] when a table that names parts of another cannot be read.
pub(crate) fn common(
    run: &RunDir,
    pass: &Pass,
    passes: &[Pass],
    states: &States,
) -> Result<BTreeMap<String, String>, EngineError> {
    let mut inputs = BTreeMap::new();
    for (maker, table) in table_makers(pass, passes) {
        let chosen = chosen(run, pass, table, states)?;
        let is_chosen = |unit: &Unit| chosen.as_ref().is_none_or(|chosen| chosen.contains(unit));
        let made = states.get(maker.name).into_iter().flatten().filter(|(unit, _)| is_chosen(unit));
        let hashes =
            made.filter_map(|(unit, state)| Some((unit, &state.outputs.get(&RunDir::output(Output::Table(table), unit))?.hash)));
        if maker.per == Per::Run {
            inputs.extend(hashes.map(|(_, hash)| (table.to_owned(), hash.clone())));
        } else if pass.per == Per::Run {
            let all: String = hashes.map(|(unit, hash)| format!("{unit} {hash}\n")).collect();
            inputs.insert(table.to_owned(), hash_bytes(all.as_bytes()));
        }
    }
    for &input in &pass.inputs {
        let Input::Model(name) = input else { continue };
        let Some(maker) = passes.iter().find(|maker| maker.makes(input)) else { continue };
        let name = format!("model/{name}");
        let state = states.get(maker.name).and_then(|units| units.get(&Unit::Run));
        let hash = state.and_then(|state| state.outputs.get(&name)).map(|output| output.hash.clone());
        inputs.insert(name, hash.unwrap_or_else(|| ABSENT.into()));
    }
    Ok(inputs)
}

/// Hashes of the parts of tables that a unit reads as its own.
pub(crate) fn own(pass: &Pass, passes: &[Pass], unit: &Unit, states: &States) -> BTreeMap<String, String> {
    if pass.per == Per::Run {
        return BTreeMap::new();
    }
    let hash = |(maker, table): (&Pass, &'static str)| {
        let state = states.get(maker.name)?.get(unit)?;
        Some((table.to_owned(), state.outputs.get(&RunDir::output(Output::Table(table), unit))?.hash.clone()))
    };
    table_makers(pass, passes).filter(|(maker, _)| maker.per == Per::SiteDay).filter_map(hash).collect()
}

/// The units of the tables by site-day that a pass reads: a pass by site-day has at least these.
pub(crate) fn units(pass: &Pass, passes: &[Pass], states: &States) -> BTreeSet<Unit> {
    let makers = table_makers(pass, passes).filter(|(maker, _)| maker.per == Per::SiteDay);
    makers.flat_map(|(maker, _)| states.get(maker.name).into_iter().flat_map(|units| units.keys().cloned())).collect()
}

/// Ids of the schemas of all tables that a pass reads or writes.
pub(crate) fn schemas(pass: &Pass) -> Vec<String> {
    let inputs = pass.inputs.iter().filter_map(|input| input.table());
    let ids: BTreeSet<String> =
        inputs.chain(pass.tables()).filter_map(|table| chorus_tables::schema(table).ok()).map(|schema| schema.id()).collect();
    ids.into_iter().collect()
}
