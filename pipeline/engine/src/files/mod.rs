//! The lowest floor: files, folders and locks. It knows nothing of fingerprints, plans or stages' work.

pub(crate) mod abilities;
pub(crate) mod alike;
pub(crate) mod appended;
pub mod atomic;
pub(crate) mod claim;
pub(crate) mod disk;
pub(crate) mod file_system;
pub(crate) mod hash;
mod local;
pub(crate) mod log;
pub(crate) mod publisher;
pub(crate) mod roster;
pub(crate) mod run_dir;
pub(crate) mod scratch;
pub(crate) mod share;
pub(crate) mod tree;
pub(crate) mod user_cache;
