//! What the training loop asks of its data: any rows, in any order.

use tch::Tensor;

use crate::{Error, Result};

/// Examples by row.
pub trait Dataset {
    /// How many rows there are.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Decibel features `[batch, channel, mel, frame]` of some rows, in the given order.
    ///
    /// # Errors
    /// The rows can't be read.
    fn features(&self, rows: &[usize]) -> Result<Tensor>;

    /// Labels of some rows, and 1 where a label is known and 0 where not; both `[batch, class]`. Unknown labels are
    /// numbers too.
    ///
    /// # Errors
    /// The rows can't be read.
    fn labels(&self, rows: &[usize]) -> Result<(Tensor, Tensor)>;
}

/// Refuses a tensor that isn't `[rows, columns]`.
pub(crate) fn check_table(name: &str, tensor: &Tensor, rows: usize, columns: i64) -> Result<()> {
    let expected = [rows as i64, columns];
    if tensor.size() == expected {
        return Ok(());
    }
    Err(Error::Shape { name: name.to_owned(), expected: format!("{expected:?}"), found: tensor.size() })
}
