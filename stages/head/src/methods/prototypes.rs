//! Prototypes: some typical embeddings of each class. A window is as likely as it is similar to the nearest of them; similarity is the
//! cosine of embeddings from which the mean of all was taken. Prototypes are the centres of spherical k-means over a class's positive
//! windows (Dhillon and Modha, *Machine Learning* 42, 2001); slope and bias of each class are a logistic regression on the similarity.
//!
//! Of a map, which has an embedding for each position within a window, the position that is most similar counts. Where a positive window
//! has the class is not known: at first it is where the window differs most from others, then where it is most like a prototype.

use chorus_keys::{Key, Keys};
use rayon::prelude::*;
use safetensors::SafeTensors;
use serde::Deserialize;

use super::linear::{NOT_LEARNT, dot};
use super::logistic::Logistic;
use super::method::{Fit, Fitting, Head, Method, MethodSettings};
use crate::HeadError;
use crate::examples::Examples;
use crate::weights::{Tensor, tensor};

/// The method.
pub struct Prototypes;

/// Its options.
#[derive(Debug, Deserialize, Keys)]
#[keys(section = "head")]
#[allow(dead_code, reason = "the method reads the option by its name")]
struct Options {
    /// prototypes: numbers of prototypes of a class, between which the inner folds choose. A class has at most one for two positive
    /// windows.
    #[key(default = "[1, 2, 4, 8]", range = 1..=1000)]
    prototypes: Vec<usize>,
}

impl Method for Prototypes {
    fn name(&self) -> &'static str {
        "prototypes"
    }

    fn about(&self) -> &'static str {
        "similarity to some typical windows of each class"
    }

    fn keys(&self) -> Vec<Key> {
        Options::keys()
    }

    fn fit(&self) -> Option<&dyn Fit> {
        Some(self)
    }

    fn takes_maps(&self) -> bool {
        true
    }

    fn read(&self, tensors: &SafeTensors<'_>, classes: usize, width: usize) -> Result<Box<dyn Head>, HeadError> {
        let (_, mean) = tensor(tensors, "mean", &[width])?;
        let (shape, centres) = tensor(tensors, "prototypes", &[0, width])?;
        let (_, of) = tensor(tensors, "prototypes.class", &[shape[0]])?;
        let (_, slope) = tensor(tensors, "slope", &[classes])?;
        let (_, bias) = tensor(tensors, "bias", &[classes])?;
        Ok(Box::new(Nearest { mean, centres, of: of.into_iter().map(|class| class as usize).collect(), slope, bias }))
    }
}

impl Fit for Prototypes {
    fn settings(&self, options: &MethodSettings) -> Vec<f64> {
        let mut numbers = options.numbers("prototypes");
        numbers.sort_by(f64::total_cmp);
        numbers.dedup();
        numbers
    }

    fn heads(&self, fitting: &Fitting<'_>, examples: &Examples, settings: &[f64]) -> Result<Vec<Box<dyn Head>>, HeadError> {
        settings.iter().map(|&most| Ok(Box::new(fit(fitting, examples, most as usize)?) as Box<dyn Head>)).collect()
    }
}

/// The fitted head.
#[derive(Debug, Clone, PartialEq)]
struct Nearest {
    /// `[value]`
    mean: Vec<f32>,
    /// `[prototype, value]`, of length 1.
    centres: Vec<f32>,
    /// `[prototype]`: its class.
    of: Vec<usize>,
    /// `[class]`
    slope: Vec<f32>,
    /// `[class]`
    bias: Vec<f32>,
}

impl Nearest {
    /// For each class, the cosine of the most similar position to its nearest prototype; -1 for a class without any.
    fn similarities(&self, map: &[f32]) -> Vec<f32> {
        let width = self.mean.len();
        let mut nearest = vec![-1.0_f32; self.slope.len()];
        for embedding in map.chunks_exact(width) {
            let direction = direction(embedding, &self.mean);
            for (centre, &class) in self.centres.chunks_exact(width).zip(&self.of) {
                if let Some(nearest) = nearest.get_mut(class) {
                    *nearest = nearest.max(dot(centre, &direction));
                }
            }
        }
        nearest
    }
}

impl Head for Nearest {
    fn logits(&self, embedding: &[f32], logits: &mut [f32]) {
        let similarities = self.similarities(embedding);
        for (class, logit) in logits.iter_mut().enumerate() {
            *logit = self.slope[class] * similarities[class] + self.bias[class];
        }
    }

    fn tensors(&self) -> Vec<Tensor> {
        let (classes, n) = (self.slope.len(), self.of.len());
        let of = self.of.iter().map(|&class| class as f32).collect();
        vec![
            Tensor { name: "mean", shape: vec![self.mean.len()], values: self.mean.clone() },
            Tensor { name: "prototypes", shape: vec![n, self.mean.len()], values: self.centres.clone() },
            Tensor { name: "prototypes.class", shape: vec![n], values: of },
            Tensor { name: "slope", shape: vec![classes], values: self.slope.clone() },
            Tensor { name: "bias", shape: vec![classes], values: self.bias.clone() },
        ]
    }
}

/// An embedding without the mean, of length 1; zeros where nothing is left.
fn direction(embedding: &[f32], mean: &[f32]) -> Vec<f32> {
    let mut direction: Vec<f32> = embedding.iter().zip(mean).map(|(value, mean)| value - mean).collect();
    unit(&mut direction);
    direction
}

fn unit(values: &mut [f32]) {
    let length = values.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
    if length > 0.0 {
        values.iter_mut().for_each(|x| *x = (f64::from(*x) / length) as f32);
    }
}

fn fit(fitting: &Fitting<'_>, examples: &Examples, most: usize) -> Result<Nearest, HeadError> {
    let (n, width) = ((examples.len() * examples.positions).max(1) as f64, examples.width);
    let mut sums = vec![0.0_f64; width];
    for row in examples.embeddings.chunks_exact(width) {
        sums.iter_mut().zip(row).for_each(|(sum, &x)| *sum += f64::from(x));
    }
    let mean: Vec<f32> = sums.iter().map(|sum| (sum / n) as f32).collect();
    let directions: Vec<Vec<f32>> = examples.embeddings.chunks_exact(width).map(|row| direction(row, &mean)).collect();
    let of_class = |class: usize| -> Vec<Vec<f32>> {
        let with = |label: bool| (0..examples.len()).filter(move |&window| examples.labels(window)[class] == Some(label));
        let map = |window: usize| &directions[window * examples.positions..(window + 1) * examples.positions];
        let positive: Vec<&[Vec<f32>]> = with(true).map(map).collect();
        let k = most.min(positive.len().div_ceil(2));
        if examples.positions == 1 {
            return centres(&positive.iter().map(|map| map[0].as_slice()).collect::<Vec<_>>(), k);
        }
        let mut found = vec![difference(positive.iter().copied().flatten(), with(false).flat_map(map), width)];
        for _ in 0..CHOICES {
            let chosen: Vec<&[f32]> = positive.iter().map(|map| most_similar(map, &found)).collect();
            found = centres(&chosen, k);
        }
        found
    };
    let all: Vec<Vec<Vec<f32>>> = (0..examples.classes).into_par_iter().map(of_class).collect();
    let of = all.iter().enumerate().flat_map(|(class, own)| std::iter::repeat_n(class, own.len())).collect();
    let centres = all.into_iter().flatten().flatten().collect();
    let mut nearest = Nearest { mean, centres, of, slope: vec![0.0; examples.classes], bias: vec![NOT_LEARNT; examples.classes] };
    let similarities: Vec<f32> =
        examples.embeddings.par_chunks_exact(width * examples.positions).flat_map_iter(|row| nearest.similarities(row)).collect();
    for class in 0..examples.classes {
        let column = |values: &[f32]| values.iter().skip(class).step_by(examples.classes).copied().collect();
        let labels = examples.labels.iter().skip(class).step_by(examples.classes).copied().collect();
        let one = Examples {
            width: 1,
            positions: 1,
            classes: 1,
            embeddings: column(&similarities),
            labels,
            groups: examples.groups.clone(),
        };
        // Hardly regularised: two numbers from many windows.
        let heads = Logistic.heads(fitting, &one, &[1.0])?;
        let (mut at_zero, mut at_one) = ([0.0], [0.0]);
        heads[0].logits(&[0.0], &mut at_zero);
        heads[0].logits(&[1.0], &mut at_one);
        (nearest.slope[class], nearest.bias[class]) = (at_one[0] - at_zero[0], at_zero[0]);
    }
    Ok(nearest)
}

/// How often the position of each positive window is chosen: by what distinguishes the class, then by the prototypes found.
const CHOICES: usize = 3;

/// The direction from the mean of some directions to that of others.
fn difference<'a>(to: impl Iterator<Item = &'a Vec<f32>>, from: impl Iterator<Item = &'a Vec<f32>>, width: usize) -> Vec<f32> {
    let mean = |rows: &mut dyn Iterator<Item = &'a Vec<f32>>| {
        let (mut sum, mut n) = (vec![0.0_f64; width], 0.0);
        for row in rows {
            sum.iter_mut().zip(row).for_each(|(sum, &x)| *sum += f64::from(x));
            n += 1.0;
        }
        sum.iter_mut().for_each(|sum| *sum /= f64::max(n, 1.0));
        sum
    };
    let (mut to, mut from) = (to, from);
    let (to, from) = (mean(&mut to), mean(&mut from));
    let mut direction: Vec<f32> = to.iter().zip(from).map(|(to, from)| (to - from) as f32).collect();
    unit(&mut direction);
    direction
}

/// The position of a map that is most similar to any of some directions; of equal ones the first.
fn most_similar<'a>(map: &'a [Vec<f32>], directions: &[Vec<f32>]) -> &'a [f32] {
    let similarity = |at: &Vec<f32>| directions.iter().map(|own| dot(at, own)).fold(f32::NEG_INFINITY, f32::max);
    map.iter().rev().max_by(|a, b| similarity(a).total_cmp(&similarity(b))).map_or(&[], Vec::as_slice)
}

/// Centres of spherical k-means. The first ones lie far from each other: each is the window least similar to those before, the very first
/// the one most similar to the mean; so nothing is drawn.
fn centres(windows: &[&[f32]], k: usize) -> Vec<Vec<f32>> {
    const ROUNDS: usize = 50;
    let Some(width) = windows.first().map(|window| window.len()) else { return Vec::new() };
    let centre = |own: &mut dyn Iterator<Item = &&[f32]>| {
        let mut sum = vec![0.0; width];
        own.for_each(|window| sum.iter_mut().zip(*window).for_each(|(sum, x)| *sum += x));
        unit(&mut sum);
        sum
    };
    let mean = centre(&mut windows.iter());
    let first = (0..windows.len()).rev().max_by(|&a, &b| dot(windows[a], &mean).total_cmp(&dot(windows[b], &mean))).unwrap_or(0);
    let mut centres = vec![windows[first].to_vec()];
    while centres.len() < k {
        let similarity = |i: usize| centres.iter().map(|centre| dot(windows[i], centre)).fold(f32::NEG_INFINITY, f32::max);
        let farthest = (0..windows.len()).min_by(|&a, &b| similarity(a).total_cmp(&similarity(b))).unwrap_or(0);
        centres.push(windows[farthest].to_vec());
    }
    let mut last = Vec::new();
    for _ in 0..ROUNDS {
        let nearest = |window: &[f32]| {
            (0..centres.len()).rev().max_by(|&a, &b| dot(window, &centres[a]).total_cmp(&dot(window, &centres[b]))).unwrap_or(0)
        };
        let assigned: Vec<usize> = windows.iter().map(|window| nearest(window)).collect();
        if assigned == last {
            break;
        }
        for (i, old) in centres.iter_mut().enumerate() {
            if assigned.contains(&i) {
                *old = centre(&mut windows.iter().zip(&assigned).filter(|(_, at)| **at == i).map(|(window, _)| window));
            }
        }
        last = assigned;
    }
    centres
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_found_at_any_position_of_a_map() {
        // A call lies at another position in each positive window; the other positions, and all of negative windows, are noise.
        let mut state = 7_u32;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32 - 0.5
        };
        let (windows, positions, width) = (60, 4, 8);
        let mut examples = Examples { width, positions, classes: 1, groups: (0..windows).collect(), ..Examples::default() };
        for window in 0..windows {
            let has_call = window % 3 == 0;
            examples.labels.push(Some(has_call));
            for position in 0..positions {
                let call = if has_call && position == window % positions { 2.0 } else { 0.0 };
                examples.embeddings.extend((0..width).map(|value| noise() + if value == 5 { call } else { 0.0 }));
            }
        }
        let options = MethodSettings::default();
        let class_weight = super::super::method::ClassWeight::Balanced;
        let fitting = Fitting { options: &options, class_weight, unlabelled_weight: 0.0, seed: 0 };
        let head = fit(&fitting, &examples, 1).unwrap();
        let logit = |window: usize| {
            let mut logit = [0.0];
            head.logits(examples.embedding(window), &mut logit);
            logit[0]
        };
        let lowest = (0..windows).step_by(3).map(logit).fold(f32::INFINITY, f32::min);
        let highest = (0..windows).filter(|window| window % 3 > 0).map(logit).fold(f32::NEG_INFINITY, f32::max);
        assert!(lowest > highest, "{lowest} {highest}");
        assert!(head.centres[5] > 0.9, "{:?}", head.centres);
    }

    #[test]
    fn a_class_with_two_voices_gets_a_prototype_of_each() {
        let windows: Vec<Vec<f32>> =
            [[1.0, 0.1, 0.0], [1.0, -0.1, 0.0], [0.0, 0.1, 1.0], [0.0, -0.1, 1.0]].map(|w| direction(&w, &[0.0; 3])).into();
        let windows: Vec<&[f32]> = windows.iter().map(Vec::as_slice).collect();
        let two = centres(&windows, 2);
        let mut ends: Vec<[i32; 3]> = two.iter().map(|c| [c[0], c[1], c[2]].map(|x| (x * 100.0).round() as i32)).collect();
        ends.sort_unstable();
        assert_eq!(ends, [[0, 0, 100], [100, 0, 0]]);
        assert_eq!(centres(&windows, 1).len(), 1);
        assert!(centres(&[], 3).is_empty());
    }
}
