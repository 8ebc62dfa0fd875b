//! Text on stdout and stderr.

use std::fmt::Display;
use std::io::Write;

/// Prints a line of data.
///
/// # Errors
/// stdout is closed or full.
pub(crate) fn line(text: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout().lock(), "{text}")
}

/// Prints what was found in a format: `csv`, `json` (an object on each line), or as a table.
///
/// # Errors
/// stdout is closed or full.
pub(crate) fn found<T, const N: usize>(
    format: &str,
    columns: [&str; N],
    found: &[T],
    row: fn(&T) -> [String; N],
    object: fn(&T) -> serde_json::Value,
) -> anyhow::Result<()> {
    match format {
        "csv" => {
            let mut table = csv::Writer::from_writer(Vec::new());
            table.write_record(columns)?;
            found.iter().try_for_each(|one| table.write_record(row(one)))?;
            let table = table.into_inner().map_err(csv::IntoInnerError::into_error)?;
            line(String::from_utf8(table)?.trim_end_matches('\n'))?;
        }
        "json" => found.iter().try_for_each(|one| line(&object(one).to_string()))?,
        _ => {
            let mut rows = vec![columns.map(str::to_owned)];
            rows.extend(found.iter().map(row));
            line(aligned(&rows).trim_end())?;
        }
    }
    Ok(())
}

/// Prints notes on stderr.
pub(crate) fn notes(notes: &[impl Display]) {
    on_stderr("note", notes);
}

/// Prints warnings on stderr: an answer may be wrong.
pub(crate) fn warnings(warnings: &[impl Display]) {
    on_stderr("warning", warnings);
}

fn on_stderr(kind: &str, lines: &[impl Display]) {
    for line in lines {
        // When stderr is closed, the message cannot be shown; the command goes on.
        let _ = writeln!(std::io::stderr(), "{kind}: {line}");
    }
}

/// Rows with aligned columns; the last column is not padded.
pub(crate) fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// A number of bytes in MiB or GiB.
pub(crate) fn bytes(n: u64) -> String {
    const GIB: f64 = (1u64 << 30) as f64;
    if n as f64 >= GIB { format!("{:.1} GiB", n as f64 / GIB) } else { format!("{:.1} MiB", n as f64 / (1 << 20) as f64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_by_characters() {
        let rows = [["é", "b", "end"], ["abc", "", "x"]].map(|row| row.map(str::to_owned));
        assert_eq!(aligned(&rows), "é    b  end\nabc     x\n");
    }
}
