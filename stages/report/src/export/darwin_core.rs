//! A Darwin Core Archive: `occurrence.csv`, a row per detection, and `meta.xml`, which says what its columns are.
//!
//! A detection is a `MachineObservation`. `eventDate` is the interval of the detection with the site's offset from UTC, and empty where no
//! instant is known; `samplingEffort` is how long the site was listened to in that night, and `identificationRemarks` say with what score a
//! model passed which threshold, and that nobody verified it.
//!
//! Sources: the Darwin Core quick reference and text guide, <https://dwc.tdwg.org>.

use std::collections::BTreeMap;

use jiff::civil::Date;
use maud::{PreEscaped, html};

use super::destination::Destination;
use super::detection::{Detection, Recording};
use super::error::ExportError;
use super::filter::Filter;
use super::format::{Export, Options, Summary};
use super::run::Run;

/// The columns: terms of Darwin Core, the first of which identifies a row.
const TERMS: [&str; 22] = [
    "occurrenceID",
    "basisOfRecord",
    "occurrenceStatus",
    "eventID",
    "eventDate",
    "locationID",
    "locality",
    "decimalLatitude",
    "decimalLongitude",
    "geodeticDatum",
    "scientificName",
    "vernacularName",
    "verbatimIdentification",
    "identifiedBy",
    "identificationVerificationStatus",
    "identificationRemarks",
    "samplingProtocol",
    "sampleSizeValue",
    "sampleSizeUnit",
    "samplingEffort",
    "associatedMedia",
    "occurrenceRemarks",
];

/// Where the terms live.
const NAMESPACE: &str = "http://rs.tdwg.org/dwc/terms/";

/// A Darwin Core Archive.
pub struct DarwinCore;

impl Export for DarwinCore {
    fn name(&self) -> &'static str {
        "darwin-core"
    }

    fn about(&self) -> &'static str {
        "a Darwin Core Archive, for GBIF and national portals"
    }

    fn tables(&self) -> &'static [&'static str] {
        &["nights"]
    }

    fn write(&self, run: &Run, filter: &Filter, _: &Options, destination: &Destination) -> Result<Summary, ExportError> {
        let effort_h = run.effort_h(filter)?;
        let mut table = destination.file("occurrence.csv")?.csv(&TERMS)?;
        let (mut summary, mut undated) = (Summary::default(), 0);
        run.each_recording(filter, |recording, detections| {
            summary.recordings += 1;
            summary.detections += detections.len() as u64;
            for detection in detections {
                let row = occurrence(run, recording, detection, &effort_h)?;
                undated += u64::from(row[4].is_empty());
                table.row(&row)?;
            }
            Ok(())
        })?;
        table.finish()?;
        let mut meta = destination.file("meta.xml")?;
        meta.text(&descriptor())?;
        meta.finish()?;
        if undated > 0 {
            summary
                .notes
                .push(format!("{undated} occurrences have no eventDate: no zone or no start of their recordings is known"));
        }
        Ok(summary)
    }
}

fn occurrence(
    run: &Run,
    recording: &Recording,
    detection: &Detection,
    effort_h: &BTreeMap<(String, Date), f64>,
) -> Result<[String; TERMS.len()], ExportError> {
    let (class, site) = (&*detection.class, &recording.site);
    let at = |seconds| {
        Ok::<_, ExportError>(recording.start.instant(seconds)?.map(|at| at.strftime("%Y-%m-%dT%H:%M:%S%.f%:z").to_string()))
    };
    let interval = at(detection.start_s)?.zip(at(detection.end_s)?).map(|(start, end)| format!("{start}/{end}"));
    let night = recording.start.night(detection.start_s)?;
    let hours = night.and_then(|night| Some((night, effort_h.get(&(site.clone(), night))?)));
    let (latitude, longitude) = recording.place.unzip();
    let degrees = |degrees: Option<f64>| degrees.map(|d| d.to_string()).unwrap_or_default();
    let probability = detection.probability.map(|p| format!(", calibrated probability {p:.4}")).unwrap_or_default();
    Ok([
        detection.id(recording),
        "MachineObservation".to_owned(),
        "present".to_owned(),
        recording.id.clone(),
        interval.unwrap_or_default(),
        site.clone(),
        site.clone(),
        degrees(latitude),
        degrees(longitude),
        recording.place.map(|_| "WGS84".to_owned()).unwrap_or_default(),
        run.scientific(class).to_owned(),
        run.english(class).to_owned(),
        class.to_owned(),
        format!("chorus model {}", detection.model_id),
        "unverified".to_owned(),
        format!(
            "score {:.4} in {} windows, threshold {}{probability}; not verified by a person",
            detection.peak_score, detection.windows, detection.threshold
        ),
        "passive acoustic monitoring".to_owned(),
        recording.duration_s.to_string(),
        "second".to_owned(),
        hours.map(|(night, hours)| format!("{hours:.3} recorder-hours in the night of {night}")).unwrap_or_default(),
        recording.path.clone(),
        format!("{} to {} s of the recording", detection.start_s, detection.end_s),
    ])
}

/// `meta.xml`.
fn descriptor() -> String {
    let described = html! {
        archive xmlns="http://rs.tdwg.org/dwc/text/" {
            core encoding="UTF-8" fieldsTerminatedBy="," linesTerminatedBy="\\n" fieldsEnclosedBy="\"" ignoreHeaderLines="1"
                rowType=(format!("{NAMESPACE}Occurrence")) {
                files { location { "occurrence.csv" } }
                id index="0" {}
                @for (index, term) in TERMS.iter().enumerate() {
                    field index=(index) term=(format!("{NAMESPACE}{term}")) {}
                }
            }
        }
    };
    html! { (PreEscaped("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")) (described) "\n" }.into_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_descriptor_names_every_column() {
        let text = descriptor();
        assert!(text.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<archive xmlns=\"http://rs.tdwg.org/dwc/text/\">"));
        assert!(text.contains("fieldsEnclosedBy=\"&quot;\"") && text.contains(r#"linesTerminatedBy="\n""#), "{text}");
        assert_eq!(text.matches("<field ").count(), TERMS.len());
        assert!(text.contains(r#"<field index="20" term="http://rs.tdwg.org/dwc/terms/associatedMedia"></field>"#), "{text}");
    }
}
