//! Configuration keys. A struct that a stage deserialises is the declaration of its keys: name, meaning, unit, default, range and
//! example stand at the field and nowhere else.
//!
//! ```
//! use chorus_keys::{Choices, Declarations, Keys};
//! use serde::Deserialize;
//!
//! #[derive(Debug, Deserialize, Keys)]
//! #[keys(section = "segment")]
//! struct SegmentSettings {
//!     /// Length of a window.
//!     #[key(unit = "s", default = "3", range = 0.1..=600.0, example = "5")]
//!     window_s: f64,
//!     /// What happens to the rest after the last whole window.
//!     #[key(default = "drop")]
//!     tail: Tail,
//! }
//!
//! #[derive(Debug, Deserialize, Choices)]
//! #[serde(rename_all = "snake_case")]
//! enum Tail {
//!     /// The rest is dropped.
//!     Drop,
//!     /// The rest is padded with silence.
//!     Pad,
//! }
//!
//! let declarations = Declarations::default().section::<SegmentSettings>();
//! assert_eq!(declarations.find("segment.window_s").unwrap().allowed(), "a number from 0.1 to 600");
//! assert_eq!(declarations.find("segment.tail").unwrap().allowed(), "one of drop, pad");
//! let settings: SegmentSettings = chorus_keys::defaults();
//! assert_eq!(settings.window_s, 3.0);
//! ```
//!
//! # Attributes
//! On the struct, `#[keys(section = "…")]`: the section of all its keys; empty for keys at the top level. Several structs may share a
//! section, each with keys of its own. `#[keys(section = "…", default)]` implements `Default` too, by [`defaults`]. On a field, `#[key(…)]`, where each part may be left out:
//!
//! | part | meaning |
//! |---|---|
//! | `default = "3"` | the default, as YAML; a field of type `Option` has the default `null` |
//! | `unit = "s"` | the unit |
//! | `range = 0.1..=600.0` | the numbers allowed, in the key or in each item of its list; also `above(0.0)`, `above(0.0).up_to(1.0)` |
//! | `example = "5"` | an example, as YAML |
//! | `before = "2"` | the value that held before the key existed, for models and states that were written without it |
//! | `choices = function` | the words allowed, from a function that returns `Vec<Word>`: the names of a registry |
//! | `path` | a path relative to the current folder, or a list of such paths |
//! | `same_as = Other` | the declaration of the key of that name in another struct, where several structs read one key |
//! | `within = "archive.path"` | a path relative to the folder that this other key names, and inside it |
//!
//! The doc comment is the key's meaning. The type says which values are allowed, see [`KeyType`]; serde's `rename` gives another
//! name, and the keys of a field with serde's `flatten` are those of its own struct.

extern crate self as chorus_keys;

mod declarations;
mod key;
mod kind;
mod preset;
mod schema;
mod values;

pub use chorus_keys_derive::{Choices, Keys};
pub use declarations::{Check, Declarations, Finding};
pub use key::{Base, Key, Keys};
pub use kind::{KeyType, Kind, Range, Word, above};
pub use preset::Preset;
pub use schema::schema;
pub use values::{NotAllowed, Values, defaults, validate};

/// What the derived code uses.
#[doc(hidden)]
pub mod derived {
    pub use crate::kind::{Range, above};
    pub use serde_yaml;
}
