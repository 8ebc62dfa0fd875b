//! The covariance of rows, and by how much it is to be shrunk towards the identity matrix.

use nalgebra::DMatrix;
use rayon::prelude::*;

use crate::matrix::{Rows, summed};

/// The covariance `[value, value]` of rows with mean 0.
pub fn covariance(rows: Rows<'_>) -> DMatrix<f64> {
    let width = rows.width;
    let of_block = |block: Rows<'_>| {
        let mut product = vec![0.0; width * width];
        block.transposed_times(block, &mut product);
        product
    };
    let sums = summed(rows.blocks().map(of_block).collect());
    DMatrix::from_vec(width, width, sums) / rows.count() as f64
}

/// The share of the identity matrix, as scikit-learn's `ledoit_wolf_shrinkage` computes it.
pub fn ledoit_wolf(rows: Rows<'_>, covariance: &DMatrix<f64>) -> f64 {
    let (n, width) = (rows.count() as f64, rows.width as f64);
    let mean = covariance.trace() / width;
    // Σ_ij of the mean over windows of (x_i x_j)² is that of the squared lengths of windows, squared.
    let fourth = summed(
        rows.blocks()
            .map(|block| {
                let lengths = block.values.chunks_exact(block.width).map(|row| row.iter().map(|x| x * x).sum::<f64>());
                vec![lengths.map(|length| length * length).sum()]
            })
            .collect(),
    );
    let squared = covariance.norm_squared();
    let beta = (fourth[0] / n - squared) / n;
    let delta = squared - width * mean * mean;
    if delta <= 0.0 { 1.0 } else { (beta.max(0.0) / delta).min(1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Examples;
    use crate::methods::linear::Standard;

    #[test]
    fn the_shrinkage_is_that_of_scikit_learn() {
        let golden: serde_json::Value = serde_json::from_str(include_str!("../tests/golden/heads.json")).unwrap();
        let embeddings: Vec<f32> = serde_json::from_value(golden["values"].clone()).unwrap();
        let examples = Examples { width: 12, positions: 1, classes: 3, groups: vec![0; 60], labels: vec![None; 180], embeddings };
        let inputs = Standard::of(&examples).apply(&examples);
        let rows = Rows { values: &inputs, width: 12 };
        let found = ledoit_wolf(rows, &covariance(rows));
        let expected = golden["ledoit_wolf"].as_f64().unwrap();
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    }
}
