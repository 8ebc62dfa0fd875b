//! What a stage found outside of the run.

use std::collections::BTreeMap;

use crate::Unit;

/// What a unit depends on outside of the run: an identity, such as a path in the archive, and a hash of the content.
pub type External = BTreeMap<String, String>;

/// What a look outside of the run found.
#[derive(Debug, Default)]
pub struct Scan {
    /// The units there are, with what each depends on outside of the run. For a stage with inputs of its own these are
    /// added to the units of its inputs.
    pub units: BTreeMap<Unit, External>,
    /// What every unit depends on outside of the run.
    pub all: External,
    /// Things that were seen and not yet looked into, such as files that are new; with them the stage is not fresh.
    pub pending: Option<String>,
}
