//! From annotation files to labels of windows, and the split of recordings: the stages `annotate` and `split`.
//!
//! - [`layouts`]: one file for each label layout, from bytes to [`event::Event`]s. [`layout`] is the trait of a layout,
//!   [`reading`] a layout with the settings of a run.
//! - [`codes`], [`label`], [`judge`]: the class of each event, and which events are used.
//! - [`overlap`]: which windows an event makes positive.
//! - [`stratify`]: groups of recordings to subsets or folds.

mod annotate;
mod classes;
pub mod codes;
pub mod contents;
mod delimited;
mod digest;
pub mod error;
pub mod event;
mod files;
mod glance;
pub mod judge;
pub mod label;
pub mod layout;
pub mod layouts;
pub mod look;
pub mod overlap;
mod pairing;
pub mod reading;
pub mod recording_list;
mod recordings;
mod session;
mod split;
pub mod stratify;
mod strict_csv;
pub mod subset;
mod tell;
mod text;
mod windows;

pub use annotate::Annotate;
pub use classes::AnnotateClasses;
pub use glance::glance;
pub use split::Split;
