//! A small survey for the engine: stages whose outputs are a few lines that follow from what they read.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::disk::SimulatedDisk;
use crate::graph::{Input, Output, Pass, Per, WEIGHTS};
use crate::{
    Config, Console, EngineError, External, Registry, RunDir, Runner, Scan, ScanContext, Unit, UnitContext, Work, WorkError,
    hash_bytes, locked, test_keys,
};

/// The run that goes through troubles.
pub(super) const RUN: &str = "/disk/run";
/// A run that it may take units over from.
pub(super) const BASE: &str = "/disk/base";

/// How often a training saves a checkpoint.
const STEPS: u32 = 3;
/// The most clips beside a report: more than are synced one by one.
const MOST_CLIPS: u64 = 24;

/// What there is to be found, and how it is worked on.
#[derive(Debug, Clone)]
pub(super) struct Survey {
    /// The days, each with the version of its recordings.
    pub(super) days: BTreeMap<Unit, u32>,
    /// The value of a key on which all stages but the first depend.
    pub(super) hop_s: u64,
    /// Whether a stage writes one table more.
    pub(super) is_wide: bool,
    /// Units that are committed together.
    pub(super) turns: usize,
    pub(super) has_base: bool,
    /// What is tried out of the file system's locks.
    pub(super) lock: &'static str,
}

/// What stages did.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// Units that were made, by pass.
    pub(super) made: Mutex<Vec<(&'static str, Unit)>>,
    /// Inputs that were not what the engine said they are.
    pub(super) wrong: Mutex<Vec<String>>,
}

pub(super) fn day(site: u64, day: u64) -> Unit {
    Unit::SiteDay { site: format!("S{site}"), date: Some(jiff::civil::date(2020, 3, 1 + day as i8)), part: 0 }
}

impl Survey {
    /// The engine with this survey, on a disk. Each is a process of its own.
    pub(super) fn runner(&self, disk: &SimulatedDisk, run: &str, log: &Arc<Log>) -> Runner {
        let mut sets = vec![
            "annotate.format=anuraset_raw".to_owned(),
            "units.keep_free_gib=0".to_owned(),
            format!("run.path={run}"),
            format!("run.lock={}", self.lock),
            format!("segment.hop_s={}", self.hop_s),
        ];
        if self.has_base && run != BASE {
            sets.push(format!("run.base={BASE}"));
        }
        let config = Config::from_text("", "c", "c", &sets, test_keys::keys()).unwrap();
        let find = Find { days: self.days.clone(), log: Arc::clone(log) };
        let registry = Registry::default()
            .with(Some(pass("find", Per::SiteDay, &[], &[Output::Table("recordings")])), find)
            .with(Some(self.cut()), Cut { is_wide: self.is_wide, log: Arc::clone(log) })
            .with(Some(learn()), Learn(Arc::clone(log)))
            .with(Some(apply()), Apply(Arc::clone(log)))
            .with(Some(tell()), Tell(Arc::clone(log)));
        Runner::new(config, registry, Console::silent()).in_turns_on(disk.disk(), self.turns)
    }

    fn cut(&self) -> Pass {
        let outputs = [Output::Table("segments"), Output::Table("labels")];
        let outputs = if self.is_wide { &outputs[..] } else { &outputs[..1] };
        // Another version, as it is of a stage that writes other tables.
        let code_version = if self.is_wide { 2 } else { 1 };
        Pass { keys: vec!["segment.*"], code_version, ..pass("cut", Per::SiteDay, &[Input::Table("recordings")], outputs) }
    }
}

fn pass(name: &'static str, per: Per, inputs: &[Input], outputs: &[Output]) -> Pass {
    Pass { inputs: inputs.to_vec(), outputs: outputs.to_vec(), ..Pass::new(name, per) }
}

fn learn() -> Pass {
    let outputs = [Output::File("model/weights.safetensors"), Output::Table("training_log")];
    pass("learn", Per::Run, &[Input::Table("segments")], &outputs)
}

fn apply() -> Pass {
    let inputs = [Input::Table("segments"), Input::Model(WEIGHTS)];
    pass("apply", Per::SiteDay, &inputs, &[Output::Table("predictions")])
}

fn tell() -> Pass {
    let outputs = [Output::File("report/index.html"), Output::Folder("report/clips")];
    pass("tell", Per::Run, &[Input::Table("predictions")], &outputs)
}

/// What is worth something in a run: tables, model and report, by path.
pub(super) fn results(disk: &SimulatedDisk, run: &str) -> BTreeMap<String, Vec<u8>> {
    let run = RunDir::new(run).on(disk.disk());
    let mut results = BTreeMap::new();
    for part in ["tables", "model", "report"] {
        for path in run.disk().files_below(&run.path().join(part)).unwrap() {
            let name = path.strip_prefix(run.path()).unwrap().display().to_string();
            results.insert(name, run.disk().read(&path).unwrap());
        }
    }
    results
}

impl Log {
    fn made(&self, cx: &UnitContext<'_>) {
        locked(&self.made).push((cx.pass.name, cx.unit().clone()));
    }

    /// Reads a file, which must be what the unit's fingerprint says.
    fn read(&self, cx: &UnitContext<'_>, path: &Path, hash: Option<&str>) -> Result<Vec<u8>, EngineError> {
        let bytes = cx.run.disk().read(path).map_err(EngineError::io(path, "cannot be read"))?;
        if hash.is_some_and(|hash| hash != hash_bytes(&bytes)) {
            let wrong = format!("{}, {}: {} is not what is recorded", cx.pass.name, cx.unit(), path.display());
            locked(&self.wrong).push(wrong);
        }
        Ok(bytes)
    }

    /// The unit's own part of a table.
    fn part(&self, cx: &UnitContext<'_>, table: &str) -> Result<Vec<u8>, WorkError> {
        let part = cx.partition(table)?.ok_or("the part is missing")?;
        Ok(self.read(cx, &part.path, cx.inputs().get(table).map(String::as_str))?)
    }

    /// All parts of a table.
    fn whole(&self, cx: &UnitContext<'_>, table: &str) -> Result<Vec<u8>, WorkError> {
        let (mut all, mut hashes) = (Vec::new(), String::new());
        for part in cx.partitions(table)? {
            let bytes = self.read(cx, &part.path, None)?;
            let _ = writeln!(hashes, "{} {}", part.unit, hash_bytes(&bytes));
            all.extend(bytes);
        }
        if cx.inputs().get(table) != Some(&hash_bytes(hashes.as_bytes())) {
            locked(&self.wrong).push(format!("{}: {table} is not what is recorded", cx.pass.name));
        }
        Ok(all)
    }
}

/// Writes the unit's part of a table in a few pieces.
fn write(cx: &UnitContext<'_>, table: &'static str, lines: &[String]) -> Result<(), WorkError> {
    let mut staged = cx.run.stage()?;
    for line in lines {
        let written = staged.write_all(line.as_bytes()).and_then(|()| staged.flush());
        written.map_err(EngineError::io(cx.run.tmp(), "cannot be written"))?;
    }
    let path = RunDir::output(Output::Table(table), cx.unit());
    locked(&cx.staged).0.insert(path, staged.finish(Some(lines.len() as u64))?);
    Ok(())
}

/// Some lines that follow from what was read.
fn lines(cx: &UnitContext<'_>, what: &str, read: &[u8]) -> Vec<String> {
    let hash = hash_bytes(read);
    (0..3)
        .map(|i| format!("{what} of {}, line {i}, from {}\n", cx.unit(), hash_bytes(format!("{hash} {i}").as_bytes())))
        .collect()
}

/// Finds the days.
struct Find {
    days: BTreeMap<Unit, u32>,
    log: Arc<Log>,
}

impl Work for Find {
    type Found = BTreeMap<Unit, u32>;

    fn scan(&self, _: &ScanContext<'_>) -> Result<Scan<Self::Found>, WorkError> {
        let found = self.days.clone();
        let external = |version: &u32| External::from([("recordings".to_owned(), version.to_string())]);
        let units = found.iter().map(|(unit, version)| (unit.clone(), external(version))).collect();
        let hours = found.keys().map(|unit| (unit.clone(), 1.0)).collect();
        Ok(Scan { units, hours, found, ..Scan::default() })
    }

    fn run(&self, cx: &UnitContext<'_>, found: &Self::Found) -> Result<(), WorkError> {
        self.log.made(cx);
        let version = found[cx.unit()];
        write(cx, "recordings", &lines(cx, "recordings", version.to_string().as_bytes()))
    }
}

/// Cuts each day.
struct Cut {
    is_wide: bool,
    log: Arc<Log>,
}

impl Work for Cut {
    type Found = ();

    fn scan(&self, _: &ScanContext<'_>) -> Result<Scan<()>, WorkError> {
        Ok(Scan::default())
    }

    fn run(&self, cx: &UnitContext<'_>, (): &()) -> Result<(), WorkError> {
        self.log.made(cx);
        let mut read = self.log.part(cx, "recordings")?;
        read.extend(cx.value::<f64>("segment.hop_s")?.to_string().into_bytes());
        if self.is_wide {
            write(cx, "labels", &lines(cx, "labels", &read))?;
        }
        write(cx, "segments", &lines(cx, "segments", &read))
    }
}

/// Learns from all days, with a checkpoint behind each step.
struct Learn(Arc<Log>);

impl Work for Learn {
    type Found = ();

    fn scan(&self, _: &ScanContext<'_>) -> Result<Scan<()>, WorkError> {
        Ok(Scan::default())
    }

    fn run(&self, cx: &UnitContext<'_>, (): &()) -> Result<(), WorkError> {
        self.0.made(cx);
        let read = self.0.whole(cx, "segments")?;
        let saved = cx.checkpoint()?.and_then(|bytes| String::from_utf8(bytes).ok());
        let saved = saved
            .as_deref()
            .and_then(|text| text.split_once(' '))
            .and_then(|(step, weights)| Some((step.parse().ok()?, weights)));
        let (done, mut weights) =
            saved.map_or_else(|| (0, hash_bytes(&read)), |(step, weights): (u32, &str)| (step, weights.to_owned()));
        for step in done..STEPS {
            weights = hash_bytes(format!("{weights} {step}").as_bytes());
            cx.save_checkpoint(format!("{} {weights}", step + 1).as_bytes())?;
        }
        cx.write_file("model/weights.safetensors", weights.as_bytes())?;
        write(cx, "training_log", &lines(cx, "training", weights.as_bytes()))
    }
}

/// Applies what was learnt to each day.
struct Apply(Arc<Log>);

impl Work for Apply {
    type Found = ();

    fn scan(&self, _: &ScanContext<'_>) -> Result<Scan<()>, WorkError> {
        Ok(Scan::default())
    }

    fn run(&self, cx: &UnitContext<'_>, (): &()) -> Result<(), WorkError> {
        self.0.made(cx);
        let mut read = self.0.part(cx, "segments")?;
        let model = cx.model_file(WEIGHTS)?.ok_or("the model is missing")?;
        read.extend(self.0.read(cx, &model, cx.inputs().get("model/weights.safetensors").map(String::as_str))?);
        write(cx, "predictions", &lines(cx, "predictions", &read))
    }
}

/// Tells of all days, with clips whose number and names follow from what was found.
struct Tell(Arc<Log>);

impl Work for Tell {
    type Found = ();

    fn scan(&self, _: &ScanContext<'_>) -> Result<Scan<()>, WorkError> {
        Ok(Scan::default())
    }

    fn run(&self, cx: &UnitContext<'_>, (): &()) -> Result<(), WorkError> {
        self.0.made(cx);
        let hash = hash_bytes(&self.0.whole(cx, "predictions")?);
        let clips = u64::from_str_radix(&hash[..8], 16)? % MOST_CLIPS;
        for clip in 0..clips {
            cx.write_file(
                &format!("report/clips/{}/{clip}.wav", &hash[clip as usize % 8..][..2]),
                format!("{hash} {clip}").as_bytes(),
            )?;
        }
        Ok(cx.write_file("report/index.html", format!("{hash}, {clips} clips").as_bytes())?)
    }
}
