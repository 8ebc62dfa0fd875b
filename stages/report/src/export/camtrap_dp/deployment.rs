//! Deployments: one recorder at one place, without a long silence.
//!
//! A site begins a new deployment where another recorder stands there, where coordinates lie more than [`MOVED_M`] from all earlier ones,
//! and where nothing was recorded for longer than a given number of days. Recordings that lack a serial number or coordinates join those
//! of the site that have them. Memory grows with sites, recorders and days.

use std::collections::{BTreeMap, BTreeSet};

use chorus_engine::counted;
use jiff::ZonedDateTime;
use jiff::civil::Date;

use super::fields::MISSING;
use crate::export::detection::Recording;
use crate::export::error::ExportError;

/// Metres by which coordinates may differ without the recorder having been moved: receivers of satellites are off by some.
const MOVED_M: f64 = 100.0;
/// Mean radius of the earth, metres.
const EARTH_M: f64 = 6_371_008.8;
const S_PER_DAY: f64 = 86_400.0;
/// Share of a deployment's time that is recorded where a recorder runs without pauses.
const CONTINUOUS: f64 = 0.95;

/// What tells recorders apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Recorder {
    serial: Option<String>,
    model: Option<String>,
}

impl Recorder {
    fn of(recording: &Recording) -> Self {
        Self { serial: recording.serial.clone(), model: recording.recorder.clone() }
    }

    /// Whether less is known of this recorder than of another one, which it may be.
    fn is_vaguer_than(&self, other: &Self) -> bool {
        let fits = |own: &Option<String>, other: &Option<String>| own.is_none() || own == other;
        self != other && fits(&self.serial, &other.serial) && fits(&self.model, &other.model)
    }
}

/// Places of a site that are far from each other, in the order in which they were met.
#[derive(Debug, Default)]
struct Places {
    met: Vec<(f64, f64)>,
    last: usize,
}

impl Places {
    /// The position of a place; of none, that of the place before.
    fn at(&mut self, place: Option<(f64, f64)>) -> usize {
        if let Some(place) = place {
            self.last = self.met.iter().position(|met| metres(*met, place) <= MOVED_M).unwrap_or(self.met.len());
            if self.last == self.met.len() {
                self.met.push(place);
            }
        }
        self.last
    }
}

/// The distance of two places on a sphere, in metres, by the haversine formula.
fn metres((lat_a, lon_a): (f64, f64), (lat_b, lon_b): (f64, f64)) -> f64 {
    let half = |degrees: f64| (degrees.to_radians() / 2.0).sin().powi(2);
    let h = half(lat_b - lat_a) + lat_a.to_radians().cos() * lat_b.to_radians().cos() * half(lon_b - lon_a);
    2.0 * EARTH_M * h.sqrt().min(1.0).asin()
}

/// What was recorded in some time.
#[derive(Debug, Clone)]
struct Recorded {
    start: ZonedDateTime,
    end: ZonedDateTime,
    recordings: u64,
    days: u64,
    recorded_s: f64,
    shortest_s: f64,
    longest_s: f64,
    /// A bit for each hour of the local clock in which a recording began.
    hours: u32,
}

impl Recorded {
    fn new(recording: &Recording, start: &ZonedDateTime, end: ZonedDateTime) -> Self {
        let (hour, seconds) = (u32::from(start.hour().unsigned_abs()), recording.duration_s);
        Self {
            start: start.clone(),
            end,
            recordings: 1,
            days: 1,
            recorded_s: seconds,
            shortest_s: seconds,
            longest_s: seconds,
            hours: 1 << hour,
        }
    }

    /// Adds what else was recorded, `days` days of which are not among these.
    fn add(&mut self, other: Self, days: u64) {
        self.recordings += other.recordings;
        self.days += days;
        self.recorded_s += other.recorded_s;
        self.shortest_s = self.shortest_s.min(other.shortest_s);
        self.longest_s = self.longest_s.max(other.longest_s);
        self.hours |= other.hours;
        if other.start.timestamp() < self.start.timestamp() {
            self.start = other.start;
        }
        if other.end.timestamp() > self.end.timestamp() {
            self.end = other.end;
        }
    }
}

/// What was recorded by one recorder at one place, by local date.
type Days = BTreeMap<Date, Recorded>;

/// All recordings, before they are told apart by deployment.
#[derive(Default)]
pub(super) struct Survey {
    sites: BTreeMap<String, Site>,
}

#[derive(Default)]
struct Site {
    places: Places,
    days: BTreeMap<(Recorder, usize), Days>,
}

impl Survey {
    /// Adds a recording, with its start and end.
    pub(super) fn add(&mut self, recording: &Recording, start: &ZonedDateTime, end: ZonedDateTime) {
        if !self.sites.contains_key(&recording.site) {
            self.sites.insert(recording.site.clone(), Site::default());
        }
        let Some(site) = self.sites.get_mut(&recording.site) else { return };
        let key = (Recorder::of(recording), site.places.at(recording.place));
        let (days, new) = (site.days.entry(key).or_default(), Recorded::new(recording, start, end));
        match days.get_mut(&start.date()) {
            Some(known) => known.add(new, 0),
            None => drop(days.insert(start.date(), new)),
        }
    }

    /// The deployments; a silence of more than `gap_days` days ends one.
    pub(super) fn deployments(self, gap_days: f64) -> Deployments {
        let mut taken: BTreeSet<String> = self.sites.keys().cloned().collect();
        let sites = self.sites.into_iter();
        Deployments { sites: sites.map(|(name, site)| (name.clone(), of_site(&name, site, gap_days, &mut taken))).collect() }
    }
}

/// The deployments of a site.
struct OfSite {
    places: Places,
    /// Which recorder each vaguely known one is.
    same: BTreeMap<Recorder, Recorder>,
    /// By start.
    deployments: Vec<Deployment>,
}

/// `taken` are the ids that no other deployment may have: the names of all sites, and what was given before.
fn of_site(name: &str, site: Site, gap_days: f64, taken: &mut BTreeSet<String>) -> OfSite {
    let recorders: Vec<Recorder> = site.days.keys().map(|(recorder, _)| recorder.clone()).collect();
    let same: BTreeMap<Recorder, Recorder> = recorders.iter().map(|one| (one.clone(), known_as(one, &recorders))).collect();
    let mut merged: BTreeMap<(Recorder, usize), Days> = BTreeMap::new();
    for ((recorder, place), days) in site.days {
        let recorder = same.get(&recorder).cloned().unwrap_or(recorder);
        let known = merged.entry((recorder, place)).or_default();
        for (day, recorded) in days {
            match known.get_mut(&day) {
                Some(known) => known.add(recorded, 0),
                None => drop(known.insert(day, recorded)),
            }
        }
    }
    let mut deployments = Vec::new();
    for ((recorder, place), days) in merged {
        let mut parts: Vec<Recorded> = Vec::new();
        for (_, recorded) in days {
            match parts.last_mut() {
                Some(part) if seconds(&part.end, &recorded.start) <= gap_days * S_PER_DAY => part.add(recorded, 1),
                _ => parts.push(recorded),
            }
        }
        let of = |recorded| Deployment {
            id: String::new(),
            place: site.places.met.get(place).copied(),
            at: place,
            recorder: recorder.clone(),
            recorded,
        };
        deployments.extend(parts.into_iter().map(of));
    }
    deployments.sort_by(|a, b| a.recorded.start.timestamp().cmp(&b.recorded.start.timestamp()).then(a.recorder.cmp(&b.recorder)));
    for (index, deployment) in deployments.iter_mut().enumerate() {
        // The standard takes these names for empty fields, and an id is never empty.
        let is_bare = index == 0 && !MISSING.contains(&name);
        deployment.id = if is_bare { name.to_owned() } else { numbered(name, index + 1, taken) };
    }
    OfSite { places: Places { last: 0, ..site.places }, same, deployments }
}

/// The id of a site's nth deployment. The number is repeated where a site is named like one.
fn numbered(name: &str, n: usize, taken: &mut BTreeSet<String>) -> String {
    let mut id = format!("{name}:{n}");
    while !taken.insert(id.clone()) {
        id = format!("{id}:{n}");
    }
    id
}

/// The one recorder that a vaguely known recorder can be; itself where there is none or more than one.
fn known_as(recorder: &Recorder, all: &[Recorder]) -> Recorder {
    let is_best = |other: &&Recorder| recorder.is_vaguer_than(other) && !all.iter().any(|third| other.is_vaguer_than(third));
    let mut others: Vec<&Recorder> = all.iter().filter(is_best).collect();
    others.dedup();
    match others[..] {
        [only] => only.clone(),
        _ => recorder.clone(),
    }
}

/// Seconds from one instant to another.
fn seconds(from: &ZonedDateTime, to: &ZonedDateTime) -> f64 {
    to.timestamp().duration_since(from.timestamp()).as_secs_f64()
}

/// All deployments.
pub(super) struct Deployments {
    sites: BTreeMap<String, OfSite>,
}

impl Deployments {
    /// The deployment that a recording is of. Recordings come in the order in which they were added to the survey.
    ///
    /// # Errors
    /// [`ExportError::Nothing`] where the recording was not added, which is a fault of the program.
    pub(super) fn of(&mut self, recording: &Recording, start: &ZonedDateTime) -> Result<&Deployment, ExportError> {
        let stranger = || ExportError::Nothing { what: format!("{}: the recording is of no deployment", recording.path) };
        let site = self.sites.get_mut(&recording.site).ok_or_else(stranger)?;
        let recorder = Recorder::of(recording);
        let (recorder, at) = (site.same.get(&recorder).unwrap_or(&recorder), site.places.at(recording.place));
        let is_of = |deployment: &&Deployment| {
            deployment.recorder == *recorder
                && deployment.at == at
                && deployment.recorded.start.timestamp() <= start.timestamp()
                && start.timestamp() <= deployment.recorded.end.timestamp()
        };
        site.deployments.iter().find(is_of).ok_or_else(stranger)
    }

    /// Each with its site.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Deployment)> {
        self.sites.iter().flat_map(|(site, of)| of.deployments.iter().map(move |deployment| (site.as_str(), deployment)))
    }

    /// Sites with several deployments, with their number.
    pub(super) fn split(&self) -> impl Iterator<Item = (&str, usize)> {
        self.sites.iter().map(|(site, of)| (site.as_str(), of.deployments.len())).filter(|(_, n)| *n > 1)
    }
}

/// One recorder at one place, without a long silence.
pub(super) struct Deployment {
    /// The site's name for the first one of a site; `SITE:2` for the second, and so on. No two have the same.
    pub(super) id: String,
    /// Latitude and longitude, degrees.
    pub(super) place: Option<(f64, f64)>,
    at: usize,
    recorder: Recorder,
    recorded: Recorded,
}

impl Deployment {
    /// Start of the first recording.
    pub(super) fn start(&self) -> &ZonedDateTime {
        &self.recorded.start
    }

    /// End of the last recording.
    pub(super) fn end(&self) -> &ZonedDateTime {
        &self.recorded.end
    }

    /// The recorder's serial number.
    pub(super) fn serial(&self) -> Option<&str> {
        self.recorder.serial.as_deref()
    }

    /// Make and model of the recorder.
    pub(super) fn model(&self) -> Option<&str> {
        self.recorder.model.as_deref()
    }

    /// Whether the recorder ran without pauses.
    pub(super) fn is_continuous(&self) -> bool {
        self.recorded.recorded_s >= CONTINUOUS * seconds(&self.recorded.start, &self.recorded.end)
    }

    /// When it recorded, as the recordings show it, in words.
    pub(super) fn schedule(&self) -> String {
        let Recorded { recordings, days, shortest_s, longest_s, hours, .. } = self.recorded;
        let (shortest, longest) = (shortest_s.round(), longest_s.round());
        let length = if shortest < longest { format!("{shortest} to {longest} s") } else { format!("{longest} s") };
        let (recordings, days) = (counted(recordings, "recording"), counted(days, "day"));
        format!("{recordings} of {length} on {days}, beginning in {}, local time", hours_in_words(hours))
    }
}

/// Hours of the day whose bits are set, in words.
fn hours_in_words(hours: u32) -> String {
    let is_set = |hour: u32| hours & (1 << hour) != 0;
    let mut parts: Vec<(u32, u32)> = Vec::new();
    for hour in (0..24).filter(|hour| is_set(*hour)) {
        match parts.last_mut() {
            Some((_, last)) if *last + 1 == hour => *last = hour,
            _ => parts.push((hour, hour)),
        }
    }
    if parts == [(0, 23)] {
        return "all hours".to_owned();
    }
    let words = |(first, last): &(u32, u32)| if first == last { format!("{first}") } else { format!("{first}-{last}") };
    format!("the hours {}", parts.iter().map(words).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::detection::tests::recording;

    fn zoned(text: &str) -> ZonedDateTime {
        text.parse::<jiff::Timestamp>().unwrap().to_zoned_datetime(jiff::tz::TimeZone::UTC)
    }

    /// A minute at site A.
    fn minute(serial: Option<&str>, place: Option<(f64, f64)>) -> Recording {
        Recording { serial: serial.map(str::to_owned), place, ..recording("r") }
    }

    /// The ids of the deployments of recordings of a minute, and the deployments.
    fn of(recordings: &[(&str, Recording)], gap_days: f64) -> (Vec<String>, Deployments) {
        let mut survey = Survey::default();
        for (start, recording) in recordings {
            let start = zoned(start);
            survey.add(recording, &start, start.checked_add(jiff::Span::new().seconds(60)).unwrap());
        }
        let mut deployments = survey.deployments(gap_days);
        let ids =
            recordings.iter().map(|(start, recording)| deployments.of(recording, &zoned(start)).unwrap().id.clone()).collect();
        (ids, deployments)
    }

    #[test]
    fn metres_on_the_earth() {
        assert!((metres((0.0, 0.0), (0.0, 1.0)) - 111_195.08).abs() < 0.01);
        assert!((metres((60.0, 179.9995), (60.0, -179.9995)) - 55.597).abs() < 0.01, "over the date line");
        assert_eq!(metres((-4.0, -70.0), (-4.0, -70.0)), 0.0);
    }

    #[test]
    fn a_silence_of_days_ends_a_deployment() {
        let at = |start| (start, minute(Some("S"), Some((1.0, 2.0))));
        // Three days and a minute later, and three days less a minute.
        let times = ["2020-03-01T12:00:00Z", "2020-03-04T12:02:00Z", "2020-03-07T12:02:00Z"];
        let (ids, deployments) = of(&times.map(at), 3.0);
        assert_eq!(ids, ["A", "A:2", "A:2"]);
        let spans: Vec<_> = deployments.iter().map(|(_, d)| (d.start().to_string(), d.end().to_string())).collect();
        assert!(spans[0].1.starts_with("2020-03-01T12:01:00") && spans[1].1.starts_with("2020-03-07T12:03:00"), "{spans:?}");
        assert_eq!(deployments.split().collect::<Vec<_>>(), [("A", 2)]);
        assert_eq!(of(&times.map(at), 4.0).0, ["A"; 3]);
        let named = |site: &str| Recording { site: site.to_owned(), ..minute(None, None) };
        assert_eq!(of(&[(times[0], named("NA")), (times[0], named("NAB"))], 3.0).0, ["NA:1", "NAB"], "an id is never empty");
        let alike = [(times[0], named("A")), (times[1], named("A")), (times[0], named("A:2"))];
        assert_eq!(of(&alike, 3.0).0, ["A", "A:2:2", "A:2"], "no id is of two deployments");
    }

    #[test]
    fn another_recorder_or_place_is_another_deployment_and_what_is_not_known_is_none() {
        let day = |day: u32| format!("2020-03-0{day}T12:00:00Z");
        let days: Vec<String> = (1..=6).map(day).collect();
        let (here, near, far) = (Some((1.0, 2.0)), Some((1.0005, 2.0)), Some((1.01, 2.0)));
        let known = |places: [Option<(f64, f64)>; 3], serials: [Option<&str>; 3]| {
            let recordings: Vec<(&str, Recording)> = (0..3).map(|i| (days[i].as_str(), minute(serials[i], places[i]))).collect();
            of(&recordings, 3.0).0
        };
        assert_eq!(known([here, near, None], [Some("S"), None, Some("S")]), ["A"; 3]);
        assert_eq!(known([None, here, far], [Some("S"); 3]), ["A", "A", "A:2"]);
        assert_eq!(known([here; 3], [Some("S"), Some("T"), Some("S")]), ["A", "A:2", "A"]);
        assert_eq!(known([here; 3], [Some("S"), Some("T"), None]), ["A", "A:2", "A:3"], "one of two: nobody knows which");
    }

    #[test]
    fn a_schedule_is_told_as_the_recordings_show_it() {
        let recorded = ["2020-03-01T18:00:00Z", "2020-03-01T19:00:00Z", "2020-03-02T05:00:00Z"];
        let (_, deployments) = of(&recorded.map(|start| (start, minute(None, None))), 3.0);
        let (_, deployment) = deployments.iter().next().unwrap();
        assert_eq!(deployment.schedule(), "3 recordings of 60 s on 2 days, beginning in the hours 5, 18-19, local time");
        assert!(!deployment.is_continuous() && deployment.place.is_none());
        let whole = [("2020-03-01T18:00:00Z", minute(None, None)), ("2020-03-01T18:01:00Z", minute(None, None))];
        assert!(of(&whole, 3.0).1.iter().all(|(_, deployment)| deployment.is_continuous()));
        assert_eq!(hours_in_words((1 << 24) - 1), "all hours");
    }
}
