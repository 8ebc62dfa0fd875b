//! What an optimiser is.

#[cfg(feature = "torch")]
use tch::Tensor;

#[cfg(feature = "torch")]
use crate::Result;
use crate::extension::Extension;

/// A rule by which a gradient moves parameters.
pub trait Optimizer: Extension {
    /// Names of the running means that it keeps for each parameter.
    fn moments(&self) -> &'static [&'static str];

    /// Moves `parameters` against `gradient`, both `[n]`. `moments` are as many tensors `[n]` as it has [names](Optimizer::moments)
    /// for, which start as zeros; `steps` counts the steps with this one.
    ///
    /// # Errors
    /// libtorch's only.
    #[cfg(feature = "torch")]
    fn step(&self, parameters: &mut Tensor, gradient: &Tensor, moments: &mut [Tensor], steps: i64, rate: f64) -> Result<()>;
}
