//! The invariants of ARCHITECTURE.md that are walls between crates and rules about files. Each test fails when its wall is broken.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What cargo resolved: package name to the names of its dependencies (development ones left out).
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let version = Command::new("rustc").arg("-vV").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", host])
        .current_dir(ROOT)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let name_of: BTreeMap<&str, &str> = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| (p["id"].as_str().unwrap(), p["name"].as_str().unwrap()))
        .collect();
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for node in metadata["resolve"]["nodes"].as_array().unwrap() {
        let own = found.entry(name_of[node["id"].as_str().unwrap()].to_owned()).or_default();
        for dependency in node["deps"].as_array().unwrap() {
            let kinds = dependency["dep_kinds"].as_array().unwrap();
            if kinds.iter().any(|kind| kind["kind"] != "dev") {
                own.insert(name_of[dependency["pkg"].as_str().unwrap()].to_owned());
            }
        }
    }
    found
}

/// Everything that a package is built from.
fn closure(dependencies: &BTreeMap<String, BTreeSet<String>>, package: &str) -> BTreeSet<String> {
    let (mut found, mut open) = (BTreeSet::new(), vec![package.to_owned()]);
    while let Some(name) = open.pop() {
        for next in &dependencies[&name] {
            if found.insert(next.clone()) {
                open.push(next.clone());
            }
        }
    }
    found
}

/// Our crates that name a package as their own dependency.
fn users<'a>(dependencies: &'a BTreeMap<String, BTreeSet<String>>, package: &str) -> Vec<&'a str> {
    let ours = dependencies.iter().filter(|(name, _)| *name == "chorus" || name.starts_with("chorus-"));
    ours.filter(|(_, own)| own.contains(package)).map(|(name, _)| name.as_str()).collect()
}

#[test]
fn only_the_model_knows_libtorch_and_the_command_line_is_built_without_it() {
    let dependencies = dependencies();
    assert_eq!(users(&dependencies, "tch"), ["chorus-torch"]);
    let command_line = closure(&dependencies, "chorus");
    for package in ["tch", "torch-sys", "chorus-torch"] {
        assert!(!command_line.contains(package), "chorus is built from {package}");
    }
    let without_libtorch = closure(&dependencies, "chorus-model");
    assert!(!without_libtorch.contains("tch"), "chorus-model is what `chorus` may know of the networks");
    assert!(command_line.contains("chorus-engine"));
    let linked = Command::new("ldd").arg(env!("CARGO_BIN_EXE_chorus")).output().unwrap();
    let linked = String::from_utf8_lossy(&linked.stdout);
    assert!(linked.contains("libc.so") && !linked.contains("torch"), "{linked}");
}

#[test]
fn the_worker_holds_the_engine_and_its_two_stages_and_nothing_else() {
    let worker = closure(&dependencies(), "chorus-torch");
    for stranger in [
        "polars",
        "datafusion",
        "chorus-frames",
        "chorus-query",
        "chorus-report",
        "chorus-labels",
        "chorus-demo",
        "chorus",
        "maud",
    ] {
        assert!(!worker.contains(stranger), "the worker is built from {stranger}");
    }
}

#[test]
fn the_heavy_engines_live_behind_one_crate_each() {
    let dependencies = dependencies();
    assert_eq!(users(&dependencies, "polars"), ["chorus-frames"]);
    assert_eq!(users(&dependencies, "datafusion"), ["chorus-query"]);
    assert_eq!(users(&dependencies, "object_store"), ["chorus-store"]);
    assert_eq!(users(&dependencies, "ort"), ["chorus-onnx"]);
    // Nothing of DataFusion may show in what the crate offers to others.
    let public = source("pipeline/query/src/lib.rs");
    assert!(!public.iter().any(|(_, text)| text.contains("pub use datafusion")));
}

#[test]
fn the_card_of_a_model_is_light_and_parsed_in_one_crate() {
    let card = closure(&dependencies(), "chorus-card");
    for heavy in ["arrow", "tch", "blake3", "chorus-engine", "chorus-tables"] {
        assert!(!card.contains(heavy), "chorus-card is built from {heavy}");
    }
    for (path, text) in ["pipeline", "stages"].iter().flat_map(|folder| source(folder)) {
        let names = ["\"model.yaml\"", "\"decisions.yaml\"", "\"taxa.yaml\""].iter().any(|name| product(&text).contains(name));
        assert!(
            !names || path.starts_with("pipeline/card/"),
            "{path} names a file of a model: chorus_card has constants and readers"
        );
    }
}

#[test]
fn tables_are_read_and_written_through_their_schemas_alone() {
    let dependencies = dependencies();
    assert_eq!(users(&dependencies, "parquet"), ["chorus-tables"]);
}

#[test]
fn only_engine_atomic_creates_files_in_a_run() {
    let creating =
        ["File::create", "fs::write(", "OpenOptions", "create_dir", "fs::rename", "fs::copy", "fs::hard_link", ".persist("];
    // Those that make no part of a run: a trial of the file system, the synthetic archive, copies of published runs, libtorch, and files
    // that the person names.
    let allowed = [
        "pipeline/engine/src/files/local.rs",
        "pipeline/engine/src/files/abilities.rs",
        "pipeline/demo/",
        "pipeline/store/src/published.rs",
        "pipeline/cli/commands/init.rs",
        "pipeline/cli/commands/answers.rs",
        "pipeline/cli/commands/man.rs",
        "pipeline/cli/commands/torch.rs",
        "stages/report/src/export/destination.rs",
    ];
    let mut seen = 0;
    for (path, text) in ["pipeline", "stages"].iter().flat_map(|folder| source(folder)) {
        let creates: Vec<&str> = creating.iter().copied().filter(|call| product(&text).contains(call)).collect();
        seen += usize::from(!creates.is_empty());
        let ok = creates.is_empty() || allowed.iter().any(|a| path.starts_with(a));
        assert!(ok, "{path} uses {creates:?}: files in a run are created by engine::atomic");
    }
    assert!(seen >= 3, "the search finds nothing any more");
}

#[test]
fn the_engine_reaches_the_files_of_a_run_through_its_disk_alone() {
    // Tests put a simulated disk in its place, and see nothing of what goes past it.
    let past_it = ["std::fs", "fs::read", "fs::write", "fs::metadata", "File::open", ".exists()"];
    // Those that look at something else than the run that is made: the person's files, the system, runs that are read.
    let allowed =
        ["config/", "files/abilities.rs", "files/local.rs", "files/tree.rs", "given_model.rs", "pace.rs", "run_tables/"];
    let (root, mut seen) = ("pipeline/engine/src/", 0);
    for (path, text) in source(root) {
        let uses: Vec<&str> = past_it.into_iter().filter(|call| product(&text).contains(call)).collect();
        seen += usize::from(!uses.is_empty());
        let own = path.strip_prefix(root).unwrap();
        let ok = uses.is_empty() || allowed.iter().any(|a| own.starts_with(a));
        assert!(ok, "{path} uses {uses:?}: files of a run are reached through engine::Disk");
    }
    assert!(seen >= 3, "the search finds nothing any more");
}

#[test]
fn devices_are_named_in_one_file() {
    for (path, text) in source("stages/model/src") {
        let names: Vec<&str> = ["Device::Cpu", "Device::Cuda", "Cuda::", "is_cuda", "\"cuda", "\"cpu\""]
            .into_iter()
            .filter(|n| product(&text).contains(n))
            .collect();
        assert!(names.is_empty() || path.ends_with("device.rs"), "{path} names devices: {names:?}");
    }
}

#[test]
fn recordings_and_labels_are_read_through_the_archive_s_interface() {
    let of_file_systems = ["std::fs", "std::path", "std::os::unix", "File::open", "PathBuf"];
    for (path, text) in ["stages/audio", "stages/labels"].iter().flat_map(|folder| source(folder)) {
        let found: Vec<&str> = of_file_systems.into_iter().filter(|name| product(&text).contains(name)).collect();
        assert!(found.is_empty(), "{path} uses {found:?}: what an archive holds is read through chorus_archive::Archive");
    }
    let local = source("pipeline/archive/src/local.rs");
    assert!(local.iter().any(|(_, text)| product(text).contains("std::fs")), "the search finds nothing any more");
}

#[test]
fn operating_systems_are_told_apart_in_one_crate() {
    let names = [
        "std::os::",
        "rustix",
        "libc::",
        "windows_sys",
        "cfg(unix",
        "cfg(windows",
        "cfg(not(unix",
        "target_os",
        "\"/proc/",
        "\"/sys/",
        "cfg!(windows",
    ];
    // Libraries of libtorch are opened where nothing but the worker is linked to the code that does it.
    let allowed = ["pipeline/platform/", "stages/model/src/libraries.rs"];
    let mut seen = 0;
    for (path, text) in ["pipeline", "stages"].iter().flat_map(|folder| source(folder)) {
        let found: Vec<&str> = names.iter().copied().filter(|name| product(&text).contains(name)).collect();
        seen += usize::from(!found.is_empty());
        let ok = found.is_empty() || allowed.iter().any(|place| path.starts_with(place));
        assert!(ok, "{path} names {found:?}: what systems do in different ways is in chorus_platform");
    }
    assert!(seen >= 5, "the search finds nothing any more");
    let dependencies = dependencies();
    assert_eq!(users(&dependencies, "rustix"), ["chorus-platform"]);
    assert_eq!(users(&dependencies, "signal-hook"), ["chorus-platform"]);
    assert_eq!(users(&dependencies, "cc"), ["chorus-platform"]);
}

#[test]
fn the_wav_reader_could_be_published_by_itself() {
    assert_eq!(dependencies()["chorus-wav"], BTreeSet::new());
}

/// Rust files below a folder (or a single one), by path relative to the workspace; those that are there for tests alone are left out.
fn source(folder: &str) -> Vec<(String, String)> {
    let mut files = BTreeMap::new();
    let mut open = vec![PathBuf::from(ROOT).join(folder)];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(
                std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()).filter(|path| !path.ends_with("tests")),
            );
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.insert(path.clone(), std::fs::read_to_string(&path).unwrap());
        }
    }
    assert!(!files.is_empty(), "{folder}");
    let for_tests: BTreeSet<PathBuf> = files.iter().flat_map(|(path, text)| test_modules(path, text)).collect();
    files.retain(|path, _| !for_tests.contains(path));
    let relative = |path: &Path| path.strip_prefix(ROOT).unwrap().to_string_lossy().into_owned();
    files.into_iter().map(|(path, text)| (relative(&path), text)).collect()
}

/// The files of the modules that a file declares for tests only.
fn test_modules(path: &Path, text: &str) -> Vec<PathBuf> {
    let own = path.with_extension("");
    let is_root = ["mod", "lib", "main"].iter().any(|name| own.ends_with(name));
    let folder = if is_root { path.parent().unwrap().to_owned() } else { own };
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let declared = lines.windows(2).filter(|pair| pair[0] == "#[cfg(test)]" && pair[1].ends_with(';'));
    declared
        .filter_map(|pair| Some(folder.join(pair[1].trim_end_matches(';').rsplit_once("mod ")?.1).with_extension("rs")))
        .collect()
}

/// A file without its unit tests, which stand at its end.
fn product(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap_or(text)
}
