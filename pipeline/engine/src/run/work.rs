//! What a stage implements.

use std::collections::BTreeMap;

use super::context::{ScanContext, UnitContext};
use crate::graph::Pass;
use crate::plan::scan::{Found, Scan};
use crate::{Config, Console, EngineError, Unit, WorkError};

/// A key whose value cannot be used, for example because the file that it names is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The key.
    pub key: &'static str,
    /// What was found.
    pub found: String,
    /// What is allowed, or what to do.
    pub allowed: String,
}

/// The work of one pass of a stage.
///
/// The engine asks in this order: `faults` for every selected pass before anything is made; then for each pass `scan`
/// and `bytes_needed` once, `run` for each unit that is not fresh, several at a time, and `summarise` at the end. What
/// `scan` found is handed to `run` and `summarise` as a value, so a stage needs no fields to remember it in.
pub trait Work: Send + Sync {
    /// What the scan found and the units' making needs; `()` for a stage that looks at nothing outside of the run.
    type Found: Send + Sync + 'static;

    /// Checks the files that the configuration names, before anything is made. Most stages have none.
    ///
    /// # Errors
    /// Any failure; no unit is made then.
    fn faults(&self, _cx: &ScanContext<'_>) -> Result<Vec<Fault>, WorkError> {
        Ok(Vec::new())
    }

    /// Looks outside of the run: which units there are, and what each depends on. A stage that depends on nothing
    /// outside of the run gives `Scan::default()`.
    ///
    /// # Errors
    /// Any failure; no unit is made then.
    fn scan(&self, cx: &ScanContext<'_>) -> Result<Scan<Self::Found>, WorkError>;

    /// About how many bytes the outputs of these units will take, as far as that can be known; for the disk check.
    ///
    /// # Errors
    /// Any failure; no unit is made then.
    fn bytes_needed(&self, _cx: &ScanContext<'_>, _units: &[&Unit]) -> Result<u64, WorkError> {
        Ok(0)
    }

    /// Makes the outputs of one unit.
    ///
    /// # Errors
    /// Any failure; nothing of the unit is committed then.
    fn run(&self, cx: &UnitContext<'_>, found: &Self::Found) -> Result<(), WorkError>;

    /// Prints a summary of the units that were just made. Most stages have nothing to add.
    fn summarise(&self, _console: &Console, _found: &Self::Found) {}
}

/// [`Work`] whose type of findings is forgotten, so that the works of all passes fit in one registry.
pub(crate) trait AnyWork: Send + Sync {
    fn faults(&self, cx: &ScanContext<'_>) -> Result<Vec<Fault>, WorkError>;
    fn scan(&self, cx: &ScanContext<'_>) -> Result<Scan<Found>, WorkError>;
    fn bytes_needed(&self, cx: &ScanContext<'_>, units: &[&Unit]) -> Result<u64, WorkError>;
    fn run(&self, cx: &UnitContext<'_>, found: &Found) -> Result<(), WorkError>;
    fn summarise(&self, console: &Console, found: &Found);
}

impl<W: Work> AnyWork for W {
    fn faults(&self, cx: &ScanContext<'_>) -> Result<Vec<Fault>, WorkError> {
        Work::faults(self, cx)
    }

    fn scan(&self, cx: &ScanContext<'_>) -> Result<Scan<Found>, WorkError> {
        Work::scan(self, cx).map(Scan::erased)
    }

    fn bytes_needed(&self, cx: &ScanContext<'_>, units: &[&Unit]) -> Result<u64, WorkError> {
        Work::bytes_needed(self, cx, units)
    }

    fn run(&self, cx: &UnitContext<'_>, found: &Found) -> Result<(), WorkError> {
        Work::run(self, cx, typed::<W>(found))
    }

    fn summarise(&self, console: &Console, found: &Found) {
        Work::summarise(self, console, typed::<W>(found));
    }
}

fn typed<W: Work>(found: &Found) -> &W::Found {
    found.downcast_ref().expect("a pass is given what its own scan found")
}

/// Refuses a configuration with which a pass could not be executed.
pub type Check = fn(&Config) -> Result<(), EngineError>;

/// The passes of a run in the order of their execution, with the work of those that this program can execute.
#[derive(Default)]
pub struct Registry {
    passes: Vec<Pass>,
    checks: BTreeMap<&'static str, Check>,
    work: BTreeMap<&'static str, Box<dyn AnyWork>>,
}

impl Registry {
    /// A registry of passes that were declared elsewhere, for instance by the program that started this one.
    pub fn of(passes: Vec<Pass>) -> Self {
        Self { passes, ..Self::default() }
    }

    /// Adds a pass and its work, unless the configuration does without the pass.
    #[must_use]
    pub fn with(self, declared: Option<Pass>, work: impl Work + 'static) -> Self {
        let Some(name) = declared.as_ref().map(|pass| pass.name) else { return self };
        self.with_foreign(declared).holding(name, work)
    }

    /// Adds a pass that another program executes.
    #[must_use]
    pub fn with_foreign(mut self, declared: Option<Pass>) -> Self {
        self.passes.extend(declared);
        self
    }

    /// Adds a check of the configuration that is made before any unit when the pass is selected. It is for a pass that another program
    /// executes, whose [`Work`] this program does not have.
    #[must_use]
    pub fn checking(mut self, pass: &'static str, check: Check) -> Self {
        self.checks.insert(pass, check);
        self
    }

    /// Adds the work of a pass that is there already.
    #[must_use]
    pub fn holding(mut self, pass: &'static str, work: impl Work + 'static) -> Self {
        self.work.insert(pass, Box::new(work));
        self
    }

    /// The passes, in the order of their execution.
    pub fn passes(&self) -> &[Pass] {
        &self.passes
    }

    pub(crate) fn check(&self, pass: &str) -> Option<Check> {
        self.checks.get(pass).copied()
    }

    pub(crate) fn get(&self, pass: &str) -> Option<&dyn AnyWork> {
        self.work.get(pass).map(AsRef::as_ref)
    }
}
