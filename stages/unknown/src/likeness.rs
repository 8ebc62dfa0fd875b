//! Distances of embeddings from those that a model learnt from.

use std::collections::BTreeMap;

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
        // A window with several classes counts with each of them.
        let members: Vec<(usize, Vec<f64>)> = rows()
            .zip(groups)
            .flat_map(|(row, own)| own.iter().map(move |&group| (group, row)))
            .map(|(group, row)| (group, row.iter().zip(&centre).map(|(&value, centre)| f64::from(value) - centre).collect()))
            .collect();
        let means = means(&members, width);
        let deviations = members.iter().flat_map(|(group, row)| row.iter().zip(&means[group]).map(|(value, mean)| value - mean));
        let whitening = whitening(&deviations.collect::<Vec<f64>>(), width)?;
        let mut likeness = Self {
            width,
            reference,
            centre: centre.into_iter().map(|value| value as f32).collect(),
            whitening,
            means: Vec::new(),
        };
        let of_groups: Vec<f32> = means.values().flatten().map(|&value| value as f32).collect();
        likeness.means = likeness.whitened(&of_groups);
        Ok(likeness)
    }

    /// What was learnt with a group of windows more, `[window, value]`: they are compared with too, and so is their mean.
    pub(crate) fn with_group(mut self, embeddings: &[f32]) -> Self {
        let n = (embeddings.len() / self.width) as f32;
        let mut mean: Vec<f32> = self.centre.iter().map(|centre| -centre).collect();
        for row in embeddings.chunks_exact(self.width) {
            self.reference.extend(unit(row));
            mean.iter_mut().zip(row).for_each(|(sum, value)| *sum += value / n);
        }
        let whitened = self.whitened(&mean);
        self.means.extend(whitened);
        self
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

/// The mean of each group of rows.
fn means(members: &[(usize, Vec<f64>)], width: usize) -> BTreeMap<usize, Vec<f64>> {
    let mut sums: BTreeMap<usize, (Vec<f64>, f64)> = BTreeMap::new();
    for (group, row) in members {
        let (sum, count) = sums.entry(*group).or_insert_with(|| (vec![0.0; width], 0.0));
        sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        *count += 1.0;
    }
    sums.into_iter().map(|(group, (sum, count))| (group, sum.into_iter().map(|sum| sum / count).collect())).collect()
}

/// The inverse of the Cholesky factor of the covariance of rows with mean 0, shrunk as Ledoit and Wolf say, `[value, value]` row by row:
/// what it makes of a row has the row's Mahalanobis distance as its length.
fn whitening(rows: &[f64], width: usize) -> Result<Vec<f32>, String> {
    let rows = Rows { values: rows, width };
    let mut matrix = covariance(rows);
    let (share, variance) = (ledoit_wolf(rows, &matrix), matrix.trace() / width as f64);
    if variance <= 0.0 || !variance.is_finite() {
        return Err("the embeddings of the windows of train do not vary".to_owned());
    }
    matrix *= 1.0 - share;
    for i in 0..width {
        // Where hardly anything is shrunk, rounding must not make it singular.
        matrix[(i, i)] += share.max(1e-6) * variance;
    }
    let inverse = matrix.cholesky().and_then(|factor| factor.l().try_inverse());
    let inverse = inverse.ok_or("the covariance of the embeddings cannot be inverted")?;
    Ok(inverse.transpose().iter().map(|&value| value as f32).collect())
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
    fn a_group_more_is_near_and_the_others_stay_where_they_are() {
        let known = [1.0, 0.0, 0.0];
        let new = [0.5, 0.5, 0.1, 0.5, 0.5, -0.1, 0.5, 0.5, 0.0];
        let before = likeness();
        let after = before.clone().with_group(&new);
        assert!(before.distances(&new, 3).iter().all(|&(_, distance)| distance > 3.0));
        assert!(after.distances(&new, 3).iter().all(|&(cosine, distance)| cosine < 0.05 && distance < 1.0));
        let ((cosine, distance), (cosine_before, distance_before)) =
            (after.distances(&known, 3)[0], before.distances(&known, 3)[0]);
        assert!((cosine - cosine_before).abs() < 1e-5 && (distance - distance_before).abs() < 1e-5);
        assert_eq!(after.means[..before.means.len()], before.means);
    }

    /// The distance by solving with the covariance itself, and the cosine by its formula.
    #[test]
    fn distances_are_those_of_the_definition() {
        let mut rows: Vec<[f32; 2]> = Vec::new();
        for i in 0..60 {
            let (a, b) = (((i * 37) % 60) as f32 / 30.0 - 1.0, ((i * 23) % 60) as f32 / 60.0 - 0.5);
            rows.push([2.0 + a, 1.0 + a / 2.0 + b]);
        }
        let embeddings: Vec<f32> = rows.concat();
        let likeness = Likeness::new(&embeddings, 2, &vec![vec![0]; 60], 1000).unwrap();
        let mean = [0, 1].map(|i| rows.iter().map(|row| f64::from(row[i])).sum::<f64>() / 60.0);
        let centred: Vec<f64> = rows.iter().flat_map(|row| [0, 1].map(|i| f64::from(row[i]) - mean[i])).collect();
        let given = Rows { values: &centred, width: 2 };
        let plain = covariance(given);
        let share = ledoit_wolf(given, &plain);
        let variance = plain.trace() / 2.0;
        let entry = |i: usize, j: usize| (1.0 - share) * plain[(i, j)] + if i == j { share * variance } else { 0.0 };
        let determinant = entry(0, 0) * entry(1, 1) - entry(0, 1) * entry(1, 0);
        for asked in [[2.0_f32, 1.0], [4.0, -1.0], [0.5, 3.0]] {
            let [x, y] = [0, 1].map(|i| f64::from(asked[i]) - mean[i]);
            let square = (entry(1, 1) * x * x - 2.0 * entry(0, 1) * x * y + entry(0, 0) * y * y) / determinant;
            let length = |row: &[f32]| row.iter().map(|value| value * value).sum::<f32>().sqrt();
            let cosine = |row: &[f32; 2]| (row[0] * asked[0] + row[1] * asked[1]) / length(row) / length(&asked);
            let mut cosines: Vec<f32> = rows.iter().map(cosine).collect();
            cosines.sort_by(|a, b| b.total_cmp(a));
            let (near, far) = likeness.distances(&asked, 3)[0];
            assert!((f64::from(far) - square.sqrt()).abs() < 1e-3 * square.sqrt(), "{far} {}", square.sqrt());
            assert!((near - (1.0 - cosines[..3].iter().sum::<f32>() / 3.0)).abs() < 1e-5, "{near}");
        }
    }

    #[test]
    fn embeddings_that_do_not_vary_are_refused_and_the_reference_is_bounded() {
        assert!(Likeness::new(&[1.0, 1.0, 1.0, 1.0], 2, &[vec![0], vec![0]], 10).is_err());
        assert_eq!(Likeness::new(&[1.0, 0.0, 0.0, 2.0, 3.0, 1.0], 2, &vec![vec![0]; 3], 2).unwrap().reference.len(), 4);
    }
}
