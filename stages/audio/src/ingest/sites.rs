//! Which site a recording belongs to where the site sheet does not say.

use chorus_keys::Choices;
use serde::{Deserialize, Serialize};

use super::folders::below;

/// Where the site's name is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Choices)]
#[serde(rename_all = "snake_case")]
pub(super) enum SiteFrom {
    /// The folder that holds the recording.
    Folder,
    /// The part of the file name before the time.
    Prefix,
    /// The recorder's serial number.
    Serial,
}

/// Where the site's name was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SiteSource {
    Sheet,
    Folder,
    Prefix,
    Serial,
    /// The archive's own name, for want of anything better.
    Archive,
}

impl SiteSource {
    /// As it stands in the table.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Sheet => "sheet",
            Self::Folder => "folder",
            Self::Prefix => "prefix",
            Self::Serial => "serial",
            Self::Archive => "archive",
        }
    }
}

/// Which folder on the way to a recording is its site.
#[derive(Debug, Clone, Copy)]
pub(super) struct SiteFolder<'a> {
    /// The folder that is searched for recordings.
    pub(super) audio: &'a str,
    /// The level below it, from 1; `None` for the folder that holds the recording.
    pub(super) level: Option<usize>,
}

impl SiteFolder<'_> {
    /// The folder that holds the recording.
    pub(super) const LAST: SiteFolder<'static> = SiteFolder { audio: ".", level: None };

    /// The site's folder on the way to a file. A file above the level has the folder that holds it.
    pub(super) fn of(self, path: &str) -> Option<&str> {
        let at = self.level.and_then(|level| below(path, self.audio).nth(level.checked_sub(1)?));
        at.or_else(|| folders(path).next_back())
    }
}

/// The site of a recording by its path in the archive, the prefix of its name and its recorder. A recording without
/// the wanted part takes one of the others, and at last the name of the archive.
pub(super) fn site(
    path: &str,
    archive: Option<&str>,
    prefix: Option<&str>,
    serial: Option<&str>,
    from: SiteFrom,
    folder: SiteFolder<'_>,
) -> (String, SiteSource) {
    let folder = folder.of(path);
    let candidates = match from {
        SiteFrom::Folder => [(folder, SiteSource::Folder), (prefix, SiteSource::Prefix), (serial, SiteSource::Serial)],
        SiteFrom::Prefix => [(prefix, SiteSource::Prefix), (folder, SiteSource::Folder), (serial, SiteSource::Serial)],
        SiteFrom::Serial => [(serial, SiteSource::Serial), (folder, SiteSource::Folder), (prefix, SiteSource::Prefix)],
    };
    let found =
        candidates.into_iter().find_map(|(name, source)| Some((name.filter(|name| !name.is_empty())?.to_owned(), source)));
    found.unwrap_or_else(|| (archive.unwrap_or("site").to_owned(), SiteSource::Archive))
}

/// The folders on the way to a file of the archive.
pub(super) fn folders(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    path.rsplit_once('/').map(|(folders, _)| folders.split('/')).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_found_where_it_is_said_to_be_and_else_where_there_is_something() {
        let found = |path: &str, prefix, serial, from| site(path, Some("ponds"), prefix, serial, from, SiteFolder::LAST);
        let (prefix, serial) = (Some("P"), Some("S4A1"));
        assert_eq!(found("raw/A/x.wav", prefix, serial, SiteFrom::Folder), ("A".into(), SiteSource::Folder));
        assert_eq!(found("raw/A/x.wav", prefix, serial, SiteFrom::Prefix), ("P".into(), SiteSource::Prefix));
        assert_eq!(found("raw/A/x.wav", prefix, serial, SiteFrom::Serial), ("S4A1".into(), SiteSource::Serial));
        assert_eq!(found("x.wav", prefix, serial, SiteFrom::Folder), ("P".into(), SiteSource::Prefix));
        assert_eq!(found("raw/A/x.wav", None, None, SiteFrom::Serial), ("A".into(), SiteSource::Folder));
        assert_eq!(found("x.wav", None, None, SiteFrom::Prefix), ("ponds".into(), SiteSource::Archive));
    }

    #[test]
    fn the_site_s_folder_may_lie_above_cards_and_days() {
        let found = |path: &str, audio: &str, level| {
            site(path, None, None, None, SiteFrom::Folder, SiteFolder { audio, level: Some(level) }).0
        };
        assert_eq!(found("47/Data/Device 2/x.wav", ".", 1), "47");
        assert_eq!(found("raw/47/Data/x.wav", "raw", 1), "47");
        assert_eq!(found("raw/47/Data/x.wav", "./raw/", 2), "Data");
        assert_eq!(found("raw/47/x.wav", "raw", 2), "47", "above the level");
    }
}
