//! Hands passes to the workers: programs that hold what `chorus` does not link, such as libtorch.

use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

use chorus_platform::children;
use chorus_platform::libraries::program_file;
use serde::{Deserialize, Serialize};

use super::runner::{RunOptions, Runner};
use crate::config::evolution::KnownKeys;
use crate::console::QUIET;
use crate::graph::{Pass, Program};
use crate::plan::{PassPlan, Status};
use crate::{Config, EngineError, RunDir, user_cache};

/// What the worker is given on its standard input: the first line, as JSON. The worker needs the declarations of all
/// passes to know who makes what its own passes read, and it holds the code of few of them.
#[derive(Serialize, Deserialize)]
// Declarations hold names for as long as the process lives.
#[serde(bound(deserialize = "'de: 'static"))]
struct Assignment {
    /// The resolved configuration, as YAML.
    config: String,
    /// What `chorus` knows of keys: a unit's state may come from a version with fewer.
    known: KnownKeys,
    passes: Vec<Pass>,
}

/// Reads what `chorus` hands to this process: the configuration of the run and the passes that are declared for it.
///
/// # Errors
/// [`EngineError::Io`] and [`EngineError::Worker`] when it is not there or cannot be read, [`EngineError::Config`] when
/// the configuration cannot be used.
pub fn read_assignment(mut from: impl BufRead, run: &RunDir) -> Result<(Config, Vec<Pass>), EngineError> {
    let mut line = String::new();
    from.read_line(&mut line).map_err(EngineError::io("standard input", "cannot be read"))?;
    // Names of passes, tables and keys are used as long as the process lives.
    let line: &'static str = line.leak();
    let unreadable = |e: serde_json::Error| EngineError::Worker {
        stage: "run".into(),
        worker: "",
        detail: format!(
            "expects an assignment of chorus as the first line of its standard input ({e}); start it through `chorus run`"
        ),
    };
    let Assignment { config, known, passes } = serde_json::from_str(line).map_err(unreadable)?;
    let place = run.resolved_config();
    Ok((Config::resolved_text(&config, &place)?.with_known(known), passes))
}

/// The worker's environment, unless variables of these names are set already. None of it changes a result.
const WORKER_ENVIRONMENT: [(&str, &str); 4] = [
    // libtorch's threads otherwise spin for long while they wait: alone they are a fifth faster than if they slept at
    // once, but beside other work an epoch takes ten times as long. So many turns are some tenths of a millisecond, and
    // lose little either way.
    ("GOMP_SPINCOUNT", "10000"),
    // Each layer's output is some megabytes, which glibc would fetch from the system and give back each time, page by page.
    ("MALLOC_MMAP_MAX_", "0"),
    ("MALLOC_TRIM_THRESHOLD_", "17179869184"),
    ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"),
];

impl Runner {
    /// Lets a worker make some passes, with this run's resolved configuration.
    pub(super) fn hand_over(&self, names: &[&str], plans: &[PassPlan], options: &RunOptions) -> Result<(), EngineError> {
        let worker = self.pass(names[0]).program;
        let handed: Vec<&PassPlan> = plans.iter().filter(|p| names.contains(&p.pass)).collect();
        for plan in &handed {
            // Within the group, one may wait for the other.
            let waits_outside = plan.units.iter().any(|u| matches!(u.status, Status::Waiting(s) if !names.contains(&s)));
            if waits_outside || plan.awaits.is_some() {
                self.refuse_stale_inputs(self.pass(plan.pass), plan, options)?;
            }
        }
        let fresh = handed.iter().all(|p| p.is_fresh()) && !options.force;
        let failed = |detail: String| EngineError::Worker { stage: names.join(", "), worker: worker.file(), detail };
        let program = match worker_program(worker) {
            Ok(program) => program,
            Err(_) if fresh => return Ok(()),
            Err(lack) => return Err(failed(lack)),
        };
        self.record_config()?;
        let mut command = Command::new(&program);
        command.arg("run").arg("--run").arg(self.run.path()).args(["--jobs", &options.jobs.to_string()]).stdin(Stdio::piped());
        command.args(names.iter().map(|n| self.pass(n).stage));
        command.args(options.units.iter().flat_map(|u| ["--unit", u]));
        if let Some(share) = self.run.share() {
            command.args(["--units", &share.to_string()]);
        }
        if options.force {
            command.arg("--force");
        }
        if options.verify {
            command.arg("--verify");
        }
        if options.take_only {
            command.arg("--take-only");
        }
        if self.console.is_quiet() {
            command.env(QUIET, "1");
        }
        command.envs(WORKER_ENVIRONMENT.into_iter().filter(|(name, _)| std::env::var_os(name).is_none()));
        let mut child = command.spawn().map_err(|e| failed(format!("cannot be started: {}: {e}", program.display())))?;
        let _tied = children::tie(&child).map_err(|e| failed(format!("cannot be tied to this process: {e}")))?;
        // The worker ends when its stdin is closed, so also when this process is killed.
        let mut lifeline = child.stdin.take();
        let assignment = Assignment {
            config: self.config.with_absolute_paths().to_yaml(),
            known: self.config.known().clone(),
            passes: self.passes().to_vec(),
        };
        let line = serde_json::to_string(&assignment).expect("declarations are JSON") + "\n";
        // A worker that cannot start has closed its end; its exit status says so below.
        let _ = lifeline.as_mut().map(|stdin| stdin.write_all(line.as_bytes()).and_then(|()| stdin.flush()));
        let mut terminated = false;
        let status = loop {
            if let Some(status) = child.try_wait().map_err(|e| failed(e.to_string()))? {
                break status;
            }
            if self.stop.load(Ordering::Relaxed) && !terminated {
                terminated = true;
                children::ask_to_end(&child);
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        match status.success() {
            true => Ok(()),
            false if self.stop.load(Ordering::Relaxed) => Err(EngineError::Stopped),
            false => Err(failed(worker_failure(worker, status))),
        }
    }
}

/// The sets of libraries in which `chorus torch` gets libtorch, the one that can do more first.
const LIBTORCH_SETS: [&str; 2] = ["cuda", "cpu"];

/// The file of a worker: named by its environment variable, such as `CHORUS_TORCH`, or beside this program, where builds and pip put it,
/// or where `chorus torch` puts it.
///
/// # Errors
/// What it lacks and how to get it, to be said after its name.
pub fn worker_program(program: Program) -> Result<PathBuf, String> {
    if let Some(named) = std::env::var_os(program.variable()).map(PathBuf::from) {
        let lack =
            || format!("is not at {}, which {} names; name another file, or unset it", named.display(), program.variable());
        return if named.is_file() { Ok(named) } else { Err(lack()) };
    }
    let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.join(program_file(program.file()))));
    let fetched = LIBTORCH_SETS.into_iter().filter(|_| program == Program::Torch).filter_map(fetched_worker);
    let found = beside.into_iter().chain(fetched).find(|path| path.is_file());
    found.ok_or_else(|| format!("is not installed; {}", how_to_get(program)))
}

/// The file of the worker for libtorch where `chorus torch` puts it, of this version and a set of libraries: `cpu` or `cuda`. The folder
/// above its own holds libtorch too. `None` where no variable says where the user's cache is.
pub fn fetched_worker(set: &str) -> Option<PathBuf> {
    let worker = Program::Torch.file();
    Some(user_cache()?.join(format!("{worker}-{}-{set}", env!("CARGO_PKG_VERSION"))).join("bin").join(program_file(worker)))
}

/// What to say, after its name, of a worker that failed with a status.
pub fn worker_failure(program: Program, status: ExitStatus) -> String {
    if children::lacks_library(status) {
        return format!("does not find a library; see its message above. {}", how_to_get(program));
    }
    format!("ended with {status}; see its messages above")
}

/// What to say of a program that is not there: how to get it.
pub fn how_to_get(program: Program) -> &'static str {
    match program {
        Program::Torch => {
            "`chorus torch cpu --wheel FILE` installs it with libtorch (1.2 GB), `chorus torch cuda --wheel FILE` for NVIDIA cards (4.7 GB); in a clone, `make build` builds it"
        }
        Program::Onnx => {
            "`pip install chorus_survey_onnx-….whl` (of `make wheel`) installs it with ONNX Runtime; in a clone, `make build` builds it"
        }
        Program::Chorus => "`pip install chorus_survey-….whl` (of `make wheel`) installs it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Input, Output, Per};

    #[test]
    fn the_worker_reads_what_chorus_hands_over() {
        let pass = Pass {
            program: Program::Torch,
            inputs: vec![Input::Archive, Input::Parts { of: "features", by: "training_sets" }],
            outputs: vec![Output::File("model/model.yaml"), Output::Table("training_log")],
            keys: vec!["train.*"],
            ..Pass::new("learn", Per::Run)
        };
        let config = Config::from_text("", "c", "c", &["segment.hop_s=2".to_owned()], crate::test_keys::keys()).unwrap();
        let handed = Assignment { config: config.to_yaml(), known: config.known().clone(), passes: vec![pass.clone()] };
        let line = serde_json::to_string(&handed).unwrap() + "\nwhat follows is not read";
        let (read, passes) = read_assignment(line.as_bytes(), &RunDir::new("run")).unwrap();
        assert_eq!(read.number("segment.hop_s"), 2.0);
        assert_eq!(read.text("run.path"), Some("runs/c"));
        assert_eq!(read.known(), config.known());
        assert_eq!((passes[0].name, &passes[0].inputs, &passes[0].outputs), ("learn", &pass.inputs, &pass.outputs));
        assert_eq!((passes[0].program, &passes[0].keys), (Program::Torch, &pass.keys));
    }

    #[test]
    fn a_worker_that_is_started_by_hand_says_what_it_lacks() {
        let error = read_assignment("".as_bytes(), &RunDir::new("run")).err().unwrap().to_string();
        assert!(error.contains("standard input") && error.contains("`chorus run`"), "{error}");
    }
}
