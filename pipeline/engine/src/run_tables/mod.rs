//! The one way to the tables of a run for everything but the stages that make them: queries, exports, clips, sweeps.
//!
//! **Which files are a table's.** The Parquet files in the table's folder whose names are those of units, and no others. So a run can be
//! read that was copied without its `state/`, and so a table stays whole while a stage makes a unit of it again: the unit's state is gone
//! then and its former file is still there. The recorded states decide nothing about which rows are read. They say whether the rows are
//! fresh ([`RunTables::freshness`]); without them that is not known.
//!
//! - [`Partition`]: one file of a table. [`Finding`]: what is wrong with a table. [`RunTablesError`]: why tables cannot be read.

mod error;
mod freshness;
pub(crate) mod partition;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chorus_tables::{ANY_CONFIG, TableError, TableSchema, schema};

use crate::graph::Pass;
use crate::{Config, RunDir};

pub use error::{RunTablesError, Way};
pub use freshness::{Fault, Finding};
pub use partition::Partition;

/// The table of embeddings, which a run makes in one of two stages.
const EMBEDDINGS: &str = "embeddings";

/// The tables of one run.
#[derive(Debug, Clone)]
pub struct RunTables {
    name: String,
    run: RunDir,
    /// The run's configuration, or why it cannot be read.
    config: Result<Config, String>,
    /// The passes of that configuration, in their order.
    passes: Vec<Pass>,
    /// The tables that have a folder.
    present: Vec<&'static TableSchema>,
    /// The arguments that give a command the run's configuration, for messages.
    arguments: String,
}

impl RunTables {
    /// The tables of the run in a folder. Reads no table and no state; `passes` gives the passes of a configuration.
    ///
    /// # Errors
    /// [`RunTablesError::NoRun`] when the folder holds no `tables/`; [`RunTablesError::Unlisted`] when its path cannot be used.
    pub fn open(folder: &Path, passes: impl Fn(&Config) -> Vec<Pass>) -> Result<Self, RunTablesError> {
        // Engines that read tables may take a relative path that begins with `s3:` for an address.
        let absolute =
            std::path::absolute(folder).map_err(|source| RunTablesError::Unlisted { path: folder.to_owned(), source })?;
        if !absolute.join("tables").is_dir() {
            return Err(RunTablesError::NoRun { path: folder.to_owned() });
        }
        let run = RunDir::new(folder);
        let config = Config::resolved(&run.resolved_config()).map_err(|e| e.to_string());
        let passes = config.as_ref().map(passes).unwrap_or_default();
        let present = chorus_tables::all().iter().filter(|table| run.tables().join(&table.name).is_dir()).collect();
        Ok(Self { name: String::new(), run, config, passes, present, arguments: ANY_CONFIG.to_owned() })
    }

    /// Several runs. Where they are more than one, each gets a [`name`](Self::name) of its own: that of its folder, with as many of the
    /// folders above it as are needed.
    ///
    /// # Errors
    /// Those of [`RunTables::open`]; [`RunTablesError::SameRun`].
    pub fn open_all(folders: &[PathBuf], passes: impl Fn(&Config) -> Vec<Pass>) -> Result<Vec<Self>, RunTablesError> {
        let mut runs = folders.iter().map(|folder| Self::open(folder, &passes)).collect::<Result<Vec<_>, _>>()?;
        if runs.len() == 1 {
            return Ok(runs);
        }
        let paths: Vec<PathBuf> = runs.iter().map(|run| std::path::absolute(run.path()).unwrap_or_default()).collect();
        let tails = |parts: usize| paths.iter().map(|path| tail(path, parts)).collect::<Vec<String>>();
        let longest = paths.iter().map(|path| path.iter().count()).max().unwrap_or(0);
        let are_unique = |names: &Vec<String>| (1..names.len()).all(|i| !names[..i].contains(&names[i]));
        let Some(names) = (1..=longest).map(tails).find(are_unique) else {
            let twice = (1..paths.len()).find(|&i| paths[..i].contains(&paths[i])).unwrap_or(0);
            return Err(RunTablesError::SameRun { path: folders.get(twice).cloned().unwrap_or_default() });
        };
        for (run, name) in runs.iter_mut().zip(names) {
            run.name = name;
        }
        Ok(runs)
    }

    /// The same where these arguments give a command the run's configuration: the commands of messages can then be pasted into a shell.
    #[must_use]
    pub fn with_arguments(self, arguments: String) -> Self {
        Self { arguments, ..self }
    }

    /// The command that runs a stage of this run, and before it what of earlier stages is stale.
    pub fn stage_command(&self, stage: &str) -> String {
        format!("chorus run {stage} --with-upstream {}", self.arguments)
    }

    /// The command that makes a table of this run.
    pub fn command(&self, table: &TableSchema) -> String {
        match self.maker(&table.name) {
            // Tables of one name may come from several stages, such as embeddings.
            Some(pass) => self.stage_command(pass.stage),
            None => table.command(&self.arguments),
        }
    }

    /// Whether a stage of the run makes a table; also where the stages are not known.
    pub fn makes(&self, table: &str) -> bool {
        self.passes.is_empty() || self.maker(table).is_some()
    }

    fn maker(&self, table: &str) -> Option<&Pass> {
        self.passes.iter().find(|pass| pass.tables().any(|made| made == table))
    }

    /// What the run is called among those that were opened together; empty for a run that was opened alone.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The run's folder, as it was given.
    pub fn path(&self) -> &Path {
        self.run.path()
    }

    /// Where its files are.
    pub fn run_dir(&self) -> &RunDir {
        &self.run
    }

    /// The configuration that the run was last made with; `None` where it cannot be read.
    pub fn config(&self) -> Option<&Config> {
        self.config.as_ref().ok()
    }

    /// The tables that have a folder, in the order in which a run makes them.
    pub fn present(&self) -> &[&'static TableSchema] {
        &self.present
    }

    /// The folder of a table's files, absolute.
    ///
    /// # Errors
    /// [`RunTablesError::Unlisted`] when the run's path cannot be used.
    pub fn folder(&self, table: &TableSchema) -> Result<PathBuf, RunTablesError> {
        let folder = self.run.tables().join(&table.name);
        std::path::absolute(&folder).map_err(|source| RunTablesError::Unlisted { path: folder, source })
    }

    /// The files of a table, in the order of their units; none where the run does not have it.
    ///
    /// # Errors
    /// [`RunTablesError::Table`] when no table has this name, [`RunTablesError::Unlisted`] when a folder cannot be read.
    pub fn partitions(&self, table: &str) -> Result<Vec<Partition>, RunTablesError> {
        let schema = schema(table)?;
        let listed = partition::in_folder(schema, &self.folder(schema)?);
        let mut listed = listed.map_err(|(path, source)| RunTablesError::Unlisted { path, source })?;
        let command: Arc<str> = self.command(schema).into();
        listed.iter_mut().for_each(|partition| partition.command = Some(Arc::clone(&command)));
        Ok(listed)
    }

    /// The same for a table that has to be there. Refuses a table of another version, whose columns may mean something else: one file
    /// speaks for all, since versions are raised for whole tables.
    ///
    /// # Errors
    /// Those of [`RunTables::partitions`]; [`RunTablesError::NotMade`]; [`TableError::Stale`].
    pub fn made_partitions(&self, table: &str) -> Result<Vec<Partition>, RunTablesError> {
        let partitions = self.partitions(table)?;
        match partitions.first().map(Partition::open) {
            None => Err(self.not_made(schema(table)?)),
            Some(Err(stale @ TableError::Stale { .. })) => Err(stale.into()),
            // Damage is left to whoever reads that file: perhaps nobody does.
            Some(_) => Ok(partitions),
        }
    }

    /// The error of a table that this run lacks.
    pub fn not_made(&self, table: &TableSchema) -> RunTablesError {
        RunTablesError::NotMade {
            run: self.path().to_owned(),
            table: table.name.clone(),
            view: None,
            way: self.way(table),
            known: self.present.iter().map(|table| table.name.as_str()).collect::<Vec<_>>().join(", "),
        }
    }

    /// How to get at a table that the run lacks.
    fn way(&self, table: &TableSchema) -> Way {
        if let Some(run) = self.run_of_sweep() {
            return Way::RunOfSweep(run);
        }
        match &table.needs {
            Some(needs) if !table.is_gathered() && !self.makes(&table.name) => {
                Way::Setting { needs: needs.clone(), command: format!("chorus run {}", self.arguments) }
            }
            // Only a run with a backbone has the stage that is named after them.
            _ if table.name == EMBEDDINGS && self.passes.is_empty() => {
                Way::Command(format!("chorus run {} --set predict.embeddings=true", self.arguments))
            }
            _ => Way::Command(self.command(table)),
        }
    }

    /// A run in this folder, where the folder is that of several runs.
    fn run_of_sweep(&self) -> Option<PathBuf> {
        let is_sweep = !self.present.is_empty() && self.present.iter().all(|table| table.is_gathered());
        let entries = is_sweep.then(|| std::fs::read_dir(self.path()).ok()).flatten()?;
        entries.flatten().map(|entry| entry.path()).filter(|path| path.join("tables").is_dir()).min()
    }

    /// What is wrong with these tables in runs that are read together: what is wrong in each run ([`RunTables::freshness`]), and
    /// tables that some of the runs have and others lack.
    pub fn freshness_of_all(runs: &[Self], tables: &[&str]) -> Vec<Finding> {
        let of_one = |run: &Self| {
            let lacks = |table: &&&str| run.judged(table).is_none() && runs.iter().any(|other| other.judged(table).is_some());
            let lacking = tables.iter().filter(lacks).map(|table| run.lacking(table));
            run.freshness(tables).into_iter().chain(lacking).collect::<Vec<_>>()
        };
        runs.iter().flat_map(of_one).collect()
    }

    /// The finding that this run lacks a table.
    fn lacking(&self, table: &str) -> Finding {
        let command = self.maker(table).map(|pass| self.stage_command(pass.stage));
        let unknown = Finding::unknown(&[table], "this run has no such table".to_owned());
        Finding { run: self.name.clone(), fault: Fault::Incomplete, command, ..unknown }
    }

    /// A table that has a folder and whose freshness can be judged: what is gathered from several runs is gathered anew each time.
    fn judged(&self, table: &str) -> Option<&'static TableSchema> {
        self.present.iter().find(|known| known.name == table && !known.is_gathered()).copied()
    }

    /// What is wrong with these tables, from recorded states and the sizes of files: nothing where all are fresh. Looks at the stages
    /// that make the tables and at those before them, and at no others. Tables that the run does not have are passed over, and so are
    /// those that are gathered from several runs.
    pub fn freshness(&self, tables: &[&str]) -> Vec<Finding> {
        let tables: Vec<&str> = tables.iter().filter(|table| self.judged(table).is_some()).copied().collect();
        let mut findings = match &self.config {
            _ if tables.is_empty() => Vec::new(),
            _ if !self.run.path().join("state").is_dir() => {
                let why = "the run's folder has no state/, which records how its tables were made";
                vec![Finding::unknown(&tables, why.to_owned())]
            }
            Err(error) => vec![Finding::unknown(&tables, format!("the run's configuration cannot be read: {error}"))],
            Ok(_) => freshness::check(&self.run, &self.passes, &tables, |stage| self.stage_command(stage)),
        };
        findings.iter_mut().for_each(|finding| finding.run.clone_from(&self.name));
        findings
    }
}

/// The last so many parts of a path.
fn tail(path: &Path, parts: usize) -> String {
    let all: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    all[all.len().saturating_sub(parts)..].join("/")
}
