//! Search in the table `embeddings` of one or several runs: `chorus search` and `chorus clusters`. docs/searching.md says what they answer.
//!
//! - [`Embeddings`]: the tables of runs whose vectors can be compared. [`Filter`]: which windows are looked at.
//! - [`Query`]: example vectors. [`Embeddings::nearest`]: the windows that are nearest to them, exactly.
//! - [`Embeddings::examples`]: the windows that given spans of recordings lie in, as vectors for a query.
//! - [`Embeddings::groups`]: groups of similar windows, largest first.
//! - [`Window`]: what is known of a window that was found. [`nearest_table`], [`groups_table`]: answers as tables.
//!
//! Similarity is that of the cosine: the product of two vectors divided by their lengths, 1 for the same direction. Files are read in blocks
//! by all threads, and memory holds a few blocks and the answer, however large the tables are (`scan`).

mod embeddings;
mod error;
mod examples;
mod facts;
mod filter;
mod groups;
mod kernel;
mod kmeans;
mod labels;
mod nearest;
mod scan;
mod spans;
mod table;
#[cfg(test)]
mod tests;
mod window;

pub use embeddings::{Embeddings, Place};
pub use error::SearchError;
pub use examples::{Examples, Span};
pub use filter::{Filter, Hours};
pub use groups::{Group, Grouping, Groups};
pub use kmeans::group_of_each;
pub use nearest::{Combine, Found, Hit, Query};
pub use table::{groups_table, nearest_table};
pub use window::Window;
