//! Whether tables still follow from what they were made from, judged by the recorded states of their run alone.
//!
//! A table is **stale** when a unit of it, or of a stage that it comes from, was made from other inputs than are recorded now, by another
//! version of the stage's code, or with another version of a table's columns. It is **incomplete** when a unit of it, or of a stage that it
//! comes from, is missing, or when the file of one is missing or has another size than recorded. Of earlier stages only those tables and
//! files of the model count that are read on the way to it. What lies outside of the run is not looked at: new recordings, changed
//! annotation files, and a model that `model.path` names. `chorus status` looks at these too.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use rayon::prelude::*;

use crate::console::counted;
use crate::graph::{Input, Output, Pass, Per};
use crate::state::fingerprint::{ChangedSchema, Fingerprint, changed_schema};
use crate::state::inputs;
use crate::state::states::{States, load_states};
use crate::state::unit_state::UnitState;
use crate::{RunDir, Unit};

/// What is wrong with a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// It was made from something else than there is now.
    Stale,
    /// A part of it is missing.
    Incomplete,
    /// Nothing is recorded of how it was made.
    Unknown,
}

/// Tables that are not known to be fresh, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The run; empty where only one is open.
    pub run: String,
    /// The tables.
    pub tables: Vec<String>,
    /// What is wrong.
    pub fault: Fault,
    /// Why, in words.
    pub why: String,
    /// The command that mends it; `None` where nothing is known to be wrong.
    pub command: Option<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.run.is_empty() {
            write!(f, "{}: ", self.run)?;
        }
        let (noun, verb) = if self.tables.len() == 1 { ("table", "is") } else { ("tables", "are") };
        let (tables, why) = (self.tables.join(", "), &self.why);
        match self.fault {
            Fault::Stale => write!(f, "the {noun} {tables} {verb} stale: {why}")?,
            Fault::Incomplete => write!(f, "the {noun} {tables} {verb} incomplete: {why}")?,
            Fault::Unknown => write!(f, "whether the {noun} {tables} {verb} fresh is not known: {why}")?,
        }
        self.command.iter().try_for_each(|command| write!(f, "; run `{command}`"))
    }
}

impl Finding {
    pub(super) fn unknown(tables: &[&str], why: String) -> Self {
        let tables = tables.iter().map(|table| (*table).to_owned()).collect();
        Self { run: String::new(), tables, fault: Fault::Unknown, why, command: None }
    }
}

/// What is wrong with tables of a run that have files. `passes` are those of the run's configuration, in their order; `command` makes a stage
/// fresh.
pub(super) fn check(run: &RunDir, passes: &[Pass], tables: &[&str], command: impl Fn(&str) -> String) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (made, orphaned): (Vec<&str>, Vec<&str>) = tables.iter().partition(|table| maker(passes, table).is_some());
    if !orphaned.is_empty() {
        let why = "the configuration that the run was last made with makes no such table";
        findings.push(Finding { fault: Fault::Stale, ..Finding::unknown(&orphaned, why.to_owned()) });
    }
    let all = needed(passes, &made);
    let states = match load_states(run, all.iter().copied()) {
        Ok(states) => states,
        Err(error) => return vec![Finding::unknown(tables, format!("what is recorded cannot be read: {error}"))],
    };
    let check = |pass: &Pass| {
        let outputs = pass.outputs.iter().filter(|output| matters(**output, &made, &all));
        let files = outputs.filter_map(|output| file_faults(run, *output, &states[pass.name])).collect();
        Check { files, ..Check::of(run, pass, passes, &states) }
    };
    let checks: BTreeMap<&str, Check> = all.iter().map(|pass| (pass.name, check(pass))).collect();
    for table in made {
        let Some(pass) = maker(passes, table) else { continue };
        if states[pass.name].is_empty() {
            let why = format!("state/{} records nothing of how it was made", pass.name);
            findings.push(Finding::unknown(&[table], why));
            continue;
        }
        let own_and_before = needed(passes, &[table]);
        for fault in [Fault::Stale, Fault::Incomplete] {
            // The first pass with this fault: what is wrong with later ones may follow from it.
            let sentence = |cause: &&Pass| {
                let (check, is_own) = (&checks[cause.name], cause.name == pass.name);
                let of_units = || Some(check.why(fault)?.sentence(&subject(cause, is_own)));
                let is_fault = |output: Output| fault == Fault::Incomplete && matters(output, &[table], &own_and_before);
                let file = || check.files.iter().find(|(output, _)| is_fault(*output));
                of_units().or_else(|| file().map(|(output, why)| why.sentence(&subject_of_files(cause, *output, is_own))))
            };
            let Some(why) = own_and_before.iter().find_map(sentence) else { continue };
            findings.push(Finding { fault, command: Some(command(pass.stage)), ..Finding::unknown(&[table], why) });
        }
    }
    merged(findings)
}

/// Findings that differ in their tables only become one.
fn merged(findings: Vec<Finding>) -> Vec<Finding> {
    let mut merged: Vec<Finding> = Vec::new();
    for finding in findings {
        let is_same =
            |other: &&mut Finding| (other.fault, &other.why, &other.command) == (finding.fault, &finding.why, &finding.command);
        match merged.iter_mut().find(is_same) {
            Some(same) => same.tables.extend(finding.tables),
            None => merged.push(finding),
        }
    }
    merged
}

/// The pass that makes a table.
fn maker<'a>(passes: &'a [Pass], table: &str) -> Option<&'a Pass> {
    passes.iter().find(|pass| pass.tables().any(|made| made == table))
}

/// The passes that make these tables and all passes before them, in their order. The states of others do not matter.
fn needed<'a>(passes: &'a [Pass], tables: &[&str]) -> Vec<&'a Pass> {
    let mut names: BTreeSet<&str> = tables.iter().filter_map(|table| maker(passes, table)).map(|pass| pass.name).collect();
    for pass in passes.iter().rev() {
        if names.contains(pass.name) {
            names.extend(pass.upstream(passes).iter().map(|before| before.name));
        }
    }
    passes.iter().filter(|pass| names.contains(pass.name)).collect()
}

/// Whether an output is one of these tables, or is read by one of the passes that make them or come before.
fn matters(output: Output, tables: &[&str], passes: &[&Pass]) -> bool {
    let is_asked_for = matches!(output, Output::Table(table) if tables.contains(&table));
    is_asked_for || passes.iter().flat_map(|pass| &pass.inputs).any(|&input| output.is(input))
}

/// What a sentence about a pass is about. A pass by site-day goes by its first table, unless the sentence is about its own tables.
fn subject(pass: &Pass, is_own: bool) -> Subject {
    match pass.per {
        Per::SiteDay if is_own => Subject::Parts(String::new()),
        Per::SiteDay => Subject::Parts(format!(" of {}", pass.tables().next().unwrap_or(pass.stage))),
        Per::Run => Subject::Whole(format!("the output of {}", pass.stage)),
    }
}

/// What a sentence about files of one output is about.
fn subject_of_files(pass: &Pass, output: Output, is_own: bool) -> Subject {
    match (pass.per, output) {
        (Per::SiteDay, Output::Table(_)) if is_own => Subject::Parts(String::new()),
        (Per::SiteDay, Output::Table(table)) => Subject::Parts(format!(" of {table}")),
        _ => Subject::Whole(RunDir::output(output, &Unit::Run)),
    }
}

enum Subject {
    /// Units by site-day, and of what.
    Parts(String),
    /// One output of the whole run, or the path of its file.
    Whole(String),
}

/// Why, and of how many units.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Why {
    units: usize,
    of: usize,
    /// What is to be said of one unit, and of several.
    predicate: Predicate,
    /// How many units have something else wrong.
    others: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Predicate {
    OlderThan(String),
    WithoutInput(String),
    CodeVersion(u32, u32),
    Schema(ChangedSchema),
    Gone,
    Missing,
    NoFile,
    OtherSize,
    Unreadable(String),
}

impl Why {
    fn sentence(&self, subject: &Subject) -> String {
        let (subject, plural, has_parts) = match subject {
            Subject::Parts(of_what) => {
                (format!("{} of {}{of_what}", self.units, counted(self.of, "site-day")), self.units != 1, true)
            }
            Subject::Whole(name) => (name.clone(), false, false),
        };
        let word = |one: &'static str, several: &'static str| if plural { several } else { one };
        let (is, was, has) = (word("is", "are"), word("was", "were"), word("has", "have"));
        let predicate = match &self.predicate {
            Predicate::OlderThan(input) => format!("{is} older than {input}"),
            Predicate::WithoutInput(input) => format!("{was} made from {input} that {is} not recorded any more"),
            Predicate::CodeVersion(then, now) => {
                format!("{was} made by version {then} of the stage's code, and this chorus has version {now}")
            }
            Predicate::Schema(ChangedSchema { table, then, now }) => {
                format!("{was} made with version {then} of the columns of {table}, and this chorus has version {now}")
            }
            Predicate::Gone => format!("{is} of recordings that the run does not have any more"),
            Predicate::Missing => format!("{is} not made yet, or not to the end"),
            Predicate::NoFile if has_parts => format!("{has} no file"),
            Predicate::NoFile => "is missing".to_owned(),
            Predicate::OtherSize if has_parts => format!("{has} a file of another size than recorded"),
            Predicate::OtherSize => "has another size than recorded".to_owned(),
            Predicate::Unreadable(error) => format!("cannot be compared with what {was} recorded: {error}"),
        };
        let others = if self.others > 0 { format!(" (and {} for other reasons)", self.others) } else { String::new() };
        format!("{subject} {predicate}{others}")
    }
}

/// What is wrong with the units of one pass, besides what is wrong with earlier passes.
struct Check {
    units: usize,
    stale: BTreeMap<Predicate, usize>,
    missing: usize,
    /// What is wrong with the files of an output, for those outputs that count and have something wrong.
    files: Vec<(Output, Why)>,
}

impl Check {
    fn of(run: &RunDir, pass: &Pass, passes: &[Pass], states: &States) -> Self {
        let recorded = &states[pass.name];
        let mut expected = match pass.per {
            Per::Run => BTreeSet::from([Unit::Run]),
            Per::SiteDay => inputs::units(pass, passes, states),
        };
        // A look at the archive may have found units that no table has; of the first pass all are such.
        let by_tables = pass.per == Per::SiteDay && !pass.reads(Input::Archive);
        if pass.per == Per::SiteDay && !by_tables {
            expected.extend(recorded.keys().cloned());
        }
        let missing = expected.iter().filter(|unit| !recorded.contains_key(*unit)).count();
        let common = match inputs::common(run, pass, passes, states) {
            Ok(common) => common,
            Err(error) => {
                let stale = [(Predicate::Unreadable(error.to_string()), recorded.len())].into();
                return Self { units: expected.len(), stale, missing, files: Vec::new() };
            }
        };
        let schemas = inputs::schemas(pass);
        let predicate = |(unit, state): (&Unit, &UnitState)| {
            if by_tables && !expected.contains(unit) {
                return Some(Predicate::Gone);
            }
            let mut now = common.clone();
            now.extend(inputs::own(pass, passes, unit, states));
            difference(pass, &now, &schemas, &state.fingerprint)
        };
        let found: Vec<Predicate> = recorded.par_iter().filter_map(predicate).collect();
        let mut stale = BTreeMap::new();
        for predicate in found {
            *stale.entry(predicate).or_insert(0) += 1;
        }
        let gone = stale.get(&Predicate::Gone).copied().unwrap_or(0);
        Self { units: expected.len() + gone, stale, missing, files: Vec::new() }
    }

    fn why(&self, fault: Fault) -> Option<Why> {
        match fault {
            Fault::Stale => {
                let (predicate, units) = self.stale.iter().max_by_key(|(_, units)| **units)?;
                let others = self.stale.values().sum::<usize>() - units;
                Some(Why { units: *units, of: self.units, predicate: predicate.clone(), others })
            }
            Fault::Incomplete if self.missing > 0 => {
                Some(Why { units: self.missing, of: self.units, predicate: Predicate::Missing, others: 0 })
            }
            _ => None,
        }
    }
}

/// What is wrong with the files of an output: those that are missing or have another size than recorded. Their content is not read.
fn file_faults(run: &RunDir, output: Output, states: &BTreeMap<Unit, UnitState>) -> Option<(Output, Why)> {
    let fault = |(unit, state): (&Unit, &UnitState)| {
        let path = RunDir::output(output, unit);
        let recorded = state.outputs.get(&path)?;
        match run.disk().find(&run.path().join(&path)) {
            Ok(None) => Some(Predicate::NoFile),
            Err(e) => Some(Predicate::Unreadable(e.to_string())),
            Ok(Some(found)) => (found.bytes != recorded.bytes).then_some(Predicate::OtherSize),
        }
    };
    let faults: Vec<Predicate> = states.par_iter().filter_map(fault).collect();
    let predicate = faults.first()?.clone();
    let units = faults.iter().filter(|fault| **fault == predicate).count();
    Some((output, Why { units, of: states.len(), predicate, others: faults.len() - units }))
}

/// In what a unit was made from something else than there is now.
fn difference(pass: &Pass, now: &BTreeMap<String, String>, schemas: &[String], recorded: &Fingerprint) -> Option<Predicate> {
    if recorded.code_version != pass.code_version {
        return Some(Predicate::CodeVersion(recorded.code_version, pass.code_version));
    }
    if let Some(changed) = changed_schema(schemas, &recorded.schemas) {
        return Some(Predicate::Schema(changed));
    }
    if let Some((name, _)) = now.iter().find(|(name, hash)| recorded.inputs.get(name) != Some(hash.as_str())) {
        return Some(Predicate::OlderThan(name.clone()));
    }
    let is_of_run = |name: &&str| chorus_tables::schema(name).is_ok();
    let lost = recorded.inputs.names().filter(is_of_run).find(|name| !now.contains_key(*name));
    lost.map(|name| Predicate::WithoutInput(name.to_owned()))
}
