//! A folder of files for other programs, outside of any run: all of it appears when the last file is whole, or nothing does.
//!
//! Files are written into a folder beside the wanted one, under a name that begins with a dot, which then takes the wanted
//! name. What a person put into a folder is not touched unless they say so: then each file takes the place of one of the same name,
//! and others stay.

use std::borrow::Cow;
use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Component, Path, PathBuf};

use chorus_engine::{files_below, is_within};
use chorus_text::{Cells, allowed};

use super::error::ExportError;

/// A folder that is being filled.
pub struct Destination {
    folder: PathBuf,
    staging: PathBuf,
    force: bool,
    cells: Cells,
}

impl Destination {
    /// Starts to fill `folder`, which is new or empty, unless `force` says that it need not be. `run` and `archive` are left alone.
    ///
    /// # Errors
    /// [`ExportError::NotEmpty`], [`ExportError::Within`], [`ExportError::Io`].
    pub(crate) fn new(folder: &Path, force: bool, run: &Path, archive: Option<&Path>) -> Result<Self, ExportError> {
        let folder = Self::outside(folder, run, archive)?;
        match fs::read_dir(&folder).map(|mut entries| entries.next().is_some()) {
            Ok(true) if !force => return Err(ExportError::NotEmpty { path: folder }),
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(ExportError::io(&folder, "cannot be listed")(e)),
            _ => {}
        }
        let root = || ExportError::Within { path: folder.clone(), what: "no folder: it is the root of a file system" };
        let name = folder.file_name().ok_or_else(root)?;
        let staging = folder.with_file_name(format!(".{}.partial-{}", name.to_string_lossy(), std::process::id()));
        fs::create_dir_all(&staging).map_err(ExportError::io(&staging, "cannot be made"))?;
        Ok(Self { folder, staging, force, cells: Cells::default() })
    }

    /// The same with texts of tables written so.
    #[must_use]
    pub(crate) fn with_cells(mut self, cells: Cells) -> Self {
        self.cells = cells;
        self
    }

    /// The absolute path of a folder that lies neither within this run nor within this archive.
    ///
    /// # Errors
    /// [`ExportError::Within`], [`ExportError::Io`].
    pub(crate) fn outside(folder: &Path, run: &Path, archive: Option<&Path>) -> Result<PathBuf, ExportError> {
        let folder = std::path::absolute(folder).map_err(ExportError::io(folder, "cannot be found"))?;
        let within = |what| Err(ExportError::Within { path: folder.clone(), what });
        if is_within(&folder, run) {
            return within("the run, and only stages write there");
        }
        if archive.is_some_and(|archive| is_within(&folder, archive)) {
            return within("the archive, which is never written to");
        }
        Ok(folder)
    }

    /// A new file; `path` is relative, with forward slashes. `None` where this destination has that file already.
    ///
    /// # Errors
    /// [`ExportError::Io`].
    pub fn try_file(&self, path: &str) -> Result<Option<Output>, ExportError> {
        let relative: PathBuf = Path::new(path).components().filter(|part| matches!(part, Component::Normal(_))).collect();
        let place = self.staging.join(&relative);
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder).map_err(ExportError::io(folder, "cannot be made"))?;
        }
        match OpenOptions::new().write(true).create_new(true).open(&place) {
            Ok(file) => Ok(Some(Output { file: BufWriter::new(file), path: self.folder.join(relative), cells: self.cells })),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(None),
            Err(e) => Err(ExportError::io(&self.folder.join(relative), "cannot be made")(e)),
        }
    }

    /// A new file; `path` is relative, with forward slashes.
    ///
    /// # Errors
    /// [`ExportError::Io`], also where this destination has that file already.
    pub fn file(&self, path: &str) -> Result<Output, ExportError> {
        let twice = || ExportError::io(&self.folder.join(path), "cannot be made")(ErrorKind::AlreadyExists.into());
        self.try_file(path)?.ok_or_else(twice)
    }

    /// Gives all files their names.
    ///
    /// # Errors
    /// [`ExportError::Io`].
    pub(crate) fn publish(self) -> Result<(), ExportError> {
        let failed = ExportError::io(&self.folder, "cannot be put in place");
        match fs::rename(&self.staging, &self.folder) {
            Err(e) if self.force && matches!(e.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists) => self.replace(),
            renamed => renamed.map_err(failed),
        }
    }

    /// Puts each file in the place of that of the same name.
    fn replace(&self) -> Result<(), ExportError> {
        for file in files_below(&self.staging).map_err(ExportError::io(&self.staging, "cannot be listed"))? {
            let place = self.folder.join(file.strip_prefix(&self.staging).unwrap_or(&file));
            if let Some(folder) = place.parent() {
                fs::create_dir_all(folder).map_err(ExportError::io(folder, "cannot be made"))?;
            }
            fs::rename(&file, &place).map_err(ExportError::io(&place, "cannot be put in place"))?;
        }
        Ok(())
    }
}

impl Drop for Destination {
    fn drop(&mut self) {
        // Where all went well it is gone; where not, nobody misses what is left of it.
        let _ = fs::remove_dir_all(&self.staging);
    }
}

/// A file on its way.
pub struct Output {
    file: BufWriter<File>,
    path: PathBuf,
    cells: Cells,
}

impl Output {
    /// Appends text.
    ///
    /// # Errors
    /// [`ExportError::Io`].
    pub fn text(&mut self, text: &str) -> Result<(), ExportError> {
        self.bytes(text.as_bytes())
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// [`ExportError::Io`].
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), ExportError> {
        self.file.write_all(bytes).map_err(ExportError::io(&self.path, "cannot be written"))
    }

    /// Ends the file.
    ///
    /// # Errors
    /// [`ExportError::Io`].
    pub fn finish(mut self) -> Result<(), ExportError> {
        self.file.flush().map_err(ExportError::io(&self.path, "cannot be written"))
    }

    /// A text as a field of a format without quoting: what would end a field or a line becomes a space, and what a
    /// spreadsheet would take for a formula becomes a text.
    pub fn field(&self, text: &str) -> String {
        self.cells.field(&unquoted(text)).into_owned()
    }

    /// The same for a standard that has no mark for texts: tables hold them as they are.
    #[must_use]
    pub fn raw(self) -> Self {
        Self { cells: Cells::Raw, ..self }
    }

    /// Goes on as a table with commas between its fields; what needs it is quoted, and what a spreadsheet would take for a formula becomes
    /// a text.
    ///
    /// # Errors
    /// [`ExportError::Io`].
    pub fn csv(self, header: &[&str]) -> Result<Table, ExportError> {
        let mut table = Table { writer: csv::Writer::from_writer(self.file), path: self.path, cells: self.cells, allowed: false };
        table.row(header)?;
        Ok(table)
    }
}

/// Text for a format without quoting: what would end a field or a line, to some reader, becomes a space. All else stays, so that a name
/// of a recording or a class comes back as it is.
pub(super) fn unquoted(text: &str) -> String {
    let is_end = |c: char| matches!(c, '\0' | '\t'..='\r' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}');
    text.chars().map(|c| if is_end(c) { ' ' } else { c }).collect()
}

/// A table on its way.
pub struct Table {
    writer: csv::Writer<BufWriter<File>>,
    path: PathBuf,
    cells: Cells,
    /// Whether characters that XML does not allow are spelled out.
    allowed: bool,
}

impl Table {
    /// The same with characters spelled out that XML does not allow, for a standard whose readers make XML of tables.
    #[must_use]
    pub fn allowed(self) -> Self {
        Self { allowed: true, ..self }
    }

    /// Appends a row.
    ///
    /// # Errors
    /// [`ExportError::Io`].
    pub fn row<T: AsRef<str>>(&mut self, fields: &[T]) -> Result<(), ExportError> {
        let mut written = || {
            for field in fields {
                let field = self.cells.field(field.as_ref());
                let written = if self.allowed { allowed(&field) } else { Cow::Borrowed(&*field) };
                self.writer.write_field(written.as_bytes())?;
            }
            self.writer.write_record(None::<&[u8]>)
        };
        written().map_err(|e: csv::Error| ExportError::io(&self.path, "cannot be written")(e.into()))
    }

    /// Ends the table.
    ///
    /// # Errors
    /// [`ExportError::Io`].
    pub fn finish(mut self) -> Result<(), ExportError> {
        self.writer.flush().map_err(ExportError::io(&self.path, "cannot be written"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(destination: &Destination, path: &str, text: &str) {
        let mut file = destination.file(path).unwrap();
        file.text(text).unwrap();
        file.finish().unwrap();
    }

    #[test]
    fn a_folder_appears_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let (run, folder) = (dir.path().join("run"), dir.path().join("a/out"));
        let destination = Destination::new(&folder, false, &run, None).unwrap();
        write(&destination, "b/c.txt", "one");
        assert!(!folder.exists());
        drop(destination);
        assert_eq!(fs::read_dir(dir.path().join("a")).unwrap().count(), 0, "nothing stays behind");
        let destination = Destination::new(&folder, false, &run, None).unwrap();
        write(&destination, "../b/c.txt", "two");
        assert!(destination.try_file("b/c.txt").unwrap().is_none());
        destination.publish().unwrap();
        assert_eq!(fs::read(folder.join("b/c.txt")).unwrap(), b"two");
        assert_eq!(fs::read_dir(dir.path().join("a")).unwrap().count(), 1);
    }

    #[test]
    fn what_is_there_is_replaced_only_when_that_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("out");
        fs::create_dir(&folder).unwrap();
        // An empty folder is as good as none.
        let destination = Destination::new(&folder, false, dir.path().join("run").as_path(), None).unwrap();
        write(&destination, "a.txt", "one");
        destination.publish().unwrap();
        fs::write(folder.join("mine.txt"), "kept").unwrap();
        let again = |force| Destination::new(&folder, force, dir.path().join("run").as_path(), None);
        assert!(again(false).err().unwrap().to_string().contains("--force"));
        let destination = again(true).unwrap();
        write(&destination, "a.txt", "two");
        write(&destination, "b/b.txt", "new");
        destination.publish().unwrap();
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        assert_eq!((read("a.txt"), read("mine.txt"), read("b/b.txt")), ("two".into(), "kept".into(), "new".into()));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn neither_the_run_nor_the_archive_is_written_to() {
        let dir = tempfile::tempdir().unwrap();
        let (run, archive) = (dir.path().join("run"), dir.path().join("archive"));
        fs::create_dir_all(&run).unwrap();
        fs::create_dir_all(&archive).unwrap();
        std::os::unix::fs::symlink(&run, dir.path().join("link")).unwrap();
        for (place, wanted) in [("run/x/y", "the run"), ("link/x", "the run"), ("archive", "the archive")] {
            let error = Destination::new(&dir.path().join(place), true, &run, Some(&archive)).err().unwrap();
            assert!(error.to_string().contains(wanted), "{error}");
        }
        assert!(Destination::new(&dir.path().join("runs"), false, &run, Some(&archive)).is_ok());
    }

    #[test]
    fn what_ends_a_field_or_a_line_becomes_a_space_in_formats_without_quoting() {
        assert_eq!(unquoted("a\tb\r\nc \"d\" é"), "a b  c \"d\" é");
        assert_eq!(unquoted("a\u{1b}\u{85}b\u{b}"), "a\u{1b} b ", "what ends nothing stays");
    }

    #[test]
    fn a_table_for_readers_of_xml_spells_out_what_xml_does_not_allow() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, run) = (dir.path().join("out"), dir.path().join("run"));
        let destination = Destination::new(&folder, false, &run, None).unwrap();
        for (name, is_allowed) in [("a.csv", true), ("b.csv", false)] {
            let table = destination.file(name).unwrap().raw().csv(&["path"]).unwrap();
            let mut table = if is_allowed { table.allowed() } else { table };
            table.row(&["x\u{1b}[31m.wav"]).unwrap();
            table.finish().unwrap();
        }
        destination.publish().unwrap();
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        assert_eq!(read("a.csv"), "path\nx\\u{1b}[31m.wav\n");
        assert_eq!(read("b.csv"), "path\nx\u{1b}[31m.wav\n");
    }

    #[test]
    fn no_field_is_a_formula_unless_a_standard_wants_it() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, run) = (dir.path().join("out"), dir.path().join("run"));
        let destination = Destination::new(&folder, false, &run, None).unwrap();
        let fields = ["=cmd|'/c calc'!A1", "-03:00", "-1.5", "@x", "a=1"];
        let file = |name: &str| destination.file(name).unwrap();
        for (name, output) in [("harmless.csv", file("harmless.csv")), ("raw.csv", file("raw.csv").raw())] {
            assert_eq!(output.field("=a\tb"), if name == "raw.csv" { "=a b" } else { "'=a b" });
            let mut table = output.csv(&["a", "b", "c", "d", "=e"]).unwrap();
            table.row(&fields).unwrap();
            table.finish().unwrap();
        }
        destination.publish().unwrap();
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        assert_eq!(read("harmless.csv"), "a,b,c,d,'=e\n'=cmd|'/c calc'!A1,-03:00,-1.5,'@x,a=1\n");
        assert_eq!(read("raw.csv"), "a,b,c,d,=e\n=cmd|'/c calc'!A1,-03:00,-1.5,@x,a=1\n");
    }

    #[test]
    fn fields_with_separators_quotes_and_line_ends_stay_one_field() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("out");
        let destination = Destination::new(&folder, false, dir.path().join("run").as_path(), None).unwrap();
        let mut table = destination.file("t.csv").unwrap().csv(&["a", "b"]).unwrap();
        let fields = ["x,\"y\"\nz", "é;1"];
        table.row(&fields).unwrap();
        table.finish().unwrap();
        destination.publish().unwrap();
        let mut reader = csv::Reader::from_path(folder.join("t.csv")).unwrap();
        assert_eq!(reader.records().next().unwrap().unwrap(), fields.to_vec());
    }
}
