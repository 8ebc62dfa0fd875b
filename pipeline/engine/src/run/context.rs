//! All that a stage sees of the run: its declared inputs, outputs and keys. Anything else is an error at run time.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use chorus_archive::{Archive, Kind};
use chorus_card::Card;
use chorus_keys::{Keys, Values};
use chorus_tables::{Batch, BatchBuilder, TableReader, TableWriter, schema};
use rayon::prelude::*;
use serde::de::DeserializeOwned;

use crate::files::atomic::{self, Staged};
use crate::files::claim::Claim;
use crate::files::share::Share;
use crate::graph::{Input, Output, Pass, Per};
use crate::run_tables::partition::{Partition, recorded};
use crate::state::states::{States, chosen, model_file, of_other_run};
use crate::sync::locked;
use crate::{Config, Console, EngineError, Memory, RunDir, Unit, given_model};

/// What a scan and a unit's work have in common.
pub struct Access<'a> {
    pub(crate) config: &'a Config,
    /// The archive that the configuration names, if it names one.
    pub(crate) archive: Option<&'a dyn Archive>,
    pub(crate) run: &'a RunDir,
    pub(crate) passes: &'a [Pass],
    pub(crate) pass: &'a Pass,
    pub(crate) states: &'a States,
    pub(crate) console: &'a Console,
    pub(crate) stop: &'a AtomicBool,
}

impl Access<'_> {
    fn undeclared(&self, kind: &'static str, name: &str) -> EngineError {
        EngineError::Undeclared { pass: self.pass.name.to_owned(), kind, name: name.to_owned() }
    }

    /// The settings of a struct of keys, all of which the pass declares. They are read once for each configuration.
    ///
    /// # Errors
    /// [`EngineError::Undeclared`] with the first key that the pass does not declare.
    pub fn settings<S: Keys + DeserializeOwned + Send + Sync + 'static>(&self) -> Result<Arc<S>, EngineError> {
        S::names().into_iter().try_for_each(|key| self.may_use(key))?;
        self.config.settings::<S>().map_err(|e| self.undeclared("keys", &e.to_string()))
    }

    /// The value of one key that the pass declares, in the type of its field.
    ///
    /// # Errors
    /// [`EngineError::Undeclared`].
    pub fn value<T: DeserializeOwned>(&self, key: &'static str) -> Result<T, EngineError> {
        self.may_use(key)?;
        self.config.value(key).map_err(|e| self.undeclared("key", &format!("{key}: {e}")))
    }

    /// The values of keys that the pass declares.
    ///
    /// # Errors
    /// [`EngineError::Undeclared`] with the first key that the pass does not declare.
    pub fn values(&self, keys: &[&'static str]) -> Result<Values, EngineError> {
        keys.iter().try_for_each(|key| self.may_use(key))?;
        Ok(keys.iter().map(|key| ((*key).to_owned(), self.config.get(key).clone())).collect())
    }

    /// Refuses another model whose scores cannot be averaged with the first one's. `path` is the other card's.
    ///
    /// # Errors
    /// [`EngineError::Card`] for other classes or another input, [`EngineError::Model`] for other feature settings.
    pub fn check_ensemble(&self, first: &Card, other: &Card, path: &Path) -> Result<(), EngineError> {
        given_model::check_ensemble(self.config, first, other, path)
    }

    fn may_use(&self, key: &str) -> Result<(), EngineError> {
        if self.pass.declares_key(key) { Ok(()) } else { Err(self.undeclared("key", key)) }
    }

    /// The archive, for a pass that declares it and cannot do without.
    ///
    /// # Errors
    /// [`EngineError::Undeclared`]; [`EngineError::Archive`] when the configuration names none or it is not there.
    pub fn archive(&self) -> Result<&dyn Archive, EngineError> {
        if !self.pass.reads(Input::Archive) {
            return Err(self.undeclared("the archive", ""));
        }
        let next = "name the folder of the recordings in archive.path, or with --set archive.path=FOLDER (make: ARCHIVE=FOLDER)";
        let missing =
            |path: &str, found: &str| EngineError::Archive { path: path.into(), found: found.into(), next: next.into() };
        let archive = self.archive.ok_or_else(|| missing("archive.path", "no archive is named"))?;
        match archive.kind_of("") {
            Ok(Some(Kind::Folder)) => Ok(archive),
            Ok(_) => Err(missing(&archive.location(""), "there is no such folder")),
            Err(error) => Err(EngineError::Archive {
                path: error.location.into(),
                found: error.cause.to_string(),
                next: "then run it again".into(),
            }),
        }
    }

    /// The archive, for a pass that declares recordings as an optional input; `None` where the archive is not there.
    ///
    /// # Errors
    /// [`EngineError::Undeclared`].
    pub fn sound(&self) -> Result<Option<&dyn Archive>, EngineError> {
        if !self.pass.reads(Input::OptionalArchive) {
            return Err(self.undeclared("recordings of the archive", ""));
        }
        Ok(self.archive.filter(|archive| is_there(*archive)))
    }

    /// Whether this run makes a table that the pass may read: a run without labels makes fewer.
    pub fn has_table(&self, table: &str) -> bool {
        self.maker(table).is_ok()
    }

    /// Whether the pass makes this table with the run's configuration.
    pub fn writes(&self, table: &str) -> bool {
        self.pass.outputs.iter().any(|o| matches!(o, Output::Table(t) if *t == table))
    }

    /// The files of a declared table, in the order of their units: all, or the parts that are declared.
    ///
    /// # Errors
    /// [`EngineError::Undeclared`].
    pub fn partitions(&self, table: &str) -> Result<Vec<Partition>, EngineError> {
        let maker = self.maker(table)?;
        let schema = schema(table)?;
        let chosen = chosen(self.run, self.pass, table, self.states)?;
        let units = self.states.get(maker.name).into_iter().flatten();
        let units = units.filter(|(unit, _)| chosen.as_ref().is_none_or(|chosen| chosen.contains(unit)));
        Ok(units.map(|(unit, state)| recorded(schema, self.run, unit, state)).collect())
    }

    fn maker(&self, table: &str) -> Result<&Pass, EngineError> {
        let declared = self.pass.inputs.iter().copied().find(|i| i.table() == Some(table));
        let declared = declared.ok_or_else(|| self.undeclared("table", table))?;
        self.passes.iter().find(|p| p.makes(declared)).ok_or_else(|| self.undeclared("table that no stage makes,", table))
    }

    /// Reads columns (all when none are named) of one file of a table.
    ///
    /// # Errors
    /// Those of [`chorus_tables::read_columns`].
    pub fn read_partition(&self, table: &str, partition: &Partition, columns: &[&str]) -> Result<Batch, EngineError> {
        Ok(chorus_tables::read_columns(schema(table)?, &partition.path, columns)?)
    }

    /// Iterates over one file of a table in batches, with these columns only (all when none are named).
    ///
    /// # Errors
    /// Those of [`TableReader::open`] and [`TableReader::batches`].
    pub fn read_batches(
        &self,
        table: &str,
        partition: &Partition,
        columns: &[&str],
    ) -> Result<impl Iterator<Item = Result<Batch, chorus_tables::TableError>> + use<>, EngineError> {
        Ok(self.open(table, partition)?.batches(columns)?)
    }

    /// Opens one file of a table.
    ///
    /// # Errors
    /// Those of [`TableReader::open`].
    pub fn open(&self, table: &str, partition: &Partition) -> Result<TableReader, EngineError> {
        Ok(TableReader::open(schema(table)?, &partition.path)?)
    }

    /// Reads a declared table file by file: a pass on the whole run any of its inputs, a scan by site-day what it
    /// declares to scan.
    ///
    /// # Errors
    /// [`EngineError::Undeclared`], [`EngineError::Table`].
    pub fn read_all(&self, table: &str, columns: &[&str]) -> Result<Vec<(Unit, Batch)>, EngineError> {
        self.may_read_all(table)?;
        let read = |p: Partition| Ok((p.unit.clone(), self.read_partition(table, &p, columns)?));
        self.partitions(table)?.into_par_iter().map(read).collect()
    }

    /// Refuses to read every part of a table of which a unit reads its own.
    pub(crate) fn may_read_all(&self, table: &str) -> Result<(), EngineError> {
        if self.pass.per == Per::SiteDay && !self.pass.scanned.contains(&table) {
            return Err(self.undeclared("every part of the partitioned table", table));
        }
        Ok(())
    }

    /// The hash of the content of one file of a table.
    pub(crate) fn content_hash(&self, table: &str, partition: &Partition) -> Option<&str> {
        let maker = self.maker(table).ok()?;
        let output = RunDir::output(Output::Table(&partition.schema.name), &partition.unit);
        Some(&self.states.get(maker.name)?.get(&partition.unit)?.outputs.get(&output)?.hash)
    }

    /// Whether the pass declares this table as an input.
    pub fn reads_table(&self, table: &str) -> bool {
        self.pass.inputs.iter().any(|input| input.table() == Some(table))
    }

    /// Whether the pass declares this file of the model's folder.
    pub fn reads_model(&self, name: &'static str) -> bool {
        self.pass.reads(Input::Model(name))
    }

    /// A declared file of the model's folder, `None` when the model does not have it.
    ///
    /// # Errors
    /// [`EngineError::Undeclared`].
    pub fn model_file(&self, name: &'static str) -> Result<Option<PathBuf>, EngineError> {
        if !self.pass.reads(Input::Model(name)) {
            return Err(self.undeclared("model file", name));
        }
        let path = model_file(self.config, self.run, name);
        Ok(self.run.disk().find(&path)?.map(|_| path))
    }

    /// A declared file in each of the models' folders that a key lists.
    ///
    /// # Errors
    /// [`EngineError::Undeclared`].
    pub fn model_files(&self, key: &'static str, file: &'static str) -> Result<Vec<PathBuf>, EngineError> {
        if !self.pass.reads(Input::Models { key, file }) {
            return Err(self.undeclared("model file", file));
        }
        Ok(self.config.paths(key).into_iter().map(|folder| folder.join(file)).collect())
    }

    /// The files of a declared table in each of the runs that a key names, in the order of their units.
    ///
    /// # Errors
    /// [`EngineError::Undeclared`].
    pub fn of_runs(&self, key: &'static str, table: &'static str) -> Result<Vec<Vec<Partition>>, EngineError> {
        if !self.pass.reads(Input::Run { key, table }) {
            return Err(self.undeclared("table of another run,", table));
        }
        let schema = schema(table)?;
        let files = |path: PathBuf| -> Result<Vec<Partition>, EngineError> {
            let other = self.run.other(path);
            Ok(of_other_run(&other, table)?.iter().map(|(unit, state)| recorded(schema, &other, unit, state)).collect())
        };
        self.config.paths(key).into_iter().map(files).collect()
    }

    /// The file that a declared key names, if it names one.
    ///
    /// # Errors
    /// [`EngineError::Undeclared`].
    pub fn file(&self, key: &'static str) -> Result<Option<PathBuf>, EngineError> {
        if !self.pass.reads(Input::File(key)) {
            return Err(self.undeclared("file", key));
        }
        Ok(self.config.text(key).map(PathBuf::from))
    }

    /// What this pass remembered under this name, if anything; where it is nothing, what it remembered in a base of the run.
    pub fn cached(&self, name: &str) -> Option<Vec<u8>> {
        self.in_memory(name, |path| self.run.disk().read(path))
    }

    /// What is found at the file of what is remembered under a name: the run's own, or that of a base where it has none. An archive has many
    /// such files, so each is asked for once.
    fn in_memory<T>(&self, name: &str, look: impl Fn(&Path) -> io::Result<T>) -> Option<T> {
        look(&self.run.cache(self.pass.name, name)).ok().or_else(|| {
            let bases = self.config.paths("run.base").into_iter();
            bases.map(|base| self.run.other(base).cache(self.pass.name, name)).find_map(|path| look(&path).ok())
        })
    }

    /// The size of what this pass remembered under this name, if anything.
    pub fn cached_bytes(&self, name: &str) -> Option<u64> {
        self.in_memory(name, |path| self.run.disk().facts(path)).map(|found| found.bytes)
    }

    /// The version of the pass's code: what is remembered of an older one's results is not this one's.
    pub fn code_version(&self) -> u32 {
        self.pass.code_version
    }

    /// Remembers something from one execution to the next.
    ///
    /// # Errors
    /// [`EngineError::Io`].
    pub fn cache(&self, name: &str, bytes: &[u8]) -> Result<(), EngineError> {
        self.run.write(&self.run.cache(self.pass.name, name), bytes).map(drop)
    }

    /// Claims a part of a scan that the processes of a run share out among themselves; `None` while another has it.
    ///
    /// # Errors
    /// [`EngineError::Io`].
    pub fn claim(&self, work: &str) -> Result<Option<Claim>, EngineError> {
        self.run.claim(self.pass.name, work)
    }

    /// As [`Access::claim`], but waits for the other process.
    ///
    /// # Errors
    /// [`EngineError::Io`].
    pub fn wait_for_claim(&self, work: &str) -> Result<Claim, EngineError> {
        self.run.wait_for_claim(self.pass.name, work)
    }

    /// The memory that the run may take. What a pass makes must not depend on it.
    pub fn budget(&self) -> Memory {
        Memory::of(self.config)
    }

    /// The person's side.
    pub fn console(&self) -> &Console {
        self.console
    }

    /// Whether a stop was asked for. Long work ends soon then, with [`EngineError::Stopped`].
    pub fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

fn is_there(archive: &dyn Archive) -> bool {
    matches!(archive.kind_of(""), Ok(Some(Kind::Folder)))
}

/// Whether a relative path names a file below the folder that it is joined to, in the one way of writing it.
fn stays_within(path: &str) -> bool {
    path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// What a pass sees while it looks outside of the run.
pub struct ScanContext<'a> {
    pub(crate) access: Access<'a>,
    /// Whether to look only: nothing is read at length and nothing remembered.
    pub look_only: bool,
    /// The share that this process has, where it makes nothing that builds on the pass: then it looks into its own part of the archive
    /// only. What other shares still have to look into is pending, and no units are given before all is done.
    pub only: Option<Share>,
}

/// What a pass sees while it makes one unit.
pub struct UnitContext<'a> {
    pub(crate) access: Access<'a>,
    pub(crate) unit: &'a Unit,
    pub(crate) digest: String,
    pub(crate) inputs: BTreeMap<String, String>,
    pub(crate) staged: Mutex<atomic::Batch>,
}

impl<'a> Deref for ScanContext<'a> {
    type Target = Access<'a>;
    fn deref(&self) -> &Access<'a> {
        &self.access
    }
}

impl<'a> Deref for UnitContext<'a> {
    type Target = Access<'a>;
    fn deref(&self) -> &Access<'a> {
        &self.access
    }
}

impl UnitContext<'_> {
    /// The unit.
    pub fn unit(&self) -> &Unit {
        self.unit
    }

    /// A hash of everything that the unit's outputs depend on.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The unit's inputs within the run, with hashes of their content.
    pub fn inputs(&self) -> &BTreeMap<String, String> {
        &self.inputs
    }

    /// The file of a declared table that this unit reads: its own part, or the whole of a table that is not partitioned.
    /// `None` where the table has no part for this unit.
    ///
    /// # Errors
    /// [`EngineError::Undeclared`], also when the pass reads all parts of the table at once.
    pub fn partition(&self, table: &str) -> Result<Option<Partition>, EngineError> {
        let maker = self.maker(table)?;
        let wanted = match (self.pass.per, maker.per) {
            (_, Per::Run) => &Unit::Run,
            (Per::SiteDay, Per::SiteDay) => self.unit,
            (Per::Run, Per::SiteDay) => return Err(self.undeclared("one part of the partitioned table", table)),
        };
        let made = self.states.get(maker.name).and_then(|units| units.get(wanted));
        let schema = schema(table)?;
        Ok(made.map(|state| recorded(schema, self.run, wanted, state)))
    }

    /// Reads columns (all when none are named) of the unit's part of a table, see [`UnitContext::partition`].
    ///
    /// # Errors
    /// [`EngineError::Undeclared`], [`EngineError::Table`].
    pub fn read(&self, table: &str, columns: &[&str]) -> Result<Option<Batch>, EngineError> {
        self.partition(table)?.map(|p| self.read_partition(table, &p, columns)).transpose()
    }

    /// Opens the unit's part of a table for piecewise reading.
    ///
    /// # Errors
    /// [`EngineError::Undeclared`], [`EngineError::Table`].
    pub fn reader(&self, table: &str) -> Result<Option<TableReader>, EngineError> {
        let schema = schema(table)?;
        Ok(self.partition(table)?.map(|p| TableReader::open(schema, &p.path)).transpose()?)
    }

    /// Starts a declared output table; `shape` is that of its arrays, empty where it has none.
    ///
    /// # Errors
    /// [`EngineError::Undeclared`], [`EngineError::Io`].
    pub fn sink(&self, table: &str, shape: &[usize]) -> Result<TableSink<'_>, EngineError> {
        let declared = self.pass.outputs.iter().copied().find(|o| matches!(o, Output::Table(t) if *t == table));
        let output = declared.ok_or_else(|| self.undeclared("output table", table))?;
        let writer = TableWriter::new(schema(table)?, shape, self.run.stage()?)?;
        Ok(TableSink { cx: self, writer, path: RunDir::output(output, self.unit) })
    }

    /// Writes a declared output table that is one batch; `build` gives its columns.
    ///
    /// # Errors
    /// As [`UnitContext::sink`], and [`EngineError::Table`] when the batch breaks the schema.
    pub fn write(&self, table: &str, build: impl FnOnce(BatchBuilder) -> BatchBuilder) -> Result<(), EngineError> {
        let mut sink = self.sink(table, &[])?;
        let batch = build(sink.builder()).build()?;
        sink.write(&batch)?;
        sink.finish()
    }

    /// Writes a declared output file, or a file of a declared folder, `/` between its parts.
    ///
    /// # Errors
    /// [`EngineError::Undeclared`], [`EngineError::Io`].
    pub fn write_file(&self, path: &str, bytes: &[u8]) -> Result<(), EngineError> {
        let is_declared = |output: &Output| match *output {
            Output::File(file) => file == path,
            Output::Folder(folder) => path.strip_prefix(folder).and_then(|p| p.strip_prefix('/')).is_some_and(stays_within),
            Output::Table(_) => false,
        };
        if !self.pass.outputs.iter().any(is_declared) {
            return Err(self.undeclared("output file", path));
        }
        let mut staged = self.run.stage()?;
        staged.write_all(bytes).map_err(EngineError::io(path, "cannot be written"))?;
        self.stage(path.to_owned(), staged.finish(None)?);
        Ok(())
    }

    fn stage(&self, path: String, pending: atomic::Pending) {
        locked(&self.staged).0.insert(path, pending);
    }

    /// The checkpoint that an earlier execution of this unit, with the very same inputs, left behind.
    ///
    /// # Errors
    /// [`EngineError::Io`] where there is one that cannot be read: hours of work would be done again.
    pub fn checkpoint(&self) -> Result<Option<Vec<u8>>, EngineError> {
        self.run.disk().read_if_there(&self.checkpoint_path())
    }

    /// Leaves a checkpoint behind. It goes when the unit is committed.
    ///
    /// # Errors
    /// [`EngineError::Io`].
    pub fn save_checkpoint(&self, bytes: &[u8]) -> Result<(), EngineError> {
        self.run.write(&self.checkpoint_path(), bytes).map(drop)
    }

    fn checkpoint_path(&self) -> PathBuf {
        self.run.checkpoint(self.pass.name, &self.digest)
    }
}

/// An output table on its way.
pub struct TableSink<'a> {
    cx: &'a UnitContext<'a>,
    writer: TableWriter<Staged>,
    path: String,
}

impl TableSink<'_> {
    /// A builder of batches for this table.
    pub fn builder(&self) -> BatchBuilder {
        self.writer.builder()
    }

    /// Checks a batch and appends it.
    ///
    /// # Errors
    /// [`EngineError::Table`].
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), EngineError> {
        Ok(self.writer.write(batch)?)
    }

    /// Ends the table; it is published when the unit is committed.
    ///
    /// # Errors
    /// [`EngineError::Table`], [`EngineError::Io`].
    pub fn finish(self) -> Result<(), EngineError> {
        let (staged, rows) = self.writer.finish()?;
        self.cx.stage(self.path, staged.finish(Some(rows))?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_out_of_its_folder_is_none_within() {
        assert!(stays_within("a.wav") && stays_within("a/b.wav") && stays_within("..a"));
        for path in ["", "/a", "a/", "a//b", "../a", "a/../b", ".", "a/."] {
            assert!(!stays_within(path), "{path}");
        }
    }
}
