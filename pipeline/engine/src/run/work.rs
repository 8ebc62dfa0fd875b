//! What a stage implements.

use std::collections::BTreeMap;

use super::context::{ScanContext, UnitContext};
use crate::plan::scan::Scan;
use crate::{Console, Unit, WorkError};

/// A key whose value cannot be used, as a look at what it names shows.
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
pub trait Work: Send + Sync {
    /// Looks at the files that the configuration names, before anything is made. Most stages name none.
    ///
    /// # Errors
    /// Whatever makes it impossible to tell.
    fn faults(&self, _cx: &ScanContext<'_>) -> Result<Vec<Fault>, WorkError> {
        Ok(Vec::new())
    }

    /// Looks outside of the run: which units there are, and what each depends on. Most stages depend on nothing outside.
    ///
    /// # Errors
    /// Whatever makes it impossible to tell.
    fn scan(&self, _cx: &ScanContext<'_>) -> Result<Scan, WorkError> {
        Ok(Scan::default())
    }

    /// About how many bytes the outputs of these units will take, as far as that can be told; for the disk check.
    ///
    /// # Errors
    /// Whatever makes it impossible to tell.
    fn bytes_needed(&self, _cx: &ScanContext<'_>, _units: &[&Unit]) -> Result<u64, WorkError> {
        Ok(0)
    }

    /// Makes the outputs of one unit.
    ///
    /// # Errors
    /// Whatever makes it impossible; nothing is committed then.
    fn run(&self, cx: &UnitContext<'_>) -> Result<(), WorkError>;

    /// Says what the units that were just made have to say together. Most stages have nothing to add.
    fn tell(&self, _console: &Console) {}
}

/// The passes that a program can execute, by name.
#[derive(Default)]
pub struct Registry(BTreeMap<&'static str, Box<dyn Work>>);

impl Registry {
    /// Adds a pass.
    #[must_use]
    pub fn with(mut self, pass: &'static str, work: impl Work + 'static) -> Self {
        self.0.insert(pass, Box::new(work));
        self
    }

    pub(crate) fn get(&self, pass: &str) -> Option<&dyn Work> {
        self.0.get(pass).map(AsRef::as_ref)
    }
}
