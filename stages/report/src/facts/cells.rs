//! Single values of columns.

use arrow::array::ArrayAccessor;

/// The value of a row, null as `None`.
pub(crate) fn cell<A: ArrayAccessor>(column: A, row: usize) -> Option<A::Item> {
    column.is_valid(row).then(|| column.value(row))
}
