//! AdamW and SGD on one flat tensor of parameters, with their state in the open: tch's own can't be saved.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::error::check;
use crate::network::StateDict;
use crate::{Error, Result};

/// Which optimiser, and its settings.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum OptimizerOptions {
    /// Loshchilov and Hutter 2019: decay apart from the gradient.
    Adamw {
        /// Decay of the mean gradient.
        beta1: f64,
        /// Decay of the mean squared gradient.
        beta2: f64,
        /// Added to the root of the mean squared gradient.
        epsilon: f64,
        /// Share of the learning rate by which every parameter shrinks.
        weight_decay: f64,
    },
    /// Stochastic gradient descent with momentum; decay is added to the gradient, as in torch.
    Sgd {
        /// Decay of the summed gradient.
        momentum: f64,
        /// Share of each parameter that is added to its gradient.
        weight_decay: f64,
    },
}

impl OptimizerOptions {
    /// `torch.optim.AdamW`'s defaults.
    pub const ADAMW: Self = Self::Adamw { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.01 };

    /// Refuses values out of range.
    ///
    /// # Errors
    /// Names the option.
    pub fn validate(&self) -> Result<()> {
        let share = |name, value: f64| check((0.0..1.0).contains(&value), name, "0 or more, less than 1", value);
        let decay = |value: f64| check(value >= 0.0 && value.is_finite(), "weight_decay", "0 or more", value);
        match *self {
            Self::Adamw { beta1, beta2, epsilon, weight_decay } => {
                share("beta1", beta1)?;
                share("beta2", beta2)?;
                check(epsilon > 0.0, "epsilon", "more than 0", epsilon)?;
                decay(weight_decay)
            }
            Self::Sgd { momentum, weight_decay } => {
                share("momentum", momentum)?;
                decay(weight_decay)
            }
        }
    }

    /// Names of the running means that the optimiser keeps.
    fn moments(&self) -> &'static [&'static str] {
        match self {
            Self::Adamw { .. } => &["exp_avg", "exp_avg_sq"],
            Self::Sgd { .. } => &["momentum_buffer"],
        }
    }
}

/// An optimiser and its state for one flat tensor of parameters.
#[derive(Debug)]
pub struct Optimizer {
    options: OptimizerOptions,
    steps: i64,
    moments: Vec<Tensor>,
}

impl Optimizer {
    /// Starts from zero moments.
    ///
    /// # Errors
    /// Options out of range.
    pub fn new(options: OptimizerOptions, parameters: &Tensor) -> Result<Self> {
        options.validate()?;
        let moments = options.moments().iter().map(|_| parameters.f_zeros_like());
        Ok(Self { options, steps: 0, moments: moments.collect::<std::result::Result<_, _>>()? })
    }

    /// Moves `parameters` against `gradient`, both `[n]`.
    ///
    /// # Errors
    /// libtorch's only.
    pub fn step(&mut self, parameters: &mut Tensor, gradient: &Tensor, learning_rate: f64) -> Result<()> {
        let _no_grad = tch::no_grad_guard();
        self.steps += 1;
        match self.options {
            OptimizerOptions::Adamw { beta1, beta2, epsilon, weight_decay } => {
                let [mean, square] = self.moments.as_mut_slice() else { unreachable!("AdamW has two moments") };
                let _ = parameters.f_mul_scalar_(1.0 - learning_rate * weight_decay)?;
                let _ = mean.f_lerp_(gradient, 1.0 - beta1)?;
                let _ = square.f_lerp_(&gradient.f_square()?, 1.0 - beta2)?;
                let steps = self.steps as f64;
                // parameters -= rate * (mean / c1) / (sqrt(square / c2) + epsilon), with the factors gathered in one.
                let root = (1.0 - beta2.powf(steps)).sqrt();
                let rate = learning_rate * root / (1.0 - beta1.powf(steps));
                let denominator = square.f_sqrt()?.f_add_scalar_(epsilon * root)?.f_mul_scalar_(-1.0 / rate)?;
                let _ = parameters.f_addcdiv_(mean, &denominator)?;
            }
            OptimizerOptions::Sgd { momentum, weight_decay } => {
                let [sum] = self.moments.as_mut_slice() else { unreachable!("SGD has one moment") };
                let _ = sum.f_mul_scalar_(momentum)?.f_add_(&parameters.f_mul_scalar(weight_decay)?.f_add_(gradient)?)?;
                let _ = parameters.f_sub_(&sum.f_mul_scalar(learning_rate)?)?;
            }
        }
        Ok(())
    }

    /// How many steps were made.
    pub fn steps(&self) -> i64 {
        self.steps
    }

    /// The moments, sharing memory with the optimiser, and the number of steps.
    pub fn state_dict(&self) -> StateDict {
        let names = self.options.moments().iter().map(|&name| name.to_owned());
        let moments = names.zip(self.moments.iter().map(Tensor::shallow_clone));
        moments.chain([("step".to_owned(), Tensor::from(self.steps))]).collect()
    }

    /// Takes over what [`Optimizer::state_dict`] gave.
    ///
    /// # Errors
    /// A tensor that is missing or of another size.
    pub fn load_state_dict(&mut self, state: &StateDict) -> Result<()> {
        let get = |name: &str| {
            let missing = || Error::Weights { expected: format!("a tensor `{name}`"), found: "none".to_owned() };
            state.get(name).ok_or_else(missing)
        };
        self.steps = get("step")?.f_int64_value(&[])?;
        for (name, mine) in self.options.moments().iter().zip(&mut self.moments) {
            let theirs = get(name)?;
            if theirs.size() != mine.size() {
                let expected = format!("{:?}", mine.size());
                return Err(Error::Shape { name: (*name).to_owned(), expected, found: theirs.size() });
            }
            mine.f_copy_(theirs)?;
        }
        Ok(())
    }
}

/// The learning rate of an epoch, counted from 0: `warmup` epochs of a straight rise to `peak`, then half a cosine down to 0.
pub fn scheduled(peak: f64, epoch: usize, warmup: usize, epochs: usize) -> f64 {
    if epoch < warmup {
        return peak * (epoch + 1) as f64 / (warmup + 1) as f64;
    }
    cosine(peak, epoch - warmup, epochs.saturating_sub(warmup).max(1))
}

/// Scales a gradient down to an L2 length of `longest`, as `torch.nn.utils.clip_grad_norm_` does; nobody waits for the length.
///
/// # Errors
/// libtorch's only.
pub fn clip(gradient: Tensor, longest: f64) -> Result<Tensor> {
    let factor = gradient.f_norm()?.f_add_scalar(1e-6)?.f_reciprocal()?.f_mul_scalar(longest)?.f_clamp_max(1.0)?;
    Ok(gradient.f_mul(&factor)?)
}

/// The learning rate of an epoch, counted from 0: half a cosine from `first` to 0 over all `epochs`.
pub fn cosine(first: f64, epoch: usize, epochs: usize) -> f64 {
    first * (1.0 + (std::f64::consts::PI * epoch as f64 / epochs as f64).cos()) / 2.0
}

#[cfg(test)]
mod tests {
    use tch::Kind;

    use super::*;

    fn minimise(options: OptimizerOptions, learning_rate: f64, steps: usize) -> f64 {
        let target = Tensor::from_slice(&[1.0, -2.0, 0.5]);
        let mut parameters = Tensor::zeros([3], (Kind::Double, crate::device::HOST));
        let mut optimizer = Optimizer::new(options, &parameters).unwrap();
        for _ in 0..steps {
            let gradient = &parameters - &target;
            optimizer.step(&mut parameters, &gradient, learning_rate).unwrap();
        }
        (parameters - target).abs().max().double_value(&[])
    }

    #[test]
    fn both_find_the_minimum_of_a_parabola() {
        let adamw = OptimizerOptions::Adamw { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 };
        assert!(minimise(adamw, 0.05, 1000) < 1e-3);
        assert!(minimise(OptimizerOptions::Sgd { momentum: 0.9, weight_decay: 0.0 }, 0.05, 1000) < 1e-6);
    }

    #[test]
    fn a_saved_state_continues_bit_for_bit() {
        for options in [OptimizerOptions::ADAMW, OptimizerOptions::Sgd { momentum: 0.9, weight_decay: 0.01 }] {
            let gradient = |step: usize| Tensor::from_slice(&[0.3f32, -0.1 * step as f32, 7.0]);
            let mut parameters = Tensor::from_slice(&[1f32, 2.0, 3.0]);
            let mut whole = Optimizer::new(options, &parameters).unwrap();
            (0..5).for_each(|step| whole.step(&mut parameters, &gradient(step), 0.1).unwrap());
            let mut copy = parameters.copy();
            let mut resumed = Optimizer::new(options, &copy).unwrap();
            resumed.load_state_dict(&whole.state_dict()).unwrap();
            (5..9).for_each(|step| whole.step(&mut parameters, &gradient(step), 0.1).unwrap());
            (5..9).for_each(|step| resumed.step(&mut copy, &gradient(step), 0.1).unwrap());
            assert_eq!(parameters, copy);
        }
    }

    #[test]
    fn the_cosine_starts_high_and_falls_to_nothing() {
        assert_eq!(cosine(0.01, 0, 100), 0.01);
        assert!((cosine(0.01, 50, 100) - 0.005).abs() < 1e-12);
        assert!(cosine(0.01, 100, 100).abs() < 1e-12);
    }

    #[test]
    fn the_warm_up_rises_to_where_the_cosine_starts() {
        let rates: Vec<f64> = (0..6).map(|epoch| scheduled(0.01, epoch, 3, 6)).collect();
        for (found, expected) in rates.iter().zip([0.0025, 0.005, 0.0075, 0.01, 0.0075, 0.0025]) {
            assert!((found - expected).abs() < 1e-12, "{rates:?}");
        }
        assert_eq!(scheduled(0.01, 3, 0, 10), cosine(0.01, 3, 10));
    }

    #[test]
    fn only_long_gradients_are_clipped() {
        let gradient = Tensor::from_slice(&[3.0, 4.0]);
        assert_eq!(clip(gradient.copy(), 6.0).unwrap(), gradient);
        let clipped = clip(gradient.copy(), 1.0).unwrap();
        assert!((clipped.norm().double_value(&[]) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn options_out_of_range_are_refused() {
        let parameters = Tensor::zeros([1], (Kind::Float, crate::device::HOST));
        let bad = OptimizerOptions::Sgd { momentum: 1.0, weight_decay: 0.0 };
        assert!(matches!(Optimizer::new(bad, &parameters), Err(Error::Option { name: "momentum", .. })));
    }
}
