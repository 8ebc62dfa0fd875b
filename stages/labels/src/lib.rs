//! From annotation files to labels of windows, and the split of recordings: the stages `annotate` and `split`.
//!
//! - [`formats`], [`anuraset`], [`label`]: what annotation files say, bytes to [`event::Event`]s; [`codes`], [`judge`]: which events count
//!   for which class; [`overlap`]: which windows an event makes positive.
//! - [`stratify`]: groups of recordings into subsets or folds.

mod annotate;
pub mod anuraset;
mod classes;
pub mod codes;
mod delimited;
mod digest;
pub mod error;
pub mod event;
mod files;
pub mod formats;
mod glance;
pub mod judge;
pub mod label;
pub mod overlap;
mod pairing;
pub mod recording_list;
mod recordings;
pub mod review_sheet;
mod session;
mod split;
pub mod stratify;
mod strict_csv;
pub mod subset;
mod tell;
mod text;
mod windows;

use chorus_keys::Declarations;

pub use annotate::Annotate;
pub use classes::AnnotateClasses;
pub use glance::{Layout, glance};
pub use split::Split;

/// The configuration keys of the two stages.
pub fn declarations() -> Declarations {
    Declarations::default().section::<split::SplitSettings>().check(split::missing_keys).remark(split::without_effect)
}
