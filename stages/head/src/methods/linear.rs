//! Heads with one weight for each class and value, whatever method fitted them.

use safetensors::SafeTensors;

use super::method::Head;
use crate::HeadError;
use crate::examples::Examples;
use crate::weights::{Tensor, tensor};

const WEIGHT: &str = "head.weight";
const BIAS: &str = "head.bias";
/// The logit of a class that was not learnt, since it has no positives or no negatives: a score of 0.0000454.
pub(crate) const NOT_LEARNT: f32 = -10.0;

/// Logits are W x + b.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    /// `[class, value]`
    pub weight: Vec<f32>,
    /// `[class]`
    pub bias: Vec<f32>,
}

impl Linear {
    /// Reads the two tensors.
    ///
    /// # Errors
    /// [`HeadError::Weights`].
    pub(crate) fn read(tensors: &SafeTensors<'_>, classes: usize, width: usize) -> Result<Self, HeadError> {
        let (_, weight) = tensor(tensors, WEIGHT, &[classes, width])?;
        let (_, bias) = tensor(tensors, BIAS, &[classes])?;
        Ok(Self { weight, bias })
    }
}

impl Head for Linear {
    fn logits(&self, embedding: &[f32], logits: &mut [f32]) {
        for ((logit, row), bias) in logits.iter_mut().zip(self.weight.chunks_exact(embedding.len())).zip(&self.bias) {
            *logit = dot(row, embedding) + bias;
        }
    }

    fn tensors(&self) -> Vec<Tensor> {
        let classes = self.bias.len();
        let shape = vec![classes, self.weight.len() / classes.max(1)];
        vec![
            Tensor { name: WEIGHT, shape, values: self.weight.clone() },
            Tensor { name: BIAS, shape: vec![classes], values: self.bias.clone() },
        ]
    }

    fn linear(&self) -> Option<(&[f32], &[f32])> {
        Some((&self.weight, &self.bias))
    }
}

/// Eight sums side by side, which a compiler turns into vector instructions; the order is the same on every processor.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 8];
    let (a8, b8) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = a8.remainder().iter().zip(b8.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a8.zip(b8) {
        for i in 0..8 {
            sums[i] += x[i] * y[i];
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// Mean and standard deviation of each value of an embedding over some windows. A value that does not vary has the deviation 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Standard {
    mean: Vec<f64>,
    deviation: Vec<f64>,
}

impl Standard {
    /// That of these windows.
    pub fn of(examples: &Examples) -> Self {
        let (n, width) = (examples.len().max(1) as f64, examples.width);
        let rows = || examples.embeddings.chunks_exact(width);
        let mut mean = vec![0.0; width];
        rows().for_each(|row| mean.iter_mut().zip(row).for_each(|(sum, &value)| *sum += f64::from(value)));
        mean.iter_mut().for_each(|sum| *sum /= n);
        let mut deviation = vec![0.0; width];
        for row in rows() {
            let squares = row.iter().zip(&mean).map(|(&value, mean)| (f64::from(value) - mean).powi(2));
            deviation.iter_mut().zip(squares).for_each(|(sum, square)| *sum += square);
        }
        for value in &mut deviation {
            *value = (*value / n).sqrt();
            if *value < 1e-12 {
                *value = 1.0;
            }
        }
        Self { mean, deviation }
    }

    /// The embeddings with mean 0 and deviation 1.
    pub fn apply(&self, examples: &Examples) -> Vec<f64> {
        let scaled = |row: &'_ [f32]| -> Vec<f64> {
            let pairs = row.iter().zip(&self.mean).zip(&self.deviation);
            pairs.map(|((&value, mean), deviation)| (f64::from(value) - mean) / deviation).collect()
        };
        examples.embeddings.chunks_exact(examples.width).flat_map(scaled).collect()
    }

    /// The head for embeddings as they are, of one for standardised ones: `[class, value + 1]`, the last being the bias. A class that was
    /// not learnt is never found.
    pub fn undo(&self, weights: &[f64], learnt: &[bool]) -> Linear {
        let width = self.mean.len();
        let (mut weight, mut bias) = (Vec::with_capacity(weights.len()), Vec::new());
        for (row, &learnt) in weights.chunks_exact(width + 1).zip(learnt) {
            if !learnt {
                weight.extend(std::iter::repeat_n(0.0, width));
                bias.push(NOT_LEARNT);
                continue;
            }
            let own: Vec<f64> = row[..width].iter().zip(&self.deviation).map(|(w, deviation)| w / deviation).collect();
            bias.push((row[width] - own.iter().zip(&self.mean).map(|(w, mean)| w * mean).sum::<f64>()) as f32);
            weight.extend(own.iter().map(|&w| w as f32));
        }
        Linear { weight, bias }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_for_standardised_embeddings_serves_those_as_they_are() {
        let examples = Examples {
            width: 2,
            positions: 1,
            classes: 1,
            embeddings: vec![1.0, 5.0, 3.0, 5.0, 5.0, 5.0],
            labels: vec![None; 3],
            groups: vec![0; 3],
        };
        let standard = Standard::of(&examples);
        let scaled = standard.apply(&examples);
        assert!((scaled[0] + 1.224_744_871).abs() < 1e-8 && scaled[1] == 0.0, "{scaled:?}");
        let head = standard.undo(&[2.0, 3.0, 0.5], &[true]);
        let mut logit = [0.0];
        head.logits(&[1.0, 5.0], &mut logit);
        assert!((f64::from(logit[0]) - (2.0 * scaled[0] + 0.5)).abs() < 1e-5);
        assert_eq!(standard.undo(&[2.0, 3.0, 0.5], &[false]).bias, [NOT_LEARNT]);
        assert_eq!(dot(&[1.0; 19], &[2.0; 19]), 38.0);
    }
}
