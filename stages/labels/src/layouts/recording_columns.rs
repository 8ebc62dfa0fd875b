//! Which columns of a table name the recording of a row.
//!
//! A table may have several: Raven writes `Begin Path` and `Begin File`. In each row the first that is filled counts.
//! Kaleidoscope writes a path in parts, `INDIR`, `FOLDER` and `IN FILE`: where a name has no folder, the row's folders are put
//! before it.

use crate::delimited::{Delimited, DelimitedRow};

/// Usual names of the recording's column, the most specific first.
pub(crate) const RECORDING: &[&str] = &[
    "recording",
    "recording_path",
    "path",
    "begin path",
    "filepath",
    "file_path",
    "filename",
    "file_name",
    "begin file",
    "in file",
    "file",
    "audio",
    "audio_file",
    "wav",
    "sample_name",
    "fname",
    "itemid",
];
/// Usual names of the columns of its folder, the outermost first.
const FOLDERS: &[&str] = &["indir", "folder"];

/// The columns that name recordings.
pub(super) struct RecordingColumns {
    names: Vec<usize>,
    folders: Vec<usize>,
}

impl RecordingColumns {
    /// Finds the columns of a table. `wanted` and `folder` are those that the configuration names; without them the `usual` names
    /// count.
    ///
    /// # Errors
    /// The configuration names a column that is not there, or two columns of one name differ.
    pub(super) fn of(table: &Delimited, wanted: Option<&str>, folder: Option<&str>, usual: &[&str]) -> Result<Self, String> {
        Ok(Self { names: columns(table, wanted, usual)?, folders: columns(table, folder, FOLDERS)? })
    }

    /// The same, where there has to be a column.
    ///
    /// # Errors
    /// Those of [`RecordingColumns::of`], and no column names recordings.
    pub(super) fn required(table: &Delimited, wanted: Option<&str>, folder: Option<&str>) -> Result<Self, String> {
        let columns = Self::of(table, wanted, folder, RECORDING)?;
        if columns.names.is_empty() { Err(table.lacks(RECORDING, "recording", "recording_column")) } else { Ok(columns) }
    }

    /// The same without a column that holds something else.
    pub(super) fn without(mut self, column: usize) -> Self {
        self.names.retain(|own| *own != column);
        self
    }

    /// Whether this is one of them.
    pub(super) fn has(&self, column: usize) -> bool {
        self.names.contains(&column)
    }

    /// What a row calls its recording; `None` where it names none.
    pub(super) fn name(&self, row: &DelimitedRow) -> Option<String> {
        let text = |column: &usize| Some(row.text(Some(*column))).filter(|text| !text.is_empty());
        let name = self.names.iter().find_map(text)?;
        if name.contains(['/', '\\']) {
            return Some(name.to_owned());
        }
        let folders = self.folders.iter().filter_map(text);
        Some(folders.chain([name]).collect::<Vec<_>>().join("/"))
    }
}

/// The wanted column, or else all columns with usual names, in the order of the names.
fn columns(table: &Delimited, wanted: Option<&str>, usual: &[&str]) -> Result<Vec<usize>, String> {
    if wanted.is_some() {
        return Ok(table.find(wanted, usual)?.into_iter().collect());
    }
    let mut found = Vec::new();
    while let Some(column) = table.find_but(usual, &found)? {
        found.push(column);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delimited::Dialect;

    #[test]
    fn in_each_row_the_first_name_that_is_filled_counts_and_folders_stand_before_it() {
        let names = |text: &str, wanted: Option<&str>| -> Vec<Option<String>> {
            let table = Delimited::read(text.as_bytes(), Dialect::Detect);
            let columns = RecordingColumns::of(&table, wanted, None, RECORDING).unwrap();
            table.rows.iter().map(|row| columns.name(row)).collect()
        };
        let name = |text: &str| Some(text.to_owned());
        let ravens = "Begin File,Begin Path,Species\na.wav,D:\\x\\a.wav,A\nb.wav,,A\n,,A\n";
        assert_eq!(names(ravens, None), [name("D:\\x\\a.wav"), name("b.wav"), None]);
        assert_eq!(names(ravens, Some("begin_path")), [name("D:\\x\\a.wav"), None, None]);
        let kaleidoscope = "INDIR,FOLDER,IN FILE\nE:\\proj,Stn01,a.wav\nE:\\proj,,a.wav\n,,a.wav\nE:\\proj,Stn01,Stn02/a.wav\n";
        assert_eq!(
            names(kaleidoscope, None),
            [name("E:\\proj/Stn01/a.wav"), name("E:\\proj/a.wav"), name("a.wav"), name("Stn02/a.wav")]
        );
    }

    #[test]
    fn a_table_without_a_name_says_which_column_to_name() {
        let table = Delimited::read(b"start,end\n1,2\n", Dialect::Detect);
        let fault = RecordingColumns::required(&table, None, None).err().unwrap();
        assert!(fault.contains("no column for the recording") && fault.contains("annotate.recording_column"), "{fault}");
    }
}
