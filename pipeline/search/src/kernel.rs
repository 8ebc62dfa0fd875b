//! Products of vectors, many at a time, for several processors.
//!
//! Vectors are padded with zeros to whole groups of [`LANES`] values. Each pair of vectors is summed in the same order, however many pairs are
//! computed together and on whatever processor: the compiler neither fuses nor reorders operations on floats.

/// Values that are computed side by side.
const LANES: usize = 16;
/// Windows that are multiplied with a query at a time, so that the query is loaded once for all of them.
const TOGETHER: usize = 4;

/// Values of a padded vector.
pub(crate) fn padded(length: usize) -> usize {
    length.next_multiple_of(LANES)
}

/// The products of each window with each query; `windows` is `[window, value]`, `queries` `[query, value]`, both padded, and `out`
/// `[window, query]`.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2+fma", "aarch64+neon"))]
pub(crate) fn products(windows: &[f32], queries: &[f32], stride: usize, out: &mut [f32]) {
    let number = queries.len() / stride;
    let (groups, out_groups) = (windows.chunks(TOGETHER * stride), out.chunks_mut(TOGETHER * number));
    for (group, out) in groups.zip(out_groups) {
        for (q, query) in queries.chunks_exact(stride).enumerate() {
            if group.len() == TOGETHER * stride {
                let window = |n: usize| &group[n * stride..(n + 1) * stride];
                let found = dots(query, [window(0), window(1), window(2), window(3)]);
                found.iter().enumerate().for_each(|(n, product)| out[n * number + q] = *product);
            } else {
                for (n, window) in group.chunks_exact(stride).enumerate() {
                    [out[n * number + q]] = dots(query, [window]);
                }
            }
        }
    }
}

/// The square of a padded vector's length.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2+fma", "aarch64+neon"))]
pub(crate) fn square(vector: &[f32]) -> f32 {
    let [square] = dots(vector, [vector]);
    square
}

#[inline(always)]
fn dots<const N: usize>(query: &[f32], windows: [&[f32]; N]) -> [f32; N] {
    let (query, _) = query.as_chunks::<LANES>();
    let windows = windows.map(|window| &window.as_chunks::<LANES>().0[..query.len()]);
    let mut sums = [[0f32; LANES]; N];
    for (i, q) in query.iter().enumerate() {
        for (sum, window) in sums.iter_mut().zip(&windows) {
            sum.iter_mut().zip(q).zip(&window[i]).for_each(|((sum, q), w)| *sum += q * w);
        }
    }
    sums.map(total)
}

/// The sum of all lanes, by halves.
#[inline(always)]
fn total(mut sums: [f32; LANES]) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        let (low, high) = sums.split_at_mut(half);
        low.iter_mut().zip(high).for_each(|(low, high)| *low += *high);
        half /= 2;
    }
    sums[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_those_of_a_plain_loop_and_do_not_depend_on_their_company() {
        let (stride, mut bits) = (padded(75), 1u32);
        let mut value = || {
            bits = bits.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (bits >> 8) as f32 / 8_388_608.0 - 1.0
        };
        let windows: Vec<f32> = (0..11 * stride).map(|_| value()).collect();
        let queries: Vec<f32> = (0..3 * stride).map(|_| value()).collect();
        let mut found = vec![0.0; 33];
        products(&windows, &queries, stride, &mut found);
        for (w, window) in windows.chunks(stride).enumerate() {
            for (q, query) in queries.chunks(stride).enumerate() {
                let wanted: f64 = window.iter().zip(query).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
                assert!((f64::from(found[3 * w + q]) - wanted).abs() < 1e-5, "{w}, {q}");
                let mut alone = [0.0];
                products(window, query, stride, &mut alone);
                assert_eq!(alone[0].to_bits(), found[3 * w + q].to_bits());
            }
            assert!((square(window) - window.iter().map(|v| v * v).sum::<f32>()).abs() < 1e-4);
        }
    }
}
