//! The backbone that a configuration names, checked before anything is made.

use std::path::{Path, PathBuf};

use chorus_card::{Contract, GivenBackbone};
use chorus_engine::graph::{BACKBONE, BACKBONE_CLASSES, CONTRACT};
use chorus_engine::{Config, EngineError, hash_bytes, hash_file};

use crate::backbone::program;
use crate::declare::{VOICE, VOICE_CONTRACT};
use crate::error::BackboneError;
use crate::ready;

/// A backbone's file and contract.
#[derive(Debug, Clone)]
pub struct Given {
    /// The contract.
    pub contract: Contract,
    /// Hash of the file and of how it is used, 16 hexadecimal digits, as in the table `embeddings`.
    pub id: String,
}

impl Given {
    /// Reads the contract and hashes the file.
    ///
    /// # Errors
    /// [`BackboneError`] for a file that is missing, that no program opens, or that is not the one of the contract.
    pub fn read(path: &Path, contract_path: &Path) -> Result<Self, BackboneError> {
        let refuse =
            |found: &str, next: String| Err(BackboneError::File { path: path.to_owned(), found: found.to_owned(), next });
        if !path.is_file() {
            return refuse("there is no such file", format!("name the file of a backbone in {BACKBONE}"));
        }
        if program(path).is_none() {
            let next = "name an ONNX file (.onnx), a TorchScript file (.pt), or weights.safetensors of a model of Chorus";
            return refuse("no program opens a file with this extension", next.into());
        }
        if !contract_path.exists() {
            let next = format!(
                "describe the backbone there; `chorus backbone contract NAME > {}` writes it for one of {}",
                contract_path.display(),
                ready::names()
            );
            return refuse(&format!("its contract {} is missing", contract_path.display()), next);
        }
        let contract = Contract::read(contract_path)?;
        let hash = hash_file(path)?;
        if let Some(expected) = contract.hash.as_deref().map(str::to_ascii_lowercase) {
            let digits = expected.len().min(hash.len());
            if hash[..digits] != expected[..digits] {
                let found = format!("its hash is {hash}, but its contract {} says {expected}", contract_path.display());
                return refuse(&found, "use the file that the contract was written for, or correct the contract".into());
            }
        }
        let id = id(&hash, &contract);
        Ok(Self { contract, id })
    }

    /// The backbone that a configuration names, if it names one.
    ///
    /// # Errors
    /// As [`Given::read`].
    pub fn of(config: &Config) -> Result<Option<Self>, BackboneError> {
        let (Some(path), Some(contract)) = (config.text(BACKBONE), config.text(CONTRACT)) else { return Ok(None) };
        Self::read(Path::new(path), Path::new(contract)).map(Some)
    }

    /// Refuses a configuration that asks for what the contract does not have.
    fn checked(self, config: &Config) -> Result<Self, BackboneError> {
        let path = config.text(CONTRACT).map(PathBuf::from).unwrap_or_default();
        let lacks = |key: &str, part: &str| {
            let found = format!("the contract has no {part}, which {key} asks for");
            Err(BackboneError::File { path: path.clone(), found, next: format!("add it, or leave {key} out") })
        };
        let outputs = &self.contract.outputs;
        if config.is_on("embed.map") && outputs.map.is_none() {
            return lacks("embed.map", "outputs.map");
        }
        if !config.get("embed.min_score").is_null() {
            if outputs.logits.is_none() {
                return lacks("embed.min_score", "outputs.logits");
            }
            let classes = config.text(BACKBONE_CLASSES).map(PathBuf::from).unwrap_or_default();
            if !classes.is_file() {
                return Err(BackboneError::File {
                    path: classes,
                    found: "there is no such file, and embed.min_score needs the names of the backbone's classes".into(),
                    next: format!("write them there, one a line, or name another file in {BACKBONE_CLASSES}"),
                });
            }
        }
        Ok(self)
    }

    /// What the card of a head on its embeddings says of it.
    pub fn on_card(&self) -> GivenBackbone {
        GivenBackbone {
            name: self.contract.name.clone(),
            id: self.id.clone(),
            license: self.contract.license.clone(),
            non_commercial: self.contract.forbids_commercial_use(),
        }
    }
}

/// The id of a backbone: a hash of its file's hash and of how it is used.
fn id(file_hash: &str, contract: &Contract) -> String {
    hash_bytes(format!("{file_hash}\n{}", contract.essence()).as_bytes())[..16].to_owned()
}

/// Refuses a configuration whose backbone cannot be used.
///
/// # Errors
/// [`EngineError::Model`] with the file and what is wrong.
pub fn check(config: &Config) -> Result<(), EngineError> {
    let asked = Given::of(config).and_then(|given| given.map_or(Ok(None), |given| given.checked(config).map(Some)));
    told(config, BACKBONE, asked)
}

/// Refuses a configuration whose backbone for voices cannot be used.
///
/// # Errors
/// As [`check`].
pub fn check_voice(config: &Config) -> Result<(), EngineError> {
    let Some(path) = config.text(VOICE).map(Path::new) else { return Ok(()) };
    let contract = config.text(VOICE_CONTRACT).map_or_else(|| Contract::beside(path), PathBuf::from);
    told(config, VOICE, Given::read(path, &contract).map(Some))
}

fn told(config: &Config, key: &str, given: Result<Option<Given>, BackboneError>) -> Result<(), EngineError> {
    given.map(drop).map_err(|error| match error {
        BackboneError::Engine(error) => error,
        BackboneError::Contract(error) => error.into(),
        BackboneError::File { path, found, next } => EngineError::Model { path, found, next },
        other => EngineError::Model {
            path: config.text(key).map(PathBuf::from).unwrap_or_default(),
            found: other.to_string(),
            next: "see docs/backbones.md".into(),
        },
    })
}
