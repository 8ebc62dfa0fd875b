//! How often each class calls: the share of windows with the class, by site and night, with its interval: `chorus prevalence`.
//!
//! - [`asked`], [`known`]: which windows somebody heard, from sheets or from labels. [`counted`]: all windows by bin of their score.
//! - [`density`]: from both to the share of a night.
//!
//! A count of detections is no such share: it has the false alarms of a threshold and lacks what lies below it.

mod asked;
mod counted;
mod density;
mod known;

use std::collections::BTreeMap;

use chorus_engine::RunTables;
use chorus_labels::verdicts::{copies, find_recording};
use jiff::civil::Date;

use crate::export::run::{self, Run};
use crate::export::{ExportError, Filter, scores};

use asked::Asked;
use counted::Counted;
use density::{Density, by_site};

pub use asked::Sheet;
pub use density::Share;

/// What is estimated, and from what.
#[derive(Debug)]
pub struct Request<'a> {
    /// The run.
    pub run: &'a RunTables,
    /// Classes and sites.
    pub filter: Filter,
    /// Sheets of windows with verdicts; without one the run's labels say what is known.
    pub sheets: &'a [Sheet],
    /// Whether nights are told apart.
    pub by_night: bool,
}

/// A class at a site, in a night.
#[derive(Debug, Clone, PartialEq)]
pub struct OfNight {
    /// The class.
    pub class: String,
    /// The site.
    pub site: String,
    /// The date on which the night began; `None` for recordings without a known time, or where nights are not told apart.
    pub night: Option<Date>,
    /// Windows with a score.
    pub windows: u64,
    /// The share with the class.
    pub share: Option<Share>,
    /// The share of the windows that the estimate speaks of: those with a score like that of a window that somebody heard.
    pub covered: f64,
    /// Windows of the class that somebody heard, everywhere.
    pub heard: u64,
    /// Those of this site.
    pub heard_here: u64,
}

impl OfNight {
    /// Whether somebody heard windows of the site; if not, the estimate takes its scores to mean what they mean elsewhere.
    pub fn is_calibrated_here(&self) -> bool {
        self.heard_here > 0
    }
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Prevalence {
    /// By class, site and night.
    pub rows: Vec<OfNight>,
    /// What a person should know, in sentences.
    pub notes: Vec<String>,
}

impl Request<'_> {
    /// The tables that are read.
    pub fn tables(&self) -> Vec<&'static str> {
        let known: &[&'static str] = if self.sheets.is_empty() { &known::READ } else { &[] };
        run::tables(self.run, &self.filter, &[&["recordings", scores::TABLE, "classes"][..], known].concat())
    }
}

/// Estimates the share of windows with each class, by site and night.
///
/// # Errors
/// [`ExportError::Nothing`] where the sheets do not fit the run or nobody listened to anything, and those of reading.
pub fn prevalence(request: &Request<'_>) -> Result<Prevalence, ExportError> {
    let run = Run::open(request.run, request.tables())?;
    run.check(&request.filter)?;
    // What was heard at other sites counts too.
    let everywhere = Filter { classes: request.filter.classes.clone(), ..Filter::default() };
    let mut notes = Vec::new();
    let counted = if request.sheets.is_empty() {
        known::count(&run, &everywhere, request.by_night)?
    } else {
        let all = run.all_recordings()?;
        let (paths, copies): (Vec<&str>, _) = (all.iter().map(|(_, path, _)| path.as_str()).collect(), copies(&all));
        let mut asked = Asked::of(request.sheets, &everywhere, find_recording(&paths, &copies))?;
        let mut counted = Counted::new(asked.bins.clone(), request.by_night);
        scores::each_unit(&run, &everywhere, |unit| {
            unit.each(&Filter::default(), |window| {
                let verdict = asked.verdict(window)?;
                counted.add(window, verdict)
            })
        })?;
        asked.check()?;
        notes.extend(chorus_labels::verdicts::told(&asked.faults));
        if asked.unsure > 0 {
            notes.push(format!("{} clips are left out, of which a listener was unsure", asked.unsure));
        }
        counted
    };
    let (rows, unheard) = rows(&counted, &request.filter);
    if !unheard.is_empty() {
        notes.push(format!("nothing is said of {}: nobody heard a window and gave a verdict", unheard.join(", ")));
    }
    Ok(Prevalence { rows, notes })
}

/// The estimates of what was counted, and the classes of which nobody heard a window.
fn rows(counted: &Counted, filter: &Filter) -> (Vec<OfNight>, Vec<String>) {
    let (mut rows, mut unheard) = (Vec::new(), Vec::new());
    for (class, of_class) in &counted.classes {
        if of_class.heard.is_empty() {
            unheard.push(class.to_string());
            continue;
        }
        let density = Density::new(of_class.numbers(), of_class.heard.values());
        let here = by_site(of_class.heard.values());
        let mut at_sites = BTreeMap::new();
        for ((site, night), all) in counted.windows.iter().filter(|((site, _), _)| filter.takes_site(site)) {
            let at = at_sites.entry(site).or_insert_with(|| density.at(site));
            let mut windows =
                of_class.windows.get(&(site.clone(), *night)).cloned().unwrap_or_else(|| vec![0; of_class.numbers()]);
            // Windows without a score of the class are of no bin.
            let scored: u64 = windows.iter().sum();
            if let Some(none) = windows.last_mut() {
                *none += all - scored;
            }
            let (share, covered) = at.of(&windows);
            rows.push(OfNight {
                class: class.to_string(),
                site: site.clone(),
                night: *night,
                windows: windows.iter().sum(),
                share,
                covered,
                heard: here.values().sum(),
                heard_here: here.get(site.as_str()).copied().unwrap_or_default(),
            });
        }
    }
    (rows, unheard)
}
