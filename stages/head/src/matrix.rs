//! Products of matrices, row by row next to each other, by the crate ndarray.

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2};
use rayon::prelude::*;

/// Rows that one thread works on at a time. It decides the order of sums, and with it the last bit of a fit, so it is fixed.
pub(crate) const BLOCK: usize = 256;

/// Rows of equal length.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// The rows, one after the other.
    pub values: &'a [f64],
    /// Values of a row.
    pub width: usize,
}

impl<'a> Rows<'a> {
    /// Blocks of [`BLOCK`] rows, the last one shorter.
    pub fn blocks(self) -> impl IndexedParallelIterator<Item = Rows<'a>> {
        self.values.par_chunks(BLOCK * self.width).map(move |values| Rows { values, width: self.width })
    }

    /// How many there are.
    pub fn count(self) -> usize {
        self.values.len() / self.width
    }

    fn view(self) -> ArrayView2<'a, f64> {
        ArrayView2::from_shape((self.count(), self.width), self.values).expect("rows are of one length")
    }

    /// The products `[row, other row]` of these rows with those of `others`: X Yᵀ.
    ///
    /// # Panics
    /// When lengths do not fit: a fault of the program.
    pub fn times_transposed(self, others: Rows<'_>, product: &mut [f64]) {
        let shape = (self.count(), others.count());
        let mut product = ArrayViewMut2::from_shape(shape, product).expect("the product has a place for each pair of rows");
        general_mat_mul(1.0, &self.view(), &others.view().t(), 0.0, &mut product);
    }

    /// `[column, other column]`: Xᵀ Y, for as many rows of `others`.
    ///
    /// # Panics
    /// When lengths do not fit: a fault of the program.
    pub fn transposed_times(self, others: Rows<'_>, product: &mut [f64]) {
        let shape = (self.width, others.width);
        let mut product = ArrayViewMut2::from_shape(shape, product).expect("the product has a place for each pair of columns");
        general_mat_mul(1.0, &self.view().t(), &others.view(), 0.0, &mut product);
    }
}

/// The sum of what the blocks gave, in their order.
pub(crate) fn summed(mut parts: Vec<Vec<f64>>) -> Vec<f64> {
    let Some((first, others)) = parts.split_first_mut() else { return Vec::new() };
    for other in others {
        first.iter_mut().zip(other.iter()).for_each(|(sum, value)| *sum += value);
    }
    std::mem::take(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_those_of_the_definition() {
        let x = Rows { values: &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], width: 3 };
        let y = Rows { values: &[1.0, 0.0, -1.0, 2.0, 2.0, 2.0, 0.5, 0.0, 0.0], width: 3 };
        let mut product = [0.0; 6];
        x.times_transposed(y, &mut product);
        assert_eq!(product, [-2.0, 12.0, 0.5, -2.0, 30.0, 2.0]);
        let z = Rows { values: &[1.0, 10.0, 2.0, 20.0], width: 2 };
        let mut product = [0.0; 6];
        x.transposed_times(z, &mut product);
        assert_eq!(product, [9.0, 90.0, 12.0, 120.0, 15.0, 150.0]);
    }
}
