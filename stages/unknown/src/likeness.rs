//! Distances of embeddings from those that a model learnt from.

use chorus_head::{Rows, covariance, ledoit_wolf};
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2};

/// What distances are measured from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Likeness {
    /// Values of an embedding.
    pub width: usize,
    /// Embeddings of train, each of length 1, `[window, value]`.
    pub reference: Vec<f32>,
    /// Mean of all of them `[value]`.
    pub centre: Vec<f32>,
    /// What makes embeddings less their mean vary alike in all directions, `[value, value]`.
    pub whitening: Vec<f32>,
    /// Means of the classes, whitened, `[group, value]`.
    pub means: Vec<f32>,
}

impl Likeness {
    /// From embeddings `[window, value]`, and the groups of each window: its classes, or one of its own for windows without any.
    ///
    /// # Errors
    /// In words, where the embeddings do not vary.
    pub(crate) fn new(embeddings: &[f32], width: usize, groups: &[Vec<usize>], most: usize) -> Result<Self, String> {
        let n = embeddings.len() / width;
        let rows = || embeddings.chunks_exact(width);
        let step = n.div_ceil(most).max(1);
        let reference = rows().step_by(step).flat_map(unit).collect();
        let mut centre = vec![0.0_f64; width];
        rows().for_each(|row| centre.iter_mut().zip(row).for_each(|(sum, &value)| *sum += f64::from(value) / n as f64));
        let number = groups.iter().flatten().max().map_or(0, |most| most + 1);
        let (mut means, mut counts) = (vec![0.0_f64; number * width], vec![0.0_f64; number]);
        for (row, own) in rows().zip(groups) {
            for &group in own {
                counts[group] += 1.0;
                let mean = &mut means[group * width..(group + 1) * width];
                mean.iter_mut().zip(row).zip(&centre).for_each(|((sum, &value), centre)| *sum += f64::from(value) - centre);
            }
        }
        for (mean, &count) in means.chunks_exact_mut(width).zip(&counts) {
            mean.iter_mut().for_each(|sum| *sum /= count.max(1.0));
        }
        // How windows differ from the means of their classes: one covariance for all.
        let mut residuals = Vec::with_capacity(embeddings.len());
        for (row, own) in rows().zip(groups) {
            for &group in own {
                let mean = &means[group * width..(group + 1) * width];
                residuals
                    .extend(row.iter().zip(&centre).zip(mean).map(|((&value, centre), mean)| f64::from(value) - centre - mean));
            }
        }
        let rows_of = Rows { values: &residuals, width };
        let mut matrix = covariance(rows_of);
        let (share, trace) = (ledoit_wolf(rows_of, &matrix), matrix.trace() / width as f64);
        if trace <= 0.0 || !trace.is_finite() {
            return Err("the embeddings of the windows of train do not vary".to_owned());
        }
        matrix *= 1.0 - share;
        for i in 0..width {
            // Where hardly anything is shrunk, rounding must not make it singular.
            matrix[(i, i)] += share.max(1e-6) * trace;
        }
        let factor = matrix.cholesky().ok_or("the covariance of the embeddings cannot be inverted")?;
        let inverse = factor.l().try_inverse().ok_or("the covariance of the embeddings cannot be inverted")?;
        let whitening: Vec<f32> = inverse.transpose().iter().map(|&value| value as f32).collect();
        let present: Vec<f32> = (0..number)
            .filter(|&group| counts[group] > 0.0)
            .flat_map(|group| means[group * width..(group + 1) * width].iter().map(|&value| value as f32))
            .collect();
        let mut likeness = Self {
            width,
            reference,
            centre: centre.into_iter().map(|value| value as f32).collect(),
            whitening,
            means: Vec::new(),
        };
        likeness.means = likeness.whitened(&present);
        Ok(likeness)
    }

    /// For each embedding `[window, value]` the mean of 1 less the cosine over its nearest neighbours of train, and the distance from the
    /// nearest mean of a class.
    pub(crate) fn distances(&self, embeddings: &[f32], neighbours: usize) -> Vec<(f32, f32)> {
        let width = self.width;
        let units: Vec<f32> = embeddings.chunks_exact(width).flat_map(unit).collect();
        let n = embeddings.len() / width;
        let references = self.reference.len() / width;
        let mut cosines = Array2::<f32>::zeros((n, references));
        general_mat_mul(1.0, &view(&units, width), &view(&self.reference, width).t(), 0.0, &mut cosines);
        let centred: Vec<f32> = embeddings
            .chunks_exact(width)
            .flat_map(|row| row.iter().zip(&self.centre).map(|(value, centre)| value - centre))
            .collect();
        let whitened = self.whitened(&centred);
        let nearest = |row: &[f32]| {
            let squares =
                self.means.chunks_exact(width).map(|mean| row.iter().zip(mean).map(|(a, b)| (a - b) * (a - b)).sum::<f32>());
            squares.fold(f32::INFINITY, f32::min).sqrt()
        };
        let mut found = Vec::with_capacity(n);
        for (mut cosines, row) in cosines.outer_iter().map(|row| row.to_vec()).zip(whitened.chunks_exact(width)) {
            let k = neighbours.min(cosines.len()).max(1);
            cosines.sort_unstable_by(|a, b| b.total_cmp(a));
            let mean = cosines[..k].iter().sum::<f32>() / k as f32;
            found.push((1.0 - mean, nearest(row)));
        }
        found
    }

    fn whitened(&self, centred: &[f32]) -> Vec<f32> {
        let n = centred.len() / self.width;
        let mut product = Array2::<f32>::zeros((n, self.width));
        general_mat_mul(1.0, &view(centred, self.width), &view(&self.whitening, self.width).t(), 0.0, &mut product);
        product.into_raw_vec_and_offset().0
    }
}

fn view(values: &[f32], width: usize) -> ArrayView2<'_, f32> {
    ArrayView2::from_shape((values.len() / width, width), values).expect("rows are of one length")
}

/// A row of length 1.
fn unit(row: &[f32]) -> impl Iterator<Item = f32> + '_ {
    let length = row.iter().map(|value| value * value).sum::<f32>().sqrt().max(1e-12);
    row.iter().map(move |value| value / length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two classes around (1, 0, 0) and (0, 1, 0), which vary much more in the third direction.
    fn likeness() -> Likeness {
        let mut embeddings = Vec::new();
        let mut groups = Vec::new();
        for i in 0..200 {
            let (class, noise) = (i % 2, ((i * 7919) % 200) as f32 / 100.0 - 1.0);
            let small = ((i * 104_729) % 200) as f32 / 2000.0 - 0.05;
            embeddings.extend(if class == 0 { [1.0 + small, small / 2.0, noise] } else { [small, 1.0 - small / 3.0, noise] });
            groups.push(vec![class]);
        }
        Likeness::new(&embeddings, 3, &groups, 1000).unwrap()
    }

    #[test]
    fn what_lies_between_two_classes_is_far_from_both() {
        let likeness = likeness();
        let found = likeness.distances(&[1.0, 0.0, 0.0, 0.0, 1.0, 0.9, 0.5, 0.5, 0.0, -1.0, 0.0, 0.0], 3);
        let [(_, first), (_, second), (_, between), (opposite, _)] = found[..] else { panic!("{found:?}") };
        assert!(first < 1.0 && second < 3.0 && between > 5.0, "{found:?}");
        assert!(opposite > 0.9 && found[0].0 < 0.01, "{found:?}");
    }

    #[test]
    fn distances_are_those_of_the_definition() {
        let likeness = likeness();
        assert_eq!(likeness.means.len(), 6);
        // The nearest neighbour of a window of train is itself.
        let own: Vec<f32> = likeness.reference[..3].to_vec();
        assert!(likeness.distances(&own, 1)[0].0.abs() < 1e-6);
        assert!(Likeness::new(&[1.0, 1.0, 1.0, 1.0], 2, &[vec![0], vec![0]], 10).is_err(), "embeddings that do not vary");
        assert_eq!(Likeness::new(&[1.0, 0.0, 0.0, 2.0, 3.0, 1.0], 2, &vec![vec![0]; 3], 2).unwrap().reference.len(), 4);
    }
}
