//! The site sheet: the position and time zone of each site, and which recordings belong to it. Recordings are assigned by folder,
//! by name or by recorder, and by the time at which they begin.

mod further;
mod index;
mod line;
mod read;

use std::collections::BTreeMap;

use chorus_archive::Archive;
use chorus_engine::counted;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::error::{EXPECTED, IngestError};
use super::sites::SiteSource;
use super::start::{Reading, decide};
pub use further::{SiteColumns, site_columns};
use index::Index;
use line::Line;
pub(super) use line::Subject;

/// 2100-01-01, in seconds since 1970. Changes of clocks after this time are not looked at.
const CLOCKS_UNTIL_S: i64 = 4_102_444_800;
/// Line numbers that a message shows.
const SHOWN: usize = 6;

/// Where a recording was made.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Place {
    pub(super) site: String,
    pub(super) source: SiteSource,
    /// Latitude and longitude, degrees.
    pub(super) position: Option<(f64, f64)>,
    pub(super) zone: Option<TimeZone>,
    /// The start that the sheet states for this recording.
    pub(super) start: Option<DateTime>,
    /// The lines that fit the recording, by their position in the sheet.
    pub(super) lines: Vec<usize>,
}

/// The site sheet, and the zone of all sites that it gives none.
#[derive(Debug, Default)]
pub struct Sheet {
    /// How messages name it.
    location: String,
    lines: Vec<Line>,
    index: Index,
    /// Columns that ingest does not use.
    ignored: Vec<String>,
    /// What to tell of its columns.
    notes: Vec<String>,
    zone: Option<TimeZone>,
}

impl Sheet {
    /// Reads the sheet, when there is one. `zone` is the zone of sites without one.
    pub(super) fn read(archive: &dyn Archive, sheet: Option<&str>, zone: Option<&str>) -> Result<Self, IngestError> {
        match sheet {
            None => Ok(Self { zone: default_zone(zone)?, ..Self::default() }),
            Some(sheet) => Self::parse(&archive.location(sheet), &archive.read(sheet, read::MAX_BYTES)?, zone),
        }
    }

    /// Reads the content `bytes` of the sheet that messages call `location`. `zone` is the zone of sites without one.
    ///
    /// # Errors
    ///
    /// [`IngestError::SiteSheet`] when a line makes no sense, [`IngestError::SheetConflict`] when two contradict each other.
    pub fn parse(location: &str, bytes: &[u8], zone: Option<&str>) -> Result<Self, IngestError> {
        let zone = default_zone(zone)?;
        let read::Content { lines, ignored, notes } = read::content(location, bytes)?;
        let sheet = Self { location: location.to_owned(), index: Index::of(&lines), lines, ignored, notes, zone };
        sheet.check()?;
        Ok(sheet)
    }

    /// Refuses two lines for the same recordings at the same time, and sites with two time zones. A sheet may have a line for
    /// each recording, so a line is compared only with lines that can conflict with it.
    fn check(&self) -> Result<(), IngestError> {
        let mut zoned: BTreeMap<&str, &Line> = BTreeMap::new();
        for line in self.lines.iter().filter(|line| line.zone.is_some()) {
            let first = zoned.entry(&line.site).or_insert(line);
            if first.zone != line.zone {
                return Err(self.conflict(first, line, format!("they give {} two time zones", line.site)));
            }
        }
        let mut alike: BTreeMap<_, Vec<&Line>> = BTreeMap::new();
        for line in &self.lines {
            alike.entry(line.recordings()).or_default().push(line);
        }
        for mut lines in alike.into_values() {
            // When lines are sorted by their beginnings and any two overlap, then two neighbours overlap.
            lines.sort_by_key(|line| line.from);
            if let Some([one, other]) = lines.array_windows().find(|[one, other]| one.overlaps(other)) {
                let (first, second) = if one.number < other.number { (one, other) } else { (other, one) };
                let found = format!("both hold for the same recordings ({} and {})", first.site, second.site);
                return Err(self.conflict(first, second, found));
            }
        }
        Ok(())
    }

    fn conflict(&self, first: &Line, second: &Line, found: String) -> IngestError {
        IngestError::SheetConflict { location: self.location.clone(), first: first.number, second: second.number, found }
    }

    /// Where a recording was made. A line with a folder, a name or a serial number gives the site of the recordings that fit
    /// all of these fields and begin between `from` and `to`. Where no line fits, the site is the subject's own. Lines without
    /// these fields describe the site.
    pub(super) fn place(&self, subject: Subject<'_>, readings: &[Reading]) -> Result<Place, IngestError> {
        let fitting = self.index.assigning(&subject).into_iter().filter(|at| self.lines[*at].fits(&subject));
        let assigning: Vec<usize> = self.holding(readings, fitting);
        if let [first, rest @ ..] = assigning.as_slice()
            && let Some(other) = rest.iter().find(|other| self.lines[**other].site != self.lines[*first].site)
        {
            let (first, other) = (&self.lines[*first], &self.lines[*other]);
            return Err(self.conflict(first, other, format!("both fit {} ({} and {})", subject.path, first.site, other.site)));
        }
        let (site, source) = match assigning.first() {
            Some(first) => (self.lines[*first].site.clone(), SiteSource::Sheet),
            None => subject.site,
        };
        let describing = self.holding(readings, self.index.describing(&site).iter().copied());
        let lines = [assigning, describing].concat();
        let said = |i: &usize| &self.lines[*i];
        Ok(Place {
            position: lines.iter().find_map(|i| said(i).position),
            start: lines.iter().find_map(|i| said(i).start),
            zone: self.zone_of(&site),
            site,
            source,
            lines,
        })
    }

    /// Those of `lines` (positions in the sheet) that hold when the recording begins.
    fn holding(&self, readings: &[Reading], lines: impl Iterator<Item = usize>) -> Vec<usize> {
        let holds = |line: &Line| {
            let clock = || decide(readings, self.zone_of(&line.site).as_ref()).clock();
            line.holds_at(if line.from.is_some() || line.until.is_some() { clock() } else { None })
        };
        lines.filter(|at| holds(&self.lines[*at])).collect()
    }

    fn zone_of(&self, site: &str) -> Option<TimeZone> {
        self.index.zone(site).or(self.zone.as_ref()).cloned()
    }

    /// When the clocks of all zones of the sheet are put forward or back, as text. It is part of what rows depend on: another
    /// version of the system's time zones may give the same files other times.
    pub(super) fn clocks(&self) -> String {
        let zones = self.lines.iter().filter_map(|line| line.zone.as_ref()).chain(&self.zone);
        let by_name: BTreeMap<_, _> = zones.map(|zone| (zone.iana_name(), zone)).collect();
        by_name.into_values().map(transitions).collect()
    }

    /// Refuses a start that holds for more than one recording; returns remarks on what had no effect. `fits` is counted over all
    /// recordings.
    pub(super) fn judge(&self, fits: &Fits) -> Result<Vec<String>, IngestError> {
        let fitting = |at: usize| fits.by_line.get(&at).copied().unwrap_or_default();
        for (at, line) in self.lines.iter().enumerate() {
            if line.start.is_some() && fitting(at) > 1 {
                let found = format!("a start that would hold for {} recordings; give each a line with its name", fitting(at));
                return Err(IngestError::SiteSheet { location: self.location.clone(), line: line.number, found });
            }
        }
        let idle: Vec<&Line> = self.lines.iter().enumerate().filter(|(at, _)| fitting(*at) == 0).map(|(_, line)| line).collect();
        Ok(self.remarks(&idle, fits.elsewhere))
    }

    fn remarks(&self, idle: &[&Line], elsewhere: usize) -> Vec<String> {
        let path = &self.location;
        let mut remarks: Vec<String> = self.notes.iter().map(|note| format!("{path}: {note}")).collect();
        if !self.ignored.is_empty() {
            remarks.push(format!(
                "{path}: ingest does not use the columns {}, which exports of sites have; {}",
                self.ignored.join(", "),
                EXPECTED
            ));
        }
        if !idle.is_empty() {
            let mut lines: Vec<String> = idle.iter().take(SHOWN).map(|line| format!("{} ({})", line.number, line.site)).collect();
            if idle.len() > SHOWN {
                lines.push(format!("and {} more", idle.len() - SHOWN));
            }
            remarks.push(format!("{path}: no recording fits line {}; check folder, name, serial, from and to", lines.join(", ")));
        }
        if elsewhere > 0 && self.lines.iter().any(Line::assigns) {
            remarks.push(format!(
                "{path}: no line assigns {}, whose site comes from ingest.site_from; \
                 `SELECT path, site FROM recordings WHERE site_source <> 'sheet'` lists them",
                counted(elsewhere, "recording")
            ));
        }
        remarks
    }
}

/// The zone that the configuration names.
fn default_zone(name: Option<&str>) -> Result<Option<TimeZone>, IngestError> {
    let unknown = |found| IngestError::SiteSheet { location: "archive.timezone".into(), line: 0, found };
    name.map(read::zone).transpose().map_err(unknown)
}

/// The offsets from UTC of a zone, with the times from which on they hold.
fn transitions(zone: &TimeZone) -> String {
    let offset = zone.to_offset(Timestamp::UNIX_EPOCH).seconds();
    let following = zone.following(Timestamp::UNIX_EPOCH).take_while(|t| t.timestamp().as_second() < CLOCKS_UNTIL_S);
    let text = |offset: i32, from: i64| format!("{from} {offset}\n");
    text(offset, 0) + &following.map(|t| text(t.offset().seconds(), t.timestamp().as_second())).collect::<String>()
}

/// How often the lines of a sheet fit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Fits {
    /// Recordings by line.
    by_line: BTreeMap<usize, usize>,
    /// Recordings whose site comes from elsewhere.
    elsewhere: usize,
}

impl Fits {
    /// Counts a recording: where its site was found, and the lines that fit it.
    pub(super) fn add(&mut self, (source, lines): (SiteSource, &[usize])) {
        self.elsewhere += usize::from(source != SiteSource::Sheet);
        for line in lines {
            *self.by_line.entry(*line).or_default() += 1;
        }
    }

    pub(super) fn join(&mut self, other: Self) {
        self.elsewhere += other.elsewhere;
        for (line, recordings) in other.by_line {
            *self.by_line.entry(line).or_default() += recordings;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::sites::folders;
    use crate::ingest::start::Clock;
    use crate::names::parse_start;
    use proptest::prelude::*;

    fn sheet(text: &str) -> Result<Sheet, String> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("sites.csv"), text).unwrap();
        Sheet::read(&chorus_archive::Local::new(dir.path()), Some("sites.csv"), Some("America/Sao_Paulo"))
            .map_err(|e| e.to_string())
    }

    fn fits(places: &[(SiteSource, &[usize])]) -> Fits {
        let mut fits = Fits::default();
        places.iter().for_each(|place| fits.add(*place));
        fits
    }

    /// The place of a recording by its path, with its recorder.
    fn place(sheet: &Sheet, path: &str, serial: Option<&str>) -> Result<Place, String> {
        let stem = path.rsplit('/').next().unwrap().split('.').next().unwrap();
        let readings = Reading::of(&Default::default(), parse_start(stem).as_ref(), Clock::Utc, None);
        let site = (folders(path).next_back().unwrap_or("archive").to_owned(), SiteSource::Folder);
        sheet.place(Subject::new(path, stem, serial, site), &readings).map_err(|e| e.to_string())
    }

    fn site(sheet: &Sheet, path: &str, serial: Option<&str>) -> String {
        place(sheet, path, serial).unwrap().site
    }

    #[test]
    fn a_recorder_that_was_moved() {
        let sheet = sheet(
            "site,serial,from,to,latitude,longitude\nPOND,24F3190361CBE3FA,2020-03-01,2020-03-14,-10,-50\nMARSH,24f3190361cbe3fa,2020-03-15 12:00,,-11,-51\n",
        )
        .unwrap();
        let moth = Some("24F3190361CBE3FA");
        let at = |name: &str| site(&sheet, &format!("card/{name}.wav"), moth);
        assert_eq!(at("A_20200301_000000"), "POND", "from its first day on");
        assert_eq!(at("A_20200314_235959"), "POND", "to the end of its last day");
        assert_eq!(at("A_20200315_000000"), "card", "and no longer");
        assert_eq!(at("A_20200315_115959"), "card", "on its way");
        assert_eq!(at("A_20200315_120000"), "MARSH");
        assert_eq!(at("20200315_020000"), "POND", "02:00 UTC is the evening before at the site");
        assert_eq!(at("A_20200229_235959"), "card");
        assert_eq!(at("dawn"), "card", "without a time nobody knows");
        assert_eq!(site(&sheet, "card/A_20200301_000000.wav", Some("other")), "card");
        assert_eq!(place(&sheet, "card/A_20200301_000000.wav", moth).unwrap().position, Some((-10.0, -50.0)));
    }

    #[test]
    fn accents_are_the_same_in_any_form() {
        let (apart, in_one) = ("Rivie\u{300}re", "Rivi\u{e8}re");
        for (sheet_s, folder) in [(apart, in_one), (in_one, apart)] {
            let by_folder = sheet(&format!("site,folder,name\nPOND,{sheet_s},\nMARSH,,{sheet_s}*\n")).unwrap();
            assert_eq!(site(&by_folder, &format!("raw/{folder}/x.wav"), None), "POND");
            assert_eq!(site(&by_folder, &format!("raw/a/{folder}_1.wav"), None), "MARSH");
            let described = sheet(&format!("site,latitude,longitude,timezone\n{sheet_s},-10,-50,America/Manaus\n")).unwrap();
            let place = place(&described, &format!("raw/{folder}/x.wav"), None).unwrap();
            assert_eq!((place.site.as_str(), place.position), (folder, Some((-10.0, -50.0))));
            assert_eq!(place.zone.and_then(|zone| zone.iana_name().map(str::to_owned)).as_deref(), Some("America/Manaus"));
        }
    }

    #[test]
    fn by_folder_and_by_name() {
        let sheet = sheet("site,folder,name\nPOND,2020/card 1,\nMARSH,,M*_left\nBOTH,card 2,R*\n").unwrap();
        assert_eq!(site(&sheet, "raw/2020/card 1/100MEDIA/x.wav", None), "POND");
        assert_eq!(site(&sheet, "raw/2021/card 1/x.wav", None), "card 1");
        assert_eq!(site(&sheet, "a/M1_20200301_left.wav", None), "MARSH");
        assert_eq!(site(&sheet, "card 2/R1.wav", None), "BOTH");
        assert_eq!(site(&sheet, "card 2/x.wav", None), "card 2");
    }

    #[test]
    fn lines_without_a_rule_describe_their_site() {
        let sheet =
            sheet("site;Latitude;Longitude;Time zone;serial\nPOND;-10,5;-50,25;America/Manaus;\nPOND;;;;S4A1\n\n").unwrap();
        let found = place(&sheet, "x/A_20200301_190000.wav", Some("S4A1")).unwrap();
        assert_eq!((found.site.as_str(), found.source, found.position), ("POND", SiteSource::Sheet, Some((-10.5, -50.25))));
        assert_eq!(found.zone.unwrap().iana_name(), Some("America/Manaus"));
        let own = place(&sheet, "POND/A_20200301_190000.wav", None).unwrap();
        assert_eq!((own.source, own.position), (SiteSource::Folder, Some((-10.5, -50.25))));
        let other = place(&sheet, "x/A_20200301_190000.wav", None).unwrap();
        assert_eq!((other.position, other.zone.unwrap().iana_name()), (None, Some("America/Sao_Paulo")));
    }

    proptest! {
        #[test]
        fn days_conflict_where_two_lines_hold_at_once(days in prop::collection::vec((1..28_i8, 0..3_i8), 1..8)) {
            let line = |&(from, lasting): &(i8, i8)| format!("A,A1,2020-03-{from:02},2020-03-{:02}\n", (from + lasting).min(28));
            let text: String = days.iter().map(line).collect();
            let is_apart = |(i, &(from, _)): (usize, &(i8, i8))| {
                days[..i].iter().all(|&(earlier, lasting)| earlier.max(from) > (earlier + lasting).min(from + days[i].1).min(28))
            };
            let apart = days.iter().enumerate().all(is_apart);
            prop_assert_eq!(sheet(&format!("site,serial,from,to\n{text}")).is_ok(), apart, "{}", text);
        }
    }

    #[test]
    fn a_line_for_each_recording_is_no_work() {
        let lines: String = (0..100_000).map(|i| format!("A,n{i}\n")).collect();
        let sheet = sheet(&format!("site,name\n{lines}")).unwrap();
        assert_eq!(sheet.lines.len(), 100_000);
        // A look at every line for every recording would take minutes.
        assert!((0..100_000).all(|i| site(&sheet, &format!("x/n{i}.wav"), None) == "A"));
    }

    #[test]
    fn conflicts_are_refused_with_both_lines() {
        for (text, wanted) in [
            ("site,latitude\nPOND,\nMARSH,\nPOND,\n", "lines 2 and 4"),
            ("site,serial,from,to\nPOND,A,2020-03-01,2020-03-15\nMARSH,A,2020-03-15,\n", "lines 2 and 3"),
            ("site,serial,from,to\nPOND,A,,\nPOND,A,2020-03-15,\n", "lines 2 and 3"),
            ("site,serial,timezone\nPOND,A,America/Manaus\nPOND,B,America/Bahia\n", "two time zones"),
        ] {
            let error = sheet(text).err().unwrap();
            assert!(error.contains(wanted) && error.contains("sites.csv"), "{error}");
        }
        assert!(sheet("site,serial,from,to\nPOND,A,2020-03-01,2020-03-15 11:59\nMARSH,A,2020-03-15 12:00,\n").is_ok());
        let two = sheet("site,serial,folder\nPOND,A,\nMARSH,,card\n").unwrap();
        let error = place(&two, "card/x.wav", Some("A")).unwrap_err();
        assert!(error.contains("lines 2 and 3") && error.contains("card/x.wav"), "{error}");
        assert_eq!(site(&two, "card/x.wav", Some("B")), "MARSH");
    }

    #[test]
    fn what_comes_to_nothing_is_told() {
        let sheet = sheet("site,serial,habitat\nPOND,A,wet\nMARSH,B,wetter\n").unwrap();
        let remarks = sheet.judge(&fits(&[(SiteSource::Sheet, &[0]), (SiteSource::Folder, &[])])).unwrap();
        assert!(
            remarks[0].contains("habitat")
                && remarks[1].contains("line 3 (MARSH)")
                && remarks[2].contains("assigns 1 recording,"),
            "{remarks:?}"
        );
    }

    #[test]
    fn a_start_holds_for_one_recording() {
        let sheet = sheet("site,name,start\nPOND,dawn,2020-03-01 05:30\n").unwrap();
        assert_eq!(place(&sheet, "x/dawn.wav", None).unwrap().start, Some("2020-03-01T05:30:00".parse().unwrap()));
        let twice = [(SiteSource::Sheet, [0].as_slice()), (SiteSource::Sheet, &[0])];
        assert!(sheet.judge(&fits(&twice)).unwrap_err().to_string().contains("2 recordings"));
    }

    proptest! {
        #[test]
        fn the_index_finds_every_line_that_fits(
            lines in prop::collection::vec("(A|B),([xy]|[xy]/[xy])?,([ab]{1,2}|[ab]?[*][ab*]{0,2})?,(S1|S2)?", 1..10),
            path in "([xy]/){0,3}[ab]{0,3}[.]wav",
            serial in prop::option::of(prop::sample::select(vec!["S1", "s2", "S3"])),
        ) {
            let text = format!("site,folder,name,serial\n{}", lines.join("\n"));
            let Ok(lines) = read::content("s.csv", text.as_bytes()).map(|content| content.lines) else { return Ok(()) };
            let stem = path.rsplit('/').next().unwrap().split('.').next().unwrap();
            let subject = Subject::new(&path, stem, serial, ("A".to_owned(), SiteSource::Folder));
            let index = Index::of(&lines);
            let fitting = |at: &usize| lines[*at].assigns() && lines[*at].fits(&subject);
            let found: Vec<usize> = index.assigning(&subject).into_iter().filter(fitting).collect();
            prop_assert_eq!(found, (0..lines.len()).filter(fitting).collect::<Vec<_>>());
            let describing: Vec<usize> = (0..lines.len()).filter(|at| !lines[*at].assigns() && lines[*at].site == "A").collect();
            prop_assert_eq!(index.describing("A"), describing);
        }

        #[test]
        fn no_sheet_panics(head in "(site,)?(latitude|longitude|from|to|serial|start|,|;){0,6}", text in any::<String>(), lines in prop::collection::vec("[0-9A-Z:,; -]{0,30}", 0..4)) {
            let _ = sheet(&text);
            if let Ok(sheet) = sheet(&format!("{head}\n{}", lines.join("\n"))) {
                let _ = place(&sheet, "x/A_20200301_190000.wav", Some("A"));
            }
        }
    }
}
