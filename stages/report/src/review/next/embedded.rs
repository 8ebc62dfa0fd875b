//! Embeddings of single windows.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::Array;
use chorus_engine::Unit;
use chorus_tables::halves;

use super::scored::Vectors;
use crate::export::ExportError;
use crate::export::run::Run;

/// Reads the embeddings of labelled windows and of candidates, by name, from the table `embeddings`: each only once, and no others.
///
/// # Errors
/// Those of reading.
pub(super) fn read(
    run: &Run,
    labelled: &BTreeMap<Unit, BTreeSet<String>>,
    wanted: &BTreeSet<String>,
) -> Result<Vectors, ExportError> {
    let mut vectors = Vectors::default();
    for part in run.parts("embeddings")? {
        let reader = part.open()?;
        let ids = reader.read(&["segment_id"])?;
        let ids = ids.utf8("segment_id")?;
        let known = labelled.get(&part.unit);
        let is_known = |id: &str| known.is_some_and(|known| known.contains(id));
        let rows: Vec<usize> =
            (0..ids.len()).filter(|&row| wanted.contains(ids.value(row)) || is_known(ids.value(row))).collect();
        if rows.is_empty() {
            continue;
        }
        let batch = reader.rows_at(&rows, &["embedding"])?;
        let arrays = batch.arrays("embedding")?;
        for (at, &row) in rows.iter().enumerate() {
            let (id, vector) = (ids.value(row), of_length_1(arrays.value(at)));
            if is_known(id) {
                vectors.labelled.push(vector.clone());
            }
            if wanted.contains(id) {
                vectors.by_window.insert(id.to_owned(), vector);
            }
        }
    }
    Ok(vectors)
}

/// A vector of little-endian float16 in the same direction with length 1; all zeros stay so.
fn of_length_1(bytes: &[u8]) -> Vec<f32> {
    let values: Vec<f32> = halves(bytes).collect();
    let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
    values.into_iter().map(|value| if length > 0.0 { value / length } else { 0.0 }).collect()
}

#[cfg(test)]
mod tests {
    use half::f16;

    use super::*;

    #[test]
    fn vectors_have_length_1_and_zeros_stay() {
        let bytes = |values: [f32; 2]| values.map(|value| f16::from_f32(value).to_le_bytes()).concat();
        assert_eq!(of_length_1(&bytes([3.0, -4.0])), [0.6, -0.8]);
        assert_eq!(of_length_1(&bytes([0.0, 0.0])), [0.0, 0.0]);
    }
}
