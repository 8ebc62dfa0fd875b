//! What a run looked for: which classes, at which sites, in which nights.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chorus_card::{Card, MODEL_CARD};
use chorus_engine::model_file;
use chorus_tables::Batch;
use jiff::civil::Date;

use super::{ACTIVITY, Run};
use crate::export::error::ExportError;
use crate::export::filter::Filter;
use crate::export::unit_rows::Texts;
use crate::facts::cells::cell;
use crate::facts::day::Day;

/// The table of recorded hours by site and night.
const NIGHTS: &str = "nights";

impl Run {
    /// The classes that the run looked for, found or not.
    ///
    /// # Errors
    /// Those of reading `activity`, where the run has no table of classes.
    pub fn classes(&self) -> Result<BTreeSet<Arc<str>>, ExportError> {
        let mut classes: BTreeSet<Arc<str>> = self.names.keys().cloned().collect();
        // A model names those classes only that have names.
        let has_activity = self.declared.contains(&ACTIVITY) && !self.parts(ACTIVITY)?.is_empty();
        if self.parts("classes")?.is_empty() && has_activity {
            self.each_activity(&["class"], |batch| {
                for class in batch.utf8("class")?.iter().flatten() {
                    if !classes.contains(class) {
                        classes.insert(class.into());
                    }
                }
                Ok(())
            })?;
        }
        Ok(classes)
    }

    /// The classes that the run has: those that it looked for, and all others of its model and of its labels.
    ///
    /// # Errors
    /// Those of [`Run::classes`].
    pub(crate) fn known_classes(&self) -> Result<BTreeSet<Arc<str>>, ExportError> {
        let mut classes = self.classes()?;
        // A model that has been moved away names nothing, and what the run looked for stays.
        let card =
            self.tables.config().and_then(|config| Card::read(&model_file(config, self.tables.run_dir(), MODEL_CARD)).ok());
        classes.extend(card.into_iter().flat_map(|card| card.classes).map(Arc::<str>::from));
        Ok(classes)
    }

    /// Hands over the table `activity` in batches.
    fn each_activity(
        &self,
        columns: &[&str],
        mut take: impl FnMut(&Batch) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        for part in self.made_parts(ACTIVITY)? {
            for batch in part.open()?.batches(columns)? {
                take(&batch?)?;
            }
        }
        Ok(())
    }

    /// The sites at which each class was looked for, found or not.
    ///
    /// # Errors
    /// Those of reading `activity`.
    pub fn looked_for(&self) -> Result<BTreeMap<Arc<str>, BTreeSet<String>>, ExportError> {
        let mut found: BTreeMap<Arc<str>, BTreeSet<String>> = BTreeMap::new();
        self.each_activity(&["site", "class"], |batch| {
            for (site, class) in batch.utf8("site")?.iter().flatten().zip(batch.utf8("class")?.iter().flatten()) {
                // Millions of rows pass here, so names are copied only when they are new.
                if !found.contains_key(class) {
                    found.insert(class.into(), BTreeSet::new());
                }
                if let Some(sites) = found.get_mut(class).filter(|sites| !sites.contains(site)) {
                    sites.insert(site.to_owned());
                }
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// Hands over each night and class that the model looked for at a site that the filter takes, and whether an event of the class reaches
    /// into the night. A night may come in several parts. What is of no known night is left out.
    ///
    /// # Errors
    /// Those of reading `activity`.
    pub(crate) fn each_night(
        &self,
        filter: &Filter,
        mut take: impl FnMut(&str, Date, &Arc<str>, bool),
    ) -> Result<(), ExportError> {
        let mut texts = Texts::default();
        self.each_activity(&["site", "night", "class", "windows_detected"], |batch| {
            let (sites, nights, classes) = (batch.utf8("site")?, batch.date("night")?, batch.utf8("class")?);
            let detected = batch.u64("windows_detected")?;
            for row in (0..batch.rows()).filter(|&row| filter.takes_site(sites.value(row))) {
                if let Some(night) = cell(nights, row).and_then(|night| Day(night).date()) {
                    take(sites.value(row), night, &texts.shared(classes.value(row)), detected.value(row) > 0);
                }
            }
            Ok(())
        })
    }

    /// Recorded hours by site and night (local noon to noon), of the sites that the filter takes. Recordings without a known time are
    /// in no night, and a night of which no window was scored is left out: nobody listened to it.
    ///
    /// # Errors
    /// Those of reading `nights`.
    pub fn effort_h(&self, filter: &Filter) -> Result<BTreeMap<(String, Date), f64>, ExportError> {
        let mut effort: BTreeMap<(String, Date), f64> = BTreeMap::new();
        for part in self.made_parts(NIGHTS)? {
            let batch = part.read(&["site", "night", "effort_s", "windows"])?;
            let (sites, nights) = (batch.utf8("site")?, batch.date("night")?);
            let (seconds, windows) = (batch.f64("effort_s")?, batch.u64("windows")?);
            for row in (0..batch.rows()).filter(|&row| windows.value(row) > 0 && filter.takes_site(sites.value(row))) {
                if let Some(date) = Day(nights.value(row)).date() {
                    effort.insert((sites.value(row).to_owned(), date), seconds.value(row) / 3600.0);
                }
            }
        }
        Ok(effort)
    }
}
