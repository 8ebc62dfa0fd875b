//! Spherical k-means: centres of groups of directions.
//!
//! Sources: Dhillon and Modha, Concept decompositions for large sparse text data using clustering (Machine Learning 42, 2001) for means of
//! directions; Arthur and Vassilvitskii, k-means++: the advantages of careful seeding (SODA 2007) for the first centres.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::kernel;

/// Most rounds; few windows change their group after that.
const ROUNDS: usize = 30;
/// Vectors that one thread takes at a time.
const VECTORS: usize = 64;

/// At most `number` groups of vectors `[vector, value]` by their directions: the group of each vector, from 0, and its similarity to the
/// centre of that group, -1 to 1. The same vectors and seed give the same groups for any number of threads. All vectors are held once
/// more, as float32.
pub fn group_of_each(vectors: &[f32], width: usize, number: usize, seed: u64) -> Vec<(usize, f32)> {
    let stride = kernel::padded(width);
    let mut padded = vec![0.0; vectors.len() / width.max(1) * stride];
    for (padded, vector) in padded.chunks_exact_mut(stride).zip(vectors.chunks_exact(width.max(1))) {
        padded[..width].copy_from_slice(vector);
    }
    normalise(&mut padded, stride);
    let centres = centres(&padded, stride, number, seed);
    if centres.is_empty() {
        return Vec::new();
    }
    assign(&padded, stride, &centres).into_iter().map(|(group, product)| (group, product.clamp(-1.0, 1.0))).collect()
}

/// The nearest of some centres, and the product with it; the first where several are equally near.
pub(crate) fn nearest(products: &[f32]) -> (usize, f32) {
    let mut best = (0, f32::NEG_INFINITY);
    for (i, &product) in products.iter().enumerate() {
        if product > best.1 {
            best = (i, product);
        }
    }
    best
}

/// Makes each vector `[vector, value]`, padded, one of length 1.
pub(crate) fn normalise(vectors: &mut [f32], stride: usize) {
    vectors.par_chunks_mut(stride).for_each(|vector| {
        let norm = vector.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
        if norm > 0.0 {
            vector.iter_mut().for_each(|value| *value = (f64::from(*value) / norm) as f32);
        }
    });
}

/// At most `number` centres `[centre, value]` of vectors of length 1, both padded. The same vectors and seed give the same centres for any
/// number of threads.
pub(crate) fn centres(vectors: &[f32], stride: usize, number: usize, seed: u64) -> Vec<f32> {
    let mut centres = seeds(vectors, stride, number, seed);
    let mut groups = vec![usize::MAX; vectors.len() / stride];
    for _ in 0..ROUNDS {
        let found: Vec<usize> = assign(vectors, stride, &centres).into_iter().map(|(group, _)| group).collect();
        if found == groups {
            break;
        }
        groups = found;
        update(vectors, stride, &groups, &mut centres);
    }
    centres
}

/// k-means++: each further centre is a vector drawn with a chance in proportion to the square of its distance from the nearest centre so
/// far, which between directions is proportional to 1 minus the cosine.
fn seeds(vectors: &[f32], stride: usize, number: usize, seed: u64) -> Vec<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let rows = vectors.len() / stride;
    let mut centres: Vec<f32> = Vec::with_capacity(number * stride);
    let mut distances = vec![1.0f32; rows];
    while centres.len() < number.min(rows) * stride {
        let all: f64 = distances.iter().map(|distance| f64::from(*distance)).sum();
        if all <= 0.0 {
            // Every vector is a centre already.
            break;
        }
        let (mut left, mut drawn) = (random.random::<f64>() * all, None);
        for (row, distance) in distances.iter().enumerate().filter(|(_, distance)| **distance > 0.0) {
            drawn = Some(row);
            left -= f64::from(*distance);
            if left < 0.0 {
                break;
            }
        }
        let Some(row) = drawn else { break };
        let centre = vectors[row * stride..(row + 1) * stride].to_vec();
        let chunks = vectors.par_chunks(VECTORS * stride).zip(distances.par_chunks_mut(VECTORS));
        chunks.for_each(|(vectors, distances)| {
            let mut products = vec![0.0; distances.len()];
            kernel::products(vectors, &centre, stride, &mut products);
            for (distance, product) in distances.iter_mut().zip(products) {
                *distance = distance.min((1.0 - product).max(0.0));
            }
        });
        distances[row] = 0.0;
        centres.extend(centre);
    }
    centres
}

/// The nearest centre of each vector, and the product with it.
fn assign(vectors: &[f32], stride: usize, centres: &[f32]) -> Vec<(usize, f32)> {
    let number = centres.len() / stride;
    let of_chunk = |vectors: &[f32]| {
        let mut products = vec![0.0; vectors.len() / stride * number];
        kernel::products(vectors, centres, stride, &mut products);
        products.chunks_exact(number).map(nearest).collect::<Vec<_>>()
    };
    vectors.par_chunks(VECTORS * stride).flat_map_iter(of_chunk).collect()
}

/// Each centre becomes the direction of the sum of its vectors. One without vectors stays.
fn update(vectors: &[f32], stride: usize, groups: &[usize], centres: &mut [f32]) {
    let mut sums = vec![0f64; centres.len()];
    for (vector, group) in vectors.chunks_exact(stride).zip(groups) {
        let sum = &mut sums[group * stride..(group + 1) * stride];
        sum.iter_mut().zip(vector).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    for (centre, sum) in centres.chunks_exact_mut(stride).zip(sums.chunks_exact(stride)) {
        let norm = sum.iter().map(|value| value.powi(2)).sum::<f64>().sqrt();
        if norm > 0.0 {
            centre.iter_mut().zip(sum).for_each(|(centre, value)| *centre = (value / norm) as f32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors around three directions, in turn.
    fn vectors(rows: usize, stride: usize) -> Vec<f32> {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut vectors = vec![0.0; rows * stride];
        for (row, vector) in vectors.chunks_mut(stride).enumerate() {
            vector.iter_mut().for_each(|value| *value = random.random::<f32>() * 0.1);
            vector[row % 3] += 1.0;
        }
        normalise(&mut vectors, stride);
        vectors
    }

    #[test]
    fn groups_that_are_apart_are_found_whole() {
        let (stride, rows) = (kernel::padded(20), 300);
        let vectors = vectors(rows, stride);
        let centres = centres(&vectors, stride, 3, 7);
        let groups: Vec<usize> = assign(&vectors, stride, &centres).into_iter().map(|(group, _)| group).collect();
        assert!((3..rows).all(|row| groups[row] == groups[row - 3]), "{groups:?}");
        assert!(groups[0] != groups[1] && groups[1] != groups[2] && groups[0] != groups[2]);
        // A centre is the direction of its vectors' sum.
        let sum = |value: usize| (0..rows).step_by(3).map(|row| f64::from(vectors[row * stride + value])).sum::<f64>();
        let (own, norm) = (groups[0] * stride, (0..stride).map(|value| sum(value).powi(2)).sum::<f64>().sqrt());
        assert!((0..stride).all(|value| (f64::from(centres[own + value]) - sum(value) / norm).abs() < 1e-6));
    }

    #[test]
    fn each_vector_is_told_its_group_and_how_like_its_centre_it_is() {
        // The directions of 0, 10 and 90 degrees; lengths do not count.
        let at = |degrees: f32, length: f32| [length * degrees.to_radians().cos(), length * degrees.to_radians().sin()];
        let vectors = [at(0.0, 1.0), at(90.0, 5.0), at(10.0, 0.1), at(90.0, 2.0)].concat();
        let found = group_of_each(&vectors, 2, 2, 3);
        assert!(found[0].0 == found[2].0 && found[1].0 == found[3].0 && found[0].0 != found[1].0, "{found:?}");
        let wanted = [5f32.to_radians().cos(), 1.0, 5f32.to_radians().cos(), 1.0];
        assert!(found.iter().zip(wanted).all(|((_, similarity), wanted)| (similarity - wanted).abs() < 1e-6), "{found:?}");
        assert!(group_of_each(&[], 2, 2, 0).is_empty());
    }

    #[test]
    fn there_are_no_more_centres_than_different_vectors() {
        let stride = kernel::padded(20);
        let two: Vec<f32> = vectors(3, stride)[..2 * stride].repeat(5);
        assert_eq!(centres(&two, stride, 6, 0).len(), 2 * stride);
        assert!(centres(&[], stride, 6, 0).is_empty());
    }
}
