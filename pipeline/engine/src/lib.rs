//! The engine: what stages there are, what is fresh, and how a unit of work becomes a committed table.
//!
//! - [`graph`]: the stages as declarations: inputs, outputs, configuration keys, unit of work, code version.
//! - [`config`]: the configuration and its keys.
//! - [`Unit`]: one site's local day, or the whole run.
//! - [`Work`]: what a stage implements; [`ScanContext`] and [`UnitContext`] are all that it sees of the run.
//! - [`Runner`]: makes stages fresh; [`plan`] says what is stale and why.
//! - [`atomic`]: the only code that creates files in a run.

pub mod atomic;
mod base;
mod column;
pub mod config;
mod console;
mod context;
mod error;
mod exact;
mod given_model;
pub mod graph;
mod manifest;
pub mod plan;
mod run_dir;
mod runner;
mod share;
mod shared;
mod state;
mod unit;
mod work;

pub use base::{files_below, is_within};
pub use config::{Config, ConfigError, MODEL_KEYS};
pub use console::{Console, Progress};
pub use context::{Partition, ScanContext, TableSink, UnitContext, model_folder};
pub use error::EngineError;
pub use exact::Exact;
pub use given_model::{check_ensemble, mean_id};
pub use run_dir::RunDir;
pub use runner::{Done, RunOptions, Runner, Selection, Summary, worker_program};
pub use share::{Claim, Share};
pub use shared::shared_passes;
pub use state::hash_bytes;
pub use unit::Unit;
pub use work::{External, Fault, Registry, Scan, Work, WorkError};
