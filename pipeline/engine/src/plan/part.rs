//! The part of a run that a process with a share plans and makes, and how much it reads for that.

use std::collections::BTreeSet;

use crate::Unit;
use crate::files::share::Own;
use crate::state::journal::Extent;

/// The part of a run that a process with a share plans and makes.
pub(crate) struct Part {
    pub(crate) own: Own,
    /// Passes of which all units are planned, because a pass that this process makes reads all of their tables.
    pub(crate) whole: BTreeSet<&'static str>,
    /// Passes of whose units all outputs are known, because a pass on the whole run reads them.
    pub(crate) read_whole: BTreeSet<&'static str>,
}

impl Part {
    /// How much is read of what is recorded of a unit of a pass.
    pub(crate) fn extent(&self, pass: &str, unit: &Unit) -> Extent {
        if *unit == Unit::Run || self.whole.contains(pass) || self.own.has(unit) {
            Extent::All
        } else if self.read_whole.contains(pass) {
            Extent::Outputs
        } else {
            Extent::Nothing
        }
    }
}
