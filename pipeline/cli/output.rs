//! Text on stdout and stderr.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::Write;

use chorus_text::{harmless, shown, shown_json, shown_lines};

/// Prints a line, or several, for people.
///
/// # Errors
/// stdout is closed or full.
pub(crate) fn line(text: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout().lock(), "{}", shown_lines(text))
}

/// Prints JSON.
///
/// # Errors
/// stdout is closed or full.
pub(crate) fn json(text: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout().lock(), "{}", shown_json(text))
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
            let mut table = csv::Writer::from_writer(std::io::stdout().lock());
            table.write_record(columns)?;
            for one in found {
                row(one).iter().try_for_each(|cell| table.write_field(harmless(cell).as_bytes()))?;
                table.write_record(None::<&[u8]>)?;
            }
            table.flush()?;
        }
        "json" => found.iter().try_for_each(|one| json(&object(one).to_string()))?,
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

/// Prints one note of several lines on stderr; nothing where there are no lines.
pub(crate) fn note_of_lines(lines: &[String]) {
    for (at, line) in lines.iter().enumerate() {
        let kind = if at == 0 { "note: " } else { "" };
        let _ = writeln!(std::io::stderr(), "{kind}{}", shown(line));
    }
}

/// Prints warnings on stderr: an answer may be wrong.
pub(crate) fn warnings(warnings: &[impl Display]) {
    on_stderr("warning", warnings);
}

fn on_stderr(kind: &str, lines: &[impl Display]) {
    for line in lines {
        // When stderr is closed, the message cannot be shown; the command goes on.
        let _ = writeln!(std::io::stderr(), "{kind}: {}", shown(&line.to_string()));
    }
}

/// Rows with aligned columns; the last column is not padded.
pub(crate) fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let rows: Vec<[Cow<'_, str>; N]> = rows.iter().map(|row| row.each_ref().map(|cell| shown(cell))).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_by_characters() {
        let rows = [["é", "b", "end"], ["abc", "", "x"]].map(|row| row.map(str::to_owned));
        assert_eq!(aligned(&rows), "é    b  end\nabc     x\n");
        let rows = [["a\u{1b}[2J\n", "b"]].map(|row| row.map(str::to_owned));
        assert_eq!(aligned(&rows), "a\\u{1b}[2J\\n  b\n");
    }
}
