//! What is known of units that were made: their fingerprints, and the sizes and hashes of their outputs. It knows only files.

pub(crate) mod fingerprint;
pub(crate) mod hashes;
pub(crate) mod inputs;
pub(crate) mod journal;
pub(crate) mod outputs;
pub(crate) mod states;
pub(crate) mod unit_state;
