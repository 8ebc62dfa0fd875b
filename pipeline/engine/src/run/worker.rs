//! Hands passes to the worker, which links libtorch.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::runner::{RunOptions, Runner};
use crate::EngineError;
use crate::plan::{PassPlan, Status};

/// What the worker runs with, unless the person says otherwise. None of it changes a result.
const WORKER_ENVIRONMENT: [(&str, &str); 4] = [
    // libtorch's threads otherwise spin for long while they wait: alone they are a fifth faster than if they slept at once, but beside
    // other work an epoch takes ten times as long. So many turns are some tenths of a millisecond, and lose little either way.
    ("GOMP_SPINCOUNT", "10000"),
    // Each layer's output is some megabytes, which glibc would fetch from the system and give back each time, page by page.
    ("MALLOC_MMAP_MAX_", "0"),
    ("MALLOC_TRIM_THRESHOLD_", "17179869184"),
    ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"),
];

impl Runner {
    /// Lets the worker make some passes, with this run's resolved configuration.
    pub(super) fn hand_over(&self, names: &[&str], plans: &[PassPlan], options: &RunOptions) -> Result<(), EngineError> {
        let handed: Vec<&PassPlan> = plans.iter().filter(|p| names.contains(&p.pass)).collect();
        for plan in &handed {
            // Within the group, one may wait for the other.
            let waits_outside = plan.units.iter().any(|u| matches!(u.status, Status::Waiting(s) if !names.contains(&s)));
            if waits_outside {
                self.refuse_stale_inputs(self.pass(plan.pass), plan, options)?;
            }
        }
        let fresh = handed.iter().all(|p| p.is_fresh()) && !options.force;
        let Some(program) = worker_program() else {
            if fresh {
                return Ok(());
            }
            let detail = "is not beside chorus; build it with `make build` (it needs libtorch, which `make setup` gets)".into();
            return Err(EngineError::Worker { stage: names.join(", "), detail });
        };
        self.record_config()?;
        let failed = |detail: String| EngineError::Worker { stage: names.join(", "), detail };
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
        command.envs(WORKER_ENVIRONMENT.into_iter().filter(|(name, _)| std::env::var_os(name).is_none()));
        let mut child = command.spawn().map_err(|e| failed(format!("cannot be started: {}: {e}", program.display())))?;
        // The worker ends when its stdin does: also when this process is killed.
        let _lifeline = child.stdin.take();
        let mut told = false;
        let status = loop {
            if let Some(status) = child.try_wait().map_err(|e| failed(e.to_string()))? {
                break status;
            }
            if self.stop.load(Ordering::Relaxed) && !told {
                told = true;
                if let Some(pid) = rustix::process::Pid::from_raw(child.id() as i32) {
                    // It may have ended by itself in between.
                    let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
                }
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        match status.success() {
            true => Ok(()),
            false if self.stop.load(Ordering::Relaxed) => Err(EngineError::Stopped),
            false => Err(failed(format!("ended with {status}; what it said stands above"))),
        }
    }
}

/// The worker: named by `CHORUS_TORCH`, or beside this program.
pub fn worker_program() -> Option<PathBuf> {
    let named = std::env::var_os("CHORUS_TORCH").map(PathBuf::from);
    let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.join("chorus-torch")));
    named.or(beside).filter(|p| p.is_file())
}
