//! Aligned columns for people.

use std::io::{self, Write};

use arrow::datatypes::DataType;
use chorus_text::shown;

use crate::QueryError;
use crate::rows::Rows;
use crate::value::{each_row, text};

/// Spaces between columns.
const GAP: usize = 2;
/// A column of text is never cut below this width.
const NARROWEST: usize = 8;
/// The text of a missing value, as in SQL.
const NULL: &str = "null";

/// How a table is laid out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TableStyle {
    /// Width of the terminal in characters: texts are cut, with `…`, as far as necessary to fit. `None` cuts nothing. Numbers,
    /// dates and times are never cut.
    pub width: Option<usize>,
    /// Rows to print; a last line says how many were left out. `None` prints all.
    pub limit: Option<usize>,
}

struct Column {
    /// Numbers are aligned to the right.
    number: bool,
    /// Only texts may be cut.
    text: bool,
    width: usize,
}

/// Writes the names, a rule and the rows.
pub(crate) fn write(rows: Rows, style: &TableStyle, out: &mut impl Write) -> Result<(), QueryError> {
    let most = style.limit.unwrap_or(usize::MAX);
    let titles: Vec<String> = rows.columns().into_iter().map(|name| shown(name).into_owned()).collect();
    let kinds: Vec<DataType> = rows.schema().fields().iter().map(|field| field.data_type().clone()).collect();
    let (mut cells, mut found) = (Vec::new(), 0);
    for batch in rows {
        let batch = batch?;
        each_row(&batch.slice(0, batch.num_rows().min(most - cells.len())), |row| {
            cells.push(row.iter().map(|v| shown(&text(v).unwrap_or(NULL.into())).into_owned()).collect::<Vec<_>>());
            Ok(())
        })?;
        found += batch.num_rows();
    }

    let mut columns: Vec<Column> = (kinds.iter().zip(&titles).enumerate())
        .map(|(i, (kind, name))| Column {
            number: kind.is_numeric(),
            text: !kind.is_numeric() && !kind.is_temporal(),
            width: cells.iter().map(|r| width(&r[i])).max().unwrap_or(0).max(width(name)),
        })
        .collect();
    if let Some(room) = style.width {
        shrink(&mut columns, room);
    }

    line(&titles, &columns, out)?;
    line(&columns.iter().map(|c| "─".repeat(c.width)).collect::<Vec<_>>(), &columns, out)?;
    for row in &cells {
        line(row, &columns, out)?;
    }
    let left_out = found - cells.len();
    if left_out > 0 {
        writeln!(out, "({left_out} of {found} rows left out)")?;
    }
    Ok(())
}

/// Shortens the widest text, one character at a time, until all columns fit or no text can be shortened further.
fn shrink(columns: &mut [Column], room: usize) {
    let gaps = GAP * columns.len().saturating_sub(1);
    while columns.iter().map(|c| c.width).sum::<usize>() + gaps > room {
        match columns.iter_mut().filter(|c| c.text && c.width > NARROWEST).max_by_key(|c| c.width) {
            Some(widest) => widest.width -= 1,
            None => return,
        }
    }
}

fn line(cells: &[String], columns: &[Column], out: &mut impl Write) -> io::Result<()> {
    let mut line = String::new();
    for (cell, column) in cells.iter().zip(columns) {
        let cell = fit(cell, column.width);
        let pad = " ".repeat(column.width - width(&cell));
        let (before, after) = if column.number { (pad.as_str(), "") } else { ("", pad.as_str()) };
        line.extend([before, &cell, after, &" ".repeat(GAP)]);
    }
    writeln!(out, "{}", line.trim_end())
}

fn fit(cell: &str, room: usize) -> String {
    if width(cell) <= room { cell.to_owned() } else { cell.chars().take(room.saturating_sub(1)).chain(['…']).collect() }
}

fn width(text: &str) -> usize {
    text.chars().count()
}
