//! What a runtime makes of a backbone's file.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use chorus_card::Contract;
use chorus_engine::graph::Program;

/// Numbers in some dimensions.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Lengths of the dimensions.
    pub shape: Vec<usize>,
    /// The numbers, the last dimension's next to each other.
    pub values: Vec<f32>,
}

/// An input or an output of a backbone, as its file declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// Its type and dimensions, as text.
    pub kind: String,
}

/// A network that a runtime has opened. Several threads may use it at once.
pub trait Backbone: Send + Sync {
    /// The wanted outputs, by name, for these inputs.
    ///
    /// # Errors
    /// In words, what the runtime says.
    fn run(&self, inputs: &BTreeMap<String, Array>, wanted: &[&str]) -> Result<BTreeMap<String, Array>, String>;

    /// The inputs; empty where the file does not say.
    fn inputs(&self) -> &[Port];

    /// The outputs; empty where the file does not say.
    fn outputs(&self) -> &[Port];
}

/// What can open backbones.
pub trait Runtime: Send + Sync + 'static {
    /// Opens a backbone for so many threads at once.
    ///
    /// # Errors
    /// In words, why the file cannot be opened.
    fn open(&self, path: &Path, contract: &Contract, device: &str, threads: usize) -> Result<Box<dyn Backbone>, String>;
}

impl<R: Runtime> Runtime for Arc<R> {
    fn open(&self, path: &Path, contract: &Contract, device: &str, threads: usize) -> Result<Box<dyn Backbone>, String> {
        (**self).open(path, contract, device, threads)
    }
}

/// The program that opens a backbone, by the extension of its file; `None` for an extension that no program knows.
pub fn program(path: &Path) -> Option<Program> {
    match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "onnx" => Some(Program::Onnx),
        "pt" | "pth" | "ts" | "jit" | "torchscript" | "safetensors" => Some(Program::Torch),
        _ => None,
    }
}
