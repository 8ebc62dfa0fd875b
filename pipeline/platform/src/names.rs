//! Names and paths as text, and what systems make of names.

use std::borrow::Cow;
use std::io;
use std::path::{MAIN_SEPARATOR, MAIN_SEPARATOR_STR, Path};

use crate::identity::Identity;

/// A path as tables and journals hold it: with slashes between its parts, on every system. What is not Unicode is replaced.
pub fn with_slashes(path: &Path) -> Cow<'_, str> {
    slashed(path.to_string_lossy(), MAIN_SEPARATOR_STR)
}

/// A path in text, with slashes between its parts. On Unix a backslash may be part of a name and stays.
pub fn text_with_slashes(path: &str) -> Cow<'_, str> {
    slashed(Cow::Borrowed(path), MAIN_SEPARATOR_STR)
}

fn slashed<'p>(path: Cow<'p, str>, separator: &str) -> Cow<'p, str> {
    if separator == "/" || !path.contains(separator) { path } else { Cow::Owned(path.replace(separator, "/")) }
}

/// Whether a relative path can lead out of the folder that it is joined to, without `..`: on Windows `C:name` is in another folder, and
/// `a:b` is no file.
pub fn leads_elsewhere(path: &str) -> bool {
    MAIN_SEPARATOR == '\\' && path.contains(':')
}

/// Whether the system leaves out a dot at the end of a name.
pub const LOSES_LAST_DOT: bool = cfg!(windows);

/// Whether the file system tells names apart that differ by case only: those of Linux do, those of macOS and Windows usually don't. `path`
/// is a file or folder that exists, whose name has letters.
pub fn tells_case_apart(path: &Path) -> bool {
    let Some(name) = path.file_name().map(|name| name.to_string_lossy()) else { return true };
    let is_same = |other: String| other != *name && is_same_file(path, &path.with_file_name(other));
    !is_same(name.to_uppercase()) && !is_same(name.to_lowercase())
}

fn is_same_file(a: &Path, b: &Path) -> bool {
    matches!((Identity::of_path(a), Identity::of_path(b)), (Ok(a), Ok(b)) if a == b)
}

/// Whether an error says that a path leads round in a circle of links.
pub fn is_circle(error: &io::Error) -> bool {
    #[cfg(unix)]
    let code = rustix::io::Errno::LOOP.raw_os_error();
    #[cfg(windows)]
    let code = windows_sys::Win32::Foundation::ERROR_CANT_RESOLVE_FILENAME.cast_signed();
    error.raw_os_error() == Some(code)
}

/// Whether an error says that another program has a file open just now: on Windows, a scanner or an indexer keeps new files from being
/// renamed for a moment. It is worth to try again.
pub fn is_in_use(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        let _ = error;
        false
    }
    #[cfg(windows)]
    {
        use windows_sys::Win32::Foundation::{ERROR_ACCESS_DENIED, ERROR_LOCK_VIOLATION, ERROR_SHARING_VIOLATION};
        let codes = [ERROR_ACCESS_DENIED, ERROR_LOCK_VIOLATION, ERROR_SHARING_VIOLATION];
        error.raw_os_error().is_some_and(|found| codes.contains(&found.cast_unsigned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_slashes_whatever_the_system_s_separator_is() {
        assert_eq!(with_slashes(&Path::new("tables").join("site=A").join("x.parquet")), "tables/site=A/x.parquet");
        assert_eq!(slashed(Cow::Borrowed("raw\\A\\1.wav"), "\\"), "raw/A/1.wav");
        assert_eq!(slashed(Cow::Borrowed("raw\\A"), "/"), "raw\\A", "on Unix it is one name");
        #[cfg(unix)]
        assert!(text_with_slashes("a\\b") == "a\\b" && !leads_elsewhere("C:a"));
    }

    #[test]
    fn a_file_is_told_from_one_of_another_case_where_both_can_be() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("case");
        std::fs::write(&path, "x").unwrap();
        assert_eq!(tells_case_apart(&path), !dir.path().join("CASE").exists());
        // As where both names lead to one file.
        let _ = std::fs::remove_file(dir.path().join("CASE"));
        std::fs::write(&path, "x").unwrap();
        let linked = std::fs::hard_link(&path, dir.path().join("CASE"));
        assert!(linked.is_err() || !tells_case_apart(&path));
        assert!(tells_case_apart(&dir.path().join("none")));
    }

    #[cfg(unix)]
    #[test]
    fn a_circle_of_links_is_known_by_its_error() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("self", dir.path().join("self")).unwrap();
        assert!(is_circle(&std::fs::metadata(dir.path().join("self")).unwrap_err()));
        let none = std::fs::metadata(dir.path().join("none")).unwrap_err();
        assert!(!is_circle(&none) && !is_in_use(&none));
    }
}
