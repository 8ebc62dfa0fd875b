//! An optimiser together with the running means that it keeps.

use std::sync::Arc;

use tch::Tensor;

use super::method::Optimizer;
use crate::Result;
use crate::weights::{self, StateDict};

/// An optimiser and its state for one flat tensor of parameters.
#[derive(Debug)]
pub struct OptimizerState {
    rule: Arc<dyn Optimizer>,
    steps: i64,
    moments: Vec<Tensor>,
}

impl OptimizerState {
    /// Starts from zero moments.
    ///
    /// # Errors
    /// libtorch's only.
    pub fn new(rule: Arc<dyn Optimizer>, parameters: &Tensor) -> Result<Self> {
        let moments = rule.moments().iter().map(|_| parameters.f_zeros_like()).collect::<std::result::Result<_, _>>()?;
        Ok(Self { rule, steps: 0, moments })
    }

    /// Moves `parameters` against `gradient`, both `[n]`.
    ///
    /// # Errors
    /// libtorch's only.
    pub fn step(&mut self, parameters: &mut Tensor, gradient: &Tensor, learning_rate: f64) -> Result<()> {
        let _no_grad = tch::no_grad_guard();
        self.steps += 1;
        self.rule.step(parameters, gradient, &mut self.moments, self.steps, learning_rate)
    }

    /// How many steps were made.
    pub fn steps(&self) -> i64 {
        self.steps
    }

    /// The moments, sharing memory with the optimiser, and the number of steps.
    pub fn state_dict(&self) -> StateDict {
        let names = self.rule.moments().iter().map(|&name| name.to_owned());
        let moments = names.zip(self.moments.iter().map(Tensor::shallow_clone));
        moments.chain([("step".to_owned(), Tensor::from(self.steps))]).collect()
    }

    /// Takes over what [`OptimizerState::state_dict`] gave.
    ///
    /// # Errors
    /// A tensor that is missing or of another size.
    pub fn load_state_dict(&mut self, state: &StateDict) -> Result<()> {
        self.steps = weights::tensor(state, "step")?.f_int64_value(&[])?;
        for (name, mine) in self.rule.moments().iter().zip(&mut self.moments) {
            let theirs = weights::tensor(state, name)?;
            weights::check_shape(name, &mine.size(), theirs)?;
            mine.f_copy_(theirs)?;
        }
        Ok(())
    }
}

/// Scales a gradient down to an L2 length of `longest`, as `torch.nn.utils.clip_grad_norm_` does; nobody waits for the length.
///
/// # Errors
/// libtorch's only.
pub fn clip(gradient: Tensor, longest: f64) -> Result<Tensor> {
    let factor = gradient.f_norm()?.f_add_scalar(1e-6)?.f_reciprocal()?.f_mul_scalar(longest)?.f_clamp_max(1.0)?;
    Ok(gradient.f_mul(&factor)?)
}
