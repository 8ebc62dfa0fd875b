//! Text from strangers, made harmless where it is shown.
//!
//! Names of files, sites and classes come from archives, sheets and models that somebody else made. They may hold anything that a text can
//! hold. Tables keep them as they are. What shows them makes them harmless, by one of these functions:
//!
//! - [`shown`], [`shown_lines`]: for a terminal or a log. What would move its cursor or turn the direction of its text is spelled out.
//! - [`shown_json`]: the same for JSON; it stays the same JSON.
//! - [`Cells`]: for tables that a spreadsheet may open. What it would take for a formula becomes a text; [`as_typed`] takes that back.

mod cells;
mod shown;

pub use cells::{Cells, as_typed, harmless};
pub use shown::{shown, shown_json, shown_lines};
