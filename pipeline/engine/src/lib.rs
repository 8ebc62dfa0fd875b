//! The engine: what is fresh, and how a unit of work becomes a committed table. It knows no stage by name.
//!
//! - [`graph`]: what a stage declares of itself: inputs, outputs, configuration keys, unit of work, code version.
//! - [`config`]: the configuration and its keys.
//! - [`Unit`]: one site's local day, or the whole run.
//! - [`Work`]: what a stage implements; [`ScanContext`] and [`UnitContext`] are all that it sees of the run.
//! - [`Registry`]: the passes of a run and their work. [`Runner`]: makes them fresh; [`plan`] says what is stale and why.
//! - [`RunTables`]: the tables of a run for everything that is not a stage: files, versions, and whether they are fresh.
//! - [`atomic`]: the only code that writes files in a run. [`Disk`]: what they are written to.
//!
//! The folders are floors: `files`, `state`, `plan`, `run`. Each knows those before it, and none of those behind it.

#[cfg(test)]
extern crate self as chorus_engine;
#[cfg(test)]
mod simulation;
#[cfg(test)]
#[path = "../tests/common/keys.rs"]
mod test_keys;

pub mod config;
mod console;
mod error;
mod exact;
mod files;
mod given_model;
pub mod graph;
mod memory;
pub mod pace;
pub mod plan;
mod run;
pub mod run_tables;
mod shared;
mod state;
mod sync;
mod unit;

pub use config::{Config, ConfigError, HEAD_KEYS, MODEL_KEYS};
pub use console::{Console, Measure, Progress, bytes, counted, duration};
pub use error::{EngineError, WorkError, message};
pub use exact::Exact;
pub use files::abilities::{Ability, abilities};
pub use files::atomic;
pub use files::claim::Claim;
pub use files::disk::Disk;
pub use files::hash::{hash_bytes, hash_file};
pub use files::run_dir::{RunDir, RunLock};
pub use files::scratch::{Scratch, clear_tmp};
pub use files::share::Share;
pub use files::tree::{files_below, is_within};
pub use files::user_cache::user_cache;
pub use given_model::mean_id;
pub use memory::Memory;
pub use plan::scan::{External, Scan};
pub use run::column::CachedValue;
pub use run::context::{Access, ScanContext, TableSink, UnitContext};
pub use run::runner::{Done, RunOptions, Runner, Selection, Summary};
pub use run::work::{Check, Fault, Registry, Work};
pub use run::worker::{fetched_worker, how_to_get, read_assignment, worker_failure, worker_program};
pub use run_tables::{Partition, RunTables, RunTablesError};
pub use shared::shared_passes;
pub use state::states::{model_file, model_folder};
pub use sync::locked;
pub use unit::Unit;
