//! A Camera Trap Data Package (Camtrap DP 1.0.2), whose media here are recordings: `datapackage.json`, `deployments.csv`, `media.csv` and
//! `observations.csv`.
//!
//! A [`deployment`] is one recorder at one place of a site, without a long silence. Every readable recording of a known instant is
//! a media file, every detection in one an observation of it, with the event's start and end in whole seconds around it; exact seconds,
//! class, score and threshold are among the observation's tags. An observation is as it was classified last: a person's verdict stands in
//! the place of the model's. What has no known instant cannot be held and is told.
//!
//! The acoustic form has the terms that are proposed for a later version of the standard, with schemas of its own in `datapackage.json`.
//!
//! Sources: <https://camtrap-dp.tdwg.org>, version 1.0.2; issues 420 to 461 of tdwg/camtrap-dp on GitHub.

mod deployment;
mod fields;
mod form;
mod metadata;
mod package;

use std::collections::BTreeSet;
use std::path::PathBuf;

use chorus_labels::verdicts::{Heard, Opinion};
use jiff::ZonedDateTime;
use serde::Deserialize;

use super::clock::{after, second};
use super::destination::{Destination, unquoted};
use super::detection::{Detection, Recording};
use super::error::ExportError;
use super::filter::Filter;
use super::format::{Export, ExportOption, Options, Summary, left_out};
use super::run::Run;
use super::verdicts::{SHEET, Said, Verdicts};
use deployment::{Deployment, Deployments, Survey};
use fields::{DEPLOYMENTS, MEDIA, OBSERVATIONS};
use form::Form;
use metadata::Metadata;

/// Days without a recording that end a deployment.
const GAP_DAYS: f64 = 3.0;

/// Bits of a sample that the acoustic form knows.
const BIT_DEPTHS: [u32; 4] = [8, 16, 24, 32];

/// A Camera Trap Data Package.
pub struct CamtrapDp;

#[derive(Debug, Deserialize)]
struct OwnOptions {
    metadata: Option<PathBuf>,
    acoustic: Option<String>,
    gap_days: Option<String>,
    sheet: Option<PathBuf>,
}

impl OwnOptions {
    fn gap_days(&self) -> Result<f64, ExportError> {
        let Some(text) = &self.gap_days else { return Ok(GAP_DAYS) };
        // A silence is looked for between days, since most recorders are silent for a part of each day.
        let days = text.parse().ok().filter(|days: &f64| days.is_finite() && *days >= 1.0);
        let detail = || format!("--gap-days is `{text}`, expected a number of days from 1 on, such as 3");
        days.ok_or_else(|| ExportError::OptionValue { detail: detail() })
    }
}

impl Export for CamtrapDp {
    fn name(&self) -> &'static str {
        "camtrap-dp"
    }

    fn about(&self) -> &'static str {
        "a Camera Trap Data Package, for camtrapdp, GBIF and Zenodo"
    }

    fn options(&self) -> &'static [ExportOption] {
        &[
            ExportOption {
                name: "metadata",
                value: "FILE",
                about: "entries of datapackage.json that the run does not know, such as title, contributors, licenses and project, \
                        as YAML or JSON",
            },
            ExportOption {
                name: "acoustic",
                value: "",
                about: "the terms for sound that are proposed for the standard's next version, such as samplingFrequency; \
                        programs for version 1.0.2 may refuse them",
            },
            ExportOption {
                name: "gap-days",
                value: "DAYS",
                about: "days without a recording that end a deployment, 1 or more; 3 unless given",
            },
            SHEET,
        ]
    }

    fn write(&self, run: &Run, filter: &Filter, options: &Options, destination: &Destination) -> Result<Summary, ExportError> {
        let options: OwnOptions = options.read()?;
        let gap_days = options.gap_days()?;
        let form = if options.acoustic.is_some() { Form::Acoustic } else { Form::Standard };
        let metadata = options.metadata.as_deref().map(|path| Metadata::read(path, form)).transpose()?;
        let mut verdicts = Verdicts::read(run, options.sheet.as_deref())?;
        let mut deployments = survey(run, filter)?.deployments(gap_days);
        write_deployments(destination, &deployments, form)?;
        let mut media = destination.file("media.csv")?.raw().csv(&MEDIA.header(form.is_acoustic()))?;
        let mut observations = destination.file("observations.csv")?.raw().csv(&OBSERVATIONS.header(form.is_acoustic()))?;
        let observer = Observer { run, form, band_hz: run.band_hz() };
        let mut taxa: BTreeSet<String> = BTreeSet::new();
        let (mut summary, mut timeless) = (Summary::default(), (0, 0));
        run.each_recording(filter, |recording, detections| {
            summary.recordings += 1;
            let judged = verdicts.judge(run, filter, recording, detections);
            let Some((start, _)) = ends(recording)? else {
                timeless = (timeless.0 + detections.len() as u64, timeless.1 + 1);
                return Ok(());
            };
            let deployment = deployments.of(recording, &start)?;
            media.row(&medium(recording, &start, deployment, form))?;
            for (detection, said) in detections.iter().zip(&judged.said) {
                observations.row(&observer.detected(recording, deployment, detection, said)?)?;
                if said.opinion != Opinion::Refuted && !taxa.contains(&*detection.class) {
                    taxa.insert(detection.class.to_string());
                }
            }
            for heard in &judged.alone {
                observations.row(&observer.heard(recording, deployment, heard)?)?;
                taxa.insert(heard.class.clone());
            }
            summary.detections += detections.len() as u64;
            Ok(())
        })?;
        media.finish()?;
        observations.finish()?;
        let described = package::describe(run, &deployments, &taxa, form, metadata)?;
        let mut file = destination.file("datapackage.json")?;
        file.text(&described)?;
        file.finish()?;
        summary.notes = notes(&deployments, timeless, gap_days);
        summary.notes.extend(verdicts.notes());
        Ok(summary)
    }
}

/// The instants at which a recording begins and ends, where they are known.
fn ends(recording: &Recording) -> Result<Option<(ZonedDateTime, ZonedDateTime)>, ExportError> {
    Ok(recording.start.instant(0.0)?.zip(recording.start.instant(recording.duration_s)?))
}

/// Looks at all recordings that the package can hold.
fn survey(run: &Run, filter: &Filter) -> Result<Survey, ExportError> {
    let mut survey = Survey::default();
    run.only_recordings(filter, |recording| {
        if let Some((start, end)) = ends(recording)? {
            survey.add(recording, &start, end);
        }
        Ok(())
    })?;
    Ok(survey)
}

fn notes(deployments: &Deployments, (detections, recordings): (u64, u64), gap_days: f64) -> Vec<String> {
    let timeless = left_out(detections, recordings, "the package needs times with a time zone, and theirs are not known");
    let split: Vec<String> = deployments.split().map(|(site, n)| format!("{site} ({n})")).collect();
    let split = (!split.is_empty()).then(|| {
        format!(
            "sites with several deployments, where a recorder was changed, moved, or silent for more than {gap_days} days: {}",
            split.join(", ")
        )
    });
    timeless.into_iter().chain(split).collect()
}

fn write_deployments(destination: &Destination, deployments: &Deployments, form: Form) -> Result<(), ExportError> {
    if deployments.iter().next().is_none() {
        let what = "there is no readable recording whose start is known with its zone, and a Camtrap DP package holds no others; set archive.timezone and run `chorus run ingest`";
        return Err(ExportError::Nothing { what: what.to_owned() });
    }
    let placeless: BTreeSet<&str> = deployments.iter().filter(|(_, d)| d.place.is_none()).map(|(site, _)| site).collect();
    if !placeless.is_empty() {
        let sites = placeless.into_iter().collect::<Vec<_>>().join(", ");
        return Err(ExportError::NoPlace { sites, format: "camtrap-dp" });
    }
    let mut table = destination.file("deployments.csv")?.raw().csv(&DEPLOYMENTS.header(form.is_acoustic()))?;
    for (site, deployment) in deployments.iter() {
        let (latitude, longitude) = deployment.place.unwrap_or_default();
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        table.row(&DEPLOYMENTS.row(
            form.is_acoustic(),
            &[
                ("deploymentID", deployment.id.clone()),
                ("locationID", site.to_owned()),
                ("locationName", site.to_owned()),
                ("latitude", latitude.to_string()),
                ("longitude", longitude.to_string()),
                ("deploymentStart", second(deployment.start())),
                ("deploymentEnd", second(&after(deployment.end()))),
                ("cameraID", text(deployment.serial())),
                ("cameraModel", text(deployment.model())),
                ("recordingSchedule", deployment.schedule()),
            ],
        ))?;
    }
    table.finish()
}

fn medium(recording: &Recording, start: &ZonedDateTime, deployment: &Deployment, form: Form) -> Vec<String> {
    let bits = recording.bits_per_sample.filter(|bits| BIT_DEPTHS.contains(bits));
    let gain = recording.gain_db().filter(|db| *db >= 0.0);
    MEDIA.row(
        form.is_acoustic(),
        &[
            ("mediaID", recording.id.clone()),
            ("deploymentID", deployment.id.clone()),
            ("captureMethod", form.capture_method(deployment).to_owned()),
            ("timestamp", second(start)),
            ("filePath", file_path(&recording.path)),
            ("filePublic", "false".to_owned()),
            ("fileName", recording.name().to_owned()),
            ("fileMediatype", recording.media_type().to_owned()),
            (
                "samplingFrequency",
                Some(recording.sample_rate_hz).filter(|hz| *hz > 0).map(|hz| hz.to_string()).unwrap_or_default(),
            ),
            ("bitDepth", bits.map(|bits| bits.to_string()).unwrap_or_default()),
            ("gain", gain.map(|db| db.to_string()).unwrap_or_default()),
        ],
    )
}

/// A path as the standard takes it: it does not begin with `.`, `/` or `~`, and holds no `..` and no end of a line; where a name does, what
/// the standard forbids is percent-encoded.
fn file_path(path: &str) -> String {
    let path = path.replace("..", "%2E%2E").replace('\n', "%0A");
    match path.chars().next() {
        Some('.') => format!("%2E{}", &path[1..]),
        Some('~') => format!("%7E{}", &path[1..]),
        _ => path,
    }
}

/// Makes observations of detections and of what people heard.
struct Observer<'a> {
    run: &'a Run,
    form: Form,
    /// The frequencies that the model hears, Hz.
    band_hz: Option<(f64, f64)>,
}

impl Observer<'_> {
    /// An observation of a span of a recording.
    fn observation(
        &self,
        recording: &Recording,
        deployment: &Deployment,
        id: &str,
        (start_s, end_s): (f64, f64),
        values: &[(&str, String)],
    ) -> Result<Vec<String>, ExportError> {
        let start = recording.start.instant(start_s)?.map(|start| second(&start)).unwrap_or_default();
        let end = recording.start.instant(end_s)?.map(|end| second(&after(&end))).unwrap_or_default();
        let common = [
            ("observationID", id.to_owned()),
            ("deploymentID", deployment.id.clone()),
            ("mediaID", recording.id.clone()),
            ("eventID", id.to_owned()),
            ("eventStart", start),
            ("eventEnd", end),
            ("observationLevel", self.form.level().to_owned()),
        ];
        Ok(OBSERVATIONS.row(self.form.is_acoustic(), &[&common[..], values].concat()))
    }

    /// The observation of a detection, as it was classified last.
    fn detected(
        &self,
        recording: &Recording,
        deployment: &Deployment,
        detection: &Detection,
        said: &Said,
    ) -> Result<Vec<String>, ExportError> {
        let review = match said.opinion {
            Opinion::Open => "",
            Opinion::Confirmed => " | review:confirmed",
            Opinion::Refuted => " | review:refuted",
            Opinion::Unsure => " | review:unsure",
        };
        let plausible = match detection.expectation {
            None => "",
            Some(of) if of.is_plausible => " | plausible:yes",
            Some(_) => " | plausible:no",
        };
        let class = tag(&detection.class);
        let tags = format!(
            "class:{class} | start_s:{} | end_s:{} | peak_score:{} | threshold:{}{plausible}{review}",
            detection.start_s, detection.end_s, detection.peak_score, detection.threshold
        );
        let by_people = matches!(said.opinion, Opinion::Confirmed | Opinion::Refuted);
        let name = self.run.scientific(&detection.class);
        let mut values = if by_people { by_a_person(said.listener.as_deref()) } else { self.by_the_model(recording, detection) };
        values.push(("observationTags", tags));
        if said.opinion == Opinion::Refuted {
            let comment =
                format!("A person did not hear {} here, which the model {} had detected.", unquoted(name), detection.model_id);
            values.extend([("observationType", "unknown".to_owned()), ("observationComments", comment)]);
        } else {
            values.extend([("observationType", "animal".to_owned()), ("scientificName", name.to_owned())]);
        }
        self.observation(recording, deployment, &detection.id(recording), (detection.start_s, detection.end_s), &values)
    }

    fn by_the_model(&self, recording: &Recording, detection: &Detection) -> Vec<(&'static str, String)> {
        let nyquist_hz = f64::from(recording.sample_rate_hz) / 2.0;
        let band = self.band_hz.map(|(low, high)| (low, high.min(nyquist_hz))).filter(|(low, high)| low < high);
        let mut values = vec![
            ("classificationMethod", "machine".to_owned()),
            ("classifiedBy", format!("chorus model {}", detection.model_id)),
            ("classificationProbability", detection.probability.map(|p| p.to_string()).unwrap_or_default()),
        ];
        if let Some((low, high)) = band {
            values.extend([("frequencyLow", low.to_string()), ("frequencyHigh", high.to_string())]);
        }
        values
    }

    /// The observation of what a person heard where the model detected nothing.
    fn heard(&self, recording: &Recording, deployment: &Deployment, heard: &Heard) -> Result<Vec<String>, ExportError> {
        let id = format!("{}:{}:{}-{}:heard", recording.id, heard.class, heard.start_s, heard.end_s);
        let mut values = by_a_person(heard.listener.as_deref());
        let tags = format!("class:{} | start_s:{} | end_s:{} | review:heard", tag(&heard.class), heard.start_s, heard.end_s);
        values.extend([
            ("observationTags", tags),
            ("observationType", "animal".to_owned()),
            ("scientificName", self.run.scientific(&heard.class).to_owned()),
        ]);
        self.observation(recording, deployment, &id, (heard.start_s, heard.end_s), &values)
    }
}

fn by_a_person(listener: Option<&str>) -> Vec<(&'static str, String)> {
    vec![("classificationMethod", "human".to_owned()), ("classifiedBy", listener.unwrap_or_default().to_owned())]
}

/// Text within a list of tags, whose separators it must not hold.
fn tag(text: &str) -> String {
    unquoted(text).replace(['|', ':'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silence_that_ends_a_deployment_is_at_least_a_day_long() {
        let of = |text: Option<&str>| {
            OwnOptions { metadata: None, acoustic: None, gap_days: text.map(str::to_owned), sheet: None }.gap_days()
        };
        assert_eq!([of(None), of(Some("1")), of(Some("2.5"))].map(Result::unwrap), [GAP_DAYS, 1.0, 2.5]);
        for text in ["0.5", "0", "-1", "inf", "a week"] {
            let error = of(Some(text)).unwrap_err().to_string();
            assert!(error.contains(&format!("--gap-days is `{text}`, expected a number of days from 1 on")), "{error}");
        }
    }

    #[test]
    fn paths_and_tags_hold_nothing_that_the_standard_forbids() {
        assert_eq!(file_path("raw/POND 01/a.wav"), "raw/POND 01/a.wav");
        assert_eq!(file_path(".x/a..wav"), "%2Ex/a%2E%2Ewav");
        assert_eq!(file_path("~a.wav"), "%7Ea.wav");
        assert_eq!(file_path("...wav"), "%2E%2E.wav");
        assert_eq!(file_path("a\nb.wav"), "a%0Ab.wav");
        assert_eq!(tag("a|b:c\nd"), "a b c d");
    }
}
