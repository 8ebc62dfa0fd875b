//! What is to be done, unit by unit and pass by pass.

use std::collections::BTreeSet;

use crate::Unit;
use crate::console::counted;
use crate::graph::{Pass, Per};

/// Whether a unit has to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Nothing to do.
    Fresh,
    /// It was never completed.
    Missing,
    /// It has to be made again, for this reason.
    Stale(String),
    /// Not known until this stage is fresh.
    Waiting(&'static str),
    /// It is missing here, and the run's base has it: the next run takes it over.
    InBase,
}

impl Status {
    /// Whether nothing has to be made before others can be made from it.
    pub(crate) fn is_settled(&self) -> bool {
        matches!(self, Self::Fresh | Self::InBase)
    }

    /// Whether it is known that it has to be made.
    pub(crate) fn is_to_be_made(&self) -> bool {
        matches!(self, Self::Missing | Self::Stale(_))
    }
}

/// The plan of one unit.
#[derive(Debug, Clone)]
pub struct UnitPlan {
    /// The unit.
    pub unit: Unit,
    /// Whether it has to be made.
    pub status: Status,
}

/// The plan of one pass.
#[derive(Debug, Clone)]
pub struct PassPlan {
    /// The stage.
    pub stage: &'static str,
    /// The pass.
    pub pass: &'static str,
    /// Whether its one unit is the whole run.
    pub whole_run: bool,
    /// Its units.
    pub units: Vec<UnitPlan>,
    /// Units that were made before and whose recordings are no longer in the archive.
    pub gone: Vec<Unit>,
    /// What the scan saw and did not read yet, such as new files.
    pub pending: Option<String>,
    /// The earlier stage whose scan has not read all yet: it may find more units for this pass, or other content for them.
    pub awaits: Option<&'static str>,
    /// How many units the run can take over from its base.
    pub in_base: usize,
}

impl PassPlan {
    /// The plan of a pass that was not looked at.
    pub(crate) fn empty(pass: &Pass) -> Self {
        let whole_run = pass.per == Per::Run;
        let (stage, pass) = (pass.stage, pass.name);
        Self { stage, pass, whole_run, units: Vec::new(), gone: Vec::new(), pending: None, awaits: None, in_base: 0 }
    }

    /// How many units are fresh.
    pub fn fresh(&self) -> usize {
        self.units.iter().filter(|u| u.status == Status::Fresh).count()
    }

    /// Whether nothing is to be done.
    pub fn is_fresh(&self) -> bool {
        self.fresh() == self.units.len() && self.is_complete()
    }

    /// Whether nothing has to be made. Units may still have to be taken over from the base.
    pub(crate) fn is_settled(&self) -> bool {
        self.units.iter().all(|u| u.status.is_settled()) && self.is_complete()
    }

    /// Whether its units are all that there are, and no more.
    fn is_complete(&self) -> bool {
        self.gone.is_empty() && self.pending.is_none() && self.awaits.is_none()
    }

    /// Why the pass is not fresh, for people.
    pub fn reason(&self) -> Option<String> {
        if let Some(pending) = &self.pending {
            return Some(pending.clone());
        }
        let of = |n: usize| format!("{n} of {}", counted(self.units.len(), "unit"));
        let stale: Vec<&str> =
            self.units.iter().filter_map(|u| if let Status::Stale(r) = &u.status { Some(r.as_str()) } else { None }).collect();
        let missing = self.units.iter().filter(|u| u.status == Status::Missing).count();
        let waiting = self.units.iter().find_map(|u| if let Status::Waiting(s) = u.status { Some(s) } else { None });
        let waiting = waiting.or(self.awaits);
        let first = stale.first().map(|reason| {
            let others = stale.iter().collect::<BTreeSet<_>>().len() - 1;
            let others = if others > 0 { format!(" (and {})", counted(others, "other reason")) } else { String::new() };
            format!("stale, {}: {reason}{others}", of(stale.len()))
        });
        let gone = match self.gone.len() {
            0 => None,
            1 => Some("1 unit is".to_owned()),
            n => Some(format!("{n} units are")),
        };
        first
            .or_else(|| (missing > 0).then(|| format!("missing, {}", of(missing))))
            .or_else(|| waiting.map(|stage| format!("waits for {stage}")))
            .or_else(|| (self.in_base > 0).then(|| format!("the base gives {}", counted(self.in_base, "unit"))))
            .or_else(|| gone.map(|gone| format!("stale: {gone} no longer in the archive")))
    }
}
