//! Checksums of outputs that hold on every processor and that a change of method does not pass.
//!
//! Values that no floating-point kernel decides are hashed. Floats go into a few sums with weights drawn from the place of each
//! value: they move when values change, and also when rows, bands or columns are swapped, but hardly when the last digits differ.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float32Type, Float64Type, TimestampMicrosecondType};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use half::f16;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::{Deserialize, Serialize};

/// Weighted sums of one column. Two permutations or changes that one of them misses are caught by another.
const SUMS: usize = 3;
/// Hashes of weights: they differ between processors where a training's last digits do.
const UNSTABLE: [&str; 1] = ["model_id"];

/// What is compared of one output.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Checksum {
    /// Rows of a table, lines of a text, bytes of anything else.
    pub size: u64,
    /// Hash of everything that no float decides.
    pub exact: String,
    /// By column: the sum of all magnitudes, then the weighted sums.
    pub floats: BTreeMap<String, Vec<f64>>,
}

impl Checksum {
    /// Whether another one is the same, floats within `tolerance` of their column's sum of magnitudes.
    pub fn is_near(&self, other: &Self, tolerance: f64) -> bool {
        let near = |(a, b): (&Vec<f64>, &Vec<f64>)| {
            let allowed = tolerance * a[0].max(b[0]);
            a.len() == b.len() && a.iter().zip(b).all(|(x, y)| (x - y).abs() <= allowed)
        };
        let columns = || self.floats.keys().eq(other.floats.keys());
        (self.size, &self.exact) == (other.size, &other.exact)
            && columns()
            && self.floats.values().zip(other.floats.values()).all(near)
    }
}

/// Collects the values of one output.
struct Sums {
    exact: Vec<u8>,
    floats: BTreeMap<String, (u64, Vec<f64>)>,
    size: u64,
}

impl Sums {
    fn new() -> Self {
        Self { exact: Vec::new(), floats: BTreeMap::new(), size: 0 }
    }

    fn exact(&mut self, value: &str) {
        self.exact.extend((value.len() as u64).to_le_bytes());
        self.exact.extend(value.as_bytes());
    }

    fn float(&mut self, column: &str, value: f64) {
        let (count, sums) = self.floats.entry(column.to_owned()).or_insert_with(|| (0, vec![0.0; 1 + SUMS]));
        sums[0] += value.abs();
        for (which, sum) in sums[1..].iter_mut().enumerate() {
            *sum += weight(*count, which as u64) * value;
        }
        *count += 1;
    }

    fn finish(self) -> Checksum {
        let floats = self.floats.into_iter().map(|(name, (_, sums))| (name, sums)).collect();
        Checksum { size: self.size, exact: chorus_engine::hash_bytes(&self.exact), floats }
    }
}

/// A number from -1 to 1 that depends on the place alone (the mixing function of SplitMix64).
fn weight(place: u64, which: u64) -> f64 {
    let mut x = (place * SUMS as u64 + which).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((x ^ (x >> 31)) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

/// The checksum of a table's files, in the order given. Tables are sorted by their keys, so the order of rows is part of it.
pub fn of_table<'a>(files: impl IntoIterator<Item = (&'a str, &'a Path)>) -> Checksum {
    let mut sums = Sums::new();
    for (name, path) in files {
        sums.exact(name);
        let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(path).unwrap()).unwrap();
        for batch in reader.build().unwrap() {
            let batch = batch.unwrap();
            sums.size += batch.num_rows() as u64;
            for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
                add_column(&mut sums, field.name(), column);
            }
        }
    }
    sums.finish()
}

fn add_column(sums: &mut Sums, name: &str, column: &ArrayRef) {
    sums.exact(name);
    if UNSTABLE.contains(&name) {
        return;
    }
    match column.data_type() {
        DataType::Float32 => add_floats(sums, name, column.as_primitive::<Float32Type>().iter().map(|v| v.map(f64::from))),
        DataType::Float64 => add_floats(sums, name, column.as_primitive::<Float64Type>().iter()),
        // Spectrograms and embeddings: float16 numbers.
        DataType::FixedSizeBinary(_) => {
            for array in column.as_fixed_size_binary().iter() {
                let values = array.into_iter().flat_map(|bytes| bytes.as_chunks::<2>().0);
                add_floats(sums, name, values.map(|&pair| Some(f64::from(f16::from_le_bytes(pair)))));
            }
        }
        // Instants are whole microseconds; arrow names zones only with a feature of its own.
        DataType::Timestamp(..) => {
            for instant in column.as_primitive::<TimestampMicrosecondType>().iter() {
                sums.exact(&instant.map_or_else(|| "(null)".to_owned(), |us| us.to_string()));
            }
        }
        _ => {
            let formatter = ArrayFormatter::try_new(column, &FormatOptions::default().with_null("(null)")).unwrap();
            (0..column.len()).for_each(|row| sums.exact(&formatter.value(row).to_string()));
        }
    }
}

fn add_floats(sums: &mut Sums, name: &str, values: impl Iterator<Item = Option<f64>>) {
    for value in values {
        sums.exact(if value.is_some() { "a number" } else { "(null)" });
        sums.float(name, value.unwrap_or(0.0));
    }
}

/// The checksum of a file that is no table: numbers with a point are floats, all else counts exactly.
pub fn of_file(name: &str, bytes: &[u8]) -> Checksum {
    let mut sums = Sums::new();
    sums.exact(name);
    match (name.rsplit('.').next(), std::str::from_utf8(bytes)) {
        (Some("safetensors"), _) => add_weights(&mut sums, bytes),
        (Some("yaml" | "csv" | "html"), Ok(text)) => add_text(&mut sums, text),
        // Pictures are drawn from spectrograms: that they are there has to do.
        (Some("png"), _) => {}
        _ => {
            sums.size = bytes.len() as u64;
            sums.exact(&chorus_engine::hash_bytes(bytes));
        }
    }
    sums.finish()
}

/// Eight bytes of length, a header in JSON, then float32 (and some counters, which are next to nothing as floats).
fn add_weights(sums: &mut Sums, bytes: &[u8]) {
    let (length, rest) = bytes.split_at(8);
    let (header, data) = rest.split_at(u64::from_le_bytes(length.try_into().unwrap()) as usize);
    sums.size = bytes.len() as u64;
    sums.exact(std::str::from_utf8(header).unwrap());
    data.as_chunks::<4>().0.iter().for_each(|&four| sums.float("weights", f64::from(f32::from_le_bytes(four))));
}

fn add_text(sums: &mut Sums, text: &str) {
    for line in text.lines() {
        sums.size += 1;
        // Versions of programs change without any change of ours.
        if line.trim_start().starts_with("libtorch:") || line.trim_start().starts_with("chorus:") {
            continue;
        }
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-' || c == '+';
        for word in line.split_inclusive(|c| !is_part(c)) {
            let (word, after) = word.split_at(word.rfind(is_part).map_or(0, |last| last + 1));
            // The end of a sentence is no decimal point.
            let bare = word.trim_end_matches('.');
            match bare.parse::<f64>() {
                Ok(value) if bare.contains('.') => sums.float("numbers", value),
                // Hashes of weights and of what was made from them.
                _ if bare.len() >= 16 && bare.bytes().all(|b| b.is_ascii_hexdigit()) => sums.exact("a hash"),
                _ => sums.exact(bare),
            }
            sums.exact(&word[bare.len()..]);
            sums.exact(after);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, Int64Array, RecordBatch, StringArray};
    use parquet::arrow::ArrowWriter;

    use super::*;

    fn of(values: &[f64]) -> Checksum {
        let mut sums = Sums::new();
        add_floats(&mut sums, "score", values.iter().map(|&value| Some(value)));
        sums.finish()
    }

    #[test]
    fn last_digits_pass_and_swapped_or_changed_values_do_not() {
        let values: Vec<f64> = (0..1000).map(|i| f64::from(i % 97) - 40.0).collect();
        let rounded: Vec<f64> = values.iter().map(|v| v * (1.0 + 1e-7)).collect();
        assert!(of(&values).is_near(&of(&rounded), 1e-6));
        let mut swapped = values.clone();
        swapped.swap(10, 500);
        assert!(!of(&values).is_near(&of(&swapped), 1e-6));
        let mut rotated = values.clone();
        rotated.rotate_left(1);
        assert!(!of(&values).is_near(&of(&rotated), 1e-3));
        let scaled: Vec<f64> = values.iter().map(|v| v * 1.01).collect();
        assert!(!of(&values).is_near(&of(&scaled), 1e-3));
        assert!(!of(&values).is_near(&of(&values[1..]), 1e-3));
    }

    /// The checksum of a table of one file.
    fn of_rows(codes: [Option<&str>; 3], counts: [i64; 3], scores: [Option<f64>; 3]) -> Checksum {
        let columns: [(&str, ArrayRef); 3] = [
            ("code", Arc::new(StringArray::from_iter(codes))),
            ("count", Arc::new(Int64Array::from_iter_values(counts))),
            ("score", Arc::new(Float64Array::from_iter(scores))),
        ];
        let batch = RecordBatch::try_from_iter_with_nullable(columns.map(|(name, values)| (name, values, true))).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut writer = ArrowWriter::try_new(file.reopen().unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        of_table([("part-000.parquet", file.path())])
    }

    #[test]
    fn in_a_table_only_the_last_digits_of_floats_may_differ() {
        let (codes, counts, scores) = ([Some("A"), None, Some("B")], [1, 2, 3], [Some(0.5), None, Some(0.25)]);
        let table = of_rows(codes, counts, scores);
        assert_eq!((table.size, table.floats.len()), (3, 1));
        assert!(table.is_near(&of_rows(codes, counts, [Some(0.500_000_1), None, Some(0.25)]), 1e-4));
        for other in [
            of_rows([Some("A"), Some(""), Some("B")], counts, scores),
            of_rows([Some("B"), None, Some("A")], counts, scores),
            of_rows(codes, [1, 2, 4], scores),
            of_rows(codes, counts, [Some(0.5), Some(0.0), Some(0.25)]),
            of_rows(codes, counts, [Some(0.5), None, Some(0.26)]),
        ] {
            assert!(!table.is_near(&other, 1e-4), "{other:?}");
        }
    }

    #[test]
    fn numbers_in_a_text_may_differ_in_their_last_digits_and_words_may_not() {
        let of = |text: &str| of_file("a.yaml", text.as_bytes());
        let page = of("threshold: 0.50001\nname: A1\nhash: 0123456789abcdef\n");
        assert!(page.is_near(&of("threshold: 0.50002\nname: A1\nhash: fedcba9876543210\n"), 1e-3));
        for other in
            ["threshold: 0.6\nname: A1\nhash: 0123456789abcdef\n", "threshold: 0.50001\nname: A2\nhash: 0123456789abcdef\n"]
        {
            assert!(!page.is_near(&of(other), 1e-3), "{other}");
        }
    }
}
