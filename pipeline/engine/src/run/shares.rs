//! How processes that make shares of one run wait for each other.
//!
//! A pass may read what other shares make. The process waits while all processes of those shares are running. When one
//! of them is not, it skips the pass and all that depend on it; a later run makes them. A process that skipped a pass
//! waits for nothing from then on, since others may be waiting for that very pass. So every process that another one
//! waits for is working or ends soon, and no two processes can wait for each other.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::runner::{Execution, RunOptions, Runner};
use crate::files::share::Share;
use crate::graph::{Output, Pass, Per};
use crate::plan::{PassPlan, Status, UnitPlan};
use crate::state::states::load_states;
use crate::{EngineError, Unit};

/// The first and the longest pause between two looks at what other shares have made.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

impl Runner {
    /// Plans a pass, once the other shares have made its inputs. `None` when it has to be skipped. A process without a
    /// share does not wait.
    pub(super) fn plan_for_share(
        &self,
        pass: &Pass,
        execution: &mut Execution,
        options: &RunOptions,
        pool: &rayon::ThreadPool,
    ) -> Result<Option<PassPlan>, EngineError> {
        let skipped = pass.upstream(self.passes()).iter().any(|maker| execution.skipped.contains(maker.name));
        let scanned = |runner: &Self, execution: &Execution| Ok(runner.missing_to_scan(pass, execution));
        if skipped || !self.wait_for(pass, execution, options, scanned)? {
            return Ok(self.skip(pass, execution));
        }
        let scan = pool.install(|| self.scan(pass, &execution.states, false))?;
        execution.scans.push(scan);
        let read = |runner: &Self, execution: &Execution| {
            let plan = runner.plan_now(pass, execution, options)?;
            Ok(runner.missing_to_make(pass, &plan, execution, options))
        };
        if !self.wait_for(pass, execution, options, read)? {
            execution.scans.pop();
            return Ok(self.skip(pass, execution));
        }
        self.plan_now(pass, execution, options).map(Some)
    }

    fn plan_now(&self, pass: &Pass, execution: &Execution, options: &RunOptions) -> Result<PassPlan, EngineError> {
        self.planner(options.verify).pass(pass, &execution.states, &execution.scans[execution.plans.len()], &execution.plans)
    }

    fn skip(&self, pass: &Pass, execution: &mut Execution) -> Option<PassPlan> {
        execution.skipped.insert(pass.name);
        let reason =
            "skipped: other shares have not made its inputs, and their processes have ended; run it again once they are made";
        self.console.say(&format!("{:17} {reason}", pass.name));
        None
    }

    /// Waits until no other share has to make anything of what `missing` finds. False when one of those is not at work.
    fn wait_for(
        &self,
        pass: &Pass,
        execution: &mut Execution,
        options: &RunOptions,
        missing: impl Fn(&Self, &Execution) -> Result<BTreeSet<Share>, EngineError>,
    ) -> Result<bool, EngineError> {
        let Some(own) = self.run.share() else { return Ok(true) };
        let mut pause = PAUSE;
        let mut ended = BTreeSet::new();
        loop {
            let owners = missing(self, execution)?;
            if owners.iter().all(|&owner| owner == own) {
                return Ok(true);
            }
            if !execution.skipped.is_empty() || owners == ended {
                return Ok(false);
            }
            if !self.are_at_work(&owners, own)? {
                // A process that has ended may have finished its work since this one last looked.
                self.look_again(execution, options)?;
                ended = owners;
                continue;
            }
            if pause == PAUSE {
                let shares: Vec<String> = owners.iter().map(Share::to_string).collect();
                self.console.say(&format!("{:17} waits for share {}", pass.name, shares.join(", ")));
            }
            std::thread::sleep(pause);
            if self.stop.load(Ordering::Relaxed) {
                return Err(EngineError::Stopped);
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
            self.look_again(execution, options)?;
        }
    }

    /// The shares that still have to make parts of tables that the pass's scan reads in full.
    fn missing_to_scan(&self, pass: &Pass, execution: &Execution) -> BTreeSet<Share> {
        let Some(share) = self.run.share() else { return BTreeSet::new() };
        let makes = |maker: &&Pass| maker.outputs.iter().any(|o| matches!(o, Output::Table(t) if pass.scanned.contains(t)));
        let makers = self.passes().iter().filter(makes);
        makers.flat_map(|maker| stale(maker, execution)).map(|unit| share.owner(unit)).collect()
    }

    /// The shares that still have to make something that this process's part of a pass reads.
    fn missing_to_make(&self, pass: &Pass, plan: &PassPlan, execution: &Execution, options: &RunOptions) -> BTreeSet<Share> {
        let Some(share) = self.run.share() else { return BTreeSet::new() };
        let waits = |u: &&UnitPlan| self.wants(&u.unit, options) && matches!(u.status, Status::Waiting(_));
        let waiting: BTreeSet<&Unit> = plan.units.iter().filter(waits).map(|u| &u.unit).collect();
        if waiting.is_empty() {
            return BTreeSet::new();
        }
        let missing = pass.upstream(self.passes()).into_iter().flat_map(|maker| {
            let unit_by_unit = pass.per == Per::SiteDay && maker.per == Per::SiteDay;
            stale(maker, execution).filter(|unit| !unit_by_unit || waiting.contains(unit)).collect::<Vec<_>>()
        });
        missing.map(|unit| share.owner(unit)).collect()
    }

    fn are_at_work(&self, shares: &BTreeSet<Share>, own: Share) -> Result<bool, EngineError> {
        for &share in shares {
            if share == own || !self.run.is_at_work(share)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads again what all shares have made, and plans the earlier passes anew.
    fn look_again(&self, execution: &mut Execution, options: &RunOptions) -> Result<(), EngineError> {
        execution.states = load_states(&self.run, self.passes());
        let planner = self.planner(options.verify);
        let mut plans = Vec::new();
        for (pass, scan) in self.passes().iter().zip(&execution.scans).take(execution.plans.len()) {
            plans.push(planner.pass(pass, &execution.states, scan, &plans)?);
        }
        execution.plans = plans;
        Ok(())
    }
}

/// The units of an earlier pass that are not fresh.
fn stale<'a>(maker: &Pass, execution: &'a Execution) -> impl Iterator<Item = &'a Unit> + use<'a> {
    let plan = execution.plans.iter().find(|plan| plan.pass == maker.name);
    plan.into_iter().flat_map(|plan| &plan.units).filter(|u| u.status != Status::Fresh).map(|u| &u.unit)
}
