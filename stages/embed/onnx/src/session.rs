//! Backbones in ONNX Runtime.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};

use chorus_card::Contract;
use chorus_embed::{Array, Backbone, Port, Runtime};
use chorus_engine::locked;
use chorus_platform::machine::has_nvidia_driver;
use ort::environment::Environment;
use ort::ep::{CUDA, ExecutionProviderDispatch};
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{Session, SessionInputValue};
use ort::value::{Outlet, Tensor, TensorElementType};

use crate::{library, parts};

/// Sessions of one backbone take this much together at most, where each holds its own copy of the weights; else several threads share one.
const WEIGHTS_AT_MOST: u64 = 1 << 30;

/// ONNX Runtime, opened.
pub struct Onnx {
    environment: Environment,
    version: String,
}

/// Where a backbone computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The processor.
    Processor,
    /// The graphics card of this number, if the library can.
    Card(i32, Must),
}

/// Whether a graphics card that cannot be used is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Must {
    /// It was asked for.
    Yes,
    /// It is taken where there is one.
    No,
}

/// The place that the key `device` names.
pub fn device(name: &str) -> Place {
    match name.strip_prefix("cuda:").and_then(|number| number.parse().ok()) {
        Some(number) => Place::Card(number, Must::Yes),
        None if name == "auto" && has_nvidia_driver() && library::has_cuda() => Place::Card(0, Must::No),
        None => Place::Processor,
    }
}

impl Place {
    /// Its kind: outputs depend on it.
    pub fn kind(self) -> &'static str {
        if self == Self::Processor { "cpu" } else { "cuda" }
    }

    fn providers(self) -> Vec<ExecutionProviderDispatch> {
        match self {
            Self::Processor => Vec::new(),
            Self::Card(number, must) => {
                let cuda = CUDA::default().with_device_id(number).build();
                vec![if must == Must::Yes { cuda.error_on_failure() } else { cuda }]
            }
        }
    }
}

impl Onnx {
    /// Opens the library.
    ///
    /// # Errors
    /// In words, why it cannot be opened.
    pub fn start() -> Result<Self, String> {
        let library = library::find()?;
        let failed = |e: &dyn std::fmt::Display| format!("{}: cannot be opened as ONNX Runtime: {e}", library.display());
        let environment = ort::init_from(&library).map_err(|e| failed(&e))?.with_telemetry(false);
        // What the runtime has to say of a graph is for its author.
        let environment = environment.with_logger(Arc::new(|_, _, _, _, _| ())).build().map_err(|e| failed(&e))?;
        Ok(Self { environment, version: library::version(&library) })
    }

    /// The library's version.
    pub fn version(&self) -> &str {
        &self.version
    }

    fn session(&self, bytes: &[u8], place: Place, threads: usize) -> Result<Session, String> {
        let text = |e: ort::Error| e.message().to_owned();
        let builder = Session::builder(&self.environment).map_err(text)?;
        let with = |e: ort::Error<_>| e.message().to_owned();
        let mut builder = builder
            .with_optimization_level(GraphOptimizationLevel::All)
            .and_then(|b| b.with_intra_threads(threads))
            .and_then(|b| b.with_inter_threads(1))
            // Waiting threads would take time from those that decode.
            .and_then(|b| b.with_intra_op_spinning(false))
            .and_then(|b| b.with_execution_providers(place.providers()))
            .map_err(with)?;
        builder.commit_from_memory(bytes).map_err(text)
    }
}

impl Runtime for Onnx {
    fn open(&self, path: &Path, _: &Contract, device: &str, threads: usize) -> Result<Box<dyn Backbone>, String> {
        let bytes = std::fs::read(path).map_err(|e| e.to_string())?;
        parts::check(&bytes)?;
        let place = self::device(device);
        let own = usize::try_from(WEIGHTS_AT_MOST / (bytes.len() as u64).max(1)).unwrap_or(usize::MAX);
        let n = if place == Place::Processor { threads.min(own).max(1) } else { 1 };
        let sessions = (0..n).map(|_| self.session(&bytes, place, threads.div_ceil(n))).collect::<Result<Vec<_>, _>>()?;
        let port = |outlet: &Outlet| Port { name: outlet.name().to_owned(), kind: outlet.dtype().to_string() };
        let inputs = sessions[0].inputs().iter().map(port).collect();
        let outputs = sessions[0].outputs().iter().map(port).collect();
        let types = sessions[0].inputs().iter().map(|i| (i.name().to_owned(), i.dtype().tensor_type())).collect();
        Ok(Box::new(Opened { sessions: Mutex::new(sessions), returned: Condvar::new(), inputs, outputs, types }))
    }
}

/// A backbone, in as many sessions as may run at once.
struct Opened {
    sessions: Mutex<Vec<Session>>,
    returned: Condvar,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    types: BTreeMap<String, Option<TensorElementType>>,
}

impl Opened {
    fn take(&self) -> Session {
        let mut sessions = locked(&self.sessions);
        loop {
            match sessions.pop() {
                Some(session) => return session,
                None => sessions = self.returned.wait(sessions).unwrap_or_else(std::sync::PoisonError::into_inner),
            }
        }
    }

    fn give_back(&self, session: Session) {
        locked(&self.sessions).push(session);
        self.returned.notify_one();
    }

    fn tensor(&self, name: &str, array: &Array) -> Result<SessionInputValue<'static>, String> {
        let shape: Vec<i64> = array.shape.iter().map(|&n| n as i64).collect();
        let text = |e: ort::Error| e.message().to_owned();
        Ok(match self.types.get(name).copied().flatten() {
            Some(TensorElementType::Float32) => Tensor::from_array((shape, array.values.clone())).map_err(text)?.into(),
            Some(TensorElementType::Int64) => {
                let values: Vec<i64> = array.values.iter().map(|&value| value as i64).collect();
                Tensor::from_array((shape, values)).map_err(text)?.into()
            }
            Some(TensorElementType::Int32) => {
                let values: Vec<i32> = array.values.iter().map(|&value| value as i32).collect();
                Tensor::from_array((shape, values)).map_err(text)?.into()
            }
            other => return Err(format!("the input {name} has the type {other:?}, expected float32, int64 or int32")),
        })
    }
}

impl Backbone for Opened {
    fn run(&self, inputs: &BTreeMap<String, Array>, wanted: &[&str]) -> Result<BTreeMap<String, Array>, String> {
        let tensors = inputs.iter().map(|(name, array)| Ok((name.clone(), self.tensor(name, array)?)));
        let tensors = tensors.collect::<Result<Vec<_>, String>>()?;
        let mut session = self.take();
        let made = run(&mut session, tensors, wanted);
        self.give_back(session);
        made
    }

    fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    fn outputs(&self) -> &[Port] {
        &self.outputs
    }
}

fn run(
    session: &mut Session,
    inputs: Vec<(String, SessionInputValue<'static>)>,
    wanted: &[&str],
) -> Result<BTreeMap<String, Array>, String> {
    let outputs = session.run(inputs).map_err(|e| e.message().to_owned())?;
    let mut arrays = BTreeMap::new();
    for &name in wanted {
        let value = outputs.get(name).ok_or_else(|| format!("the output {name} is missing"))?;
        let (shape, values) = value.try_extract_tensor::<f32>().map_err(|e| format!("the output {name}: {}", e.message()))?;
        let shape = shape.iter().map(|&n| usize::try_from(n).unwrap_or(0)).collect();
        arrays.insert(name.to_owned(), Array { shape, values: values.to_vec() });
    }
    Ok(arrays)
}
