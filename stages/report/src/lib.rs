//! Stage `report`: what a run recorded, found and can be trusted with, as one HTML page, `report/index.html`, and clips to listen to, in
//! `report/clips`.
//!
//! - [`facts`]: the tables read once, part by part, and summed up in plain structs.
//! - [`listen`]: clips of the highest detections and of unknown sounds, files beside the page; [`clip`] cuts and draws one.
//! - [`page`]: facts to HTML, a file per section.
//! - [`plot`]: heat maps, charts and a map, as markup of the page.
//! - [`words`]: the texts of the page in each language, numbers and dates.
//!
//! Beside the stage, on request: [`export`], the detections as files that other programs open; [`review`], clips of some of them
//! to listen to.
//!
//! The folder stands alone: the page's style and drawings are in it, clips lie beside it, it has no script, and it asks no network for
//! anything. Equal tables and recordings give equal bytes: neither clock nor host nor path of the run is in it. Whatever comes from the archive is text to it, never
//! markup.

mod class_names;
mod clip;
pub mod export;
mod facts;
mod listen;
mod page;
mod plot;
pub mod review;
pub mod sheets;
mod speech;
#[cfg(test)]
mod tests;
mod words;

use chorus_engine::graph::{DECISIONS, Input, MODEL_CARD, Output, Pass, Per, TAXA, has_labels, trains_in_steps};
use chorus_engine::{Config, Fault, Scan, ScanContext, UnitContext, Work, WorkError};
use chorus_keys::{Declarations, Keys};
use export::run::EXPECTED;
use serde::Deserialize;
use words::Words;

const PAGE: &str = "report/index.html";

/// The section `report` of the configuration.
#[derive(Debug, Deserialize, Keys)]
#[keys(section = "report")]
struct ReportSettings {
    /// Title of the report; null: Acoustic survey, in the language of the report.
    #[key(example = "\"Ponds, March 2020\"")]
    title: Option<String>,
    /// Language of the report: its texts, numbers and dates, and the common names of classes where the code table has them.
    #[key(default = "en", choices = words::languages, example = "es")]
    language: String,
    /// Number of clips of each class in the report: its detections with the highest scores, first from different sites and then from
    /// different dates; and of each group of unknown sounds. 0: no clips.
    #[key(unit = "clips", default = "3", range = 0..=20)]
    clips: usize,
    /// Largest number of clips of all classes together. Every class gets its first clip before any class gets a second; frequent
    /// classes come first. A clip has at most 3 MB of sound.
    #[key(unit = "clips", default = "60", range = 0..=1000)]
    max_clips: usize,
    /// CSV file that `chorus prevalence --format csv` wrote: how often each class calls, for the report; null: none.
    #[key(path, example = "prevalence.csv")]
    #[allow(dead_code, reason = "read by its name, as a file")]
    prevalence: Option<String>,
}

/// The key that names a backbone for voices.
const VOICE: &str = "privacy.backbone";

/// The key that asks for sounds that are unlike everything that was learned.
const UNKNOWN: &str = "unknown.enabled";

/// The key that asks for sound levels.
const SOUNDSCAPE: &str = "soundscape.enabled";

/// The configuration keys of the stage.
pub fn declarations() -> Declarations {
    Declarations::default().section::<ReportSettings>()
}

/// The stage.
pub struct Report;

impl Report {
    /// What the stage declares of itself: the tables that the page sums up, and recordings to cut clips from. A run that only applies a
    /// model has neither labels nor metrics.
    pub fn declare(config: &Config) -> Option<Pass> {
        let always = ["recordings", "segments", "detections", "activity", "sun_activity", "accumulation"];
        let learnt: &[&str] = &[
            "classes",
            "taxa",
            "annotations",
            "reviews",
            "splits",
            "split_classes",
            "training_log",
            "metrics",
            "thresholds",
            "false_alarms",
            "curves",
            "reliability",
        ];
        let learnt = if has_labels(config) { learnt } else { &[] };
        let learnt = learnt.iter().filter(|table| **table != "training_log" || trains_in_steps(config));
        let mut inputs: Vec<Input> = always.iter().chain(learnt).copied().map(Input::Table).collect();
        inputs.extend([Input::OptionalArchive, Input::Model(MODEL_CARD), Input::Model(DECISIONS)]);
        if !has_labels(config) {
            inputs.push(Input::Model(TAXA));
        }
        inputs.push(Input::File(facts::prevalence::KEY));
        if config.is_on(SOUNDSCAPE) {
            inputs.push(Input::Table(facts::sounds::TABLE));
        }
        if config.values().text(EXPECTED).is_some() {
            inputs.push(Input::Table(facts::expected::TABLE));
        }
        let mut keys = vec!["archive.channel", "report.*", "detect.classes", "detect.threshold"];
        if config.is_on(UNKNOWN) {
            inputs.push(Input::Table("unknown_sounds"));
        }
        if config.values().text(VOICE).is_some() {
            inputs.push(Input::Table(speech::TABLE));
            keys.extend(["privacy.speech", "privacy.threshold", "privacy.margin_s"]);
        }
        Some(Pass {
            code_version: 10,
            inputs,
            outputs: vec![Output::File(PAGE), Output::Folder(listen::FOLDER)],
            keys,
            hints: vec![facts::prevalence::KEY],
            ..Pass::new("report", Per::Run)
        })
    }
}

impl Work for Report {
    type Found = ();

    fn faults(&self, cx: &ScanContext<'_>) -> Result<Vec<Fault>, WorkError> {
        let fault = |e: WorkError| Fault {
            key: facts::prevalence::KEY,
            found: format!("a file that cannot be used ({e})"),
            allowed: "name the file of `chorus prevalence --format csv`, or leave the key out".to_owned(),
        };
        Ok(facts::prevalence::read(cx).err().map(fault).into_iter().collect())
    }

    fn scan(&self, _: &ScanContext<'_>) -> Result<Scan<()>, WorkError> {
        Ok(Scan::default())
    }

    fn run(&self, cx: &UnitContext<'_>, (): &()) -> Result<(), WorkError> {
        let report = cx.settings::<ReportSettings>()?;
        let words = Words::of(&report.language);
        let mut facts = facts::gather(cx, report.clips, words.names())?;
        let wanted = listen::Wanted { per_class: report.clips, in_all: report.max_clips, choice: cx.value("archive.channel")? };
        let mut lists = listen::lists(&mut facts);
        listen::withhold(cx, &mut lists)?;
        listen::make(cx, &mut lists, wanted)?;
        cx.write_file(PAGE, page::page(report.title.as_deref(), &words, &facts).as_bytes())?;
        Ok(())
    }
}
