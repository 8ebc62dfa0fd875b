//! What a stage found outside of the run.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::Unit;
use crate::state::hashes::Hashes;

/// What a unit depends on outside of the run: an identity, such as a path in the archive, and a hash of the content.
pub type External = Hashes;

/// The result of a look outside of the run.
#[derive(Debug, Default)]
pub struct Scan<F> {
    /// The units there are, with what each depends on outside of the run. For a stage with inputs of its own these are
    /// added to the units of its inputs.
    pub units: BTreeMap<Unit, External>,
    /// The recorded hours of the units, as far as the stage looks at recordings. Shares of a run are cut by them.
    pub hours: BTreeMap<Unit, f64>,
    /// What every unit depends on outside of the run.
    pub all: External,
    /// Things that were seen and not yet looked into, such as files that are new; with them the stage is not fresh.
    pub pending: Option<String>,
    /// Links in the archive that lead nowhere, each with where it leads. Units that are gone may be behind them, so nothing is removed.
    pub lost: Vec<String>,
    /// What the making of each unit gets to see of the look, such as which files belong to which unit.
    pub found: F,
}

/// Something that a stage found, of a type that only that stage knows.
pub(crate) type Found = Arc<dyn Any + Send + Sync>;

impl<F: Send + Sync + 'static> Scan<F> {
    /// The same for planning, which is alike for all stages and asks for no more than the units and their dependencies.
    pub(crate) fn erased(self) -> Scan<Found> {
        let Self { units, hours, all, pending, lost, found } = self;
        Scan { units, hours, all, pending, lost, found: Arc::new(found) }
    }
}

impl Scan<Found> {
    /// The scan of a pass that was not looked at.
    pub(crate) fn none() -> Self {
        Scan::<()>::default().erased()
    }

    /// A look that was not taken: these units depend on what was recorded of them.
    pub(crate) fn recorded(units: BTreeMap<Unit, External>) -> Self {
        Scan { units, ..Scan::<()>::default() }.erased()
    }
}
