//! A column of every part of a table, remembered by the parts' content: a scan that needs it for thousands of parts opens only those that
//! changed.

use std::collections::BTreeMap;

use chorus_tables::schema;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::context::ScanContext;
use crate::run_tables::partition::Partition;
use crate::{EngineError, Unit};

/// What is remembered of one part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Column {
    unit: String,
    /// The hash of the part's content.
    hash: String,
    texts: Vec<Option<String>>,
}

impl ScanContext<'_> {
    /// A column of texts, or of numbers as texts, of a declared table, part by part, as [`super::context::Access::read_all`] reads it.
    ///
    /// # Errors
    /// [`EngineError::Undeclared`], [`EngineError::Table`], and [`EngineError::Io`] when it cannot be remembered.
    pub fn texts_of_all(&self, table: &str, column: &str) -> Result<Vec<(Unit, Vec<Option<String>>)>, EngineError> {
        self.may_read_all(table)?;
        let name = format!("columns/{table}.{column}.jsonl");
        let head = schema(table)?.id();
        let before = parse(&self.cached(&name).unwrap_or_default(), &head);
        let parts = self.partitions(table)?;
        let column_of = |part: &Partition| self.column(table, column, part, &before);
        let columns: Vec<(Column, bool)> = parts.par_iter().map(column_of).collect::<Result<_, EngineError>>()?;
        let changed = columns.len() != before.len() || columns.iter().any(|(_, is_new)| *is_new);
        let columns: Vec<Column> = columns.into_iter().map(|(column, _)| column).collect();
        if changed && !self.look_only {
            self.cache(&name, &written(&columns, &head))?;
        }
        Ok(parts.into_iter().map(|part| part.unit).zip(columns.into_iter().map(|column| column.texts)).collect())
    }

    /// The column of one part, and whether it had to be read.
    fn column(
        &self,
        table: &str,
        column: &str,
        part: &Partition,
        before: &BTreeMap<String, Column>,
    ) -> Result<(Column, bool), EngineError> {
        let (unit, hash) = (part.unit.to_string(), self.content_hash(table, part).unwrap_or_default().to_owned());
        if let Some(known) = before.get(&unit).filter(|known| known.hash == hash) {
            return Ok((known.clone(), false));
        }
        let batch = self.read_partition(table, part, &[column])?;
        let texts = match batch.f64(column) {
            // The shortest text that reads back to the same number.
            Ok(numbers) => numbers.iter().map(|number| number.map(|n| n.to_string())).collect(),
            Err(_) => batch.texts(column)?,
        };
        Ok((Column { unit, hash, texts }, true))
    }
}

/// What is remembered, by unit; nothing, when it is of another version of the table.
fn parse(bytes: &[u8], head: &str) -> BTreeMap<String, Column> {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    if lines.next() != Some(head.as_bytes()) {
        return BTreeMap::new();
    }
    let columns = lines.filter_map(|line| serde_json::from_slice::<Column>(line).ok());
    columns.map(|column| (column.unit.clone(), column)).collect()
}

fn written(columns: &[Column], head: &str) -> Vec<u8> {
    let line = |column: &Column| serde_json::to_string(column).expect("texts are JSON") + "\n";
    let mut text = format!("{head}\n");
    text.extend(columns.iter().map(line));
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_comes_back_unless_the_table_is_of_another_version() {
        let column = |unit: &str, texts: &[Option<&str>]| Column {
            unit: unit.into(),
            hash: "ab".into(),
            texts: texts.iter().map(|text| text.map(str::to_owned)).collect(),
        };
        let columns = [column("site=A/date=2020-03-01/part-000", &[Some("a\n\"é\".wav"), None]), column("run", &[])];
        let bytes = written(&columns, "recordings/2");
        assert_eq!(parse(&bytes, "recordings/2").into_values().collect::<Vec<_>>(), [columns[1].clone(), columns[0].clone()]);
        assert!(parse(&bytes, "recordings/3").is_empty());
        // A line that is torn is read again.
        assert_eq!(parse(&bytes[..bytes.len() - 4], "recordings/2").len(), 1);
    }
}
