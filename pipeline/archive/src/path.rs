//! Paths of an archive as text.

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// The plain form of a relative path: parts separated by single slashes, without `.` and `..`; empty for the archive
/// itself. `None` where the path leads above the archive, be it only on the way, or is absolute.
#[must_use]
pub fn plain(path: &str) -> Option<String> {
    if path.starts_with('/') {
        return None;
    }
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Whether a path is a URL, such as `s3://bucket/prefix`, and not a local folder.
#[must_use]
pub fn is_url(path: &str) -> bool {
    path.split_once("://").is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    })
}

/// Whether a plain path is `folder` or lies below it. `folder` may be written with `./` in front and `/` behind.
#[must_use]
pub fn is_within(path: &str, folder: &str) -> bool {
    let folder = folder.trim_start_matches("./").trim_end_matches('/');
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The form in which names are compared: Unicode's composed form (NFC). Macs decompose letters with accents in file names, and
/// most tables don't.
#[must_use]
pub fn composed(name: &str) -> Cow<'_, str> {
    match is_nfc_quick(name.chars()) {
        IsNormalized::Yes => Cow::Borrowed(name),
        _ => name.nfc().collect(),
    }
}

/// A text in Unicode's compatibility form (NFKC): ligatures, wide letters and other forms of a character become the usual one. For texts that
/// look alike and may be meant to be one; it is no form to keep.
#[must_use]
pub fn compatible(text: &str) -> String {
    text.nfkc().collect()
}

/// Folders that systems keep on disks, cards and network drives: bins, snapshots, indexes, and what was found after a crash.
/// What lies in them was deleted, or is a copy or a remainder.
const OF_SYSTEMS: [&str; 50] = [
    "system volume information",
    "$recycle.bin",
    "$extend",
    "$winreagent",
    "$windows.~bt",
    "$windows.~ws",
    "$sysreset",
    "$getcurrent",
    "$inplace.~tr",
    "$upgrade.~os",
    "$orphanfiles",
    "msdownld.tmp",
    "config.msi",
    "msocache",
    "wpsystem",
    "recycle.bin",
    "recycler",
    "recycled",
    "lost+found",
    "lost.dir",
    "__macosx",
    "network trash folder",
    "temporary items",
    "thevolumesettingsfolder",
    "thefindbycontentfolder",
    "hfs+ private data",
    "backups.backupdb",
    "@eadir",
    "@synoresource",
    "@synoeastream",
    "@synologydrive",
    "@synodrive",
    "@img_bkp_cache",
    "@activebackup",
    "@s2s",
    "@appstore",
    "@database",
    "@docker",
    "_gsdata_",
    "@recycle",
    "@recently-snapshot",
    "@sharebin",
    "@tmp",
    "@quarantine",
    "@transcode",
    "ea data. sf",
    "deleted.sav",
    "~snapshot",
    "#recycle",
    "#snapshot",
];

/// Whether a file or folder of this name is passed over in every listing: hidden ones, whose name begins with a dot, and folders
/// of operating systems.
#[must_use]
pub fn is_passed_over(name: &str) -> bool {
    // This is asked of every file of an archive, so no text is made for it.
    let is_of_check = || {
        let (found, number) = name.as_bytes().split_at_checked(6)?;
        let is_number = number.len() == 3 && number.iter().all(u8::is_ascii_digit);
        Some(found.eq_ignore_ascii_case(b"found.") && is_number)
    };
    name.starts_with('.') || OF_SYSTEMS.iter().any(|known| known.eq_ignore_ascii_case(name)) || is_of_check() == Some(true)
}

/// A name below a folder, both plain.
pub(crate) fn joined(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_plain_form_and_none_above_the_archive() {
        for (written, expected) in [
            ("", Some("")),
            (".", Some("")),
            ("./a//b/", Some("a/b")),
            ("a/../b", Some("b")),
            ("a/..", Some("")),
            ("a/../../b", None),
            ("..", None),
            ("/a", None),
        ] {
            assert_eq!(plain(written).as_deref(), expected, "{written}");
        }
    }

    #[test]
    fn urls_are_known_by_their_scheme() {
        assert!(is_url("s3://bucket/prefix") && is_url("https://example.org"));
        assert!(!is_url("/data/ponds") && !is_url("C:/data") && !is_url("a/b://c") && !is_url("://x"));
    }

    #[test]
    fn folders_of_systems_are_passed_over_in_any_case_and_sites_are_not() {
        for name in [
            "Config.Msi",
            "MSOCache",
            "$WinREAgent",
            "Temporary Items",
            "Network Trash Folder",
            "WPSystem",
            "@SynoResource",
            "@SynoEAStream",
            "_gsdata_",
            ".fseventsd",
            ".Trash-1000",
            ".DocumentRevisions-V100",
            ".TemporaryItems",
            "found.000",
            "System Volume Information",
            "$Windows.~BT",
            "$SysReset",
            "$OrphanFiles",
            "TheVolumeSettingsFolder",
            "Backups.backupdb",
            "@SynologyDrive",
            "@Transcode",
            "EA DATA. SF",
        ] {
            assert!(is_passed_over(name), "{name}");
        }
        for name in ["POND01", "found.wav", "Recovery", "Lost Creek", "$1 site", "@home"] {
            assert!(!is_passed_over(name), "{name}");
        }
    }

    #[test]
    fn a_folder_holds_what_is_below_it_and_not_what_begins_alike() {
        assert!(is_within("raw/old/1.wav", "raw/old") && is_within("raw/old", "./raw/old/"));
        assert!(!is_within("raw/older/1.wav", "raw/old"));
    }
}
