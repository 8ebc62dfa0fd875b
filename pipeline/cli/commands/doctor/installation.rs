//! The program itself, its workers, and the libraries that these open.

use std::path::{Path, PathBuf};

use chorus_engine::graph::Program;
use chorus_engine::{how_to_get, worker_program};
use chorus_platform::machine::has_nvidia_driver;
use serde_json::Value;

use super::check::Check;
use crate::commands::workers::{asked, printed};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What was found of the installation.
pub(super) struct Installation {
    pub(super) checks: Vec<Check>,
    /// CUDA devices that libtorch can use; `None` where it could not be asked.
    pub(super) cuda_devices: Option<i64>,
}

/// Looks at all parts.
pub(super) fn look() -> Installation {
    let mut checks = vec![own()];
    let (check, torch) = worker(Program::Torch);
    checks.push(check);
    let device = torch.map(|path| asked(Program::Torch, &path, ["device", "--json"]));
    checks.extend(device.as_ref().map(|device| libtorch(device, has_nvidia_driver())));
    let (check, onnx) = worker(Program::Onnx);
    checks.push(check);
    checks.extend(onnx.map(|path| onnx_runtime(asked(Program::Onnx, &path, ["library"]))));
    let cuda_devices = device.and_then(Result::ok).and_then(|device| device["cuda_devices"].as_i64());
    Installation { checks, cuda_devices }
}

fn own() -> Check {
    let program = std::env::current_exe().unwrap_or_default();
    Check::ok("chorus", format!("{VERSION}, {}, {}", how(&program), program.display()))
}

/// How the program came to where it is.
fn how(program: &Path) -> &'static str {
    let folder = program.parent().unwrap_or(Path::new(""));
    let above = folder.parent().unwrap_or(Path::new(""));
    if is_environment(above) {
        "installed from a wheel"
    } else if folder.ends_with(".cargo/bin") {
        "installed by cargo"
    } else if above.join("CACHEDIR.TAG").exists() {
        // The mark of the folder in which cargo builds.
        "built in a clone"
    } else {
        "copied here"
    }
}

/// Whether a folder is an environment of Python in which the package is installed.
fn is_environment(folder: &Path) -> bool {
    let entries = |folder: PathBuf| std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_package = |path: PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("chorus_survey-") && name.ends_with(".dist-info")
    };
    let of_python = |python: PathBuf| ["site-packages", "dist-packages"].map(|name| python.join(name));
    // pip's --target puts packages beside the folder of programs.
    let mut folders = vec![folder.to_owned()];
    folders.extend(entries(folder.join("lib")).flat_map(of_python));
    folders.into_iter().any(|folder| entries(folder).any(is_package))
}

/// A worker, with its path where it can be asked further.
fn worker(program: Program) -> (Check, Option<PathBuf>) {
    let name = program.file();
    let path = match worker_program(program) {
        Ok(path) => path,
        Err(lack) => return (Check::warn(name, lack, without(program)), None),
    };
    let told = match printed(program, &path, ["--version"]) {
        Ok(told) => told,
        Err(told) => return (Check::fail(name, told, how_to_get(program)), None),
    };
    let version = told.rsplit(' ').next().unwrap_or_default();
    if version == VERSION {
        return (Check::ok(name, format!("{version}, {}", path.display())), Some(path));
    }
    let found = format!("{} is of version {version}, and chorus of version {VERSION}", path.display());
    (Check::fail(name, found, "install both from the same wheels, or build both in one clone"), None)
}

/// What can be done without a worker.
fn without(program: Program) -> &'static str {
    match program {
        Program::Torch => "all stages but training and prediction by networks work without it",
        Program::Onnx => "all but backbones in ONNX files works without it",
        Program::Chorus => "nothing works without it",
    }
}

/// What the worker says of libtorch. Without a driver nothing lacks where its CUDA library cannot be opened: so it is after `chorus torch cpu`.
fn libtorch(device: &Result<Value, String>, has_driver: bool) -> Check {
    const NAME: &str = "libtorch";
    let device = match device {
        Ok(device) => device,
        Err(told) => return Check::fail(NAME, told, how_to_get(Program::Torch)),
    };
    let text = |key: &str| device[key].as_str().unwrap_or("?").to_owned();
    let found = format!("{}, computes on {}", text("libtorch_version"), text("auto"));
    match device["cuda_library"]["reason"].as_str() {
        Some(reason) if has_driver => {
            Check::warn(NAME, format!("{found}; its CUDA library cannot be opened: {reason}"), "see docs/howto/gpu.md")
        }
        _ => Check::ok(NAME, found),
    }
}

/// What the worker says of ONNX Runtime. Its message tells how to get it.
fn onnx_runtime(library: Result<Value, String>) -> Check {
    const NAME: &str = "ONNX Runtime";
    match library {
        Err(told) => Check::warn(NAME, told, without(Program::Onnx)),
        Ok(library) => {
            let text = |key: &str| library[key].as_str().unwrap_or("?").to_owned();
            let cuda = if library["cuda"] == true { ", with CUDA" } else { "" };
            Check::ok(NAME, format!("{}{cuda}, {}", text("version"), text("path")))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::check::State;
    use super::*;

    #[test]
    fn how_a_program_was_installed_follows_from_what_lies_around_it() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("bin/chorus");
        assert_eq!(how(&program), "copied here");
        std::fs::write(folder.path().join("CACHEDIR.TAG"), "").unwrap();
        assert_eq!(how(&program), "built in a clone");
        std::fs::create_dir_all(folder.path().join("lib/python3.12/site-packages/chorus_survey-0.1.0.dist-info")).unwrap();
        assert_eq!(how(&program), "installed from a wheel");
        assert_eq!(how(Path::new("/nowhere/.cargo/bin/chorus")), "installed by cargo");
    }

    #[test]
    fn what_workers_say_of_their_libraries_becomes_a_line() {
        let device =
            |library: Value| Ok(json!({"libtorch_version": "2.13.0", "auto": "cpu", "cuda_library": library, "cuda_devices": 0}));
        let absent = libtorch(&device(json!({"state": "absent"})), true);
        assert_eq!((absent.state, absent.found.as_str()), (State::Ok, "2.13.0, computes on cpu"));
        let without_cuda = device(json!({"state": "incomplete", "path": "x", "reason": "libcudart.so.13 is missing"}));
        let incomplete = libtorch(&without_cuda, true);
        assert!(incomplete.state == State::Warn && incomplete.found.contains("libcudart.so.13"), "{incomplete:?}");
        assert_eq!(libtorch(&without_cuda, false).state, State::Ok);
        assert_eq!(libtorch(&Err("no".into()), false).state, State::Fail);
        let runtime = onnx_runtime(Ok(json!({"version": "1.30.0", "path": "/x.so", "cuda": false})));
        assert_eq!((runtime.state, runtime.found.as_str()), (State::Ok, "1.30.0, /x.so"));
        assert_eq!(onnx_runtime(Err("found no ONNX Runtime".into())).state, State::Warn);
    }
}
