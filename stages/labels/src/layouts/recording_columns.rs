//! Which columns of a table name the recording of a row.
//!
//! A table may have several: Raven writes `Begin Path` and `Begin File`. In each row the first that is filled counts, and the others have
//! to name the same recording: a row in which they contradict each other belongs to none. Kaleidoscope writes a path in parts, `INDIR`,
//! `FOLDER` and `IN FILE`: where a name has no folder, the row's folders are put before it.

use super::rivals::{contradict, throughout};
use crate::delimited::{Delimited, DelimitedRow};
use crate::text::{column_name, folded, is_missing, parts, stem};

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
    /// The names of all columns of the table.
    header: Vec<String>,
}

impl RecordingColumns {
    /// Finds the columns of a table. `wanted` and `folder` are those that the configuration names; without them the `usual` names
    /// count.
    ///
    /// # Errors
    /// The configuration names a column that is not there, or two columns of one name differ.
    pub(super) fn of(table: &Delimited, wanted: Option<&str>, folder: Option<&str>, usual: &[&str]) -> Result<Self, String> {
        let (names, folders) = (columns(table, wanted, usual)?, columns(table, folder, FOLDERS)?);
        Ok(Self { names, folders, header: table.header.clone() })
    }

    /// Refuses a table in which two columns contradict each other in every row that fills one of them.
    ///
    /// # Errors
    /// Both columns, and what they say in the first row.
    pub(super) fn refuse_throughout(self, table: &Delimited) -> Result<Self, String> {
        throughout(table, |row| self.filled(row).next().is_some(), |row| self.contradiction(row))?;
        Ok(self)
    }

    /// The same, where there has to be a column.
    ///
    /// # Errors
    /// Those of [`RecordingColumns::of`], and no column names recordings.
    pub(super) fn required(table: &Delimited, wanted: Option<&str>, folder: Option<&str>) -> Result<Self, String> {
        let columns = Self::of(table, wanted, folder, RECORDING)?.refuse_throughout(table)?;
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

    /// All of them.
    pub(super) fn columns(&self) -> &[usize] {
        &self.names
    }

    /// What a row calls its recording; `None` where it names none, or two columns contradict each other.
    pub(super) fn name(&self, row: &DelimitedRow) -> Option<String> {
        let (first, name) = self.filled(row).next()?;
        if self.contradiction(row).is_some() {
            return None;
        }
        let others = || self.filled(row).skip(1).map(|(_, other)| other);
        if let Some(file) = others().find(|file| self.is_folder_of(first, name, file)) {
            return Some(format!("{}/{file}", name.trim_end_matches(['/', '\\'])));
        }
        if name.contains(['/', '\\']) {
            return Some(name.to_owned());
        }
        let folders = self.folders.iter().map(|column| row.text(Some(*column))).filter(|text| !is_missing(text));
        Some(folders.chain([name]).collect::<Vec<_>>().join("/"))
    }

    /// Why a row belongs to no recording: two columns name different ones.
    pub(super) fn contradiction(&self, row: &DelimitedRow) -> Option<String> {
        let (first, name) = self.filled(row).next()?;
        if is_address(name) {
            return None;
        }
        let contradicts = |(_, other): &(usize, &str)| {
            !is_address(other) && !self.is_folder_of(first, name, other) && !is_same_recording(name, other)
        };
        let (other, another) = self.filled(row).skip(1).find(contradicts)?;
        let names = [first, other].map(|column| self.header[column].clone());
        Some(contradict(&names, [name, another], "annotate.recording_column"))
    }

    /// Whether a column holds the folder of the file that another one names, as where a path and a file name stand apart. A folder
    /// without a separator is one only in a column that is called a path: in others it may be a recording.
    fn is_folder_of(&self, column: usize, folder: &str, file: &str) -> bool {
        let has_extension = |name: &str| stem(name) != name;
        let last = parts(folder).last().copied().unwrap_or_default();
        (folder.contains(['/', '\\']) || column_name(&self.header[column]).contains("path"))
            && !has_extension(last)
            && has_extension(file)
            && !file.contains(['/', '\\'])
            && stem(file) != last
    }

    /// The columns that a row fills, and their texts.
    fn filled<'a>(&self, row: &'a DelimitedRow) -> impl Iterator<Item = (usize, &'a str)> {
        self.names.iter().map(move |column| (*column, row.text(Some(*column)))).filter(|(_, text)| !is_missing(text))
    }
}

/// Whether a text is an address on the web, such as that of a download, which need not hold the recording's name.
fn is_address(text: &str) -> bool {
    text.contains("://") || text.starts_with("//")
}

/// Whether two names can be those of one recording: of a path only the last folder is compared, since disks are mounted at different
/// places, and a clip may be called after the recording that it was cut from.
fn is_same_recording(a: &str, b: &str) -> bool {
    let (a, b) = (parts(a), parts(b));
    let (Some((own, own_folders)), Some((other, other_folders))) = (a.split_last(), b.split_last()) else { return true };
    let (own, other) = (folded(stem(own)), folded(stem(other)));
    let is_piece =
        |piece: &str, whole: &str| piece.strip_prefix(whole).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric));
    let mut folders = own_folders.last().zip(other_folders.last()).into_iter();
    folders.all(|(a, b)| folded(a) == folded(b)) && (is_piece(&own, &other) || is_piece(&other, &own))
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
        assert_eq!(
            names("INDIR,FOLDER,IN FILE\nNA,Stn01,a.wav\nE:\\proj,NULL,a.wav\n", None),
            [name("Stn01/a.wav"), name("E:\\proj/a.wav")]
        );
        let kaleidoscope = "INDIR,FOLDER,IN FILE\nE:\\proj,Stn01,a.wav\nE:\\proj,,a.wav\n,,a.wav\nE:\\proj,Stn01,Stn02/a.wav\n";
        assert_eq!(
            names(kaleidoscope, None),
            [name("E:\\proj/Stn01/a.wav"), name("E:\\proj/a.wav"), name("a.wav"), name("Stn02/a.wav")]
        );
    }

    #[test]
    fn columns_that_name_different_recordings_are_told_and_those_that_name_one_are_not() {
        let read = |text: &str| {
            let table = Delimited::read(text.as_bytes(), Dialect::Detect);
            let columns = RecordingColumns::of(&table, None, None, RECORDING)?.refuse_throughout(&table)?;
            Ok::<_, String>(table.rows.iter().map(|row| (columns.name(row), columns.contradiction(row))).collect::<Vec<_>>())
        };
        let rows = read("Begin File,filename,x\na.wav,a,1\na.wav,b.wav,1\n,b.wav,1\n").unwrap();
        assert_eq!((rows[0].0.as_deref(), rows[2].0.as_deref()), (Some("a"), Some("b.wav")));
        // A folder beside a file's name is one in a column that is called a path, and may be a recording in others.
        let bare = read("path,filename,x\nPOND01,a.wav,1\n").unwrap();
        assert_eq!(bare[0], (Some("POND01/a.wav".to_owned()), None));
        assert!(read("recording,filename,x\nPOND01,a.wav,1\n").is_err());
        let (name, reason) = rows[1].clone();
        let reason = reason.unwrap();
        assert!(
            name.is_none() && reason.contains("filename and Begin File contradict each other: `b.wav` and `a.wav`"),
            "{reason}"
        );
        assert!(reason.contains("annotate.recording_column"), "{reason}");
        let refused = read("Begin File,filename\na.wav,b.wav\nc.wav,d.wav\n").unwrap_err();
        assert!(refused.starts_with("line 2 and all rows like it"), "{refused}");
        for same in [
            "D:\\x\\a.wav,a.WAV",
            "D:\\x\\A\\a.wav,raw/a/a.wav",
            "Rivi\u{e8}re.wav,Rivie\u{300}re.wav",
            "A_0_3.wav,A",
            "A,A_0_3.wav",
        ] {
            assert!(read(&format!("path,file\n{same}\n")).unwrap()[0].1.is_none(), "{same}");
        }
        for other in ["A/a.wav,B/a.wav", "a1.wav,a10.wav"] {
            assert!(read(&format!("path,file\n{other}\n")).is_err(), "{other}");
        }
        let xeno_canto = read("file-name,file\nXC1-Boana.mp3,https://xeno-canto.org/1/download\n").unwrap();
        assert_eq!(xeno_canto, [(Some("XC1-Boana.mp3".to_owned()), None)]);
        let of_r = read("path,file\nA/a.wav,NA\nNA,b.wav\nNA,NA\n").unwrap();
        let names: Vec<_> = of_r.iter().map(|(name, reason)| (name.as_deref(), reason.is_none())).collect();
        assert_eq!(names, [(Some("A/a.wav"), true), (Some("b.wav"), true), (None, true)], "as R writes what is missing");
        let apart = read("path,filename\nD:\\field\\POND01,a.wav\n/mnt/POND02/,b.wav\n").unwrap();
        assert_eq!(apart[0].0.as_deref(), Some("D:\\field\\POND01/a.wav"));
        assert_eq!(apart[1].0.as_deref(), Some("/mnt/POND02/b.wav"));
    }

    #[test]
    fn a_table_without_a_name_says_which_column_to_name() {
        let table = Delimited::read(b"start,end\n1,2\n", Dialect::Detect);
        let fault = RecordingColumns::required(&table, None, None).err().unwrap();
        assert!(fault.contains("no column for the recording") && fault.contains("annotate.recording_column"), "{fault}");
    }
}
