//! Answers as bytes.

pub(crate) mod binary;
pub(crate) mod csv;
pub(crate) mod json;
pub(crate) mod table;

pub use table::TableStyle;
