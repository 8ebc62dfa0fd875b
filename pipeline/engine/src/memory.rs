//! The memory that a run may take, and the bounds that follow from it.
//!
//! Every stage that holds more than a recording asks here how much it may hold. What it makes does not depend on the answer, except that
//! a stage that cannot do with less is refused before it begins. `docs/platforms.md` lists the shares.

use chorus_platform::memory::machine;

use crate::console::bytes as in_words;
use crate::{Config, EngineError};

const KEY: &str = "run.memory_gib";
const GIB: u64 = 1 << 30;
/// What a run may take where the machine's memory is not known.
const UNKNOWN: u64 = 4 * GIB;
/// The share of a run's memory for the features of windows on their way to a table or a network.
const IN_FLIGHT: u64 = 4;
/// The most windows that a unit holds, whatever memory there is: more of them make nothing faster.
const MOST_WINDOWS: u64 = 512;
/// Groups of windows that a unit holds: the one that is made, and the one before it.
const GROUPS: u64 = 2;

/// Memory that a run may take, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Memory(u64);

impl Default for Memory {
    /// Half of what the machine has, or its container may use.
    fn default() -> Self {
        Self(machine().map_or(UNKNOWN, |all| all / 2))
    }
}

impl Memory {
    /// That of a configuration: `run.memory_gib`, or [`Memory::default`].
    pub fn of(config: &Config) -> Self {
        Self::configured(config).unwrap_or_default()
    }

    /// That which a configuration names, if it does.
    pub fn configured(config: &Config) -> Option<Self> {
        let gib = config.values().get(KEY).as_f64().filter(|gib| gib.is_finite() && *gib > 0.0)?;
        Some(Self((gib * GIB as f64) as u64))
    }

    /// All of it, bytes.
    pub fn bytes(self) -> u64 {
        self.0
    }

    /// How many windows of `window_bytes` each of `units` units in work may hold while they are made and handed on, at least 1: together
    /// they take a quarter of the memory.
    pub fn windows_in_flight(self, window_bytes: usize, units: usize) -> usize {
        let one = (window_bytes as u64).max(1).saturating_mul(GROUPS).saturating_mul(units.max(1) as u64);
        (self.0 / IN_FLIGHT / one).clamp(1, MOST_WINDOWS) as usize
    }

    /// How many bytes of features a training may hold, of `wanted_gib` that its own key allows: half of the memory at most. The rest is for
    /// the network and its gradients.
    pub fn training_features(self, wanted_gib: f64) -> u64 {
        ((wanted_gib * GIB as f64) as u64).min(self.0 / 2)
    }

    /// How much a program with a backbone in it may take, of `wanted_gib` that its own key allows, GiB.
    pub fn backbone_gib(self, wanted_gib: f64) -> f64 {
        wanted_gib.min(self.0 as f64 / GIB as f64)
    }

    /// Refuses work that has to hold more than three quarters of the memory at once. `next` is what else can be done.
    ///
    /// # Errors
    /// [`EngineError::Memory`].
    pub fn hold(self, what: &str, needed: u64, next: &str) -> Result<(), EngineError> {
        let most = self.0 / 4 * 3;
        if needed <= most {
            return Ok(());
        }
        Err(EngineError::Memory {
            what: what.to_owned(),
            needed: in_words(needed),
            most: in_words(most),
            all: in_words(self.0),
            next: next.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUR: Memory = Memory(4 * GIB);

    #[test]
    fn windows_in_flight_take_a_quarter_however_large_they_are_and_however_many_units_are_in_work() {
        for (window_bytes, units) in [(96_256, 1), (96_256, 64), (2 << 20, 2), (64 << 20, 4), (1, 1)] {
            let windows = FOUR.windows_in_flight(window_bytes, units);
            let taken = windows * window_bytes * units * GROUPS as usize;
            assert!((1..=512).contains(&windows) && taken as u64 <= GIB, "{window_bytes} {units}: {taken}");
        }
        assert_eq!((FOUR.windows_in_flight(96_256, 2), FOUR.windows_in_flight(64 << 20, 4)), (512, 2));
        // One window is the least that work goes on with.
        assert_eq!((FOUR.windows_in_flight(usize::MAX, 9), FOUR.windows_in_flight(0, 0)), (1, 512));
    }

    #[test]
    fn the_keys_of_stages_bound_them_further_and_never_less() {
        assert_eq!((FOUR.training_features(1.0), FOUR.training_features(100.0)), (GIB, 2 * GIB));
        assert_eq!((FOUR.backbone_gib(2.5), FOUR.backbone_gib(8.0)), (2.5, 4.0));
        assert!(FOUR.hold("x", 3 * GIB, "y").is_ok());
        let said = FOUR.hold("evaluate holds the scores", 5 * GIB, "judge fewer classes").unwrap_err().to_string();
        for part in ["evaluate holds the scores", "5.0 GiB", "3.0 GiB", "4.0 GiB", "run.memory_gib", "judge fewer classes"] {
            assert!(said.contains(part), "{said}");
        }
    }

    #[test]
    fn without_the_key_it_is_a_part_of_the_machine_s() {
        assert!(machine().is_none_or(|all| all > 64 << 20 && Memory::default().bytes() == all / 2));
    }
}
