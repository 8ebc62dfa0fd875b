//! A Camera Trap Data Package (Camtrap DP 1.0.2), whose media here are recordings: `datapackage.json`, `deployments.csv`, `media.csv` and
//! `observations.csv`.
//!
//! A site is a deployment, from the beginning of its first recording to the end of its last. Every readable recording of a known instant is
//! a media file, every detection in one an observation of it, with the event's start and end in whole seconds around it; exact seconds,
//! class, score and threshold are among the observation's tags. What has no known instant cannot be held and is told.
//!
//! Source: <https://camtrap-dp.tdwg.org>, version 1.0.2.

mod deployment;
mod package;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jiff::{RoundMode, Timestamp, TimestampRound, Unit, ZonedDateTime};
use serde::Deserialize;

use super::clock::second;
use super::destination::Destination;
use super::detection::{Detection, Recording};
use super::error::ExportError;
use super::filter::Filter;
use super::format::{Export, ExportOption, Options, Summary, left_out, unquoted};
use super::run::Run;
use deployment::Deployment;
use package::BY_SCHEDULE;

const DEPLOYMENTS: [&str; 24] = [
    "deploymentID",
    "locationID",
    "locationName",
    "latitude",
    "longitude",
    "coordinateUncertainty",
    "deploymentStart",
    "deploymentEnd",
    "setupBy",
    "cameraID",
    "cameraModel",
    "cameraDelay",
    "cameraHeight",
    "cameraDepth",
    "cameraTilt",
    "cameraHeading",
    "detectionDistance",
    "timestampIssues",
    "baitUse",
    "featureType",
    "habitat",
    "deploymentGroups",
    "deploymentTags",
    "deploymentComments",
];
const MEDIA: [&str; 11] = [
    "mediaID",
    "deploymentID",
    "captureMethod",
    "timestamp",
    "filePath",
    "filePublic",
    "fileName",
    "fileMediatype",
    "exifData",
    "favorite",
    "mediaComments",
];
const OBSERVATIONS: [&str; 28] = [
    "observationID",
    "deploymentID",
    "mediaID",
    "eventID",
    "eventStart",
    "eventEnd",
    "observationLevel",
    "observationType",
    "cameraSetupType",
    "scientificName",
    "count",
    "lifeStage",
    "sex",
    "behavior",
    "individualID",
    "individualPositionRadius",
    "individualPositionAngle",
    "individualSpeed",
    "bboxX",
    "bboxY",
    "bboxWidth",
    "bboxHeight",
    "classificationMethod",
    "classifiedBy",
    "classificationTimestamp",
    "classificationProbability",
    "observationTags",
    "observationComments",
];

/// Media types by extension; the first is for what is not among them.
const MEDIA_TYPES: [(&str, &str); 11] = [
    ("", "audio/x-unknown"),
    ("wav", "audio/wav"),
    ("w64", "audio/x-w64"),
    ("flac", "audio/flac"),
    ("mp3", "audio/mpeg"),
    ("ogg", "audio/ogg"),
    ("oga", "audio/ogg"),
    ("m4a", "audio/mp4"),
    ("aif", "audio/aiff"),
    ("aiff", "audio/aiff"),
    ("caf", "audio/x-caf"),
];

/// A Camera Trap Data Package.
pub struct CamtrapDp;

#[derive(Debug, Deserialize)]
struct OwnOptions {
    metadata: Option<PathBuf>,
}

impl Export for CamtrapDp {
    fn name(&self) -> &'static str {
        "camtrap-dp"
    }

    fn about(&self) -> &'static str {
        "a Camera Trap Data Package, for camtrapdp, GBIF and Zenodo"
    }

    fn options(&self) -> &'static [ExportOption] {
        &[ExportOption {
            name: "metadata",
            value: "FILE",
            about: "entries of datapackage.json that the run does not know, such as title, contributors, licenses and project, \
                    as YAML or JSON",
        }]
    }

    fn write(&self, run: &Run, filter: &Filter, options: &Options, destination: &Destination) -> Result<Summary, ExportError> {
        let OwnOptions { metadata } = options.read()?;
        let metadata = metadata.as_deref().map(package::Metadata::read).transpose()?;
        let mut media = destination.file("media.csv")?.csv(&MEDIA)?;
        let mut observations = destination.file("observations.csv")?.csv(&OBSERVATIONS)?;
        let mut deployments: BTreeMap<String, Deployment> = BTreeMap::new();
        let mut taxa: BTreeSet<String> = BTreeSet::new();
        let (mut summary, mut timeless) = (Summary::default(), (0, 0));
        run.each_recording(filter, |recording, detections| {
            summary.recordings += 1;
            let ends = recording.start.instant(0.0)?.zip(recording.start.instant(recording.duration_s)?);
            let Some((start, end)) = ends else {
                timeless = (timeless.0 + detections.len() as u64, timeless.1 + 1);
                return Ok(());
            };
            media.row(&medium(recording, &start))?;
            for detection in detections {
                observations.row(&observation(run, recording, detection)?)?;
                if !taxa.contains(&*detection.class) {
                    taxa.insert(detection.class.to_string());
                }
            }
            summary.detections += detections.len() as u64;
            match deployments.get_mut(&recording.site) {
                Some(known) => known.extend(recording, start, end),
                None => drop(deployments.insert(recording.site.clone(), Deployment::new(recording, start, end))),
            }
            Ok(())
        })?;
        media.finish()?;
        observations.finish()?;
        write_deployments(destination, &deployments)?;
        let described = package::describe(run, &deployments, &taxa, metadata)?;
        let mut file = destination.file("datapackage.json")?;
        file.text(&described)?;
        file.finish()?;
        summary.notes = notes(&deployments, timeless);
        Ok(summary)
    }
}

fn notes(deployments: &BTreeMap<String, Deployment>, (detections, recordings): (u64, u64)) -> Vec<String> {
    let timeless = left_out(detections, recordings, "the package needs times with a time zone, and theirs are not known");
    let changed: Vec<&str> = deployments.iter().filter(|(_, d)| d.changed).map(|(site, _)| site.as_str()).collect();
    let moved = (!changed.is_empty())
        .then(|| format!("{}: several places or recorders; the deployment has the first one", changed.join(", ")));
    timeless.into_iter().chain(moved).collect()
}

fn write_deployments(destination: &Destination, deployments: &BTreeMap<String, Deployment>) -> Result<(), ExportError> {
    if deployments.is_empty() {
        let what = "there is no readable recording whose start is known with its zone, and a Camtrap DP package holds no others; set archive.timezone and run `chorus run ingest`";
        return Err(ExportError::Nothing { what: what.to_owned() });
    }
    let placeless: Vec<&str> = deployments.iter().filter(|(_, d)| d.place.is_none()).map(|(site, _)| site.as_str()).collect();
    if !placeless.is_empty() {
        return Err(ExportError::NoPlace { sites: placeless.join(", "), format: "camtrap-dp" });
    }
    let mut table = destination.file("deployments.csv")?.csv(&DEPLOYMENTS)?;
    for (site, deployment) in deployments {
        let (latitude, longitude) = deployment.place.unwrap_or_default();
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let mut row = vec![String::new(); DEPLOYMENTS.len()];
        row[0..3].fill(site.clone());
        (row[3], row[4]) = (latitude.to_string(), longitude.to_string());
        (row[6], row[7]) = (second(&deployment.start), second(&after(&deployment.end)));
        (row[9], row[10]) = (text(&deployment.serial), text(&deployment.recorder));
        table.row(&row)?;
    }
    table.finish()
}

fn medium(recording: &Recording, start: &ZonedDateTime) -> [String; MEDIA.len()] {
    let extension = recording.name().rsplit_once('.').map(|(_, extension)| extension.to_lowercase()).unwrap_or_default();
    let kind = MEDIA_TYPES.iter().find(|(known, _)| *known == extension).unwrap_or(&MEDIA_TYPES[0]).1;
    [
        recording.id.clone(),
        recording.site.clone(),
        BY_SCHEDULE.to_owned(),
        second(start),
        file_path(&recording.path),
        "false".to_owned(),
        recording.name().to_owned(),
        kind.to_owned(),
        String::new(),
        String::new(),
        String::new(),
    ]
}

/// A path as the standard takes it: it does not begin with `.`, `/` or `~` and holds no `..`; where a name does, the first of these
/// characters is percent-encoded.
fn file_path(path: &str) -> String {
    let path = path.replace("..", "%2E%2E");
    match path.chars().next() {
        Some('.') => format!("%2E{}", &path[1..]),
        Some('~') => format!("%7E{}", &path[1..]),
        _ => path,
    }
}

fn observation(run: &Run, recording: &Recording, detection: &Detection) -> Result<Vec<String>, ExportError> {
    let start = recording.start.instant(detection.start_s)?.map(|start| second(&start)).unwrap_or_default();
    let end = recording.start.instant(detection.end_s)?.map(|end| second(&after(&end))).unwrap_or_default();
    let id = detection.id(recording);
    let class = tag(&detection.class);
    let tags = format!(
        "class:{class} | start_s:{} | end_s:{} | peak_score:{} | threshold:{}",
        detection.start_s, detection.end_s, detection.peak_score, detection.threshold
    );
    let mut row = vec![String::new(); OBSERVATIONS.len()];
    row[0] = id.clone();
    (row[1], row[2], row[3]) = (recording.site.clone(), recording.id.clone(), id);
    (row[4], row[5]) = (start, end);
    (row[6], row[7]) = ("media".to_owned(), "animal".to_owned());
    row[9] = run.scientific(&detection.class).to_owned();
    (row[22], row[23]) = ("machine".to_owned(), format!("chorus model {}", detection.model_id));
    row[25] = detection.probability.map(|p| p.to_string()).unwrap_or_default();
    row[26] = tags;
    Ok(row)
}

/// Text within a list of tags, whose separators it must not hold.
fn tag(text: &str) -> String {
    unquoted(text).replace(['|', ':'], " ")
}

/// The next whole second, so that a span in whole seconds holds all of what it stands for.
fn after(instant: &ZonedDateTime) -> ZonedDateTime {
    let up = TimestampRound::new().smallest(Unit::Second).mode(RoundMode::Ceil);
    let rounded: Timestamp = instant.timestamp().round(up).unwrap_or(instant.timestamp());
    rounded.to_zoned_datetime(instant.time_zone().clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_in_whole_seconds_hold_what_they_stand_for() {
        let zoned = |text: &str| text.parse::<Timestamp>().unwrap().to_zoned_datetime(jiff::tz::TimeZone::UTC);
        let at = zoned("2020-03-01T12:00:00.25Z");
        assert_eq!((second(&at), second(&after(&at))), ("2020-03-01T12:00:00+00:00".into(), "2020-03-01T12:00:01+00:00".into()));
        let whole = zoned("2020-03-01T12:00:00Z");
        assert_eq!(second(&after(&whole)), "2020-03-01T12:00:00+00:00");
    }

    #[test]
    fn paths_and_tags_hold_nothing_that_the_standard_forbids() {
        assert_eq!(file_path("raw/POND 01/a.wav"), "raw/POND 01/a.wav");
        assert_eq!(file_path(".x/a..wav"), "%2Ex/a%2E%2Ewav");
        assert_eq!(file_path("~a.wav"), "%7Ea.wav");
        assert_eq!(file_path("...wav"), "%2E%2E.wav");
        assert_eq!(tag("a|b:c\nd"), "a b c d");
    }
}
