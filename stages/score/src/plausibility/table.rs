//! The file: which class is to be expected where and when.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chorus_archive::{cleaned, column_name, composed};
use chorus_text::as_typed;
use csv::{ReaderBuilder, StringRecord};
use jiff::civil::Date;

use super::when::When;
use crate::error::ScoreError;

/// Names of the column with the class or the scientific name, in lower case.
const NAMES: [&str; 3] = ["class", "scientific_name", "species"];
/// Names of the columns of a box, in the order of [`Area`].
const AREA: [&str; 4] = ["min_latitude", "max_latitude", "min_longitude", "max_longitude"];
/// Words for a value, in lower case.
const WORDS: [(&str, f64); 6] = [("yes", 1.0), ("y", 1.0), ("true", 1.0), ("no", 0.0), ("n", 0.0), ("false", 0.0)];

/// Where and when something was detected, as far as it is known.
pub(super) struct Spot<'a> {
    pub(super) site: &'a str,
    /// Latitude and longitude, degrees.
    pub(super) place: Option<(f64, f64)>,
    /// The local date.
    pub(super) date: Option<Date>,
}

/// A box on the earth, degrees. One whose western edge is east of its eastern one goes over the date line.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Area {
    south: f64,
    north: f64,
    west: f64,
    east: f64,
}

impl Area {
    fn holds(&self, (latitude, longitude): (f64, f64)) -> bool {
        let is_between = if self.west <= self.east {
            (self.west..=self.east).contains(&longitude)
        } else {
            longitude >= self.west || longitude <= self.east
        };
        (self.south..=self.north).contains(&latitude) && is_between
    }
}

/// A row of the file. What it leaves empty may be anything.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    site: Option<String>,
    area: Option<Area>,
    when: Option<When>,
    expected: f64,
}

impl Row {
    /// Whether the row speaks of a spot; `None` where what it asks for is not known.
    fn fits(&self, spot: &Spot<'_>) -> Option<bool> {
        if self.site.as_ref().is_some_and(|site| *site != composed(spot.site)) {
            return Some(false);
        }
        let in_area = self.area.map_or(Some(true), |area| Some(area.holds(spot.place?)));
        let in_time = self.when.map_or(Some(true), |when| Some(when.holds(spot.date?)));
        match (in_area, in_time) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        }
    }
}

/// All rows of the file, by the name that they have for a class, in their order.
#[derive(Debug, Default)]
pub(super) struct Expectations {
    rows: BTreeMap<String, Vec<(usize, Row)>>,
    /// Columns that are not read, as they are written.
    unused: Vec<String>,
}

impl Expectations {
    /// Reads the file.
    ///
    /// # Errors
    /// [`ScoreError::Expectations`] with the line and what was found and expected.
    pub(super) fn read(path: &Path) -> Result<Self, ScoreError> {
        let wrong = |line: u64, detail: String| ScoreError::Expectations { path: path.to_owned(), line, detail };
        let bytes = std::fs::read(path).map_err(|e| wrong(1, format!("it cannot be read: {e}")))?;
        let text = String::from_utf8(bytes).map_err(|_| wrong(1, "it is not in UTF-8; save it so".to_owned()))?;
        Self::parse(&text).map_err(|(line, detail)| wrong(line, detail))
    }

    fn parse(text: &str) -> Result<Self, (u64, String)> {
        let text = text.trim_start_matches('\u{feff}');
        let head = text.lines().next().unwrap_or_default();
        let delimiter = [b',', b';', b'\t'].into_iter().max_by_key(|d| head.bytes().filter(|byte| byte == d).count());
        let mut builder = ReaderBuilder::new();
        builder.delimiter(delimiter.unwrap_or(b',')).trim(csv::Trim::All);
        let mut reader = builder.from_reader(text.as_bytes());
        let malformed = |e: &csv::Error| (e.position().map_or(1, csv::Position::line), e.to_string());
        let header = reader.headers().map_err(|e| malformed(&e))?.clone();
        let columns = Columns::of(&header).map_err(|detail| (1, detail))?;
        let mut expectations = Self { unused: columns.unused(&header), ..Self::default() };
        for (index, record) in reader.records().enumerate() {
            let record = record.map_err(|e| malformed(&e))?;
            let line = record.position().map_or(0, csv::Position::line);
            // Our own exports mark what a spreadsheet would run.
            let record: StringRecord = record.iter().map(as_typed).collect();
            let (name, row) = columns.row(&record).map_err(|detail| (line, detail))?;
            expectations.rows.entry(name).or_default().push((index, row));
        }
        Ok(expectations)
    }

    /// A remark on columns that are not read.
    pub(super) fn unused_columns(&self) -> Vec<String> {
        let known = [&NAMES[..], &["site"], &AREA, &["months", "weeks", "expected"]].concat().join(", ");
        let remark = || format!("columns that are not read: {}; known are {known}", self.unused.join(", "));
        (!self.unused.is_empty()).then(remark).into_iter().collect()
    }

    /// Whether a row names a site.
    pub(super) fn names_sites(&self) -> bool {
        self.sites().next().is_some()
    }

    /// A remark on sites that the file names and that are none of these.
    pub(super) fn unknown_sites(&self, known: &BTreeSet<String>) -> Vec<String> {
        let known: BTreeSet<String> = known.iter().map(|site| composed(site).into_owned()).collect();
        let like = |site: &str| known.iter().find(|known| named(known) == named(site));
        let unknown: BTreeSet<&str> = self.sites().filter(|site| !known.contains(*site)).collect();
        let told: Vec<String> = unknown
            .into_iter()
            .map(|site| like(site).map_or_else(|| site.to_owned(), |known| format!("{site} (did you mean {known}?)")))
            .collect();
        let remark = || {
            format!(
                "no recording is of these sites, so their rows have no effect: {}; `SELECT DISTINCT site FROM recordings` lists sites",
                told.join(", ")
            )
        };
        (!told.is_empty()).then(remark).into_iter().collect()
    }

    fn sites(&self) -> impl Iterator<Item = &str> {
        self.rows.values().flatten().filter_map(|(_, row)| row.site.as_deref())
    }

    /// Names that are neither a class nor a scientific name.
    pub(super) fn strangers<'a>(
        &self,
        classes: impl Iterator<Item = &'a str>,
        scientific: &'a BTreeMap<String, String>,
    ) -> Vec<String> {
        let known: BTreeSet<String> = classes.chain(scientific.values().map(String::as_str)).map(named).collect();
        self.rows.keys().filter(|name| !known.contains(*name)).cloned().collect()
    }

    /// How far a class is to be expected at a spot: the value of the last row that fits; 0 where none fits and some row expects the class
    /// anywhere; `None` where nothing is said, or what a row asks for is not known and would make a difference.
    pub(super) fn expected(&self, class: &str, scientific: Option<&str>, spot: &Spot<'_>) -> Option<f64> {
        let own = self.rows.get(&named(class)).into_iter().flatten();
        let scientific = scientific.map(named).filter(|name| *name != named(class));
        let mut rows: Vec<&(usize, Row)> =
            own.chain(scientific.and_then(|name| self.rows.get(&name)).into_iter().flatten()).collect();
        rows.sort_by_key(|(index, _)| *index);
        let mut answer = rows.iter().any(|(_, row)| row.expected > 0.0).then_some(0.0);
        for (_, row) in rows {
            match row.fits(spot) {
                Some(true) => answer = Some(row.expected),
                Some(false) => {}
                None if answer == Some(row.expected) => {}
                None => answer = None,
            }
        }
        answer
    }
}

/// The form in which names are compared: those that look the same are the same, and case does not matter.
fn named(name: &str) -> String {
    cleaned(name).to_lowercase()
}

/// Positions of the columns.
struct Columns {
    name: usize,
    site: Option<usize>,
    area: Option<[usize; 4]>,
    months: Option<usize>,
    weeks: Option<usize>,
    expected: Option<usize>,
}

impl Columns {
    fn of(header: &StringRecord) -> Result<Self, String> {
        let plain: Vec<String> = header.iter().map(column_name).collect();
        let find = |name: &str| {
            let wanted = column_name(name);
            let mut found = plain.iter().enumerate().filter(|(_, other)| **other == wanted).map(|(column, _)| column);
            match (found.next(), found.next()) {
                (Some(_), Some(_)) => Err(format!("two columns {name}, expected one")),
                (first, _) => Ok(first),
            }
        };
        let mut name = None;
        for usual in NAMES {
            name = name.or(find(usual)?);
        }
        let lacks =
            || format!("found columns {}, expected one of {}", header.iter().collect::<Vec<_>>().join(", "), NAMES.join(", "));
        let area = AREA.map(find).into_iter().collect::<Result<Vec<_>, _>>()?;
        let area = match area[..] {
            [Some(south), Some(north), Some(west), Some(east)] => Some([south, north, west, east]),
            [None, None, None, None] => None,
            _ => return Err(format!("found some of the columns {}, expected all four or none", AREA.join(", "))),
        };
        Ok(Self {
            name: name.ok_or_else(lacks)?,
            site: find("site")?,
            area,
            months: find("months")?.or(find("month")?),
            weeks: find("weeks")?.or(find("week")?),
            expected: find("expected")?,
        })
    }

    /// Columns of the header that are not read, as they are written.
    fn unused(&self, header: &StringRecord) -> Vec<String> {
        let single = [self.site, self.months, self.weeks, self.expected].into_iter().flatten();
        let used: BTreeSet<usize> = single.chain([self.name]).chain(self.area.into_iter().flatten()).collect();
        let is_unused = |(column, name): &(usize, &str)| !used.contains(column) && !name.is_empty();
        header.iter().enumerate().filter(is_unused).map(|(_, name)| name.to_owned()).collect()
    }

    /// The name of a row's class, in the form in which names are compared, and the row.
    fn row(&self, record: &StringRecord) -> Result<(String, Row), String> {
        let field = |column: Option<usize>| column.and_then(|column| record.get(column)).unwrap_or_default();
        let name = named(field(Some(self.name)));
        if name.is_empty() {
            return Err("found an empty name, expected a class or a scientific name".to_owned());
        }
        let expected = match self.expected {
            // A row that only lists the class expects it.
            None => 1.0,
            Some(_) => value(field(self.expected))?,
        };
        Ok((
            name,
            Row {
                site: Some(composed(field(self.site)).into_owned()).filter(|site| !site.is_empty()),
                area: self.area.map(|columns| area(columns.map(|column| field(Some(column))))).transpose()?.flatten(),
                when: When::read(field(self.months), field(self.weeks))?,
                expected,
            },
        ))
    }
}

fn value(text: &str) -> Result<f64, String> {
    let word = text.to_lowercase();
    let known = WORDS.iter().find(|(known, _)| *known == word).map(|(_, value)| *value);
    let number = || word.replace(',', ".").parse::<f64>().ok().filter(|value| (0.0..=1.0).contains(value));
    known.or_else(number).ok_or_else(|| format!("expected is `{text}`, expected a number from 0 to 1, yes or no"))
}

/// The box of four fields; `None` where all are empty.
fn area(fields: [&str; 4]) -> Result<Option<Area>, String> {
    if fields.iter().all(|field| field.is_empty()) {
        return Ok(None);
    }
    let wrong = || format!("the box is {}, expected {} in degrees", fields.join(" "), AREA.join(", "));
    let number =
        |text: &str| text.replace(',', ".").parse::<f64>().ok().filter(|degrees| degrees.abs() <= 180.0).ok_or_else(wrong);
    let [south, north, west, east] = fields;
    let area = Area { south: number(south)?, north: number(north)?, west: number(west)?, east: number(east)? };
    let is_sound = area.south <= area.north && area.south.abs() <= 90.0 && area.north.abs() <= 90.0;
    if is_sound { Ok(Some(area)) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spot<'a>(site: &'a str, place: Option<(f64, f64)>, date: Option<&str>) -> Spot<'a> {
        Spot { site, place, date: date.map(|date| date.parse().unwrap()) }
    }

    #[test]
    fn the_last_row_that_fits_decides_and_a_class_that_is_expected_somewhere_is_not_expected_elsewhere() {
        let text = "Scientific_Name;site;months;expected\nBoana faber;;10-3;0,5\nBoana faber;POND;;yes\nBoana faber;POND;7;no\n";
        let found = Expectations::parse(text).unwrap();
        let of = |site: &str, date: &str| found.expected("BOAFAB", Some("Boana faber"), &spot(site, None, Some(date)));
        assert_eq!((of("MARSH", "2020-12-01"), of("MARSH", "2020-06-01")), (Some(0.5), Some(0.0)));
        assert_eq!(
            (of("POND", "2020-12-01"), of("POND", "2020-06-01"), of("POND", "2020-07-31")),
            (Some(1.0), Some(1.0), Some(0.0))
        );
        assert_eq!(found.expected("TOAD", None, &spot("POND", None, None)), None, "nothing is said of it");
        // Without a date: at the pond July would differ, at the marsh any row.
        assert_eq!(found.expected("boana FABER", None, &spot("MARSH", None, None)), None);
        assert_eq!(found.expected("BOAFAB", Some("Boana faber"), &spot("POND", None, None)), None);
    }

    #[test]
    fn exceptions_alone_say_nothing_of_the_rest_and_the_class_s_own_rows_join_those_of_its_name() {
        let found = Expectations::parse("class,month,expected\nTOAD,7,no\nBufo x,8,0\n").unwrap();
        let of = |month: u32| found.expected("TOAD", Some("Bufo x"), &spot("A", None, Some(&format!("2020-{month:02}-01"))));
        assert_eq!((of(6), of(7), of(8)), (None, Some(0.0), Some(0.0)));
        // Whatever the date is, it is not expected where a row for all times says so behind them.
        let found = Expectations::parse("class,month,expected\nTOAD,7,yes\nTOAD,,no\n").unwrap();
        assert_eq!(found.expected("TOAD", None, &spot("A", None, None)), Some(0.0));
    }

    #[test]
    fn boxes_hold_places_also_over_the_date_line() {
        let text = "species,min_latitude,max_latitude,min_longitude,max_longitude\nA,-20,-10,170,-170\nB,,,,\n";
        let found = Expectations::parse(text).unwrap();
        let of = |class: &str, place| found.expected(class, None, &spot("S", place, None));
        assert_eq!((of("A", Some((-15.0, 175.0))), of("A", Some((-15.0, -175.0)))), (Some(1.0), Some(1.0)));
        assert_eq!((of("A", Some((-15.0, 0.0))), of("A", Some((0.0, 175.0))), of("A", None)), (Some(0.0), Some(0.0), None));
        assert_eq!(of("B", None), Some(1.0));
        let strangers = found.strangers(["a"].into_iter(), &BTreeMap::new());
        assert_eq!(strangers, ["b"]);
    }

    #[test]
    fn names_that_look_the_same_are_the_same() {
        let found =
            Expectations::parse("Scientific Name,Min.Latitude,Max Latitude,MIN_LONGITUDE,max-longitude\nWood\u{a0}Thrush,,,,\n");
        let found = found.unwrap();
        assert_eq!(found.expected("Wood  Thrush", None, &spot("S", None, None)), Some(1.0));
        assert!(found.unused_columns().is_empty());
    }

    #[test]
    fn what_has_no_effect_is_told() {
        let text = "class,Scientific_Name,site,month,habitat,,expected\nA,x,POND,1,wet,,1\nA,x,pond 2,1,wet,,1\nA,x,Rivie\u{300}re,,,,1\n";
        let found = Expectations::parse(text).unwrap();
        let columns = found.unused_columns();
        assert!(
            columns.len() == 1 && columns[0].starts_with("columns that are not read: Scientific_Name, habitat; known are class")
        );
        let sites = |sites: &[&str]| found.unknown_sites(&sites.iter().map(|site| (*site).to_owned()).collect());
        assert_eq!(sites(&["POND", "pond 2", "Rivi\u{e8}re"]), [""; 0]);
        let told = sites(&["POND 2", "POND"]);
        assert!(told.len() == 1 && told[0].contains(": Rivi\u{e8}re, pond 2 (did you mean POND 2?);"), "{told:?}");
        let plain = Expectations::parse("class,expected\nA,1\n").unwrap();
        assert!(!plain.names_sites() && plain.unused_columns().is_empty());
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_line() {
        for (text, line, parts) in [
            ("name,expected\nA,yes\n", 1, ["found columns name, expected", "class, scientific_name, species"]),
            ("class,min_latitude\nA,1\n", 1, ["some of the columns", "all four or none"]),
            ("class,site,Site\nA,x,y\n", 1, ["two columns site", "one"]),
            ("class,expected\nA,yes\n,no\n", 3, ["an empty name", "a class"]),
            ("class,expected\nA,perhaps\n", 2, ["expected is `perhaps`", "0 to 1, yes or no"]),
            ("class,expected\nA,1.5\n", 2, ["expected is `1.5`", "0 to 1"]),
            ("class,expected\nA,\n", 2, ["expected is ``", "yes or no"]),
            ("class,months\nA,13\n", 2, ["months is `13`", "1 to 12"]),
            ("class,min_latitude,max_latitude,min_longitude,max_longitude\nA,5,4,0,1\n", 2, ["the box is 5 4 0 1", "degrees"]),
            ("class,expected\nA\n", 2, ["found record", "fields"]),
        ] {
            let (at, detail) = Expectations::parse(text).unwrap_err();
            assert!(at == line && parts.iter().all(|part| detail.contains(part)), "{at}: {detail}");
        }
    }
}
