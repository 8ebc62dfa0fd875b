//! The settings that a backbone brings. With `backbone.path`, the contract is the file beside the backbone unless the configuration
//! names one, windows have the backbone's length unless the configuration gives another, and the contract names the file of its classes.

use std::path::{Path, PathBuf};

use chorus_card::Contract;
use serde_yaml::Value;

use super::checked::{Config, Origin};
use crate::graph::{BACKBONE, BACKBONE_CLASSES, CONTRACT};

const WINDOW: &str = "segment.window_s";
const HOP: &str = "segment.hop_s";

/// Takes the settings from the contract of `backbone.path`. A contract that cannot be read is no problem here: the pass that needs it
/// says what is wrong with it before anything is made.
pub(super) fn take(config: &mut Config) {
    if !config.values.has(BACKBONE) {
        return;
    }
    let Some(path) = config.text(BACKBONE).map(PathBuf::from) else { return };
    if config.text(CONTRACT).is_none() {
        let beside = Contract::beside(&path);
        config.origins.insert(CONTRACT.to_owned(), Origin::Contract(path.display().to_string()));
        config.values.set(CONTRACT, Value::from(beside.to_string_lossy()));
    }
    let Some(contract_path) = config.text(CONTRACT).map(str::to_owned) else { return };
    let Ok(contract) = Contract::read(Path::new(&contract_path)) else { return };
    if let Some(logits) = contract.outputs.logits.as_ref().filter(|_| config.text(BACKBONE_CLASSES).is_none()) {
        let classes = Path::new(&contract_path).with_file_name("").join(&logits.classes);
        config.values.set(BACKBONE_CLASSES, Value::from(classes.to_string_lossy()));
        config.origins.insert(BACKBONE_CLASSES.to_owned(), Origin::Contract(contract_path.clone()));
    }
    // A model brings the length of its windows, and a configuration may give it.
    if config.origins.contains_key(WINDOW) {
        return;
    }
    let keys: &[&str] = if config.origins.contains_key(HOP) { &[WINDOW] } else { &[WINDOW, HOP] };
    for &key in keys {
        config.values.set(key, Value::from(contract.window_s));
        config.origins.insert(key.to_owned(), Origin::Contract(contract_path.clone()));
    }
}
