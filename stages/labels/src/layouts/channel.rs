//! The column of the channel that an event was marked in.
//!
//! Raven counts channels from 1, as `archive.channel` does, and Kaleidoscope from 0. Any other table counts from 1, unless a row says 0.
//!
//! Source: the Raven Pro manual, "Selection tables"; the Kaleidoscope Pro user guide, `cluster.csv`.

use crate::delimited::{Delimited, DelimitedRow};

const CHANNEL: &[&str] = &["channel"];
/// Columns that Kaleidoscope writes, and nobody else.
const KALEIDOSCOPE: &[&str] = &["indir", "in file"];

/// The column of channels.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChannelColumn {
    column: usize,
    /// What is added to a number so that the first channel is 1.
    first: u32,
}

impl ChannelColumn {
    /// That of a table, unless it is `taken` for something else; `None` also where two columns of that name differ.
    pub(super) fn of(table: &Delimited, taken: &[usize]) -> Option<Self> {
        let column = table.find_but(CHANNEL, taken).ok()??;
        let is_kaleidoscopes = table.find_but(KALEIDOSCOPE, &[]).is_ok_and(|found| found.is_some());
        let counts_from_zero = is_kaleidoscopes || table.rows.iter().any(|row| number(row, column) == Some(0));
        Some(Self { column, first: u32::from(counts_from_zero) })
    }

    /// The channel of a row, from 1; `None` where the row has no number there.
    pub(super) fn of_row(self, row: &DelimitedRow) -> Option<u32> {
        number(row, self.column)?.checked_add(self.first).filter(|channel| *channel > 0)
    }
}

fn number(row: &DelimitedRow, column: usize) -> Option<u32> {
    row.text(Some(column)).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delimited::Dialect;

    #[test]
    fn channels_count_from_one_but_in_kaleidoscopes_tables_and_where_one_is_zero() {
        let channels = |text: &str| -> Option<Vec<Option<u32>>> {
            let table = Delimited::read(text.as_bytes(), Dialect::Detect);
            let column = ChannelColumn::of(&table, &[0])?;
            Some(table.rows.iter().map(|row| column.of_row(row)).collect())
        };
        assert_eq!(channels("start,Channel\n1,1\n1,2\n1,\n1,left\n"), Some(vec![Some(1), Some(2), None, None]));
        assert_eq!(channels("OFFSET,IN FILE,CHANNEL\n1,a.wav,1\n"), Some(vec![Some(2)]));
        assert_eq!(channels("start,channel\n1,1\n1,0\n"), Some(vec![Some(2), Some(1)]));
        assert_eq!(channels("start,channel\n1,4294967295\n1,0\n"), Some(vec![None, Some(1)]));
        assert_eq!(channels("channel,start\n1,1\n"), None, "it is taken for something else");
        assert_eq!(channels("start,channel,Channel\n1,1,2\n"), None);
    }
}
