//! From annotation files to labels of windows, and the split of recordings: the stages `annotate` and `split`.
//!
//! - [`audacity`], [`anuraset`], [`species`]: formats, bytes to values; [`overlap`]: which windows an event makes positive.
//! - [`stratify`]: groups of recordings into subsets or folds.

mod annotate;
pub mod anuraset;
pub mod audacity;
mod classes;
pub mod error;
mod files;
pub mod overlap;
mod recording_list;
pub mod species;
mod split;
pub mod stratify;
pub mod subset;
mod text;

pub use annotate::Annotate;
pub use classes::AnnotateClasses;
pub use split::Split;
