//! What the end-to-end tests share: tiny surveys, and the real binaries run on them.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use tempfile::TempDir;

/// The binary under test. The worker lies beside it: `make build` makes both, cargo alone only this one.
pub const CHORUS: &str = env!("CARGO_BIN_EXE_chorus");

/// A survey in a folder of its own: the archive, a configuration, a run.
pub struct Survey {
    folder: TempDir,
}

/// The folder of a made survey that tests copy: making one costs more than copying it. It is never dropped, so it has a fixed place,
/// one for each test binary.
static MADE: LazyLock<PathBuf> = LazyLock::new(|| {
    let survey = Survey::tiny();
    survey.run_all();
    let binary = std::env::current_exe().unwrap().file_stem().unwrap().to_owned();
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(binary);
    if place.exists() {
        fs::remove_dir_all(&place).unwrap();
    }
    copy(survey.folder(), &place);
    place
});

/// A tiny network on coarse features: what a test needs of a training is that it happens. Four recordings to learn from show of no class
/// that it can be told, so detect takes all.
const SETTINGS: &str = "
ingest: {site_sheet: sites.csv}
annotate: {format: anuraset_raw, code_table: species.csv}
split: {source: file, file: subset.csv}
featurize: {n_mels: 32, n_fft: 256, win_length: 256, hop_length: 512}
train: {architecture: mobilenet_v3_small, width: 0.25, epochs: 3, batch_size: 8, multimix_mixtures: 8, threads: 1, checkpoint_every_s: 0}
predict: {batch_size: 16}
detect: {classes: all}
units: {keep_free_gib: 0}
";

impl Survey {
    /// An archive and its configuration; nothing was run.
    pub fn tiny() -> Self {
        let worker = Path::new(CHORUS).with_file_name("chorus-torch");
        assert!(worker.exists(), "{} is missing: run the tests with `make test`", worker.display());
        let survey = Self { folder: tempfile::tempdir().unwrap() };
        let archive = survey.archive();
        let made = Command::new(CHORUS).args(["demo", "--tiny"]).arg(&archive).output().unwrap();
        assert!(made.status.success(), "{}", text(&made.stderr));
        survey.configure(SETTINGS);
        survey
    }

    /// A configuration, and an archive that a test fills itself.
    pub fn empty(config: &str) -> Self {
        let survey = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(survey.archive()).unwrap();
        fs::write(survey.config(), config).unwrap();
        survey
    }

    /// A copy of a survey of which every stage is fresh.
    pub fn made() -> Self {
        let survey = Self { folder: tempfile::tempdir().unwrap() };
        copy(&MADE, survey.folder.path());
        survey.configure(SETTINGS);
        survey
    }

    /// Gives this survey the other's archive. The synthetic one is the same each time, but a test should not hang on that.
    pub fn take_archive_of(&self, other: &Self) {
        fs::remove_dir_all(self.archive()).unwrap();
        copy(&other.archive(), &self.archive());
    }

    /// Writes the configuration anew: these settings, over this survey's archive and run.
    pub fn configure(&self, settings: &str) {
        let (archive, run) = (self.archive(), self.run());
        let sources = format!("archive: {{path: {}, audio: raw_data}}\nrun: {{path: {}}}\n", archive.display(), run.display());
        fs::write(self.config(), sources + settings).unwrap();
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn archive(&self) -> PathBuf {
        self.folder.path().join("archive")
    }

    pub fn config(&self) -> PathBuf {
        self.folder.path().join("survey.yaml")
    }

    pub fn run(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    /// `chorus` with these arguments, then `-c` and the configuration.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(CHORUS);
        command.args(args).arg("-c").arg(self.config()).current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    pub fn chorus(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs every stage, with further arguments, and gives back what was said.
    pub fn run_with(&self, args: &[&str]) -> String {
        let output = self.chorus(&[&["run"], args].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stderr)
    }

    pub fn run_all(&self) -> String {
        self.run_with(&[])
    }

    /// Units to make by pass, as `--dry-run` tells them.
    pub fn to_make(&self, args: &[&str]) -> BTreeMap<String, Vec<String>> {
        let output = self.chorus(&[&["run", "--dry-run", "--json"], args].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        let plans: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
        let units = |plan: &serde_json::Value| serde_json::from_value::<Vec<String>>(plan["units"].clone()).unwrap();
        plans
            .iter()
            .map(|plan| (plan["pass"].as_str().unwrap().to_owned(), units(plan)))
            .filter(|(_, units)| !units.is_empty())
            .collect()
    }

    /// Units that a run made, by pass, from the log's new lines.
    pub fn made_by(&self, work: impl FnOnce(&Self)) -> BTreeMap<String, Vec<String>> {
        let log = self.run().join("log.jsonl");
        let lines = || fs::read_to_string(&log).unwrap_or_default().lines().map(str::to_owned).collect::<Vec<_>>();
        let before = lines().len();
        work(self);
        let mut made: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in &lines()[before..] {
            let event: serde_json::Value = serde_json::from_str(line).unwrap();
            let of = |key: &str| event[key].as_str().unwrap().to_owned();
            if event.get("taken").is_some() {
                // Taken over from a base, and not made.
                continue;
            }
            made.entry(of("pass")).or_default().push(of("unit"));
        }
        made
    }

    /// The answer to a question as CSV.
    pub fn ask(&self, sql: &str) -> String {
        let output = self.chorus(&["query", sql, "--format", "csv"]);
        assert!(output.status.success(), "{sql}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// How many units of a pass are fresh, and how many there are.
    pub fn ask_status(&self, pass: &str) -> (u64, u64) {
        let output = self.chorus(&["status", "--json"]);
        let plans: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
        let plan = plans.iter().find(|plan| plan["pass"] == pass).unwrap();
        (plan["fresh"].as_u64().unwrap(), plan["units"].as_u64().unwrap())
    }

    /// All that a run is worth: tables, model and report, by path with their content.
    pub fn results(&self) -> BTreeMap<String, Vec<u8>> {
        let parts = ["tables", "model", "report"];
        parts.iter().flat_map(|part| contents(&self.run().join(part), part)).collect()
    }
}

/// The answer to a question about a run: its rows as CSV, without the header.
pub fn ask(run: &Path, sql: &str) -> Vec<String> {
    let output = Command::new(CHORUS).args(["query", sql, "--format", "csv", "--run"]).arg(run).output().unwrap();
    assert!(output.status.success(), "{sql}: {}", text(&output.stderr));
    text(&output.stdout).lines().skip(1).map(str::to_owned).collect()
}

/// Every file below a folder, by path with its content.
pub fn contents(folder: &Path, name: &str) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = format!("{name}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            found.extend(contents(&entry.path(), &path));
        } else {
            found.insert(path, fs::read(entry.path()).unwrap());
        }
    }
    found
}

/// What is recorded of a run's units, by pass and unit: `fingerprint` and `outputs`. It reads the journals in `state/`.
pub fn recorded(run: &Path) -> BTreeMap<String, BTreeMap<String, serde_json::Value>> {
    let mut found: BTreeMap<String, BTreeMap<String, serde_json::Value>> = BTreeMap::new();
    for (path, bytes) in contents(&run.join("state"), "").into_iter().filter(|(path, _)| path.ends_with(".jsonl")) {
        let Some((pass, _)) = path.trim_start_matches('/').split_once("/journal-") else { continue };
        let units = found.entry(pass.to_owned()).or_default();
        let mut commons = Vec::new();
        for line in std::str::from_utf8(&bytes).unwrap().lines() {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            let (kind, record) = record.as_object().unwrap().iter().next().unwrap();
            let unit = || record["unit"].as_str().unwrap().to_owned();
            match kind.as_str() {
                "compacted" => units.clear(),
                "common" => commons.push(record.clone()),
                "made" => {
                    let mut fingerprint: serde_json::Value = commons[record["common"].as_u64().unwrap() as usize].clone();
                    fingerprint["inputs"] = record["inputs"].clone();
                    fingerprint["external"] = record["external"].clone();
                    units.insert(unit(), serde_json::json!({"fingerprint": fingerprint, "outputs": record["outputs"]}));
                }
                _ => drop(units.remove(&unit())),
            }
        }
    }
    found
}

/// Asserts that two runs gave the same, and names the files that differ.
pub fn assert_same(found: &BTreeMap<String, Vec<u8>>, expected: &BTreeMap<String, Vec<u8>>, what: &str) {
    let keys: std::collections::BTreeSet<&String> = found.keys().chain(expected.keys()).collect();
    let differing: Vec<&&String> = keys.iter().filter(|k| found.get(**k) != expected.get(**k)).collect();
    assert!(differing.is_empty(), "{what}: {differing:?}");
    assert!(!expected.is_empty());
}

pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() { copy(&entry.path(), &target) } else { fs::copy(entry.path(), target).map(drop).unwrap() }
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
