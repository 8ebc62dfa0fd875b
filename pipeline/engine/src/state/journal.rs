//! The journal of a pass: what was made of its units, in files that only grow.
//!
//! Each process that makes units of a pass writes a file of its own, `state/PASS/journal-000001.jsonl` and so on: one line for each
//! record. Later files and later lines count. So a unit needs no file of its own, many units are synced at once, and a process opens few
//! files. A line that cannot be read was torn by a crash: what follows it in its file does not count either. Units whose record is lost
//! count as missing, and are made again.
//!
//! Before outputs of a unit get their names, the journal says that it is being made, and which files are touched. Where nothing follows,
//! these files are what a process that was killed left behind.
//!
//! A process that has the run for itself writes what still counts into one file when there are many ([`compact`]).
//! Up to version 0.1 each unit had a file of its own, `state/PASS/UNIT.json`. Such files are read as older than any journal.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::fingerprint::{Fingerprint, Keys, Runtime, Schemas};
use super::hashes::{Hashes, Names};
use super::outputs::Outputs;
use super::unit_state::UnitState;
use crate::files::appended::Growing;
use crate::files::atomic;
use crate::files::disk::Disk;
use crate::{EngineError, RunDir, Unit};

/// More files than these are written into one.
const MANY_FILES: usize = 8;
/// So many lines for each unit, and some more, are written anew.
const LINES_FOR_A_UNIT: usize = 4;
/// How often a journal is read again when its files are written into one meanwhile.
const ATTEMPTS: u32 = 10;

/// Units whose making did not come to its end, with the files that were touched.
pub(crate) type Interrupted = BTreeMap<Unit, Vec<String>>;

/// A line of a journal.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Record<'a> {
    /// What was recorded before counts no more.
    Compacted {},
    /// What many units have in common. The first one of a file is number 0.
    Common(Common),
    /// A unit was made.
    Made {
        #[serde(borrow)]
        unit: Cow<'a, str>,
        /// The number of what it has in common with others.
        common: usize,
        inputs: Cow<'a, Hashes>,
        external: Cow<'a, Hashes>,
        outputs: Cow<'a, Outputs>,
    },
    /// A unit is being made. These files are touched.
    Making {
        #[serde(borrow)]
        unit: Cow<'a, str>,
        files: Vec<Cow<'a, str>>,
    },
    /// A unit and its files were removed.
    Gone {
        #[serde(borrow)]
        unit: Cow<'a, str>,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Common {
    code_version: u32,
    keys: Keys,
    schemas: Schemas,
    runtime: Runtime,
}

impl Common {
    fn of(fingerprint: &Fingerprint) -> Self {
        let Fingerprint { code_version, keys, schemas, runtime, .. } = fingerprint.clone();
        Self { code_version, keys, schemas, runtime }
    }

    fn is_of(&self, fingerprint: &Fingerprint) -> bool {
        let Self { code_version, keys, schemas, runtime } = self;
        *code_version == fingerprint.code_version
            && *runtime == fingerprint.runtime
            && *schemas == fingerprint.schemas
            && *keys == fingerprint.keys
    }
}

/// How much of a unit's record a process needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All of it.
    All,
    /// The outputs. The fingerprint is left empty.
    Outputs,
    /// That it is there does not matter either.
    Nothing,
}

/// What the journal of a pass says.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Recorded {
    /// The units that were made.
    pub(crate) made: BTreeMap<Unit, UnitState>,
    /// Units whose making did not come to its end, with the files that were touched.
    pub(crate) interrupted: Interrupted,
    /// Whether some units have files of their own.
    pub(crate) has_unit_files: bool,
    files: usize,
    lines: usize,
}

/// Reads the journal of a pass.
///
/// # Errors
/// [`EngineError::Io`] where a file of it cannot be read. Its units would count as missing, and be made again for nothing.
pub(crate) fn read(run: &RunDir, pass: &str, extent: impl Fn(&Unit) -> Extent + Sync) -> Result<Recorded, EngineError> {
    let folder = run.states(pass);
    for _ in 1..ATTEMPTS {
        // A process that has the run for itself may write the files into one just now.
        if let Some(recorded) = read_once(run.disk(), &folder, &extent, false)? {
            return Ok(recorded);
        }
    }
    Ok(read_once(run.disk(), &folder, &extent, true)?.unwrap_or_default())
}

/// `None` where a file vanishes meanwhile, unless `whatever` is there is taken.
fn read_once(
    disk: &Disk,
    folder: &Path,
    extent: &(impl Fn(&Unit) -> Extent + Sync),
    whatever: bool,
) -> Result<Option<Recorded>, EngineError> {
    let (files, has_unit_files) = list(disk, folder)?;
    let mut recorded = Recorded { files: files.len(), has_unit_files, ..Recorded::default() };
    if has_unit_files {
        recorded.made = unit_files(disk, folder, extent)?;
    }
    for path in files.values() {
        let failed = EngineError::io(path, "cannot be read");
        match disk.open(path) {
            Ok(file) => recorded.replay(BufReader::with_capacity(1 << 18, file), extent).map_err(failed)?,
            Err(e) if e.kind() == ErrorKind::NotFound && whatever => {}
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(failed(e)),
        }
    }
    Ok(Some(recorded))
}

/// The sizes of a journal's files by their numbers: while they are the same, so is what the journal says.
pub(crate) type Stamp = BTreeMap<u32, u64>;

/// The stamp of a pass's journal; `None` where some units have files of their own, which may change without it.
///
/// # Errors
/// [`EngineError::Io`].
pub(crate) fn stamp(run: &RunDir, pass: &str) -> Result<Option<Stamp>, EngineError> {
    let (files, has_unit_files) = list(run.disk(), &run.states(pass))?;
    let size = |(number, path): (u32, PathBuf)| Ok((number, run.disk().find(&path)?.map_or(0, |found| found.bytes)));
    (!has_unit_files).then(|| files.into_iter().map(size).collect::<Result<Stamp, EngineError>>()).transpose()
}

/// The files of a journal by their numbers, and whether the folder holds anything else.
fn list(disk: &Disk, folder: &Path) -> Result<(BTreeMap<u32, PathBuf>, bool), EngineError> {
    let (mut files, mut others) = (BTreeMap::new(), false);
    for path in disk.entries(folder)?.into_iter().map(|entry| entry.path) {
        match path.file_name().and_then(|name| name.to_str()).and_then(number) {
            Some(number) => drop(files.insert(number, path)),
            None => others = true,
        }
    }
    Ok((files, others))
}

fn name(number: u32) -> String {
    format!("journal-{number:06}.jsonl")
}

fn number(name: &str) -> Option<u32> {
    name.strip_prefix("journal-")?.strip_suffix(".jsonl")?.parse().ok()
}

fn parse_unit(text: &str) -> Option<Unit> {
    if text == "run" { Some(Unit::Run) } else { Unit::parse(text) }
}

/// The unit of a line that says that one was made. Most lines are such, and of most a share needs no more.
fn unit_of_made(line: &[u8]) -> Option<Unit> {
    let rest = line.strip_prefix(br#"{"made":{"unit":""#)?;
    let end = rest.iter().position(|&byte| byte == b'"')?;
    parse_unit(std::str::from_utf8(&rest[..end]).ok()?)
}

impl Recorded {
    /// Reads a file up to its end, or to a line that makes no sense.
    fn replay(&mut self, mut file: impl BufRead, extent: &impl Fn(&Unit) -> Extent) -> io::Result<()> {
        let (mut commons, mut names, mut line): (Vec<Common>, Names, Vec<u8>) = (Vec::new(), Names::default(), Vec::new());
        loop {
            line.clear();
            if file.read_until(b'\n', &mut line)? == 0 || line.pop() != Some(b'\n') {
                return Ok(());
            }
            self.lines += 1;
            if unit_of_made(&line).is_some_and(|unit| extent(&unit) == Extent::Nothing) {
                continue;
            }
            let Ok(record) = serde_json::from_slice(&line) else { return Ok(()) };
            if self.apply(record, &mut commons, &mut names, extent).is_none() {
                return Ok(());
            }
        }
    }

    /// `None` for a record that makes no sense.
    fn apply(
        &mut self,
        record: Record<'_>,
        commons: &mut Vec<Common>,
        names: &mut Names,
        extent: &impl Fn(&Unit) -> Extent,
    ) -> Option<()> {
        match record {
            Record::Compacted {} => {
                self.made.clear();
                self.interrupted.clear();
            }
            Record::Common(common) => commons.push(self.known_common(common)),
            Record::Made { unit, common, inputs, external, outputs } => {
                let (unit, common) = (parse_unit(&unit)?, commons.get(common)?.clone());
                let fingerprint = match extent(&unit) {
                    Extent::All => {
                        let Common { code_version, keys, schemas, runtime } = common;
                        let (mut inputs, mut external) = (inputs.into_owned(), external.into_owned());
                        inputs.share(names);
                        external.share(names);
                        Fingerprint { code_version, keys, inputs, external, schemas, runtime }
                    }
                    Extent::Outputs | Extent::Nothing => {
                        Fingerprint { keys: common.keys, schemas: common.schemas, ..Fingerprint::default() }
                    }
                };
                self.interrupted.remove(&unit);
                self.made.insert(unit, UnitState { fingerprint, outputs: outputs.into_owned(), place: None });
            }
            Record::Making { unit, files } => {
                let unit = parse_unit(&unit)?;
                self.made.remove(&unit);
                if extent(&unit) != Extent::Nothing {
                    let touched = self.interrupted.entry(unit).or_default();
                    touched.extend(files.into_iter().map(Cow::into_owned));
                }
            }
            Record::Gone { unit } => {
                let unit = parse_unit(&unit)?;
                self.made.remove(&unit);
                self.interrupted.remove(&unit);
            }
        }
        Some(())
    }

    /// The same values, in memory only once for all files.
    fn known_common(&self, mut common: Common) -> Common {
        if let Some(known) = self.made.values().next_back().map(|state| &state.fingerprint) {
            if known.keys == common.keys {
                common.keys = known.keys.clone();
            }
            if known.schemas == common.schemas {
                common.schemas = known.schemas.clone();
            }
            if known.runtime == common.runtime {
                common.runtime = known.runtime.clone();
            }
        }
        common
    }

    /// Whether the journal would be much shorter if it were written anew.
    fn is_long(&self) -> bool {
        let units = self.made.len() + self.interrupted.len();
        self.has_unit_files || self.files > MANY_FILES || self.lines > (units + MANY_FILES) * LINES_FOR_A_UNIT
    }
}

/// The states of version 0.1: one file for each unit.
fn unit_files(
    disk: &Disk,
    folder: &Path,
    extent: &(impl Fn(&Unit) -> Extent + Sync),
) -> Result<BTreeMap<Unit, UnitState>, EngineError> {
    let unit = |path: &Path| parse_unit(path.strip_prefix(folder).ok()?.to_str()?.strip_suffix(".json")?);
    let needed = |path: PathBuf| Some((unit(&path).filter(|unit| extent(unit) != Extent::Nothing)?, path));
    let read = |(unit, path): (Unit, PathBuf)| {
        let state = disk.read_if_there(&path)?.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Ok(state.map(|state| (unit, state)))
    };
    let files: Vec<(Unit, PathBuf)> = disk.files_below(folder)?.into_iter().filter_map(needed).collect();
    let read: Vec<Option<(Unit, UnitState)>> = files.into_par_iter().map(read).collect::<Result<_, EngineError>>()?;
    let mut made: BTreeMap<Unit, UnitState> = read.into_iter().flatten().collect();
    let Some((keys, schemas)) =
        made.values().next().map(|state| (state.fingerprint.keys.clone(), state.fingerprint.schemas.clone()))
    else {
        return Ok(made);
    };
    for fingerprint in made.values_mut().map(|state| &mut state.fingerprint) {
        if fingerprint.keys == keys {
            fingerprint.keys = keys.clone();
        }
        if fingerprint.schemas == schemas {
            fingerprint.schemas = schemas.clone();
        }
    }
    Ok(made)
}

/// Lines that are to be written, with what their units have in common.
#[derive(Default)]
struct Lines {
    bytes: Vec<u8>,
    commons: Vec<Common>,
}

impl Lines {
    fn push(&mut self, record: &Record<'_>) {
        serde_json::to_writer(&mut self.bytes, record).expect("maps of texts are JSON");
        self.bytes.push(b'\n');
    }

    fn made(&mut self, unit: &Unit, UnitState { fingerprint, outputs, .. }: &UnitState) {
        let known = self.commons.iter().position(|common| common.is_of(fingerprint));
        let common = known.unwrap_or_else(|| {
            self.commons.push(Common::of(fingerprint));
            self.push(&Record::Common(Common::of(fingerprint)));
            self.commons.len() - 1
        });
        let Fingerprint { inputs, external, .. } = fingerprint;
        let (inputs, external, outputs) = (Cow::Borrowed(inputs), Cow::Borrowed(external), Cow::Borrowed(outputs));
        self.push(&Record::Made { unit: unit.to_string().into(), common, inputs, external, outputs });
    }
}

/// The file of a pass's journal that this process writes. It is made when there is something to write.
pub(crate) struct Journal<'a> {
    run: &'a RunDir,
    pass: &'a str,
    file: Option<Growing>,
    lines: Lines,
}

impl<'a> Journal<'a> {
    pub(crate) fn new(run: &'a RunDir, pass: &'a str) -> Self {
        Self { run, pass, file: None, lines: Lines::default() }
    }

    /// Says that units are being made, before the first of these files gets its name.
    pub(crate) fn making<'u>(&mut self, units: impl IntoIterator<Item = (&'u Unit, Vec<&'u str>)>) -> Result<(), EngineError> {
        for (unit, files) in units {
            let files = files.into_iter().map(Cow::Borrowed).collect();
            self.lines.push(&Record::Making { unit: unit.to_string().into(), files });
        }
        self.write()
    }

    /// Says that units were made, once their outputs are on the disk. This is the last step of a commit.
    pub(crate) fn made<'u>(&mut self, units: impl IntoIterator<Item = (&'u Unit, &'u UnitState)>) -> Result<(), EngineError> {
        units.into_iter().for_each(|(unit, state)| self.lines.made(unit, state));
        self.write()
    }

    /// Says that units were removed, once their files are.
    pub(crate) fn gone<'u>(&mut self, units: impl IntoIterator<Item = &'u Unit>) -> Result<(), EngineError> {
        units.into_iter().for_each(|unit| self.lines.push(&Record::Gone { unit: unit.to_string().into() }));
        self.write()
    }

    fn write(&mut self) -> Result<(), EngineError> {
        let bytes = std::mem::take(&mut self.lines.bytes);
        if bytes.is_empty() {
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let folder = self.run.states(self.pass);
                let last = list(self.run.disk(), &folder)?.0.into_keys().next_back().unwrap_or(0);
                none.insert(Growing::create(self.run.disk(), self.run.path(), &folder, (last + 1..).map(name))?)
            }
        };
        file.append(&bytes)
    }
}

/// Writes what still counts of a pass's journal into one file, where that is much shorter. No other process may write to it meanwhile.
pub(crate) fn compact(run: &RunDir, pass: &str, recorded: &Recorded) -> Result<(), EngineError> {
    if !recorded.is_long() {
        return Ok(());
    }
    let (disk, folder) = (run.disk(), run.states(pass));
    let (files, _) = list(disk, &folder)?;
    let mut lines = Lines::default();
    lines.push(&Record::Compacted {});
    recorded.made.iter().for_each(|(unit, state)| lines.made(unit, state));
    for (unit, files) in &recorded.interrupted {
        let files = files.iter().map(|file| Cow::Borrowed(file.as_str())).collect();
        lines.push(&Record::Making { unit: unit.to_string().into(), files });
    }
    let last = files.keys().next_back().copied().unwrap_or(0);
    let new = folder.join(name(last + 1));
    run.write(&new, &lines.bytes)?;
    let old = disk.files_below(&folder)?.into_iter().filter(|path| *path != new);
    atomic::remove(disk, &folder, old)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::files::atomic::OutputState;

    fn unit(day: i8) -> Unit {
        Unit::SiteDay { site: "Rivière 2".into(), date: Some(jiff::civil::date(2020, 3, day)), part: 0 }
    }

    fn state(content: &str) -> UnitState {
        let output = OutputState { bytes: 4, hash: crate::hash_bytes(content.as_bytes()), rows: Some(1) };
        let fingerprint = Fingerprint {
            code_version: 1,
            keys: BTreeMap::from([("segment.hop_s".to_owned(), 3.into())]).into(),
            inputs: [("recordings".to_owned(), crate::hash_bytes(b"in"))].into(),
            ..Fingerprint::default()
        };
        UnitState { fingerprint, outputs: [("tables/segments/a", output)].into_iter().collect(), place: None }
    }

    fn all(run: &RunDir) -> Recorded {
        read(run, "segment", |_| Extent::All).unwrap()
    }

    fn files(run: &RunDir) -> Vec<String> {
        let name = |path: PathBuf| path.strip_prefix(run.states("segment")).unwrap().display().to_string();
        run.disk().files_below(&run.states("segment")).unwrap().into_iter().map(name).collect()
    }

    #[test]
    fn later_records_count_whoever_wrote_them() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::new(dir.path());
        assert_eq!(all(&run), Recorded::default());
        let (mut first, mut second) = (Journal::new(&run, "segment"), Journal::new(&run, "segment"));
        first.made([(&unit(1), &state("a")), (&unit(2), &state("a"))]).unwrap();
        second.made([(&unit(2), &state("b")), (&Unit::Run, &state("c"))]).unwrap();
        second.gone([&unit(1)]).unwrap();
        let recorded = all(&run);
        assert_eq!(recorded.made, [(Unit::Run, state("c")), (unit(2), state("b"))].into());
        assert!(recorded.interrupted.is_empty());
        assert_eq!(files(&run), ["journal-000001.jsonl", "journal-000002.jsonl"]);
    }

    #[test]
    fn a_unit_whose_making_did_not_end_is_not_made_and_its_files_are_known() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::new(dir.path());
        let mut journal = Journal::new(&run, "segment");
        journal.made([(&unit(1), &state("a"))]).unwrap();
        journal.making([(&unit(1), vec!["tables/segments/a"]), (&unit(2), vec!["tables/segments/b"])]).unwrap();
        journal.made([(&unit(2), &state("b"))]).unwrap();
        let recorded = all(&run);
        assert_eq!(recorded.made, [(unit(2), state("b"))].into());
        assert_eq!(recorded.interrupted, [(unit(1), vec!["tables/segments/a".to_owned()])].into());
    }

    #[test]
    fn nothing_behind_a_torn_line_counts() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::new(dir.path());
        for day in 1..4 {
            Journal::new(&run, "segment").made([(&unit(day), &state("a"))]).unwrap();
        }
        let path = run.states("segment").join(name(2));
        let whole = fs::read(&path).unwrap();
        for torn in [&whole[..whole.len() - 1], &whole[..whole.len() / 2], &[&whole[..20], b"\n", &whole[..]].concat()] {
            fs::write(&path, torn).unwrap();
            assert_eq!(all(&run).made.into_keys().collect::<Vec<_>>(), [unit(1), unit(3)]);
        }
    }

    #[test]
    fn a_share_reads_what_it_needs() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::new(dir.path());
        Journal::new(&run, "segment")
            .made((1..4).map(|day| (unit(day), state("a"))).collect::<Vec<_>>().iter().map(|(u, s)| (u, s)))
            .unwrap();
        let extent = |of: &Unit| match of {
            of if *of == unit(1) => Extent::All,
            of if *of == unit(2) => Extent::Outputs,
            _ => Extent::Nothing,
        };
        let made = read(&run, "segment", extent).unwrap().made;
        assert_eq!(made.keys().collect::<Vec<_>>(), [&unit(1), &unit(2)]);
        assert_eq!((&made[&unit(1)], &made[&unit(2)].outputs), (&state("a"), &state("a").outputs));
        assert!(made[&unit(2)].fingerprint.inputs.is_empty());
    }

    #[test]
    fn a_long_journal_is_written_anew_and_says_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::new(dir.path());
        for i in 0..20 {
            let mut journal = Journal::new(&run, "segment");
            journal.made([(&unit(1 + i % 2), &state(&i.to_string()))]).unwrap();
            journal.making([(&unit(3), vec!["tables/segments/c"])]).unwrap();
        }
        let before = all(&run);
        compact(&run, "segment", &before).unwrap();
        let after = all(&run);
        assert_eq!((&after.made, after.interrupted.keys().collect::<Vec<_>>()), (&before.made, vec![&unit(3)]));
        assert_eq!(files(&run), ["journal-000021.jsonl"]);
        // A journal that is not long stays.
        compact(&run, "segment", &all(&run)).unwrap();
        assert_eq!(files(&run), ["journal-000021.jsonl"]);
        // A crash that left some of the old files behind changes nothing.
        fs::write(run.states("segment").join(name(7)), "{\"gone\":{\"unit\":\"run\"}}\n").unwrap();
        assert_eq!(all(&run).made, before.made);
    }

    #[test]
    fn files_of_single_units_are_read_and_taken_into_the_journal() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::new(dir.path());
        let old = |unit: &str, state: &UnitState| {
            let UnitState { fingerprint, outputs, .. } = state;
            let text = serde_json::json!({"fingerprint": fingerprint, "outputs": outputs}).to_string();
            run.write(&run.states("segment").join(format!("{unit}.json")), text.as_bytes()).unwrap();
        };
        old("run", &state("a"));
        old(&unit(1).to_string(), &state("b"));
        old(&unit(2).to_string(), &state("c"));
        Journal::new(&run, "segment").made([(&unit(2), &state("d"))]).unwrap();
        let recorded = all(&run);
        let expected: BTreeMap<Unit, UnitState> = [(Unit::Run, state("a")), (unit(1), state("b")), (unit(2), state("d"))].into();
        assert_eq!(recorded.made, expected);
        compact(&run, "segment", &recorded).unwrap();
        assert_eq!((all(&run).made, files(&run)), (expected, vec!["journal-000002.jsonl".to_owned()]));
    }
}
