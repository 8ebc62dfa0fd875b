//! Folders as sites: at which level the site is, and folders that may stand for several sites or for none.
//!
//! Recorders and people put folders between a site and its recordings: `47/Data`, `49/20190508_AAO`. Where the folder that holds
//! the recordings is taken for the site, the cards of all recorders become one site, and each day a site of its own.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use chorus_clock::reading::number;

/// Names of folders that recorders make, or that people give to what came from a card.
const OF_CARDS: [&str; 12] =
    ["data", "dcim", "wav", "wavs", "audio", "sound", "sounds", "recordings", "records", "files", "raw", "untitled"];
/// Such names before a number.
const NUMBERED: [&str; 4] = ["card", "sd", "sdcard", "disk"];
/// Years that a date in a folder's name may have.
const YEARS: std::ops::RangeInclusive<u32> = 1990..=2099;
/// Folders that a message shows.
const SHOWN: usize = 4;

/// The folders that hold the recordings of an archive, below the folder that is searched for them.
#[derive(Debug, Default)]
pub(super) struct Folders<'a>(BTreeSet<Vec<&'a str>>);

impl<'a> Folders<'a> {
    /// The folders of recordings with these paths. `audio` is the folder that is searched for them.
    pub(super) fn of(paths: impl Iterator<Item = &'a str>, audio: &str) -> Self {
        let mut folders = BTreeSet::new();
        let mut last = None;
        for path in paths {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            // The recordings of a folder mostly follow each other.
            if last.replace(folder) != Some(folder) {
                folders.insert(below(path, audio).collect());
            }
        }
        Self(folders)
    }

    /// What is doubtful where the folder that holds the recordings is their site.
    pub(super) fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        let mut by_name: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for folder in &self.0 {
            let is_of_a_date = folder.len() > 1 && is_date_level(folder, folder.len() - 2);
            // A site has a folder for each year or month.
            if let Some(&name) = folder.last().filter(|_| !is_of_a_date) {
                by_name.entry(name).or_default().push(folder.join("/"));
            }
        }
        let merged: Vec<String> =
            by_name.into_iter().filter(|(_, paths)| paths.len() > 1).map(|(_, paths)| some(&paths)).collect();
        if !merged.is_empty() {
            doubts.push(format!("folders of one name are one site: {}", some(&merged)));
        }
        let names: Vec<String> = self.leaves_that_are_no_sites().into_iter().map(str::to_owned).collect();
        if !names.is_empty() {
            doubts.push(format!("folders whose names look like dates or cards are sites: {}", some(&names)));
        }
        doubts
    }

    /// The level of the folders that look like sites, counted from 1; `None` where the folder that holds the recordings serves.
    pub(super) fn level(&self) -> Option<usize> {
        if self.leaves_that_are_no_sites().is_empty() {
            return None;
        }
        let depth = self.0.iter().map(Vec::len).min().unwrap_or_default();
        let names = |level: usize| -> BTreeSet<&str> { self.0.iter().map(|folder| folder[level - 1]).collect() };
        let are_sites = |level: &usize| !self.0.iter().any(|folder| is_no_site(folder, level - 1));
        let has_several = |level: &usize| names(*level).len() > 1;
        // Where there is one site only, its folder is the one next to the recordings that is neither a date nor a card.
        (1..=depth).filter(are_sites).find(has_several).or_else(|| (1..=depth).rev().find(are_sites))
    }

    /// The names of those folders that hold recordings and look like dates or cards, in order.
    fn leaves_that_are_no_sites(&self) -> BTreeSet<&str> {
        let leaves = self.0.iter().filter(|folder| !folder.is_empty() && is_no_site(folder, folder.len() - 1));
        leaves.filter_map(|folder| folder.last().copied()).collect()
    }
}

/// The folders on the way to a file, below the folder `audio` of the archive.
pub(super) fn below<'a>(path: &'a str, audio: &str) -> impl DoubleEndedIterator<Item = &'a str> {
    let audio = chorus_archive::plain(audio).unwrap_or_default();
    let rest = path.strip_prefix(&audio).and_then(|rest| rest.strip_prefix('/')).filter(|_| !audio.is_empty()).unwrap_or(path);
    rest.rsplit_once('/').map(|(folders, _)| folders.split('/')).into_iter().flatten()
}

/// The first few, and how many more there are.
fn some(names: &[String]) -> String {
    let shown = names[..names.len().min(SHOWN)].join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Whether one of the folders on a way, the one at this position, is a date or has the name of a card.
fn is_no_site(folder: &[&str], at: usize) -> bool {
    is_date_level(folder, at) || is_card(folder[at])
}

fn is_card(name: &str) -> bool {
    let name = name.to_lowercase();
    let separators = [' ', '_', '-'];
    let bare = name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches(separators);
    // `Card A`
    let is_lettered =
        name.rsplit_once(separators).is_some_and(|(before, letter)| letter.len() == 1 && NUMBERED.contains(&before));
    // Cameras' rule for folders: a number from 100 on and five letters, digits or underscores (CIPA DC-009).
    let bytes = name.as_bytes();
    let is_of_cameras = bytes.len() == 8
        && (b'1'..=b'9').contains(&bytes[0])
        && bytes[1..3].iter().all(u8::is_ascii_digit)
        && (bytes[3].is_ascii_lowercase() || bytes[3] == b'_')
        && bytes[4..].iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'_');
    OF_CARDS.contains(&name.as_str()) || NUMBERED.contains(&bare) || is_lettered || is_of_cameras
}

/// Whether one of the folders on a way is a date by its name, or by the folders above it: the month or the day of `2020/03/15`.
fn is_date_level(folder: &[&str], at: usize) -> bool {
    let is_month_level =
        |at: usize| is_year_and_month(folder[at]) || at > 0 && is_year(folder[at - 1]) && is_number(folder[at], 1..=12);
    is_date(folder[at]) || is_month_level(at) || at > 0 && is_month_level(at - 1) && is_number(folder[at], 1..=31)
}

/// Whether a name is a year, such as `2020`.
fn is_year(name: &str) -> bool {
    name.len() == 4 && number(name.as_bytes()).is_some_and(|year| YEARS.contains(&year))
}

/// Whether a name is a year and a month, such as `2020-03`.
fn is_year_and_month(name: &str) -> bool {
    name.split_once(['-', '_', '.']).is_some_and(|(year, month)| is_year(year) && is_number(month, 1..=12))
}

/// Whether a name is a number of two digits within a range, such as `03`.
fn is_number(name: &str, range: std::ops::RangeInclusive<u32>) -> bool {
    name.len() == 2 && number(name.as_bytes()).is_some_and(|number| range.contains(&number))
}

/// Whether a name is a year, a month, or holds a whole date: `2020`, `2020-03`, `20190508_AAO`, `A 2019-05-08`.
fn is_date(name: &str) -> bool {
    let bytes = name.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let is_date_at = |at: usize| {
        let ends_at = |end: usize| (at == 0 || !is_digit(at - 1)) && !is_digit(end);
        let part = |from: usize, to: usize| bytes.get(at + from..at + to).and_then(number);
        let is_date = |year: Option<u32>, month: Option<u32>, day: Option<u32>| {
            let (Some(year), Some(month), Some(day)) = (year, month, day) else { return false };
            YEARS.contains(&year) && Date::new(year as i16, month as i8, day as i8).is_ok()
        };
        let is_apart = |place: usize| matches!(bytes.get(at + place), Some(b'-' | b'_' | b'.'));
        is_date(part(0, 4), part(4, 6), part(6, 8)) && ends_at(at + 8)
            || is_apart(4) && is_apart(7) && is_date(part(0, 4), part(5, 7), part(8, 10)) && ends_at(at + 10)
    };
    is_year(name) || is_year_and_month(name) || (0..bytes.len()).any(is_date_at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NESTED: [&str; 5] = [
        "47/Data/2MM03803_20241116_175200.wav",
        "47/Data/Device 2, 10-14 april/2MM03803_20241116_175200.wav",
        "48/Data/2MM03804_20241116_175200.wav",
        "49/20190508_AAO/20190508T200000+1000_REC.wav",
        "49/20190509_AAO/20190509T200000+1000_REC.wav",
    ];

    fn level(paths: &[&str]) -> Option<usize> {
        Folders::of(paths.iter().copied(), ".").level()
    }

    #[test]
    fn cards_and_days_are_no_sites() {
        let folders = Folders::of(NESTED.into_iter(), ".");
        assert_eq!(folders.level(), Some(1));
        assert_eq!(
            folders.doubts(),
            [
                "folders of one name are one site: 47/Data, 48/Data",
                "folders whose names look like dates or cards are sites: 20190508_AAO, 20190509_AAO, Data"
            ]
        );
        let deeper = NESTED.map(|path| format!("raw/2024/{path}"));
        assert_eq!(level(&deeper.iter().map(String::as_str).collect::<Vec<_>>()), Some(3));
        assert_eq!(Folders::of(deeper.iter().map(String::as_str), "./raw").level(), Some(2), "below the folder of the audio");
    }

    #[test]
    fn folders_that_are_sites_are_left_alone() {
        for paths in [&["A/1.wav", "B/2.wav"][..], &["2020/A/1.wav", "2021/A/2.wav"], &["1.wav"], &["x/A/1.wav", "x/B/1.wav"]] {
            let folders = Folders::of(paths.iter().copied(), ".");
            assert_eq!((folders.level(), folders.doubts().len()), (None, 0), "{paths:?}");
        }
        // Nobody can tell which of the two is the site.
        let cards = Folders::of(["k/A/1.wav", "l/A/2.wav"].into_iter(), ".");
        assert_eq!((cards.level(), cards.doubts().len()), (None, 1));
    }

    #[test]
    fn years_months_and_days_on_levels_of_their_own_are_dates() {
        let nested = ["North/2020/01/15/1.wav", "North/2020/01/16/2.wav", "South/2020/01/15/3.wav", "South/2021/12/31/4.wav"];
        assert_eq!(level(&nested), Some(1));
        assert_eq!(level(&["North/2020-01/15/1.wav", "South/2020-01/15/1.wav"]), Some(1));
        assert_eq!(level(&["x/North/2020/01/1.wav", "x/South/2020/01/1.wav"]), Some(2));
        assert_eq!(level(&["North/2020/1.wav", "North/2021/1.wav"]), Some(1), "one site");
        // A number alone is no date, and neither is a number above that no year stands.
        for sites in [["47/1.wav", "48/1.wav"], ["2020/47/1.wav", "2020/48/1.wav"], ["A/01/1.wav", "A/02/1.wav"]] {
            assert_eq!(level(&sites), None, "{sites:?}");
        }
        let by_date = Folders::of(["2020/01/North/1.wav", "2020/02/North/1.wav"].into_iter(), ".");
        assert_eq!((by_date.level(), by_date.doubts().len()), (None, 0), "a folder of a site in each month");
    }

    #[test]
    fn the_folder_above_cards_is_the_site_also_where_there_is_only_one() {
        for paths in [&["P/card1/1.wav", "P/card2/1.wav"][..], &["P/DCIM/100EK113/1.wav"], &["P/Data/1.wav"], &["P/Card A/1.wav"]]
        {
            assert_eq!(level(paths), Some(1), "{paths:?}");
        }
        assert_eq!(level(&["project/P/Wavs/1.wav"]), Some(2));
        assert_eq!(level(&["Data/1.wav"]), None, "nothing but a card");
        assert_eq!(level(&["1.wav", "P/Data/1.wav"]), None);
    }

    #[test]
    fn names_of_dates_and_cards() {
        for name in [
            "20190508_AAO",
            "2020-03-01",
            "x 2020_03_01",
            "2020",
            "2020-03",
            "Data",
            "DCIM",
            "101RECOR",
            "100EK113",
            "SD2",
            "card_12",
            "Card A",
        ] {
            assert!(is_no_site(&[name], 0), "{name}");
        }
        for name in [
            "47",
            "POND01",
            "20191508",
            "120200301",
            "2MM03803",
            "1776",
            "Database",
            "Riverside",
            "",
            "S2020",
            "card table",
            "12345678",
            "012ABCDE",
        ] {
            assert!(!is_no_site(&[name], 0), "{name}");
        }
    }
}
