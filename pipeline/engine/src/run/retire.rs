//! Removes outputs whose recordings are no longer in the archive.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use chorus_platform::names::with_slashes;

use super::runner::{Execution, RunOptions, Runner, Selection};
use crate::files::atomic;
use crate::files::file_system::Entry;
use crate::graph::{Pass, Per};
use crate::plan::PassPlan;
use crate::plan::scan::{Found, Scan};
use crate::state::journal::Journal;
use crate::state::states::States;
use crate::{EngineError, Unit};

/// The least units of which most may be gone: of fewer, a person removes most by hand.
const FEW: usize = 4;

/// A site with fewer units than these may be gone without a question.
const MANY: usize = 2;
/// Names that a message shows.
const SHOWN: usize = 4;

impl Runner {
    /// Refuses an archive in which there is much less than there was: a disk may be missing, and its outputs would be removed. That is where
    /// less than half is left, where sites are gone as a whole, and where anything is gone while links lead nowhere.
    pub(super) fn refuse_few(
        &self,
        pass: &Pass,
        scan: &Scan<Found>,
        states: &States,
        options: &RunOptions,
    ) -> Result<(), EngineError> {
        let Some(states) = states.get(pass.name).filter(|_| options.units.is_empty() && !options.remove_missing) else {
            return Ok(());
        };
        let path = || self.run.path().to_owned();
        let command = || self.removing(options);
        let is_gone = |unit: &Unit| !scan.hours.contains_key(unit) && self.is_own(unit);
        if !scan.lost.is_empty() && states.keys().any(is_gone) {
            return Err(EngineError::LinksLost { path: path(), links: some(&scan.lost), command: command() });
        }
        // A share does not know all that there was.
        if self.run.share().is_some() {
            return Ok(());
        }
        let (found, known) = (scan.hours.len(), states.len());
        if known >= FEW && found * 2 < known {
            return Err(EngineError::FewLeft { path: path(), found, known, command: command() });
        }
        let sites = gone_sites(states.keys(), &scan.hours);
        if sites.is_empty() {
            return Ok(());
        }
        Err(EngineError::SitesGone { path: path(), sites: some(&sites), command: command() })
    }

    /// The command that does the same and removes what was made from recordings that are gone.
    fn removing(&self, options: &RunOptions) -> String {
        let stages = match &options.selection {
            Selection::All => String::new(),
            Selection::Only(stages) => format!("{} ", stages.join(" ")),
            Selection::WithUpstream(stages) => format!("{} --with-upstream ", stages.join(" ")),
            Selection::From(stage) => format!("--from {stage} "),
        };
        let share = self.run.share().map_or_else(String::new, |share| format!("--units {share} "));
        format!("chorus run {stages}{share}--remove-missing {}", self.config.typed())
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
            self.console.warn(&format!("{}: {unit} removed: its recordings are no longer in the archive", pass.name));
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

/// The site of a unit.
fn site(unit: &Unit) -> Option<&str> {
    match unit {
        Unit::SiteDay { site, .. } => Some(site),
        Unit::Run => None,
    }
}

/// Sites of which nothing is left, by name, unless sites that are new have as many units: then they have other names now.
fn gone_sites<'a>(known: impl Iterator<Item = &'a Unit>, found: &BTreeMap<Unit, f64>) -> Vec<String> {
    let mut before: BTreeMap<&str, usize> = BTreeMap::new();
    known.filter_map(site).for_each(|site| *before.entry(site).or_default() += 1);
    let now: BTreeSet<&str> = found.keys().filter_map(site).collect();
    let new = found.keys().filter_map(site).filter(|site| !before.contains_key(site)).count();
    let gone: Vec<(&str, usize)> = before.into_iter().filter(|(site, units)| *units >= MANY && !now.contains(site)).collect();
    let lost: usize = gone.iter().map(|(_, units)| units).sum();
    if new >= lost { Vec::new() } else { gone.into_iter().map(|(site, _)| site.to_owned()).collect() }
}

/// The first few names, and how many more there are.
fn some(names: &[String]) -> String {
    let shown = names[..names.len().min(SHOWN)].join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(sites: &[(&str, u32)]) -> BTreeMap<Unit, f64> {
        let of_site = |(site, parts): &(&str, u32)| {
            let site = (*site).to_owned();
            (0..*parts).map(move |part| (Unit::SiteDay { site: site.clone(), date: None, part }, 1.0)).collect::<Vec<_>>()
        };
        sites.iter().flat_map(of_site).collect()
    }

    #[test]
    fn a_site_that_is_gone_as_a_whole_is_asked_for_and_one_of_another_name_is_not() {
        let known = units(&[("A", 3), ("B", 2), ("C", 1)]);
        let of = |now: &[(&str, u32)]| gone_sites(known.keys(), &units(now));
        assert_eq!(of(&[("B", 2), ("C", 1)]), ["A"]);
        assert_eq!(of(&[("C", 1)]), ["A", "B"]);
        assert!(of(&[("A", 3), ("B", 1)]).is_empty(), "one unit of a site may go, and a site of one unit");
        assert!(of(&[("North", 3), ("B", 2), ("C", 1)]).is_empty(), "another name");
        assert_eq!(of(&[("North", 2), ("B", 2), ("C", 1)]), ["A"], "a new site beside a missing one");
        assert_eq!(of(&[("B", 9), ("C", 1)]), ["A"], "new nights of others are no other name");
    }
}
