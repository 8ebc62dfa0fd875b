//! Units of work: one site's local day, in parts, or the whole run.

use std::borrow::Cow;
use std::fmt;

use chorus_archive::composed;
use chorus_platform::names::LOSES_LAST_DOT;
use jiff::civil::Date;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What Hive paths hold as they are; everything else in a site's name is percent-encoded.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');
/// Before the site in the name of its folder.
const SITE: &str = "site=";
/// The longest name of a folder on the file systems of Linux, macOS and Windows, bytes.
const LONGEST_NAME: usize = 255;
/// Words that readers of Hive paths take for null when they stand for a site.
const READ_AS_NULL: [&str; 2] = ["null", chorus_tables::NULL_PARTITION];

/// A unit of work. Its order is that of its path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// The whole run.
    Run,
    /// A part of one site's local day; `date` is `None` for recordings without a trustworthy time.
    SiteDay {
        /// The site.
        site: String,
        /// Local date of the recordings' start.
        date: Option<Date>,
        /// Number of the part, from 0.
        part: u32,
    },
}

impl Unit {
    /// The folder of its partition, such as `site=POND01/date=2020-03-01`; empty for the whole run.
    pub fn folder(&self) -> String {
        match self {
            Self::Run => String::new(),
            Self::SiteDay { site, date, .. } => Folder { site, date: *date }.to_string(),
        }
    }

    /// The stem of its files, such as `part-000`.
    pub fn stem(&self) -> String {
        match self {
            Self::Run => "part-000".into(),
            Self::SiteDay { part, .. } => format!("part-{part:03}"),
        }
    }

    /// The unit whose file has this path relative to a table's folder (or to a pass's states), whatever its extension.
    pub fn parse(path: &str) -> Option<Self> {
        let path = path.rsplit_once('.').filter(|(_, e)| !e.contains('/')).map_or(path, |(stem, _)| stem);
        let mut pieces = path.split('/');
        let (first, second, third) = (pieces.next()?, pieces.next(), pieces.next());
        let Some(site) = first.strip_prefix(SITE) else {
            return (first == "part-000" && second.is_none()).then_some(Self::Run);
        };
        let site = percent_decode_str(site).decode_utf8().ok()?.into_owned();
        let date = match second?.strip_prefix("date=")? {
            chorus_tables::NULL_PARTITION => None,
            date => Some(date.parse().ok()?),
        };
        let part = third?.strip_prefix("part-")?.parse().ok()?;
        Some(Self::SiteDay { site, date, part })
    }

    /// By how many bytes the name of a site's folder is too long for a file system; `None` where it fits.
    #[must_use]
    pub fn too_long(site: &str) -> Option<usize> {
        (SITE.len() + encode_site(site).len()).checked_sub(LONGEST_NAME).filter(|bytes| *bytes > 0)
    }

    /// The site; empty for the whole run.
    pub fn site(&self) -> &str {
        match self {
            Self::Run => "",
            Self::SiteDay { site, .. } => site,
        }
    }

    /// Whether a `--unit` filter such as `site=POND01` or `site=POND01/date=2020-03-01` selects it. The site may be
    /// written as in the folder's name, or as it is.
    pub fn matches(&self, filter: &str) -> bool {
        let filter = composed(filter.trim_end_matches('/'));
        let filter = filter.as_ref();
        let encoded = self.to_string();
        let plain = encoded.split_once('/').map(|(_, rest)| format!("site={}/{rest}", composed(self.site())));
        let selects = |id: &str| id == filter || id.strip_prefix(filter).is_some_and(|rest| rest.starts_with('/'));
        selects(&encoded) || plain.is_some_and(|plain| selects(&plain))
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run => f.write_str("run"),
            Self::SiteDay { site, date, part } => write!(f, "{}/part-{part:03}", Folder { site, date: *date }),
        }
    }
}

/// The folder of a site's day, as it stands in paths. Hundreds of thousands of these are written when a run is planned, each piece by piece.
struct Folder<'a> {
    site: &'a str,
    date: Option<Date>,
}

impl fmt::Display for Folder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SITE}{}/date=", encode_site(self.site))?;
        match self.date {
            Some(date) => write!(f, "{date}"),
            None => f.write_str(chorus_tables::NULL_PARTITION),
        }
    }
}

/// A site's name as part of a path. Each name has one form: whatever is written here is found again by [`Unit::parse`].
fn encode_site(site: &str) -> Cow<'_, str> {
    let is_kept = site.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if is_kept && !is_read_as_null(site) { Cow::Borrowed(site) } else { Cow::Owned(encode_site_where(site, LOSES_LAST_DOT)) }
}

fn is_read_as_null(site: &str) -> bool {
    READ_AS_NULL.iter().any(|null| site.eq_ignore_ascii_case(null))
}

fn encode_site_where(site: &str, loses_last_dot: bool) -> String {
    // `.` and `..` would be folders of their own.
    if site.chars().all(|c| c == '.') {
        return site.replace('.', "%2E");
    }
    if let Some(before) = site.strip_suffix('.').filter(|_| loses_last_dot) {
        return encode_site_where(before, loses_last_dot) + "%2E";
    }
    if let Some(first) = site.chars().next().filter(|_| is_read_as_null(site)) {
        return format!("%{:02X}{}", u32::from(first), &site[first.len_utf8()..]);
    }
    let encoded = utf8_percent_encode(site, KEPT).to_string();
    if SITE.len() + encoded.len() <= LONGEST_NAME {
        return encoded;
    }
    // A letter of another alphabet takes nine bytes in place of three: a long name keeps its letters as they are.
    site.chars()
        .map(|c| if c.is_ascii() { utf8_percent_encode(c.encode_utf8(&mut [0; 4]), KEPT).to_string() } else { c.into() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_site_name_survives_its_path() {
        for site in ["POND01", "Rivière du Nord/2", "a=b %20", "..", "…", "水塘", "x.y"] {
            for date in [None, Some(jiff::civil::date(2020, 3, 1))] {
                let unit = Unit::SiteDay { site: site.into(), date, part: 12 };
                let path = format!("{unit}.parquet");
                assert!(!path.contains(' ') && path.split('/').all(|p| p != ".."), "{path}");
                assert_eq!(Unit::parse(&path), Some(unit), "{path}");
            }
        }
        assert_eq!(Unit::parse("part-000.json"), Some(Unit::Run));
        assert_eq!(Unit::parse("site=A/date=tomorrow/part-000.json"), None);
    }

    #[test]
    fn a_name_that_stands_for_itself_is_written_as_any_other() {
        for site in ["", "POND01", "a-b_c", "null", "Null1", "__HIVE_DEFAULT_PARTITION__", "a.b", "a b", "\u{e9}"] {
            assert_eq!(encode_site(site), encode_site_where(site, LOSES_LAST_DOT));
            let unit = Unit::SiteDay { site: site.into(), date: Some(jiff::civil::date(2020, 3, 1)), part: 1234 };
            assert_eq!(unit.to_string(), format!("{}/{}", unit.folder(), unit.stem()));
            assert_eq!(unit.folder(), format!("site={}/date=2020-03-01", encode_site(site)));
        }
    }

    #[test]
    fn a_dot_at_the_end_is_encoded_where_the_system_would_leave_it_out() {
        assert_eq!(
            (encode_site_where("St. John.", false), encode_site_where("St. John.", true)),
            ("St.%20John.".into(), "St.%20John%2E".into())
        );
        assert_eq!((encode_site_where("a..", true), encode_site_where("..", true)), ("a%2E%2E".into(), "%2E%2E".into()));
        assert_eq!(Unit::parse("site=a%2E%2E/date=2020-03-01/part-000").unwrap().site(), "a..");
    }

    #[test]
    fn a_name_that_readers_would_take_for_null_is_encoded() {
        for (site, folder) in [
            ("null", "site=%6Eull"),
            ("NULL", "site=%4EULL"),
            ("__HIVE_DEFAULT_PARTITION__", "site=%5F_HIVE_DEFAULT_PARTITION__"),
            ("nullarbor", "site=nullarbor"),
            ("true", "site=true"),
            ("007", "site=007"),
            ("100%", "site=100%25"),
            ("AC/DC", "site=AC%2FDC"),
            ("a b ", "site=a%20b%20"),
        ] {
            let unit = Unit::SiteDay { site: site.into(), date: None, part: 0 };
            assert_eq!(unit.folder().split('/').next(), Some(folder));
            assert_eq!(Unit::parse(&unit.to_string()), Some(unit));
        }
    }

    #[test]
    fn a_long_name_of_any_alphabet_fits_a_folder_or_is_known_not_to() {
        let station = "\u{6d4b}\u{7ad9}\u{591c}\u{95f4}\u{9e23}\u{86d9}".repeat(12);
        for (site, too_long) in [
            (station.clone(), None),
            (format!("{station}%\u{9e23}"), None),
            ("a".repeat(250), None),
            ("a".repeat(251), Some(1)),
            (" ".repeat(84), Some(2)),
            ("\u{e9}".repeat(126), Some(2)),
        ] {
            assert_eq!(Unit::too_long(&site), too_long, "{site}");
            let unit = Unit::SiteDay { site, date: None, part: 0 };
            assert_eq!(Unit::parse(&unit.to_string()), Some(unit));
        }
        assert_eq!(station.len(), 216);
    }

    #[test]
    fn filters_select_whole_steps_of_the_path() {
        let unit = Unit::SiteDay { site: "P1".into(), date: Some(jiff::civil::date(2020, 3, 1)), part: 0 };
        assert!(
            unit.matches("site=P1")
                && unit.matches("site=P1/date=2020-03-01/")
                && unit.matches("site=P1/date=2020-03-01/part-000")
        );
        assert!(!unit.matches("site=P") && !unit.matches("site=P1/date=2020-03-0"));
        let river = Unit::SiteDay { site: "Rivière 2".into(), date: None, part: 0 };
        assert!(river.matches("site=Rivie\u{300}re 2"), "with the accent as a character of its own");
        assert!(river.matches("site=Rivière 2") && river.matches(&river.folder()) && !river.matches("site=Rivière"));
    }
}
