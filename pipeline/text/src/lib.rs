//! Text from strangers, made harmless where it is shown or read.
//!
//! Names of files, sites and classes come from archives, sheets and models that somebody else made. They may hold anything that a text can
//! hold. Tables keep them as they are. What shows them makes them harmless, by one of these functions:
//!
//! - [`shown`], [`shown_lines`]: for a terminal or a log. What would move its cursor or turn the direction of its text is spelled out.
//! - [`allowed`]: for HTML, XML and tables of other programs, which do not allow control characters.
//! - [`shown_json`]: the same for JSON; it stays the same JSON.
//! - [`in_shell`]: for a command that a person pastes into a shell.
//! - [`look_through`]: for YAML that somebody else wrote, before it is read.
//! - [`western`]: for bytes that are no UTF-8, such as those of older spreadsheets.
//! - [`Cells`]: for tables that a spreadsheet may open. What it would take for a formula becomes a text; [`as_typed`] takes that back.

mod cells;
mod shell;
mod shown;
mod western;
mod yaml;

pub use cells::{Cells, as_typed, harmless};
pub use shell::in_shell;
pub use shown::{allowed, shown, shown_json, shown_lines};
pub use western::western;
pub use yaml::{Refused, look_through};
