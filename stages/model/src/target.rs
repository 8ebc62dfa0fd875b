//! What the outputs of a step should be.

use tch::Tensor;

/// Labels to learn, and how much each of them counts; both `[row, class]`.
#[derive(Debug)]
pub struct Target {
    /// 0 to 1.
    pub labels: Tensor,
    /// 0 to 1; 0 where the label is not known.
    pub weights: Tensor,
}

/// The least divisor, which keeps 0 / 0 from becoming NaN.
pub(crate) const SMALLEST: f64 = f32::MIN_POSITIVE as f64;
