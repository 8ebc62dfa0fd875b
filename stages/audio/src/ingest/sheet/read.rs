//! The site sheet's file: CSV as people and spreadsheets write it.

use std::collections::BTreeMap;

use chorus_archive::{column_name, composed};
use chorus_text::as_typed;
use csv::StringRecord;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan};

use super::line::{Line, Name};
use crate::headers::decode;
use crate::ingest::error::IngestError;
use chorus_clock::reading::parse_iso;

/// The largest sheet that is read, bytes. A sheet with a line for each of a million recordings is smaller.
pub(super) const MAX_BYTES: u64 = 256 << 20;

/// The columns: what they are called here, and what else people call them.
const COLUMNS: [(&str, &[&str]); 10] = [
    ("site", &["site name", "location"]),
    ("latitude", &["lat"]),
    ("longitude", &["lon", "long", "lng"]),
    ("timezone", &["time zone", "tz"]),
    ("folder", &["directory"]),
    ("name", &["pattern"]),
    ("serial", &["serial number", "recorder"]),
    ("from", &[]),
    ("to", &["until"]),
    ("start", &[]),
];

/// An IANA zone by its name.
pub(super) fn zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| format!("`{name}`, which is no IANA time zone"))
}

/// What a column is called here; `None` where it is not known.
pub(super) fn known(written: &str) -> Option<&'static str> {
    let plain = column_name(written);
    COLUMNS.iter().find(|(name, others)| *name == plain || others.contains(&plain.as_str())).map(|(name, _)| *name)
}

/// The fields of a sheet, as they are written.
pub(super) struct Table {
    /// The names of the columns.
    pub(super) head: StringRecord,
    columns: Columns,
    /// Lines with any field, and their numbers in the file, from 1.
    pub(super) records: Vec<(u64, StringRecord)>,
    decimal_comma: bool,
    /// Columns that ingest does not know and that have the name of an earlier one, by position, and what to tell of each.
    pub(super) repeated: BTreeMap<usize, String>,
}

impl Table {
    /// Reads the content `bytes` of the sheet `location`.
    pub(super) fn read(location: &str, bytes: &[u8]) -> Result<Self, IngestError> {
        let bad = |line: u64, found: String| IngestError::SiteSheet { location: location.to_owned(), line, found };
        let text = decode(bytes);
        let head = text.lines().next().unwrap_or_default();
        // Spreadsheets of languages with a decimal comma separate by semicolons.
        let decimal_comma = head.contains(';') && !head.contains(',');
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .delimiter(if decimal_comma { b';' } else { b',' })
            .from_reader(text.as_bytes());
        let head: StringRecord = reader.headers().map_err(|e| bad(1, e.to_string()))?.iter().map(as_typed).collect();
        let columns = Columns::of(&head).map_err(|found| bad(1, found))?;
        let mut records = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|e| bad(e.position().map_or(0, csv::Position::line), e.to_string()))?;
            let number = record.position().map_or(0, csv::Position::line);
            if record.iter().any(|field| !field.is_empty()) {
                // Our own exports mark what a spreadsheet would run.
                records.push((number, record.iter().map(as_typed).collect()));
            }
        }
        let repeated = repeated(&head, &records);
        Ok(Self { head, columns, records, decimal_comma, repeated })
    }

    /// The site that a line is about.
    pub(super) fn site<'r>(&self, record: &'r StringRecord) -> Option<&'r str> {
        record.get(self.columns.at[0]?).filter(|site| !site.is_empty())
    }

    /// A field; a number with a decimal point.
    pub(super) fn number_or_text(&self, field: &str) -> String {
        let pointed = field.replacen(',', ".", 1);
        if self.decimal_comma && pointed.parse::<f64>().is_ok() { pointed } else { field.to_owned() }
    }
}

/// Columns that are not known and have the name of an earlier one: their positions, and what to tell of each.
fn repeated(head: &StringRecord, records: &[(u64, StringRecord)]) -> BTreeMap<usize, String> {
    let mut firsts: BTreeMap<String, usize> = BTreeMap::new();
    let mut repeated = BTreeMap::new();
    for (column, written) in head.iter().enumerate().filter(|(_, written)| !written.is_empty() && known(written).is_none()) {
        let first = *firsts.entry(column_name(written)).or_insert(column);
        if first == column {
            continue;
        }
        let text = |record: &StringRecord, column: usize| composed(record.get(column).unwrap_or_default()).into_owned();
        let differs = records.iter().find(|(_, record)| text(record, first) != text(record, column));
        let differ = differs.map_or_else(String::new, |(line, _)| format!(" and differ on line {line}"));
        let told = format!(
            "columns {} and {} are both called {}{differ}; exports of sites have the first: rename or remove one of them",
            first + 1,
            column + 1,
            &head[first]
        );
        repeated.insert(column, told);
    }
    repeated
}

/// What a sheet holds.
pub(super) struct Content {
    pub(super) lines: Vec<Line>,
    /// The names of columns that are not known.
    pub(super) ignored: Vec<String>,
    /// What to tell of its columns.
    pub(super) notes: Vec<String>,
}

/// Reads the content `bytes` of the sheet `location`.
pub(super) fn content(location: &str, bytes: &[u8]) -> Result<Content, IngestError> {
    let bad = |line: u64, found: String| IngestError::SiteSheet { location: location.to_owned(), line, found };
    let Table { columns, records, decimal_comma, repeated, .. } = Table::read(location, bytes)?;
    let of = |(number, record): &(u64, StringRecord)| {
        line(&Fields { columns: &columns, record, decimal_comma }, *number).map_err(|found| bad(*number, found))
    };
    let lines = records.iter().map(of).collect::<Result<Vec<_>, _>>()?;
    if lines.is_empty() {
        return Err(bad(0, "no line with a site".to_owned()));
    }
    Ok(Content { lines, ignored: columns.ignored, notes: repeated.into_values().collect() })
}

/// Where the columns stand.
struct Columns {
    at: Vec<Option<usize>>,
    ignored: Vec<String>,
}

impl Columns {
    fn of(head: &StringRecord) -> Result<Self, String> {
        let (mut at, mut ignored) = (vec![None; COLUMNS.len()], Vec::new());
        for (i, written) in head.iter().enumerate() {
            let known = known(written);
            match COLUMNS.iter().position(|(name, _)| Some(*name) == known) {
                Some(column) if at[column].is_some() => return Err(format!("two columns for {}", COLUMNS[column].0)),
                Some(column) => at[column] = Some(i),
                None if !written.is_empty() => ignored.push(written.to_owned()),
                None => {}
            }
        }
        if at[0].is_none() {
            return Err(format!("the columns {}, and no site among them", head.iter().collect::<Vec<_>>().join(", ")));
        }
        Ok(Self { at, ignored })
    }
}

/// The fields of a line by the names of their columns.
struct Fields<'a> {
    columns: &'a Columns,
    record: &'a StringRecord,
    decimal_comma: bool,
}

impl Fields<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        let column = COLUMNS.iter().position(|(column, _)| *column == name)?;
        self.record.get(self.columns.at[column]?).filter(|text| !text.is_empty())
    }

    fn owned(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    fn degrees(&self, name: &str, most: f64) -> Result<Option<f64>, String> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let number = if self.decimal_comma { text.replace(',', ".") } else { text.to_owned() };
        match number.parse::<f64>() {
            Ok(degrees) if degrees.abs() <= most => Ok(Some(degrees)),
            _ => Err(format!("{name} `{text}`; write degrees from -{most} to {most}")),
        }
    }

    /// A date or a date with a time, and how long what is written lasts: a day, a minute, a second.
    fn time(&self, name: &str) -> Result<Option<(DateTime, Span)>, String> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let day =
            text.parse::<Date>().ok().filter(|_| text.len() == 10).map(|date| (date.to_datetime(Default::default()), 1.day()));
        let of_clock = || parse_iso(text).filter(|(_, offset)| offset.is_none()).map(|(time, _)| time);
        let lasting = |time: DateTime| (time, if text.matches(':').count() > 1 { 1.second() } else { 1.minute() });
        match day.or_else(|| of_clock().map(lasting)) {
            Some(time) => Ok(Some(time)),
            None => Err(format!("{name} `{text}`; write 2020-03-15 or 2020-03-15 12:00, in the site's time")),
        }
    }
}

/// One folder or several with `/` between them.
fn folders(text: &str) -> Vec<String> {
    text.split('/').filter(|part| !part.is_empty() && *part != ".").map(|part| composed(part).into_owned()).collect()
}

fn line(fields: &Fields<'_>, number: u64) -> Result<Line, String> {
    let position = match (fields.degrees("latitude", 90.0)?, fields.degrees("longitude", 180.0)?) {
        (Some(latitude), Some(longitude)) => Some((latitude, longitude)),
        (None, None) => None,
        _ => return Err("one of latitude and longitude without the other".to_owned()),
    };
    let until = match fields.time("to")? {
        Some((to, lasting)) => Some(to.checked_add(lasting).map_err(|e| e.to_string())?),
        None => None,
    };
    let from = fields.time("from")?.map(|(from, _)| from);
    if from.zip(until).is_some_and(|(from, until)| until <= from) {
        return Err("a time `to` that lies before `from`".to_owned());
    }
    Ok(Line {
        number,
        site: fields.owned("site").ok_or("no site")?,
        position,
        zone: fields.text("timezone").map(zone).transpose()?,
        folders: folders(fields.text("folder").unwrap_or_default()),
        name: fields.text("name").map(|name| Name::new(&composed(name))).transpose()?,
        serial: fields.text("serial").map(str::to_ascii_uppercase),
        from,
        until,
        start: fields.time("start")?.map(|(start, _)| start),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<(Vec<Line>, Vec<String>), String> {
        let content = content("sites.csv", bytes).map_err(|e| e.to_string())?;
        Ok((content.lines, content.ignored))
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_its_line() {
        for (text, wanted) in [
            ("", "no site among them"),
            ("site\n", "no line with a site"),
            ("site,latitude\n,\n", "no line with a site"),
            ("name,latitude\nA,1\n", "no site among them"),
            ("site,lat,latitude\nA,1,1\n", "line 1: found two columns for latitude"),
            ("site,latitude,longitude\nA,1,2\nB,95,2\n", "line 3: found latitude `95`"),
            ("site,latitude,longitude\nA,1,\n", "line 2: found one of latitude and longitude"),
            ("site,latitude,longitude\nA,north,1\n", "latitude `north`"),
            ("site,latitude,longitude\nA,NaN,1\n", "latitude `NaN`"),
            ("site,timezone\nA,Mars/Base\n", "line 2: found `Mars/Base`"),
            ("site,from\nA,1.3.2020\n", "from `1.3.2020`; write 2020-03-15"),
            ("site,from,to\nA,2020-03-15,2020-03-14\n", "`to` that lies before `from`"),
            ("site,serial\n,A\n", "line 2: found no site"),
            ("site,serial\nA\n", "line 2"),
        ] {
            let error = read(text.as_bytes()).unwrap_err();
            assert!(
                error.contains(wanted) && error.contains("sites.csv") && error.contains("known are site, latitude"),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn sheets_as_spreadsheets_write_them() {
        let (lines, ignored) =
            read(b"\xEF\xBB\xBFSite;Lat;Lon;Time_Zone;Habitat\r\nRivi\xC3\xA8re;47,5;8,25;Europe/Zurich;wet\r\n;;;;\r\n")
                .unwrap();
        assert_eq!((lines.len(), lines[0].site.as_str(), lines[0].position), (1, "Rivière", Some((47.5, 8.25))));
        assert_eq!(ignored, ["Habitat"]);
        assert_eq!(read(b"site,'=habitat\n'@POND,'=wet\n").unwrap().0[0].site, "@POND");
        assert_eq!(read(b"site\nRivi\xE8re\n").unwrap().0[0].site, "Rivière");
    }

    #[test]
    fn further_columns_of_one_name_are_told() {
        let notes = |text: &str| content("sites.csv", text.as_bytes()).unwrap().notes;
        assert_eq!(
            notes("site,Habitat,x,habitat\nA,reeds,1,reeds\nB,bog,1,fen\n"),
            [
                "columns 2 and 4 are both called Habitat and differ on line 3; exports of sites have the first: rename or remove one of them"
            ]
        );
        let same = notes("site,r\u{e9}gion,re\u{301}gion\nA,x,x\n");
        assert!(same.len() == 1 && same[0].starts_with("columns 2 and 3 are both called r\u{e9}gion; exports"), "{same:?}");
        assert_eq!(notes("site,depth_m,depth m,,\nA,1,1,,\n").len(), 1, "columns without a name are none");
        assert_eq!(notes("site,habitat,depth\nA,x,1\n"), [""; 0]);
    }

    #[test]
    fn days_and_times_last_as_long_as_they_are_written() {
        let (lines, _) = read(b"site,from,to\nA,2020-03-01,2020-03-15\nB,2020-03-01 12:30,2020-03-15T12:30:15\n").unwrap();
        let shown = |time: Option<DateTime>| time.unwrap().to_string();
        assert_eq!((shown(lines[0].from), shown(lines[0].until)), ("2020-03-01T00:00:00".into(), "2020-03-16T00:00:00".into()));
        assert_eq!((shown(lines[1].from), shown(lines[1].until)), ("2020-03-01T12:30:00".into(), "2020-03-15T12:30:16".into()));
    }
}
