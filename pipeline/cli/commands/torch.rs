//! `chorus torch`: installs the wheel of the worker that is linked to libtorch, and gets libtorch from PyPI, for a `chorus` that was
//! installed without them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, bail};
use chorus_engine::graph::Program;
use chorus_engine::{fetched_worker, user_cache, worker_program};
use chorus_platform::libraries::{PYTHON, program_file};
use chorus_platform::machine::has_nvidia_driver;

use super::device;
use crate::args::TorchArgs;
use crate::output;

/// How a build gets libtorch. Which releases belong together stands there.
const RECIPE: &str = include_str!("../../libtorch.sh");

pub(crate) fn run(args: &TorchArgs) -> anyhow::Result<ExitCode> {
    let set = match args.set.as_str() {
        "auto" if has_nvidia_driver() => "cuda",
        "auto" => "cpu",
        named => named,
    };
    let fetched = fetched_worker(set).context("found no folder to put libtorch into: set XDG_CACHE_HOME to one")?;
    let installed = worker_program(Program::Torch).ok().filter(|path| user_cache().is_none_or(|cache| !path.starts_with(cache)));
    if let Some(worker) = installed {
        output::notes(&[format!("{} is installed already; nothing was got", worker.display())]);
        // The linker says before what it does not find.
        if device::report(&worker, &[]).is_err() {
            bail!(
                "{}: does not start. If libtorch is what it lacks: `pip install torch=={}`, or `pip uninstall chorus-survey-torch` and \
                 `chorus torch` again",
                worker.display(),
                release("version")?
            );
        }
        return Ok(ExitCode::SUCCESS);
    }
    if !fetched.is_file() {
        // By its file and not by its name: on PyPI anybody could take a name that is free there.
        let Some(wheel) = &args.wheel else {
            bail!(
                "found no --wheel, expected the wheel of the worker, chorus_survey_torch-….whl, which `make wheel` writes in a clone"
            );
        };
        get(&fetched, set, wheel)?;
    }
    device::report(&fetched, &[])?;
    Ok(ExitCode::SUCCESS)
}

/// Installs the worker and a set of libraries into a folder of their own, that above the folder of the worker.
fn get(worker: &Path, set: &str, wheel: &Path) -> anyhow::Result<()> {
    let folder = worker.ancestors().nth(2).context("the worker is in a folder")?;
    let Some(mut installer) = installer() else {
        bail!("found neither pip nor uv, expected one of them to get libtorch from PyPI; on Debian: apt-get install python3-pip");
    };
    // Installed beside and moved into place, so that a broken download is never taken for the whole.
    let mut partial = OsString::from(folder);
    partial.push(format!(".{}", std::process::id()));
    let partial = PathBuf::from(partial);
    output::notes(&[format!("getting libtorch ({set} set) from PyPI into {}", folder.display())]);
    installer.arg("--target").arg(&partial).arg(wheel).args(packages(set)?);
    // Stdout is for data.
    let status = installer.stdin(Stdio::null()).stdout(Stdio::from(std::io::stderr())).status();
    let moved = match status {
        Ok(status) if status.success() => {
            std::fs::rename(&partial, folder).or_else(|e| if folder.is_dir() { Ok(()) } else { Err(e) })
        }
        _ => Ok(()),
    };
    // What is left of a download that failed, or that another process made first.
    let _ = std::fs::remove_dir_all(&partial);
    let status = status.context("the installer cannot be started")?;
    if !status.success() {
        bail!(
            "the installer ended with {status}; see its messages above. Without a way to PyPI, get the wheels elsewhere and name their \
             folder in PIP_FIND_LINKS (of uv: UV_FIND_LINKS)"
        );
    }
    moved.with_context(|| format!("{}: cannot be moved to {}", partial.display(), folder.display()))?;
    if !worker.is_file() {
        bail!("{}: found no worker there after the installation; remove that folder and try again", worker.display());
    }
    Ok(())
}

/// pip of the Python beside this program, pip of the Python on PATH, or uv: the first that answers.
fn installer() -> Option<Command> {
    let own = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.join(program_file(PYTHON))));
    let pip = |python: PathBuf| (python.into_os_string(), vec!["-m", "pip"], vec!["install", "--no-compile"]);
    let pythons = own.into_iter().chain([PathBuf::from(PYTHON)]).map(pip);
    let uv = (OsString::from("uv"), Vec::new(), vec!["pip", "install"]);
    let answers = |program: &OsString, first: &[&str]| {
        let mut trial = Command::new(program);
        trial.args(first).arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        trial.status().is_ok_and(|status| status.success())
    };
    let (program, first, install) = pythons.chain([uv]).find(|(program, first, _)| answers(program, first))?;
    let mut command = Command::new(program);
    command.args(first).args(install);
    Some(command)
}

/// What to install besides the worker. For `cuda`, the worker itself asks for its release of torch, and torch for all libraries for NVIDIA
/// cards. Of these, libtorch needs two on any machine.
fn packages(set: &str) -> anyhow::Result<Vec<String>> {
    if set != "cpu" {
        return Ok(Vec::new());
    }
    let (version, cuda) = (release("version")?, release("cuda")?);
    Ok(vec![
        "--no-deps".to_owned(),
        format!("torch=={version}"),
        format!("nvidia-cuda-runtime=={cuda}.*"),
        format!("nvidia-cuda-cupti=={cuda}.*"),
    ])
}

/// A release in the recipe, from a line such as `version=2.13.0`.
fn release(name: &str) -> anyhow::Result<&'static str> {
    let line = RECIPE.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    line.with_context(|| format!("pipeline/libtorch.sh names no `{name}=`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_small_set_is_that_of_a_build() {
        let packages = packages("cpu").unwrap();
        assert_eq!(packages[0], "--no-deps");
        let of_build = RECIPE.lines().find(|line| line.contains("set -- --no-deps")).unwrap();
        for package in &packages[1..] {
            let (name, _) = package.split_once("==").unwrap();
            assert!(of_build.contains(&format!("\"{name}==$")), "{name}: {of_build}");
        }
        assert_eq!(packages.len() - 1, of_build.matches("==$").count());
        assert!(release("version").unwrap().starts_with(|c: char| c.is_ascii_digit()));
    }
}
