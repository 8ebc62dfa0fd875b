//! An archive in a local folder.
//!
//! # Versions
//!
//! Where the file system keeps inodes and times of change by itself, a file's version is its inode and its time of
//! change (ctime): nobody can set a time of change back, so even a file that was replaced by one of the same size and
//! modification time is noticed. Network shares of Windows, FUSE (rclone, s3fs, sshfs), FAT and others make inodes up
//! when they are mounted and have no time of change of their own; there every mount would look like a new archive,
//! and the version is the modification time (mtime). Which of the two holds is decided by the type of the file system
//! that a file lies on (`chorus_platform::stamp`); a type that is not listed counts as one without.
//!
//! # Links
//!
//! Symbolic links are followed, also out of the folder: archives are put together from disks in this way. A folder
//! that several paths lead to is listed once, always by the same path. Links to nothing are listed as such.

mod list;
mod stamp;

use std::fs::File;
use std::path::{Path, PathBuf};

use chorus_platform::names::{leads_elsewhere, text_with_slashes};

use crate::archive::{Archive, Entries, Kind, ReadSeek, Selection};
use crate::error::{ArchiveError, Cause};
use crate::path::plain;
use stamp::Stamps;

/// An archive in a folder.
#[derive(Debug)]
pub struct Local {
    root: PathBuf,
    stamps: Stamps,
}

impl Local {
    /// The archive in this folder, which need not exist yet: [`Archive::kind_of`] of the empty path says whether it does.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), stamps: Stamps::default() }
    }

    /// The plain form of a path that is relative to the folder, or absolute and below it; `None` where it leads out of the
    /// folder.
    #[must_use]
    pub fn plain(&self, path: &str) -> Option<String> {
        let path = text_with_slashes(path);
        let path = if Path::new(&*path).is_absolute() { self.below(Path::new(&*path))? } else { path.into_owned() };
        if leads_elsewhere(&path) { None } else { plain(&path) }
    }

    /// Where a path lies, and its plain form.
    fn find(&self, path: &str) -> Result<(PathBuf, String), ArchiveError> {
        let plain = self.plain(path).ok_or_else(|| ArchiveError::new(self.location(path), Cause::Outside))?;
        let file = if plain.is_empty() { self.root.clone() } else { self.root.join(&plain) };
        Ok((file, plain))
    }

    /// The part of an absolute path that is below the folder. One of the two may be written with links that the other is
    /// written without.
    fn below(&self, path: &Path) -> Option<String> {
        let as_written = std::path::absolute(&self.root).ok().and_then(|root| path.strip_prefix(root).ok());
        let resolved = || {
            let root = self.root.canonicalize().ok()?;
            let same = path.ancestors().find(|folder| folder.canonicalize().is_ok_and(|folder| folder == root))?;
            path.strip_prefix(same).ok()
        };
        Some(text_with_slashes(as_written.or_else(resolved)?.to_str()?).into_owned())
    }
}

impl Archive for Local {
    fn name(&self) -> Option<String> {
        let absolute = std::path::absolute(&self.root).ok()?;
        Some(absolute.file_name()?.to_string_lossy().into_owned()).filter(|name| !name.is_empty())
    }

    fn location(&self, path: &str) -> String {
        // Joining an empty path would put a slash behind the folder.
        if path.is_empty() { self.root.display().to_string() } else { self.root.join(path).display().to_string() }
    }

    fn kind_of(&self, path: &str) -> Result<Option<Kind>, ArchiveError> {
        let (file, _) = self.find(path)?;
        match std::fs::metadata(&file) {
            Ok(meta) => Ok(Some(if meta.is_dir() { Kind::Folder } else { Kind::File })),
            Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => Ok(None),
            Err(e) => Err(ArchiveError::new(self.location(path), Cause::Io(e))),
        }
    }

    fn list<'a>(&'a self, selection: Selection<'a>) -> Result<Entries<'a>, ArchiveError> {
        let (root, plain) = self.find(selection.folder)?;
        list::entries(&root, plain, selection, &self.stamps)
    }

    fn open(&self, path: &str) -> Result<Box<dyn ReadSeek>, ArchiveError> {
        let (file, _) = self.find(path)?;
        opened(&file).map_err(|cause| ArchiveError::new(self.location(path), cause))
    }
}

/// Opens a file that belongs to no archive, as [`Local`] opens its own.
///
/// # Errors
/// Those of [`Archive::open`].
pub fn open_file(path: &Path) -> Result<Box<dyn ReadSeek>, ArchiveError> {
    opened(path).map_err(|cause| ArchiveError::new(path.display().to_string(), cause))
}

fn opened(path: &Path) -> Result<Box<dyn ReadSeek>, Cause> {
    // Opening a pipe would wait for someone to write to it.
    if !std::fs::metadata(path)?.is_file() {
        return Err(Cause::NotAFile);
    }
    Ok(Box::new(File::open(path)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::{Entry, EntryState};
    use crate::version::Version;
    use std::collections::BTreeMap;
    use std::fs;
    use std::io::Read;

    fn archive(files: &[&str]) -> (tempfile::TempDir, Local) {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        let local = Local::new(dir.path());
        (dir, local)
    }

    fn wavs(archive: &Local, folder: &str, exclude: &[&str]) -> Result<Vec<Entry>, ArchiveError> {
        let is_excluded = |path: &str| exclude.contains(&path);
        archive.sorted(Selection { folder, is_excluded: &is_excluded, is_wanted: &|name| name.ends_with(".wav") })
    }

    fn paths(archive: &Local, folder: &str, exclude: &[&str]) -> Vec<String> {
        wavs(archive, folder, exclude).unwrap().into_iter().map(|entry| entry.path).collect()
    }

    #[test]
    fn wanted_files_are_listed_wherever_they_lie_and_excluded_ones_are_not() {
        let (dir, local) =
            archive(&["raw/A/1.wav", "raw/A/2.flac", "raw/B/.hidden.wav", "raw/.h/5.wav", "raw/old/3.wav", "raw/older/4.wav"]);
        assert_eq!(paths(&local, ".", &["raw/old"]), ["raw/A/1.wav", "raw/older/4.wav"]);
        assert_eq!(paths(&local, "./raw//old/", &[]), ["raw/old/3.wav"]);
        assert_eq!(paths(&local, dir.path().join("raw/old").to_str().unwrap(), &[]), ["raw/old/3.wav"], "an absolute path");
        assert_eq!(paths(&local, "raw/A/2.flac", &[]), ["raw/A/2.flac"], "a file that is named itself");
        assert!(wavs(&local, "none", &[]).unwrap_err().is_not_found());
    }

    #[test]
    fn folders_of_systems_are_passed_over() {
        let (_dir, local) = archive(&[
            "A/1.wav",
            "A/._1.wav",
            ".Trashes/501/1.wav",
            "System Volume Information/1.wav",
            "$RECYCLE.BIN/S-1-5-21/$R1.wav",
            "A/@eaDir/1.wav/x.wav",
            "lost+found/1.wav",
            "__MACOSX/A/1.wav",
            "#recycle/1.wav",
            "FOUND.000/1.wav",
            "Found.1/2.wav",
            "recycled sound/3.wav",
        ]);
        assert_eq!(paths(&local, "", &[]), ["A/1.wav", "Found.1/2.wav", "recycled sound/3.wav"]);
        assert_eq!(paths(&local, "lost+found", &[]), ["lost+found/1.wav"], "a folder that is named itself");
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_links_lead_to_is_listed_once_and_always_by_the_same_path() {
        let (dir, local) = archive(&["a/1.wav", "b/2.wav", "b/c/3.wav", "z/hidden/4.wav"]);
        let link = |to: &str, at: &str| std::os::unix::fs::symlink(to, dir.path().join(at)).unwrap();
        link("../b", "a/link");
        link("..", "b/c/up");
        link("z/hidden", "shown");
        for _ in 0..50 {
            assert_eq!(paths(&local, "", &[]), ["a/1.wav", "b/2.wav", "b/c/3.wav", "shown/4.wav"]);
            // What is excluded by one path is found by another.
            let others = ["a/1.wav", "a/link/2.wav", "a/link/c/3.wav", "z/hidden/4.wav"];
            assert_eq!(paths(&local, "", &["b", "shown"]), others);
        }
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_not_utf8_are_shown_with_escapes_and_stay_apart() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        let (dir, local) = archive(&["é.wav", "a\\xE9.wav"]);
        for name in [&b"a\xE9.wav"[..], b"a\xEA.wav"] {
            fs::write(dir.path().join(OsStr::from_bytes(name)), b"x").unwrap();
        }
        fs::create_dir(dir.path().join(OsStr::from_bytes(b"\xFF"))).unwrap();
        fs::write(dir.path().join(OsStr::from_bytes(b"\xFF")).join("b.wav"), b"x").unwrap();
        let found: Vec<(String, bool)> =
            wavs(&local, "", &[]).unwrap().into_iter().map(|e| (e.path, e.state == EntryState::File)).collect();
        let named = |name: &str, opens: bool| (name.to_owned(), opens);
        assert_eq!(
            found,
            [
                named(r"\xFF/b.wav", false),
                named(r"a\xE9.wav", true),
                named(r"a\xE9.wav\", false),
                named(r"a\xEA.wav", false),
                named("é.wav", true)
            ]
        );
    }

    #[cfg(unix)]
    #[test]
    fn links_that_lead_nowhere_are_listed_and_told_apart() {
        let (dir, local) = archive(&["a.wav"]);
        std::os::unix::fs::symlink("gone.wav", dir.path().join("b.wav")).unwrap();
        std::os::unix::fs::symlink("c.wav", dir.path().join("c.wav")).unwrap();
        std::os::unix::fs::symlink("/media/disk/North", dir.path().join("North")).unwrap();
        std::os::unix::fs::symlink("South", dir.path().join("South")).unwrap();
        let of = |exclude: &[&str]| -> Vec<(String, EntryState)> {
            wavs(&local, "", exclude).unwrap().into_iter().map(|e| (e.path, e.state)).collect()
        };
        let named = |name: &str, state| (name.to_owned(), state);
        let files = [
            named("a.wav", EntryState::File),
            named("b.wav", EntryState::DanglingLink),
            named("c.wav", EntryState::DanglingLink),
        ];
        let links = [named("North", EntryState::LostLink), named("South", EntryState::LostLink)];
        assert_eq!(of(&[]), [&links[..], &files[..]].concat());
        assert_eq!(of(&["North", "South"]), files, "what is excluded is not told");
        let leads = wavs(&local, "", &[]).unwrap().into_iter().find(|e| e.path == "North").map(|e| e.version.to_string());
        assert_eq!(leads.as_deref(), Some("/media/disk/North"));
        assert!(local.open("b.wav").unwrap_err().is_not_found());
    }

    #[cfg(unix)]
    #[test]
    fn an_absolute_path_may_be_written_with_other_links_than_the_archive() {
        let (dir, _) = archive(&["real/labels/a.csv", "real2/b.csv"]);
        let link = |to: &str, at: &str| std::os::unix::fs::symlink(to, dir.path().join(at)).unwrap();
        link("real", "link");
        link("../real2", "real/out");
        let at = |path: &str| dir.path().join(path).display().to_string();
        let plain = |root: &str, path: &str| Local::new(dir.path().join(root)).plain(&at(path));
        for (root, path) in [("link", "real"), ("real", "link"), ("link", "link")] {
            assert_eq!(plain(root, &format!("{path}/labels/a.csv")).as_deref(), Some("labels/a.csv"), "{root} {path}");
            assert_eq!(plain(root, &format!("{path}/labels/new.csv")).as_deref(), Some("labels/new.csv"), "not there yet");
            assert_eq!(plain(root, path).as_deref(), Some(""));
            assert_eq!(plain(root, &format!("{path}/../real2/b.csv")), None);
            // Links out of the archive are followed.
            assert_eq!(plain(root, &format!("{path}/out/b.csv")).as_deref(), Some("out/b.csv"));
        }
        assert_eq!(plain("link", "real2/b.csv"), None);
    }

    #[test]
    fn a_version_changes_with_the_content_and_with_nothing_else() {
        let (dir, local) = archive(&["a.wav", "b.wav"]);
        let versions = || -> BTreeMap<String, (u64, Version)> {
            wavs(&local, "", &[]).unwrap().into_iter().map(|e| (e.path, (e.size, e.version))).collect()
        };
        let before = versions();
        assert_eq!(before, versions());
        let path = dir.path().join("a.wav");
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        // Another file of the same size and modification time in its place.
        fs::write(dir.path().join("new"), b"A.WAV").unwrap();
        File::options().write(true).open(dir.path().join("new")).unwrap().set_modified(modified).unwrap();
        fs::rename(dir.path().join("new"), path).unwrap();
        let after = versions();
        assert_eq!(before["a.wav"].0, after["a.wav"].0);
        assert_ne!(before["a.wav"].1, after["a.wav"].1);
        assert_eq!(before["b.wav"], after["b.wav"]);
    }

    #[test]
    fn files_are_read_below_the_archive_and_nowhere_else() {
        let (dir, local) = archive(&["in/a.csv"]);
        let mut text = String::new();
        local.open("in/../in/./a.csv").unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "in/a.csv");
        assert_eq!(local.read("in/a.csv", 8).unwrap(), b"in/a.csv");
        let said = |path: &str, limit| local.read(path, limit).unwrap_err().to_string();
        let at = |path: &str| dir.path().join(path).display().to_string();
        assert_eq!(
            said("in/a.csv", 7),
            at("in/a.csv") + ": the file has 8 bytes, expected at most 7; check whether it is the right file"
        );
        assert!(said("in", 8).starts_with(&(at("in") + ": not a file")));
        assert!(said("in/b.csv", 8).starts_with(&(at("in/b.csv") + ": there is no such file")));
        for outside in ["../x", "in/../../x", "/etc/passwd"] {
            assert!(said(outside, 8).contains("leads out of the archive"), "{outside}");
        }
        let kind = |path: &str| local.kind_of(path).unwrap();
        assert_eq!([kind(""), kind("in"), kind("in/a.csv")], [Some(Kind::Folder), Some(Kind::Folder), Some(Kind::File)]);
        assert_eq!([kind("x"), kind("in/a.csv/x")], [None, None]);
        assert_eq!(local.name(), Some(dir.path().file_name().unwrap().to_str().unwrap().to_owned()));
    }
}
