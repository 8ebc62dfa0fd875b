//! What a person is to listen to, and where to.

use std::path::PathBuf;

use chorus_engine::RunTables;

use crate::export::Filter;

use super::sample::Of;

/// Which clips, and where to.
#[derive(Debug)]
pub struct Request<'a> {
    /// The run.
    pub run: &'a RunTables,
    /// Classes, sites and scores.
    pub filter: Filter,
    /// The folder to write.
    pub folder: PathBuf,
    /// Whether to put files over those that are in the folder.
    pub force: bool,
    /// What is sampled; `chorus next` chooses among windows by itself.
    pub of: Of,
    /// Clips of each class, at most.
    pub per_class: usize,
    /// Seconds before and after the detection or window.
    pub context_s: f64,
    /// Seed of the draw.
    pub seed: u64,
}
