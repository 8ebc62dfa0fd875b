//! Rows of the table `recordings`.

use chorus_archive::composed;
use chorus_engine::{EngineError, Unit, UnitContext, counted, hash_bytes};
use chorus_tables::{LocalMicros, UtcMicros};
use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;
use serde::Serialize;

use super::beside::{Beside, stem};
use super::error::IngestError;
use super::folders::Folders;
use super::found::{Found, Probe, Sound};
use super::listed::ListedFile;
use super::listing::{Listing, Shown};
use super::params::{IngestSettings, Params};
use super::pieces;
use super::sheet::{Sheet, Subject};
use super::sites::{SiteFolder, SiteFrom, SiteSource, site};
use super::start::{Clock, NameClock, Reading, TimeSource, decide};
use crate::container::channels::Choice;
use crate::error::RejectCode;
use crate::headers::Header;
use crate::names::{NameFacts, NamePattern, NameTime, OwnPattern, parse_start};

/// A row, and where it is filed.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Recording {
    pub(super) path: String,
    pub(super) id: String,
    site: String,
    date: Option<Date>,
    start_utc_us: Option<i64>,
    start_local: Option<DateTime>,
    utc_offset_min: Option<i32>,
    timezone: Option<String>,
    time_source: TimeSource,
    time_note: Option<String>,
    site_source: SiteSource,
    serial: Option<String>,
    /// What stands behind the time in the name; nothing where it has none.
    #[serde(skip)]
    name_tail: String,
    /// The clock reading in the name, where the start is taken from it and it states no offset.
    #[serde(skip)]
    bare_reading: Option<DateTime>,
    /// Whether the clock of the name is an assumption.
    #[serde(skip)]
    assumed: bool,
    /// Whether the user's own pattern fits the name.
    #[serde(skip)]
    pub(super) own_name: bool,
    /// The lines of the site sheet that fit.
    #[serde(skip)]
    sheet_lines: Vec<usize>,
    sound: Option<Sound>,
    pub(super) file_bytes: u64,
    pub(super) content_hash: String,
    pub(super) duplicate_of: Option<String>,
    pub(super) copy_of: Option<String>,
    /// Latitude and longitude, degrees.
    position: Option<(f64, f64)>,
    pub(super) status: &'static str,
    reason_code: Option<String>,
    pub(super) reason: Option<String>,
    lost_s: Option<f64>,
}

impl Recording {
    /// Where its site was found, and the lines of the site sheet that fit it.
    pub(super) fn place(&self) -> (SiteSource, &[usize]) {
        (self.site_source, &self.sheet_lines)
    }

    /// The site and the local date that it is filed under.
    pub(super) fn day(&self) -> (String, Option<Date>) {
        (self.site.clone(), self.date)
    }

    /// The start as a clock at the site would show it, microseconds since 1970.
    pub(super) fn start_local_us(&self) -> Option<i64> {
        let local = self.start_local?;
        Offset::UTC.to_timestamp(local).ok().map(|t| t.as_microsecond())
    }

    /// The start that a clock at the site would show, or else one in UTC.
    pub(super) fn clock_us(&self) -> Option<i64> {
        self.start_local_us().or(self.start_utc_us)
    }

    /// What its copies at the site have in common: the clock reading in the name, before any zone, because the clock of names may be
    /// known in one folder and not in another; or else the start; or the name where no start is known.
    pub(super) fn mark(&self) -> String {
        match (self.bare_reading, self.clock_us()) {
            (Some(reading), _) => format!("reading {reading}"),
            (None, Some(start_us)) => format!("start {start_us}"),
            (None, None) => format!("name {}", unmarked(&composed(stem(&self.path)).to_lowercase())),
        }
    }

    /// What stands behind the time in the name, without what marks a copy: with a number behind an underscore, and without. Pieces of a
    /// recording bear the time of the whole, and are told apart by what follows.
    pub(super) fn tails(&self) -> [String; 2] {
        let name = composed(&self.name_tail).to_lowercase();
        // Whoever renames a triggered recording may leave out its T.
        let tail = Some(unmarked(&name)).filter(|tail| *tail != "t").unwrap_or_default();
        let numbered =
            tail.rsplit_once('_').filter(|(_, digits)| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()));
        [tail.to_owned(), numbered.map_or(tail, |(plain, _)| plain).to_owned()]
    }

    /// Whether the start depends on an assumption about the clock of names.
    pub(super) fn is_assumed(&self) -> bool {
        self.assumed
    }

    /// Its length in seconds; `None` where the file cannot be read.
    pub(super) fn duration_s(&self) -> Option<f64> {
        self.sound.as_ref().map(|sound| sound.duration_s.0)
    }

    /// The serial number in its header.
    pub(super) fn stated_serial(&self) -> Option<&str> {
        self.header()?.serial.as_deref()
    }

    /// Its header; `None` where the file cannot be read.
    fn header(&self) -> Option<&Header> {
        self.sound.as_ref().map(|sound| &*sound.header)
    }
}

/// A name in lower case without what programs add to the names of copies, such as ` - copy` and ` (2)`.
pub(super) fn unmarked(name: &str) -> &str {
    /// As Windows, macOS and Linux write it in languages of many users.
    const WORDS: [&str; 15] = [
        "copy",
        "kopie",
        "copia",
        "c\u{f3}pia",
        "copie",
        "kopia",
        "kopi",
        "kopio",
        "m\u{e1}solat",
        "\u{43a}\u{43e}\u{43f}\u{438}\u{44f}",
        "\u{43a}\u{43e}\u{43f}\u{456}\u{44f}",
        "\u{526f}\u{672c}",
        "\u{62f7}\u{8d1d}",
        "\u{30b3}\u{30d4}\u{30fc}",
        "\u{bcf5}\u{c0ac}\u{bcf8}",
    ];
    /// Drives that find two versions of a file write so, with a name or a date beside it.
    const CONFLICT: &str = "conflicted copy";
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let mut name = name.trim_end();
    loop {
        let bracketed = name.strip_suffix(')').and_then(|rest| rest.rsplit_once('('));
        let bracketed = bracketed.filter(|(_, text)| {
            is_number(text)
                || text.contains(CONFLICT)
                || WORDS.contains(&text.trim_end_matches(|c: char| c == ' ' || c.is_ascii_digit()))
        });
        let spaced =
            name.rsplit_once(' ').filter(|(before, digits)| is_number(digits) && WORDS.iter().any(|word| before.ends_with(word)));
        // What Windows once made of a name that was there.
        let tilde = name.rsplit_once('~').filter(|(_, digits)| is_number(digits));
        let shorter = bracketed.or(spaced).or(tilde).map(|(before, _)| before);
        let shorter = shorter.or_else(|| WORDS.iter().find_map(|word| name.strip_suffix(word)));
        match shorter {
            Some(before) => name = before.trim_end_matches([' ', '-', '_', '\u{2013}']),
            None => return name,
        }
    }
}

/// Everything besides the files that decides the content of rows.
pub(super) struct Rules {
    /// The name of the archive. It is the site of recordings for which no other site is known.
    pub(super) archive_name: Option<String>,
    pub(super) sheet: Sheet,
    /// The user's own pattern of names.
    pub(super) own_names: Option<OwnPattern>,
    pub(super) params: Params,
}

impl Rules {
    pub(super) fn max_recordings(&self) -> usize {
        self.params.max_recordings
    }

    /// Which folder is the site.
    fn site_folder(&self) -> SiteFolder<'_> {
        SiteFolder { audio: &self.params.archive.audio, level: self.params.ingest.site_folder }
    }

    /// Refuses, before anything is read, a folder whose name is too long for a site. A site sheet may give it another.
    ///
    /// # Errors
    /// [`IngestError::SiteTooLong`].
    pub(super) fn refuse_long_folders(&self, listing: &Listing) -> Result<(), IngestError> {
        if self.params.ingest.site_from != SiteFrom::Folder || self.params.ingest.site_sheet.is_some() {
            return Ok(());
        }
        first_paths(listing).iter().try_for_each(|path| match self.site_folder().of(path) {
            Some(site) => refuse_too_long(path, site),
            None => Ok(()),
        })
    }

    /// What is doubtful about folders as sites, where the configuration says nothing more.
    pub(super) fn doubtful_folders(&self, listing: &Listing) -> Option<String> {
        let ingest = &self.params.ingest;
        if ingest.site_from != SiteFrom::Folder || ingest.site_folder.is_some() || ingest.site_sheet.is_some() {
            return None;
        }
        let paths = first_paths(listing);
        let doubts = Folders::of(paths.iter().map(String::as_str), &self.params.archive.audio).doubts();
        let next = "if that is wrong, set ingest.site_folder to the level of the sites' folders, or give a site sheet";
        (!doubts.is_empty()).then(|| format!("{}; {next}", doubts.join("; ")))
    }

    /// A hash of these rules and of the version of the stage's code.
    pub(super) fn digest(&self, code_version: u32) -> String {
        let Self { archive_name, sheet, own_names: _, params } = self;
        hash_bytes(
            format!("{code_version} {} {archive_name:?} {params:?} {sheet:?} {}", pieces::FORMAT, sheet.clocks()).as_bytes(),
        )
    }

    /// What a name states, and whether the user's own pattern matches it. Other names are read by the patterns of known
    /// recorders.
    fn name_facts(&self, stem: &str) -> (NameFacts, bool) {
        let own = self.own_names.as_ref().and_then(|own| own.parse(stem)).map(|facts| (facts, true));
        own.unwrap_or_else(|| (NameFacts::from(parse_start(stem)), false))
    }
}

/// A path for each folder: its first recording's.
fn first_paths(listing: &Listing) -> Vec<String> {
    listing.folders().iter().filter_map(|files| files.iter().next().map(Shown::path)).collect()
}

/// The identity of a recording: a hash of its path in the archive, 16 hexadecimal digits.
fn recording_id(path: &str) -> String {
    hash_bytes(path.as_bytes())[..16].to_owned()
}

/// The row of one file. `beside` is what the headers of other files show of the clock of names without prefix and zone.
pub(super) fn row(file: &ListedFile, probe: &Probe, rules: &Rules, beside: &Beside) -> Result<Recording, IngestError> {
    let shown = beside.folder.clock();
    let (sound, status, reason_code, reason, lost_s) = match with_channel(probe.found.clone(), rules.params.archive.channel) {
        Found::Rejected { code, detail } => (None, "rejected", Some(code), Some(detail), None),
        Found::Sound(sound) => match sound.repair.clone() {
            None => (Some(sound), "ok", None, None, None),
            Some((code, detail, lost_s)) => (Some(sound), "repaired", Some(code), Some(detail), lost_s.map(|s| s.0)),
        },
    };
    let header = sound.as_ref().map(|sound| sound.header.clone()).unwrap_or_default();
    let stem = stem(&file.path);
    let (facts, own_name) = rules.name_facts(&composed(stem));
    let ingest = &rules.params.ingest;
    // A Song Meter's prefix is its serial number until someone changes it.
    let prefix = facts.time.as_ref().and_then(|time| time.prefix.as_ref());
    let serial = [header.serial.as_ref(), facts.serial.as_ref(), prefix].into_iter().flatten().next().cloned();
    let (archive_name, folder) = (rules.archive_name.as_deref(), rules.site_folder());
    let own_site = site(&file.path, archive_name, facts.site.as_deref(), serial.as_deref(), ingest.site_from, folder);
    let mut readings = Reading::of(&header, facts.time.as_ref(), ingest.bare_name_clock, shown);
    let place = rules.sheet.place(Subject::new(&file.path, stem, serial.as_deref(), own_site), &readings)?;
    readings.extend(place.start.map(Reading::of_sheet));
    // Macs decompose letters with accents in names of folders, and whoever asks for a site types them composed.
    let site = composed(&place.site).into_owned();
    refuse_too_long(&file.path, &site)?;
    let start = decide(&readings, place.zone.as_ref());
    let bare_name = facts.time.as_ref().filter(|time| start.source == TimeSource::Filename && time.offset.is_none());
    let bare_reading = bare_name.map(|time| time.local);
    let is_shown = shown.is_some_and(|shown| shown != NameClock::Unclear);
    let assumed = !is_shown && bare_name.is_some_and(|time| time.pattern == NamePattern::AudioMoth);
    let shown = match shown {
        Some(shown) => unlike(shown, ingest),
        None => beside.elsewhere(&site).and_then(|shown| unlike_elsewhere(shown, ingest)),
    };
    let hours = bare_name.filter(|time| time.hours_unread).map(|_| {
        "two digits with a sign stand behind the time in the name: they were taken for a counter and not for an offset from UTC; an offset \
         of whole hours is written as +1000"
            .to_owned()
    });
    let rate = sound.as_ref().and_then(|sound| {
        let file_rate_hz = (f64::from(sound.sample_rate_hz) / sound.time_expansion.0).round() as u32;
        header.rate_doubt(file_rate_hz)
    });
    let is_bare = |time: &&NameTime| time.pattern == NamePattern::AudioMoth;
    let shown = shown.filter(|_| bare_name.filter(is_bare).is_some());
    Ok(Recording {
        id: recording_id(&file.path),
        path: file.path.clone(),
        site,
        date: start.date,
        start_utc_us: start.utc_us,
        start_local: start.local,
        utc_offset_min: start.utc_offset_min,
        timezone: place.zone.as_ref().and_then(|zone| zone.iana_name()).map(str::to_owned),
        time_source: start.source,
        time_note: notes([start.note, shown, hours, rate].into_iter().flatten().chain(header.notes.iter().cloned())),
        site_source: place.source,
        serial,
        name_tail: facts.time.map_or_else(String::new, |time| time.tail),
        bare_reading,
        assumed,
        own_name,
        sheet_lines: place.lines,
        sound,
        file_bytes: file.bytes,
        content_hash: probe.content_hash.clone(),
        duplicate_of: None,
        copy_of: None,
        position: place.position.or_else(|| header.position.map(|(latitude, longitude)| (latitude.0, longitude.0))),
        status,
        reason_code,
        reason,
        lost_s,
    })
}

/// Refuses a site whose folder no file system takes. `path` is one of its recordings.
///
/// # Errors
/// [`IngestError::SiteTooLong`].
pub(super) fn refuse_too_long(path: &str, site: &str) -> Result<(), IngestError> {
    match Unit::too_long(site) {
        None => Ok(()),
        Some(bytes) => Err(IngestError::SiteTooLong { path: path.to_owned(), site: site.to_owned(), bytes }),
    }
}

/// Doubts about a start: contradictions between sources, and fields of a header that cannot be read.
fn notes(doubts: impl Iterator<Item = String>) -> Option<String> {
    let all: Vec<String> = doubts.collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// A note where the headers of other files show another clock of bare names than the configuration says, or contradict each other.
fn unlike(shown: NameClock, ingest: &IngestSettings) -> Option<String> {
    match shown {
        NameClock::Unclear => Some(format!(
            "headers of files beside it contradict each other: they show some such names in UTC and others in local time; it was read {}",
            as_configured(ingest)
        )),
        _ => other_clock(shown, ingest)
            .map(|clock| format!("headers of files beside it show that such names {clock}: it was read so")),
    }
}

/// The same for headers in other folders of the site, which may be another recorder's.
fn unlike_elsewhere(shown: NameClock, ingest: &IngestSettings) -> Option<String> {
    let told = |clock: String| {
        format!(
            "headers in another folder of the site show that names there {clock}, and no header beside this file shows it: it was read {}",
            as_configured(ingest)
        )
    };
    other_clock(shown, ingest).map(told)
}

/// What is known of a clock of bare names, where it is another one than that of the configuration.
fn other_clock(shown: NameClock, ingest: &IngestSettings) -> Option<String> {
    let clock = match shown {
        NameClock::Fixed(offset) => format!("have the offset {offset} from UTC"),
        NameClock::Local => "are in the site's time".to_owned(),
        NameClock::Unclear => return None,
    };
    let is_unlike = (shown == NameClock::Fixed(Offset::UTC)) != (ingest.bare_name_clock == Clock::Utc);
    is_unlike.then_some(clock)
}

/// How bare names are read where nothing shows their clock.
fn as_configured(ingest: &IngestSettings) -> &'static str {
    match ingest.bare_name_clock {
        Clock::Utc => "in UTC (ingest.bare_name_clock: utc)",
        Clock::Local => "in the site's time (ingest.bare_name_clock: local)",
    }
}

/// Refuses a recording that lacks the channel that is asked for.
fn with_channel(found: Found, choice: Choice) -> Found {
    match (found, choice) {
        (Found::Sound(sound), Choice::Channel(number)) if !choice.is_in(sound.channels) => Found::Rejected {
            code: RejectCode::NoSuchChannel.to_string(),
            detail: format!(
                "the recording has {}; archive.channel asks for channel {number}",
                counted(usize::from(sound.channels), "channel")
            ),
        },
        (found, _) => found,
    }
}

/// Writes the rows of one unit.
pub(super) fn write(cx: &UnitContext<'_>, rows: &[Recording]) -> Result<(), EngineError> {
    fn header<T>(rows: &[Recording], of: impl Fn(&Header) -> Option<T>) -> impl Iterator<Item = Option<T>> {
        rows.iter().map(move |r| r.header().and_then(&of))
    }
    fn sound<T>(rows: &[Recording], of: impl Fn(&Sound) -> T) -> impl Iterator<Item = Option<T>> {
        rows.iter().map(move |r| r.sound.as_ref().map(&of))
    }
    cx.write("recordings", |batch| {
        batch
            .column("recording_id", rows.iter().map(|r| &r.id))
            .column("path", rows.iter().map(|r| &r.path))
            .column("start_utc", rows.iter().map(|r| r.start_utc_us.map(UtcMicros)))
            .column("start_local", rows.iter().map(|r| r.start_local_us().map(LocalMicros)))
            .column("utc_offset_min", rows.iter().map(|r| r.utc_offset_min))
            .column("timezone", rows.iter().map(|r| r.timezone.as_ref()))
            .column("time_source", rows.iter().map(|r| r.time_source.as_str()))
            .column("time_note", rows.iter().map(|r| r.time_note.as_ref()))
            .column("site_source", rows.iter().map(|r| r.site_source.as_str()))
            .column("duration_s", sound(rows, |s| s.duration_s.0))
            .column("sample_rate_hz", sound(rows, |s| s.sample_rate_hz))
            .column("time_expansion", rows.iter().map(|r| r.sound.as_ref().map(|s| s.time_expansion.0)))
            .column("channels", sound(rows, |s| u32::from(s.channels)))
            .column(
                "bits_per_sample",
                sound(rows, |s| Some(u32::from(s.bits_per_sample)).filter(|&bits| bits > 0)).map(Option::flatten),
            )
            .column("codec", sound(rows, |s| s.codec.clone()))
            .column("frames", sound(rows, |s| s.frames))
            .column("file_bytes", rows.iter().map(|r| r.file_bytes))
            .column("content_hash", rows.iter().map(|r| &r.content_hash))
            .column("duplicate_of", rows.iter().map(|r| r.duplicate_of.as_ref()))
            .column("copy_of", rows.iter().map(|r| r.copy_of.as_ref()))
            .column("make", header(rows, |h| h.make.clone()))
            .column("model", header(rows, |h| h.model.clone()))
            .column("serial", rows.iter().map(|r| r.serial.as_ref()))
            .column("firmware", header(rows, |h| h.firmware.clone()))
            .column("gain", header(rows, |h| h.gain.clone()))
            .column("battery_v", header(rows, |h| h.battery_v.map(|v| v.0)))
            .column("temperature_c", header(rows, |h| h.temperature_c.map(|t| t.0)))
            .column("latitude", rows.iter().map(|r| r.position.map(|p| p.0)))
            .column("longitude", rows.iter().map(|r| r.position.map(|p| p.1)))
            .column("level_dbfs", rows.iter().map(|r| r.sound.as_ref().and_then(|s| s.level_dbfs).map(|x| x.0)))
            .column("peak_dbfs", rows.iter().map(|r| r.sound.as_ref().and_then(|s| s.peak_dbfs).map(|x| x.0)))
            .column("clipped_fraction", sound(rows, |s| s.clipped_fraction.0))
            .column("dc_offset", sound(rows, |s| s.dc_offset.0))
            .column("dead_channels", rows.iter().map(|r| r.sound.as_ref().and_then(|s| s.dead_channels.as_ref())))
            .column("status", rows.iter().map(|r| r.status))
            .column("reason_code", rows.iter().map(|r| r.reason_code.as_ref()))
            .column("reason", rows.iter().map(|r| r.reason.as_ref()))
            .column("lost_s", rows.iter().map(|r| r.lost_s))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_marks_a_copy_is_no_part_of_a_name() {
        for (name, wanted) in [
            ("x", "x"),
            ("x (1)", "x"),
            ("x - copy", "x"),
            ("x - copy (2)", "x"),
            ("x copy 3", "x"),
            ("x_copy", "x"),
            ("x - kopie", "x"),
            ("x - c\u{f3}pia (2)", "x"),
            ("x (copie)", "x"),
            ("x (copia 2)", "x"),
            ("x \u{2013} kopie", "x"),
            ("x - \u{526f}\u{672c} (2)", "x"),
            ("x (ana's conflicted copy 2024-03-02)", "x"),
            ("x~1", "x"),
            ("x_1", "x_1"),
            ("x (dawn)", "x (dawn)"),
            ("x 12", "x 12"),
            ("", ""),
        ] {
            assert_eq!(unmarked(name), wanted, "{name}");
        }
    }
}
