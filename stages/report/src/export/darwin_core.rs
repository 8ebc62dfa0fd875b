//! A Darwin Core Archive of sampling events: `event.csv`, a row per site and night; `occurrence.csv`, what was found in it and what was
//! listened for and not found; `humboldt.csv`, how it was listened; `multimedia.csv`, its recordings; and `meta.xml`, which says what their
//! columns are.
//!
//! A detection is a `MachineObservation`, `unverified` until a person confirmed it; what a person refuted is left out and told. A taxon is
//! absent from a night in which the model looked for all of its classes and found none, and nobody heard it. That is told of classes with a
//! scientific name only. A night of which a detection was refuted, or withheld, is neither: the model found something there.
//!
//! Sources: the Darwin Core quick reference and text guide, <https://dwc.tdwg.org>; the Humboldt Extension, <https://eco.tdwg.org>;
//! Audiovisual Core, <https://ac.tdwg.org>.

mod absence;
mod meta;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use chorus_labels::verdicts::{Heard, Opinion};
use jiff::civil::Date;
use serde::Deserialize;

use super::destination::Destination;
use super::detection::{Detection, Recording};
use super::error::ExportError;
use super::filter::Filter;
use super::format::{Export, ExportOption, Options, Summary};
use super::run::Run;
use super::verdicts::{SHEET, Said, Verdicts};
use absence::{Listened, Taxa};
use meta::{EVENT, HUMBOLDT, MULTIMEDIA, OCCURRENCE, descriptor};

/// What separates the values of a list in one field.
const LIST: &str = " | ";
/// How everything was sampled.
const PROTOCOL: &str = "passive acoustic monitoring";

/// A Darwin Core Archive.
pub struct DarwinCore;

#[derive(Debug, Deserialize)]
struct OwnOptions {
    sheet: Option<PathBuf>,
}

impl Export for DarwinCore {
    fn name(&self) -> &'static str {
        "darwin-core"
    }

    fn about(&self) -> &'static str {
        "a Darwin Core Archive of nights, for GBIF and national portals"
    }

    fn options(&self) -> &'static [ExportOption] {
        &[SHEET]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["activity", "nights"]
    }

    fn write(&self, run: &Run, filter: &Filter, options: &Options, destination: &Destination) -> Result<Summary, ExportError> {
        let OwnOptions { sheet } = options.read()?;
        let mut verdicts = Verdicts::read(run, sheet.as_deref())?;
        let mut archive = Archive::new(run, filter)?;
        let mut occurrences = destination.file("occurrence.csv")?.raw().csv(&OCCURRENCE.header())?.allowed();
        let mut media = destination.file("multimedia.csv")?.raw().csv(&MULTIMEDIA.header())?.allowed();
        let mut summary = Summary::default();
        let (mut untimed, mut undated) = ((0, 0), 0);
        run.each_recording(filter, |recording, detections| {
            summary.recordings += 1;
            summary.detections += detections.len() as u64;
            let judged = verdicts.judge(run, filter, recording, detections);
            media.row(&medium(&archive.event_of(recording, 0.0)?, recording)?)?;
            if recording.start.night(0.0)?.is_none() {
                untimed = (untimed.0 + detections.len() as u64, untimed.1 + 1);
            }
            let is_undated = recording.start.instant(0.0)?.is_none();
            for (detection, said) in detections.iter().zip(&judged.said).filter(|(_, said)| said.opinion != Opinion::Refuted) {
                let event = archive.event_of(recording, detection.start_s)?;
                occurrences.row(&archive.occurrence(&event, recording, detection, said)?)?;
                undated += u64::from(is_undated);
            }
            for heard in &judged.alone {
                let event = archive.event_of(recording, heard.start_s)?;
                occurrences.row(&archive.heard(&event, recording, heard)?)?;
            }
            Ok(())
        })?;
        media.finish()?;
        archive.absences(|row| occurrences.row(&row))?;
        occurrences.finish()?;
        archive.write_events(destination)?;
        let mut meta = destination.file("meta.xml")?;
        meta.text(&descriptor())?;
        meta.finish()?;
        if untimed.1 > 0 {
            let (detections, recordings) = untimed;
            summary
                .notes
                .push(format!("{detections} detections in {recordings} recordings are of no night: their time is not known"));
        }
        if undated > 0 {
            let why = "no zone or no start of their recordings is known";
            summary.notes.push(format!("{undated} occurrences have no eventDate: {why}"));
        }
        summary.notes.extend(archive.notes());
        summary.notes.extend(verdicts.notes());
        Ok(summary)
    }
}

/// An event: a night at a site, or what a site recorded at no known time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    site: String,
    night: Option<Date>,
}

impl Event {
    fn id(&self) -> String {
        match self.night {
            Some(night) => format!("{}:{night}", self.site),
            None => format!("{}:undated", self.site),
        }
    }

    /// The dates that the night is of, from noon to noon.
    fn dates(&self) -> String {
        let Some(night) = self.night else { return String::new() };
        night.tomorrow().map_or_else(|_| night.to_string(), |next| format!("{night}/{next}"))
    }
}

/// What the files of the archive are made of.
struct Archive<'a> {
    run: &'a Run,
    filter: &'a Filter,
    listened: Listened,
    taxa: Taxa,
    /// The place of each event, of its first recording that has one.
    events: BTreeMap<Event, Option<(f64, f64)>>,
    /// What people heard in a night without a detection.
    heard: BTreeSet<(Event, String)>,
    /// The names of what was present in each event.
    found: BTreeSet<(Event, String)>,
    /// The model that made the detections.
    model_id: Option<String>,
}

impl<'a> Archive<'a> {
    fn new(run: &'a Run, filter: &'a Filter) -> Result<Self, ExportError> {
        let listened = Listened::read(run, filter)?;
        let taxa = Taxa::of(run, filter, &listened);
        let events = listened.nights().map(|(site, night)| (Event { site: site.to_owned(), night: Some(night) }, None)).collect();
        Ok(Self { run, filter, listened, taxa, events, heard: BTreeSet::new(), found: BTreeSet::new(), model_id: None })
    }

    /// The event into which a second of a recording falls.
    fn event_of(&mut self, recording: &Recording, seconds: f64) -> Result<Event, ExportError> {
        let event = Event { site: recording.site.clone(), night: recording.start.night(seconds)? };
        match self.events.get_mut(&event) {
            Some(place) => *place = place.or(recording.place),
            None => drop(self.events.insert(event.clone(), recording.place)),
        }
        Ok(event)
    }

    /// A detection.
    fn occurrence(
        &mut self,
        event: &Event,
        recording: &Recording,
        detection: &Detection,
        said: &Said,
    ) -> Result<Vec<String>, ExportError> {
        if self.model_id.is_none() {
            self.model_id = Some(detection.model_id.to_string());
        }
        let model = format!("chorus model {}", detection.model_id);
        let is_verified = said.opinion == Opinion::Confirmed;
        let by = said.listener.as_deref().filter(|_| is_verified).map(|name| format!("{name}{LIST}{model}"));
        let probability = detection.probability.map(|p| format!(", calibrated probability {p:.4}")).unwrap_or_default();
        let verified = match said.opinion {
            Opinion::Confirmed => "confirmed by a person",
            Opinion::Unsure => "a person could not tell",
            Opinion::Open | Opinion::Refuted => "not verified by a person",
        };
        let unexpected =
            detection.expectation.filter(|of| !of.is_plausible).map_or("", |_| "; not expected at this place and time");
        let remarks = format!(
            "score {:.4} in {} windows, threshold {}{probability}; {verified}{unexpected}",
            detection.peak_score, detection.windows, detection.threshold
        );
        let status = if is_verified { "verified" } else { "unverified" };
        let span = (detection.start_s, detection.end_s);
        let of = [
            ("occurrenceID", detection.id(recording)),
            ("identifiedBy", by.unwrap_or(model)),
            ("identificationVerificationStatus", status.to_owned()),
            ("identificationRemarks", remarks),
        ];
        self.present(event, recording, &detection.class, span, &of)
    }

    /// What a person heard where the model detected nothing.
    fn heard(&mut self, event: &Event, recording: &Recording, heard: &Heard) -> Result<Vec<String>, ExportError> {
        self.heard.insert((event.clone(), heard.class.clone()));
        let of = [
            ("occurrenceID", format!("{}:{}:{}-{}:heard", recording.id, heard.class, heard.start_s, heard.end_s)),
            ("identifiedBy", heard.listener.clone().unwrap_or_default()),
            ("identificationVerificationStatus", "verified".to_owned()),
            ("identificationRemarks", "heard by a person; the model detected nothing here".to_owned()),
        ];
        self.present(event, recording, &heard.class, (heard.start_s, heard.end_s), &of)
    }

    /// A row of what was present in a span of a recording.
    fn present(
        &mut self,
        event: &Event,
        recording: &Recording,
        class: &str,
        (start_s, end_s): (f64, f64),
        of: &[(&str, String)],
    ) -> Result<Vec<String>, ExportError> {
        let at = |seconds| {
            Ok::<_, ExportError>(recording.start.instant(seconds)?.map(|at| at.strftime("%Y-%m-%dT%H:%M:%S%.f%:z").to_string()))
        };
        self.found.insert((event.clone(), self.run.scientific(class).to_owned()));
        let interval = at(start_s)?.zip(at(end_s)?).map(|(start, end)| format!("{start}/{end}"));
        let (latitude, longitude) = recording.place.unzip();
        let common = [
            ("eventID", event.id()),
            ("basisOfRecord", "MachineObservation".to_owned()),
            ("occurrenceStatus", "present".to_owned()),
            ("eventDate", interval.unwrap_or_default()),
            ("locationID", recording.site.clone()),
            ("locality", recording.site.clone()),
            ("decimalLatitude", degrees(latitude)),
            ("decimalLongitude", degrees(longitude)),
            ("geodeticDatum", recording.place.map(|_| "WGS84".to_owned()).unwrap_or_default()),
            ("taxonID", self.run.taxon_id(class)),
            ("taxonConceptID", ebird_page(self.run.ebird_code(class))),
            ("scientificName", self.run.scientific(class).to_owned()),
            ("vernacularName", self.run.english(class).to_owned()),
            ("verbatimIdentification", class.to_owned()),
            ("associatedMedia", recording.path.clone()),
            ("occurrenceRemarks", format!("{start_s} to {end_s} s of the recording")),
        ];
        Ok(OCCURRENCE.row(&[&common[..], of].concat()))
    }

    /// Hands over a row of each taxon that a night was listened for and that was not found.
    fn absences(&mut self, mut take: impl FnMut(Vec<String>) -> Result<(), ExportError>) -> Result<(), ExportError> {
        let heard = &self.heard;
        let is_heard = |site: &str, night: Date, class: &str| {
            heard.contains(&(Event { site: site.to_owned(), night: Some(night) }, class.to_owned()))
        };
        self.taxa.find_absences(&self.listened, is_heard);
        let model = self.model_id.as_ref().map(|id| format!("chorus model {id}")).unwrap_or_default();
        for ((site, night), absent) in self.taxa.absent() {
            let event = Event { site: site.clone(), night: Some(*night) };
            let (latitude, longitude) = self.place_of(&event).unzip();
            let hours = self.listened.hours(site, *night);
            for name in absent {
                take(OCCURRENCE.row(&[
                    ("eventID", event.id()),
                    ("occurrenceID", format!("{}:{name}:absent", event.id())),
                    ("basisOfRecord", "MachineObservation".to_owned()),
                    ("occurrenceStatus", "absent".to_owned()),
                    ("eventDate", event.dates()),
                    ("locationID", site.clone()),
                    ("locality", site.clone()),
                    ("decimalLatitude", degrees(latitude)),
                    ("decimalLongitude", degrees(longitude)),
                    ("geodeticDatum", latitude.map(|_| "WGS84".to_owned()).unwrap_or_default()),
                    ("taxonID", self.taxa.taxon_id(self.run, name)),
                    ("taxonConceptID", ebird_page(self.taxa.ebird_code(self.run, name))),
                    ("scientificName", name.clone()),
                    ("vernacularName", self.taxa.english(self.run, name)),
                    ("verbatimIdentification", self.taxa.classes(name).join(LIST)),
                    ("identifiedBy", model.clone()),
                    ("identificationVerificationStatus", "unverified".to_owned()),
                    ("identificationRemarks", "no window of the night reached the model's threshold".to_owned()),
                    ("occurrenceRemarks", format!("listened for in {hours:.3} recorder-hours, and not detected")),
                ]))?;
            }
        }
        Ok(())
    }

    fn place_of(&self, event: &Event) -> Option<(f64, f64)> {
        self.events.get(event).copied().flatten()
    }

    /// Writes the events, and how each night was listened to.
    fn write_events(&self, destination: &Destination) -> Result<(), ExportError> {
        let mut events = destination.file("event.csv")?.raw().csv(&EVENT.header())?.allowed();
        let mut humboldt = destination.file("humboldt.csv")?.raw().csv(&HUMBOLDT.header())?.allowed();
        let sites: BTreeSet<&str> = self.events.keys().map(|event| event.site.as_str()).collect();
        let targets: BTreeMap<&str, String> = sites.into_iter().map(|site| (site, self.taxa.of_site(site).join(LIST))).collect();
        let bounds = self.run.band_hz().map(|(low, high)| format!("; it hears {low} to {high} Hz")).unwrap_or_default();
        let model = self.model_id.as_ref().map_or_else(|| "a model".to_owned(), |id| format!("model {id}"));
        let how = format!(
            "Sound recorders; chorus {} with {model} searched all recordings for its classes{bounds}",
            env!("CARGO_PKG_VERSION")
        );
        // Where detections are left out, not all that was found is reported.
        let is_whole = self.filter.min_score.is_none() && self.filter.min_probability.is_none() && self.run.withheld().is_none();
        for (event, place) in &self.events {
            let (latitude, longitude) = place.unzip();
            let hours = event.night.map(|night| self.listened.hours(&event.site, night)).filter(|hours| *hours > 0.0);
            let effort = hours.map(|hours| format!("{hours:.4}")).unwrap_or_default();
            events.row(&EVENT.row(&[
                ("eventID", event.id()),
                ("eventType", "Survey".to_owned()),
                ("eventDate", event.dates()),
                ("locationID", event.site.clone()),
                ("locality", event.site.clone()),
                ("decimalLatitude", degrees(latitude)),
                ("decimalLongitude", degrees(longitude)),
                ("geodeticDatum", latitude.map(|_| "WGS84".to_owned()).unwrap_or_default()),
                ("samplingProtocol", PROTOCOL.to_owned()),
                ("sampleSizeValue", effort.clone()),
                ("sampleSizeUnit", hours.map(|_| "hour".to_owned()).unwrap_or_default()),
                ("samplingEffort", hours.map(|hours| format!("{hours:.3} recorder-hours")).unwrap_or_default()),
                (
                    "eventRemarks",
                    event.night.map_or("the time is not known", |_| "from noon to noon of the local clock").to_owned(),
                ),
            ]))?;
            let Some(night) = event.night.filter(|night| self.listened.is_heard(&event.site, *night)) else { continue };
            let absent = self.taxa.absent_in(&event.site, night).join(LIST);
            let target = targets.get(event.site.as_str()).cloned().unwrap_or_default();
            let in_scope = self.taxa.of_site(&event.site);
            let has_others = self.found.iter().any(|(of, name)| of == event && !in_scope.contains(&name.as_str()));
            // The standard has these of a declared scope only: without one nothing lies within it or outside of it.
            let of_scope = |answer: bool| if target.is_empty() { String::new() } else { answer.to_string() };
            humboldt.row(&HUMBOLDT.row(&[
                ("eventID", event.id()),
                ("targetTaxonomicScope", target.clone()),
                ("taxonCompletenessReported", "notReported".to_owned()),
                ("isTaxonomicScopeFullyReported", of_scope(is_whole)),
                ("isAbsenceReported", (!target.is_empty()).to_string()),
                ("absentTaxa", absent),
                ("hasNonTargetTaxa", of_scope(has_others)),
                ("compilationTypes", "samplingEvents".to_owned()),
                ("inventoryTypes", "restrictedSearch".to_owned()),
                ("protocolNames", PROTOCOL.to_owned()),
                ("protocolDescriptions", how.clone()),
                ("isAbundanceReported", false.to_string()),
                ("isSamplingEffortReported", true.to_string()),
                ("samplingEffortProtocol", "sum of the lengths of the recordings; several recorders at a site add up".to_owned()),
                ("samplingEffortValue", effort),
                ("samplingEffortUnit", "recorderHours".to_owned()),
            ]))?;
        }
        events.finish()?;
        humboldt.finish()
    }

    /// What a person should know of it.
    fn notes(&self) -> Option<String> {
        let unnamed = self.taxa.unnamed();
        (!unnamed.is_empty()).then(|| {
            format!(
                "no absence is written of classes without a scientific name ({}); the column scientific_name of annotate.code_table gives \
                 them one",
                unnamed.join(", ")
            )
        })
    }
}

/// The address of a species in eBird, whose codes stand for species as it splits and lumps them; empty where none is known.
fn ebird_page(code: Option<&str>) -> String {
    code.map(|code| format!("https://ebird.org/species/{code}")).unwrap_or_default()
}

/// A coordinate; empty where none is known.
fn degrees(degrees: Option<f64>) -> String {
    degrees.map(|degrees| degrees.to_string()).unwrap_or_default()
}

/// A row of a recording.
fn medium(event: &Event, recording: &Recording) -> Result<Vec<String>, ExportError> {
    let created = recording.start.instant(0.0)?.map(|at| at.strftime("%Y-%m-%dT%H:%M:%S%.f%:z").to_string());
    let bits = recording.bits_per_sample.map(|bits| format!("{bits} bits a sample"));
    let gain = recording.gain.as_ref().map(|gain| format!("gain {gain}"));
    let device: Vec<&str> = [recording.recorder.as_deref(), recording.serial.as_deref()].into_iter().flatten().collect();
    Ok(MULTIMEDIA.row(&[
        ("eventID", event.id()),
        ("identifier", recording.id.clone()),
        ("type", "Sound".to_owned()),
        ("title", recording.name().to_owned()),
        ("providerManagedID", recording.path.clone()),
        ("format", recording.media_type().to_owned()),
        ("CreateDate", created.unwrap_or_default()),
        ("mediaDuration", recording.duration_s.to_string()),
        ("sample_rate", Some(recording.sample_rate_hz).filter(|hz| *hz > 0).map(|hz| hz.to_string()).unwrap_or_default()),
        ("captureDevice", device.join(" ")),
        ("resourceCreationTechnique", bits.into_iter().chain(gain).collect::<Vec<_>>().join(", ")),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_night_with_its_two_dates() {
        let of = |night: Option<&str>| Event { site: "POND".into(), night: night.map(|night| night.parse().unwrap()) };
        let night = of(Some("2020-12-31"));
        assert_eq!((night.id(), night.dates()), ("POND:2020-12-31".to_owned(), "2020-12-31/2021-01-01".to_owned()));
        assert_eq!((of(None).id(), of(None).dates()), ("POND:undated".to_owned(), String::new()));
    }
}
