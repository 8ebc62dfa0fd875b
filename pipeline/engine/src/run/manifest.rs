//! The provenance of a run: versions, configuration, host and outputs. It is for people and archives; the engine does
//! not read it.

use std::path::Path;

use chorus_card::Contract;
use chorus_platform::machine::host_name;
use serde_json::{Map, Value, json};

use crate::files::hash::hash_bytes;
use crate::graph::{CONTRACT, Pass};
use crate::state::states::States;
use crate::{Config, EngineError, RunDir};

/// Writes `manifest.json`, when anything but the time changed.
pub(crate) fn write(run: &RunDir, config: &Config, passes: &[Pass], states: &States) -> Result<(), EngineError> {
    let mut stages = Map::new();
    for pass in passes {
        let Some(units) = states.get(pass.name).filter(|u| !u.is_empty()) else { continue };
        let rows: Map<String, Value> = pass
            .tables()
            .map(|table| {
                let prefix = format!("tables/{table}/");
                let outputs = units.values().flat_map(|u| u.outputs.iter()).filter(|(path, _)| path.starts_with(&prefix));
                (table.to_owned(), outputs.filter_map(|(_, o)| o.rows).sum::<u64>().into())
            })
            .collect();
        let hashes: String =
            units.values().flat_map(|u| u.outputs.iter()).map(|(path, o)| format!("{path} {}\n", o.hash)).collect();
        let runtime = units.values().next().map(|u| &u.fingerprint.runtime).filter(|r| !r.is_empty());
        stages.insert(
            pass.name.to_owned(),
            json!({
                "code_version": pass.code_version, "units": units.len(), "rows": rows,
                "outputs_hash": hash_bytes(hashes.as_bytes()), "runtime": runtime,
            }),
        );
    }
    let mut manifest = json!({
        "chorus": env!("CARGO_PKG_VERSION"),
        "config_hash": hash_bytes(config.to_yaml().as_bytes()),
        "archive": config.text("archive.path"),
        "model": config.text("model.path"),
        "base": config.get("run.base"),
        "seeds": config.seeds(),
        "host": host_name(),
        "system": format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        "threads": std::thread::available_parallelism().map_or(1, usize::from),
        "stages": stages,
    });
    if let Some(contract) = config.text(CONTRACT).and_then(|path| Contract::read(Path::new(path)).ok()) {
        manifest["backbone"] = json!({
            "name": contract.name, "license": contract.license, "commercial_use_forbidden": contract.forbids_commercial_use(),
        });
    }
    let old: Option<Value> = run.disk().read_if_there(&run.manifest())?.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    if old
        .as_ref()
        .and_then(Value::as_object)
        .is_some_and(|old| manifest.as_object().is_some_and(|new| new.iter().all(|(k, v)| old.get(k) == Some(v))))
    {
        return Ok(());
    }
    manifest["written"] = run.disk().now().to_string().into();
    let text = serde_json::to_vec_pretty(&manifest).expect("a manifest is JSON");
    run.write(&run.manifest(), &text).map(drop)
}
