//! A column of every part of a table, cached with the hash of each part: a scan that needs the column of thousands of parts opens
//! only the parts that changed.

use std::collections::BTreeMap;

use chorus_tables::{Batch, ColumnType, TableError, schema};
use rayon::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::context::ScanContext;
use crate::run_tables::partition::Partition;
use crate::{EngineError, Exact, Unit};

/// A type of values that [`ScanContext::column`] reads and caches.
pub trait CachedValue: Clone + Send + Sync + Serialize + DeserializeOwned {
    /// The type of the columns.
    const TYPE: ColumnType;

    /// The values of a column, `None` for null.
    ///
    /// # Errors
    /// [`TableError::Contract`] when the column is of another type.
    fn read(batch: &Batch, column: &str) -> Result<Vec<Option<Self>>, TableError>;
}

impl CachedValue for String {
    const TYPE: ColumnType = ColumnType::Utf8;

    fn read(batch: &Batch, column: &str) -> Result<Vec<Option<Self>>, TableError> {
        batch.texts(column)
    }
}

impl CachedValue for Exact {
    const TYPE: ColumnType = ColumnType::F64;

    fn read(batch: &Batch, column: &str) -> Result<Vec<Option<Self>>, TableError> {
        Ok(batch.f64(column)?.iter().map(|number| number.map(Exact)).collect())
    }
}

/// The cached column of one part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct PartColumn<T> {
    unit: String,
    /// The hash of the part's content.
    hash: String,
    values: Vec<Option<T>>,
}

impl ScanContext<'_> {
    /// A column of a declared table, part by part, as [`super::context::Access::read_all`] reads it; `None` for null.
    ///
    /// # Errors
    /// [`EngineError::Undeclared`], [`EngineError::Table`], such as for a column that is not of type `T`, and
    /// [`EngineError::Io`] when the cache cannot be written.
    pub fn column<T: CachedValue>(&self, table: &str, column: &str) -> Result<Vec<(Unit, Vec<Option<T>>)>, EngineError> {
        self.may_read_all(table)?;
        let name = format!("columns/{table}.{column}.jsonl");
        let head = format!("{} {}", schema(table)?.id(), T::TYPE.name());
        let before = parse(&self.cached(&name).unwrap_or_default(), &head);
        let parts = self.partitions(table)?;
        let column_of = |part: &Partition| self.part_column(table, column, part, &before);
        let columns: Vec<(PartColumn<T>, bool)> = parts.par_iter().map(column_of).collect::<Result<_, EngineError>>()?;
        let changed = columns.len() != before.len() || columns.iter().any(|(_, is_new)| *is_new);
        let columns: Vec<PartColumn<T>> = columns.into_iter().map(|(column, _)| column).collect();
        if changed && !self.look_only {
            self.cache(&name, &written(&columns, &head))?;
        }
        Ok(parts.into_iter().map(|part| part.unit).zip(columns.into_iter().map(|column| column.values)).collect())
    }

    /// The column of one part, and whether it had to be read.
    fn part_column<T: CachedValue>(
        &self,
        table: &str,
        column: &str,
        part: &Partition,
        before: &BTreeMap<String, PartColumn<T>>,
    ) -> Result<(PartColumn<T>, bool), EngineError> {
        let (unit, hash) = (part.unit.to_string(), self.content_hash(table, part).unwrap_or_default().to_owned());
        if let Some(known) = before.get(&unit).filter(|known| known.hash == hash) {
            return Ok((known.clone(), false));
        }
        let values = T::read(&self.read_partition(table, part, &[column])?, column)?;
        Ok((PartColumn { unit, hash, values }, true))
    }
}

/// The cached columns by unit; empty when the cache is of another version of the table or of another type.
fn parse<T: CachedValue>(bytes: &[u8], head: &str) -> BTreeMap<String, PartColumn<T>> {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    if lines.next() != Some(head.as_bytes()) {
        return BTreeMap::new();
    }
    let columns = lines.filter_map(|line| serde_json::from_slice::<PartColumn<T>>(line).ok());
    columns.map(|column| (column.unit.clone(), column)).collect()
}

fn written<T: CachedValue>(columns: &[PartColumn<T>], head: &str) -> Vec<u8> {
    let line = |column: &PartColumn<T>| serde_json::to_string(column).expect("texts and finite numbers are JSON") + "\n";
    let mut text = format!("{head}\n");
    text.extend(columns.iter().map(line));
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part<T: CachedValue>(unit: &str, values: &[Option<T>]) -> PartColumn<T> {
        PartColumn { unit: unit.into(), hash: "ab".into(), values: values.to_vec() }
    }

    #[test]
    fn a_cached_column_comes_back_unless_the_table_is_of_another_version() {
        let columns = [part("site=A/date=2020-03-01/part-000", &[Some("a\n\"é\".wav".to_owned()), None]), part("run", &[])];
        let bytes = written(&columns, "recordings/2 utf8");
        let back = parse::<String>(&bytes, "recordings/2 utf8");
        assert_eq!(back.into_values().collect::<Vec<_>>(), [columns[1].clone(), columns[0].clone()]);
        assert!(parse::<String>(&bytes, "recordings/3 utf8").is_empty());
        let numbers = [part("run", &[Some(Exact(0.1 + 0.2)), None, Some(Exact(5e-324))])];
        assert_eq!(parse::<Exact>(&written(&numbers, "recordings/2 f64"), "recordings/2 f64")["run"], numbers[0]);
        // A torn line is left out, and its part is read again.
        assert_eq!(parse::<String>(&bytes[..bytes.len() - 4], "recordings/2 utf8").len(), 1);
    }
}
