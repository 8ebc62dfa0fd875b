//! A run that goes through troubles, again and again, until nothing hinders it any more.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::disk::{SimulatedDisk, Traits};
use super::random::Random;
use super::survey::{BASE, Log, RUN, Survey, day, results};
use super::trouble::{Stop, Troubles};
use crate::state::journal::{self, Extent};
use crate::state::unit_state::UnitState;
use crate::{EngineError, RunDir, RunOptions, Selection, Unit, hash_bytes, locked, message};

/// What is recorded of a run, by pass and unit.
type Recorded = BTreeMap<(&'static str, Unit), UnitState>;

const PASSES: [&str; 5] = ["find", "cut", "learn", "apply", "tell"];

/// Goes through the troubles of a seed. `is_told` is for a person who looks for what went wrong.
pub(super) fn try_out(seed: u64, is_told: bool) -> Result<(), String> {
    let mut schedule = Schedule::new(seed);
    let result = schedule.go();
    if is_told {
        println!("{}", schedule.disk.told());
    }
    result
}

/// The calls to the disk in the troubles of a seed.
pub(super) fn calls(seed: u64) -> String {
    let mut schedule = Schedule::new(seed);
    let _ = schedule.go();
    schedule.disk.told()
}

struct Schedule {
    random: Random,
    disk: SimulatedDisk,
    survey: Survey,
    log: Arc<Log>,
    /// Whether the survey stays as it is, so that nothing is made twice.
    is_steady: bool,
    rounds: u64,
    /// Units that were on the disk when the last process had ended.
    safe: BTreeSet<(&'static str, Unit)>,
    /// Units whose recordings went, so that their files are to go.
    doomed: BTreeSet<Unit>,
}

/// How the engine is asked to run.
struct Asked {
    options: RunOptions,
    share: Option<&'static str>,
}

impl Asked {
    fn all() -> Self {
        Self { options: RunOptions { remove_missing: true, ..RunOptions::new(Selection::All, 1) }, share: None }
    }

    /// Whether the run is complete afterwards.
    fn is_all(&self) -> bool {
        self.options.selection == Selection::All && self.share.is_none()
    }
}

impl Schedule {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let traits =
            Traits { has_links: !random.one_in(4), has_locks: true, reorders: random.one_in(2), clock_jumps: random.one_in(4) };
        let disk = SimulatedDisk::new(random.number(), traits);
        let days = (0..1 + random.below(5)).map(|i| (day(i % 2, i / 2), 0)).collect();
        let survey = Survey {
            days,
            hop_s: 3,
            is_wide: random.one_in(4),
            turns: 1 + random.below(4) as usize,
            has_base: random.one_in(4),
            lock: "flock",
        };
        // Now and then so many that a journal becomes long.
        let rounds = if random.one_in(8) { 10 + random.below(6) } else { 1 + random.below(4) };
        let is_steady = random.one_in(2);
        Self { random, disk, survey, log: Arc::default(), is_steady, rounds, safe: BTreeSet::new(), doomed: BTreeSet::new() }
    }

    fn go(&mut self) -> Result<(), String> {
        self.disk.disk().make_folders(Path::new("/disk")).unwrap();
        if self.survey.has_base {
            self.make_base();
        }
        self.disk.settle();
        let (mut expected, mut calls) = undisturbed(&self.survey);
        for _ in 0..self.rounds {
            if !self.is_steady && self.random.one_in(2) {
                self.change_survey();
                (expected, calls) = undisturbed(&self.survey);
            }
            let asked = self.ask();
            self.disk.begin(Troubles::random(&mut self.random, calls));
            // What it told is looked at there: it may well have failed.
            let _ = self.process(&asked, &expected)?;
            let ends_with_power = self.random.one_in(4);
            self.restart(ends_with_power)?;
        }
        self.disk.begin(Troubles::default());
        let outcome = self.process(&Asked::all(), &expected)?;
        outcome.map_err(|error| format!("without troubles the run ends with: {error}"))?;
        self.restart(false)?;
        let run = RunDir::new(RUN).on(self.disk.disk());
        let left = run.disk().files_below(&run.tmp()).unwrap();
        if !left.is_empty() {
            return Err(format!("files are left: {left:?}"));
        }
        let again = self.run(&Asked::all()).map_err(|error| format!("a second run ends with: {error}"))?;
        if again.made() + again.taken() > 0 {
            return Err(format!("a second run makes units: {again:?}"));
        }
        // The power may fail as soon as a run is done. A record that an earlier process could not sync may be lost then, and no output.
        self.restart(true)?;
        same(&results(&self.disk, RUN), &expected, "a run behind which the power failed")?;
        self.run(&Asked::all()).map_err(|error| format!("a run after the last power failure ends with: {error}"))?;
        same(&results(&self.disk, RUN), &expected, "a run after the last power failure")
    }

    /// A base of which some units are those of the run.
    fn make_base(&mut self) {
        let mut base = self.survey.clone();
        for version in base.days.values_mut() {
            *version += self.random.below(2) as u32;
        }
        base.runner(&self.disk, BASE, &Arc::default()).run(&Asked::all().options).unwrap();
        self.disk.end(false);
    }

    fn change_survey(&mut self) {
        let (random, survey) = (&mut self.random, &mut self.survey);
        let some: Vec<Unit> = survey.days.keys().cloned().collect();
        let some = &some[random.below(some.len() as u64) as usize];
        match random.below(6) {
            0 => {
                survey.days.insert(day(random.below(3), random.below(4)), 0);
            }
            // A survey without recordings is another matter.
            1 if survey.days.len() > 1 => {
                survey.days.remove(some);
                self.doomed.insert(some.clone());
            }
            2 => survey.hop_s = 3 - survey.hop_s % 2,
            3 => survey.is_wide = !survey.is_wide,
            4 => survey.turns = 1 + random.below(4) as usize,
            _ => {
                survey.days.entry(some.clone()).and_modify(|version| *version += 1);
            }
        }
        self.safe.clear();
    }

    fn ask(&mut self) -> Asked {
        let random = &mut self.random;
        let mut asked = Asked::all();
        if random.one_in(6) {
            asked.options.selection = Selection::Only(vec!["find".to_owned(), "cut".to_owned()]);
            asked.share = Some(random.pick(&["1/2", "2/2"]));
        }
        asked.options.force = random.one_in(10);
        asked.options.verify = random.one_in(5);
        asked
    }

    fn run(&self, asked: &Asked) -> Result<crate::Summary, EngineError> {
        let share = asked.share.map(|share| share.parse().unwrap());
        self.survey.runner(&self.disk, RUN, &self.log).with_share(share).run(&asked.options)
    }

    /// Runs the engine as one process. The inner error is what it told.
    fn process(&mut self, asked: &Asked, expected: &BTreeMap<String, Vec<u8>>) -> Result<Result<(), String>, String> {
        let before = locked(&self.log.made).len();
        let outcome = self.run(asked);
        if let Some(wrong) = locked(&self.log.wrong).first() {
            return Err(wrong.clone());
        }
        if !asked.options.force && !asked.options.verify {
            let made = locked(&self.log.made)[before..].to_vec();
            if let Some((pass, unit)) = made.iter().find(|made| self.safe.contains(made)) {
                return Err(format!("{pass}, {unit} was on the disk, nothing changed, and it was made again"));
            }
        }
        match outcome {
            // A process that was stopped in its last calls has nothing to tell any more.
            Ok(_) if asked.is_all() && self.disk.stopped().is_none() => {
                same(&results(&self.disk.copy(), RUN), expected, "a run that says that all went well").map(Ok)
            }
            Ok(_) => Ok(Ok(())),
            Err(error) => {
                let told = message(&error);
                let is_clear = matches!(error, EngineError::Io { .. } | EngineError::Work { .. }) && told.contains("/disk");
                if is_clear && self.disk.explains(&told) { Ok(Err(told)) } else { Err(format!("the error is not clear: {told}")) }
            }
        }
    }

    /// The process has ended, perhaps with the power. What it had been told is on the disk must be there.
    fn restart(&mut self, power: bool) -> Result<(), String> {
        let power = power || self.disk.stopped() == Some(Stop::Power);
        let (now, promised) = (recorded(&self.disk.copy()), recorded(&self.disk.acknowledged()));
        self.disk.end(power);
        let after = recorded(&self.disk);
        let disk = self.disk.copy().disk();
        self.safe.clear();
        for (key, state) in promised.into_iter().filter(|(key, state)| now.get(key) == Some(state)) {
            let (pass, unit) = &key;
            // It is on its way out, and files go first.
            if self.doomed.contains(unit) {
                continue;
            }
            if after.get(&key) != Some(&state) {
                return Err(format!("{pass}, {unit} was recorded, and is not any more"));
            }
            for (path, output) in state.outputs.iter() {
                let found =
                    disk.read(&Path::new(RUN).join(path)).map_err(|error| format!("{pass}, {unit}: {path} is lost: {error}"))?;
                if hash_bytes(&found) != output.hash {
                    return Err(format!("{pass}, {unit}: {path} is damaged"));
                }
            }
            if self.is_steady {
                self.safe.insert(key);
            }
        }
        Ok(())
    }
}

/// What a run gives that nothing hinders, and how many calls it makes.
fn undisturbed(survey: &Survey) -> (BTreeMap<String, Vec<u8>>, u64) {
    let traits = Traits { has_links: true, has_locks: true, reorders: false, clock_jumps: false };
    let disk = SimulatedDisk::new(0, traits);
    disk.disk().make_folders(Path::new("/disk")).unwrap();
    disk.begin(Troubles::default());
    let survey = Survey { has_base: false, ..survey.clone() };
    survey.runner(&disk, RUN, &Arc::default()).run(&Asked::all().options).unwrap();
    let calls = disk.calls();
    (results(&disk, RUN), calls)
}

fn recorded(disk: &SimulatedDisk) -> Recorded {
    let run = RunDir::new(RUN).on(disk.disk());
    let of_pass = |pass: &'static str| {
        let made = journal::read(&run, pass, |_| Extent::All).unwrap().made;
        made.into_iter().map(move |(unit, state)| ((pass, unit), state))
    };
    PASSES.into_iter().flat_map(of_pass).collect()
}

fn same(found: &BTreeMap<String, Vec<u8>>, expected: &BTreeMap<String, Vec<u8>>, what: &str) -> Result<(), String> {
    let paths: BTreeSet<&String> = found.keys().chain(expected.keys()).collect();
    let differing: Vec<&String> = paths.into_iter().filter(|path| found.get(*path) != expected.get(*path)).collect();
    if differing.is_empty() { Ok(()) } else { Err(format!("{what} differs from an undisturbed one in {differing:?}")) }
}

#[test]
fn a_file_system_without_locks_is_refused_unless_it_is_to_be_used_so() {
    let traits = Traits { has_links: false, has_locks: false, reorders: true, clock_jumps: true };
    let disk = SimulatedDisk::new(1, traits);
    disk.disk().make_folders(Path::new("/disk")).unwrap();
    let days = (0..3).map(|i| (day(i, 0), 0)).collect();
    let mut survey = Survey { days, hop_s: 3, is_wide: true, turns: 2, has_base: false, lock: "flock" };
    let run = |survey: &Survey| survey.runner(&disk, RUN, &Arc::default()).run(&Asked::all().options);
    let told = run(&survey).unwrap_err();
    assert!(matches!(told, EngineError::NoLocks { .. }), "{told}");
    survey.lock = "none";
    run(&survey).unwrap();
    assert_eq!(results(&disk, RUN), undisturbed(&survey).0);
}

#[test]
fn the_survey_has_what_the_schedules_are_to_try() {
    let days = (0..4).map(|i| (day(i % 2, i / 2), 0)).collect();
    let survey = Survey { days, hop_s: 3, is_wide: true, turns: 2, has_base: false, lock: "flock" };
    let mut clips = BTreeSet::new();
    for hop_s in 1..40 {
        let (results, calls) = undisturbed(&Survey { hop_s, ..survey.clone() });
        assert!(calls > 100, "{calls}");
        let of = |part: &str| results.keys().filter(|path| path.starts_with(part)).count();
        assert_eq!((of("tables/recordings/"), of("tables/labels/"), of("model/"), of("report/index")), (4, 4, 1, 1));
        clips.insert(of("report/clips/"));
    }
    // Reports of few files, and of so many that all of the file system is synced at once.
    assert!(
        clips.first().unwrap() + 1 < crate::files::disk::MANY && *clips.last().unwrap() >= crate::files::disk::MANY,
        "{clips:?}"
    );
}
