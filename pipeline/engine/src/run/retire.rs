//! Removes outputs whose recordings are no longer in the archive.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use chorus_platform::names::with_slashes;

use super::runner::{Execution, RunOptions, Runner};
use crate::files::atomic;
use crate::files::file_system::Entry;
use crate::graph::{Pass, Per};
use crate::plan::PassPlan;
use crate::state::journal::Journal;
use crate::{EngineError, Unit};

/// The least units of which most may be gone: of fewer, a person removes most by hand.
const FEW: usize = 4;

impl Runner {
    /// Refuses an archive in which there is less than half of what there was: a disk may be missing, and its outputs would be removed. Where
    /// recordings have other names or places now, there are as many as before.
    pub(super) fn refuse_few(
        &self,
        pass: &Pass,
        found: usize,
        execution: &Execution,
        options: &RunOptions,
    ) -> Result<(), EngineError> {
        let known = execution.states.get(pass.name).map_or(0, |states| states.len());
        let is_whole = options.units.is_empty() && self.run.share().is_none();
        if is_whole && !options.remove_missing && known >= FEW && found * 2 < known {
            return Err(EngineError::FewLeft { path: self.run.path().to_owned(), found, known });
        }
        Ok(())
    }

    /// Removes what was made from recordings that are no longer there, and what a process that was killed left of their making.
    pub(super) fn retire(
        &self,
        pass: &Pass,
        plan: &mut PassPlan,
        execution: &mut Execution,
        options: &RunOptions,
    ) -> Result<(), EngineError> {
        if !options.units.is_empty() {
            return Ok(());
        }
        let planned: BTreeSet<&Unit> = plan.units.iter().map(|u| &u.unit).collect();
        let states = execution.states.entry(pass.name).or_default();
        let mut gone = std::mem::take(&mut plan.gone);
        let mut files: Vec<String> = gone
            .iter()
            .filter_map(|unit| states.remove(unit))
            .flat_map(|state| state.outputs.paths().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        for unit in &gone {
            self.console.say(&format!("{:17} {unit} removed: its recordings are no longer in the archive", pass.name));
        }
        if let Some(interrupted) = execution.interrupted.get_mut(pass.name) {
            let left = interrupted.extract_if(.., |unit, _| !planned.contains(unit) && self.is_own(unit));
            for (unit, touched) in left {
                files.extend(touched);
                gone.push(unit);
            }
        }
        let paths = files.iter().map(|path| self.run.path().join(path));
        atomic::remove(self.run.disk(), &self.run.tables(), paths)?;
        Journal::new(&self.run, pass.name).gone(&gone)?;
        if self.run.share().is_none() && pass.per == Per::SiteDay {
            let known: BTreeSet<&Unit> = planned.into_iter().chain(states.keys()).collect();
            self.remove_strays(pass, &known, options.verify || execution.unlisted.contains(pass.name))?;
        }
        Ok(())
    }

    /// Removes parts of a pass's tables that belong to no known unit, because a query would count them. Only whole days are looked for,
    /// unless `every_file` is.
    fn remove_strays(&self, pass: &Pass, known: &BTreeSet<&Unit>, every_file: bool) -> Result<(), EngineError> {
        let folders: BTreeSet<String> = known.iter().map(|unit| unit.folder()).collect();
        let disk = self.run.disk();
        for table in pass.tables() {
            let root = self.run.tables().join(table);
            let is_known = |path: &Path| {
                let relative = with_slashes(path.strip_prefix(&root).unwrap_or(path));
                if every_file {
                    Unit::parse(&relative).is_some_and(|unit| known.contains(&unit))
                } else {
                    folders.contains(&*relative)
                }
            };
            let mut strays: Vec<PathBuf> = Vec::new();
            if every_file {
                strays.extend(disk.files_below(&root)?.into_iter().filter(|path| !is_known(path)));
            } else {
                for Entry { path, is_folder } in self.days(&root)?.into_iter().filter(|day| !is_known(&day.path)) {
                    if is_folder { strays.extend(disk.files_below(&path)?) } else { strays.push(path) }
                }
            }
            atomic::remove(disk, &self.run.tables(), strays.iter().cloned())?;
            for path in strays {
                self.console.say(&format!(
                    "{:17} {} removed: no recordings in the archive belong to it",
                    pass.name,
                    path.display()
                ));
            }
        }
        Ok(())
    }

    /// What lies in the folders of a table's sites.
    fn days(&self, table: &Path) -> Result<Vec<Entry>, EngineError> {
        let disk = self.run.disk();
        let sites = disk.entries(table)?.into_iter().filter(|site| site.is_folder);
        let days: Vec<Vec<Entry>> = sites.map(|site| disk.entries(&site.path)).collect::<Result<_, EngineError>>()?;
        Ok(days.into_iter().flatten().collect())
    }
}
