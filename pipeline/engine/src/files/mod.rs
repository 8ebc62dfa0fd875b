//! The lowest floor: files, folders and locks. It knows nothing of fingerprints, plans or stages' work.

pub(crate) mod abilities;
pub(crate) mod alike;
pub mod atomic;
pub(crate) mod claim;
pub(crate) mod hash;
pub(crate) mod roster;
pub(crate) mod run_dir;
pub(crate) mod scratch;
pub(crate) mod share;
pub(crate) mod tree;
pub(crate) mod user_cache;
