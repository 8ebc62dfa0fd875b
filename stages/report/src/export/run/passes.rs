//! Passes over the recordings of a run, one after the other, each with its detections.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use chorus_engine::{Partition, Unit};

use super::{PLAUSIBILITY, Run};
use crate::export::detection::{Detection, Recording};
use crate::export::error::ExportError;
use crate::export::filter::Filter;
use crate::export::unit_rows::{detections, expect, recordings};

impl Run {
    /// Hands over each readable recording of the sites that the filter takes, with those of its detections that the filter takes, by start
    /// and class. A detection ends with its recording, also where its last window was filled up behind that.
    ///
    /// # Errors
    /// [`ExportError::Run`], [`ExportError::PartMissing`], [`ExportError::Stranger`], [`ExportError::NoProbability`], those of reading, and what `take` gives.
    pub fn each_recording(
        &self,
        filter: &Filter,
        mut take: impl FnMut(&Recording, &[Detection]) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        self.each_unit(filter, |_, recordings| {
            recordings.into_iter().try_for_each(|(recording, detections)| take(&recording, &detections))
        })
    }

    /// The same by unit.
    ///
    /// # Errors
    /// Those of [`Run::each_recording`].
    pub(crate) fn each_unit(
        &self,
        filter: &Filter,
        mut take: impl FnMut(&Unit, Vec<(Recording, Vec<Detection>)>) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        self.withheld.store(0, Ordering::Relaxed);
        let found = self.made_parts("detections")?;
        let found: BTreeMap<&Unit, &Partition> = found.iter().map(|part| (&part.unit, part)).collect();
        let expected = if self.declared.contains(&PLAUSIBILITY) { self.made_parts(PLAUSIBILITY)? } else { Vec::new() };
        let expected: BTreeMap<&Unit, &Partition> = expected.iter().map(|part| (&part.unit, part)).collect();
        for part in self.made_parts("recordings")? {
            let unit = &part.unit;
            if !filter.takes_site(unit.site()) {
                continue;
            }
            // A unit without detections has a file without rows.
            let found = *found.get(unit).ok_or_else(|| self.part_missing("detections", unit))?;
            let mut detections = detections(found, filter)?;
            if self.declared.contains(&PLAUSIBILITY) {
                let part = expected.get(unit).ok_or_else(|| self.part_missing(PLAUSIBILITY, unit))?;
                expect(part, &mut detections)?;
            }
            let mut all = Vec::new();
            for recording in recordings(&part)? {
                let own = detections.remove(&recording.id).unwrap_or_default();
                let own = self.presentable(&recording, own);
                all.push((recording, own));
            }
            if let Some(recording_id) = detections.into_keys().next() {
                return Err(ExportError::Stranger { path: found.path.clone(), recording_id, command: found.command() });
            }
            take(unit, all)?;
        }
        Ok(())
    }

    /// Hands over each readable recording of the sites that the filter takes, in the order of [`Run::each_recording`].
    ///
    /// # Errors
    /// Those of reading, and what `take` gives.
    pub(crate) fn only_recordings(
        &self,
        filter: &Filter,
        mut take: impl FnMut(&Recording) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        for part in self.made_parts("recordings")?.iter().filter(|part| filter.takes_site(part.unit.site())) {
            recordings(part)?.iter().try_for_each(&mut take)?;
        }
        Ok(())
    }

    /// The detections of a recording as they are handed over: they end with it, and those in which somebody speaks are withheld and counted.
    fn presentable(&self, recording: &Recording, mut own: Vec<Detection>) -> Vec<Detection> {
        for detection in &mut own {
            detection.end_s = detection.end_s.min(recording.duration_s);
        }
        let all = own.len();
        own.retain(|detection| !self.withholds(&recording.id, &(detection.start_s..detection.end_s)));
        self.withheld.fetch_add((all - own.len()) as u64, Ordering::Relaxed);
        own.sort_by(|a, b| a.start_s.total_cmp(&b.start_s).then_with(|| a.class.cmp(&b.class)));
        own
    }

    /// Hands over each detection that the filter takes and that is withheld, since somebody speaks there: where it is, nobody may say that
    /// nothing was found.
    ///
    /// # Errors
    /// Those of [`Run::each_recording`].
    pub(crate) fn each_withheld(
        &self,
        filter: &Filter,
        mut take: impl FnMut(&Recording, &Detection) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        if self.speech.is_none() {
            return Ok(());
        }
        let found: BTreeMap<Unit, Partition> =
            self.made_parts("detections")?.into_iter().map(|part| (part.unit.clone(), part)).collect();
        for part in self.made_parts("recordings")?.iter().filter(|part| filter.takes_site(part.unit.site())) {
            let found = found.get(&part.unit).ok_or_else(|| self.part_missing("detections", &part.unit))?;
            let mut detections = detections(found, filter)?;
            for recording in recordings(part)? {
                let own = detections.remove(&recording.id).unwrap_or_default();
                let is_withheld =
                    |one: &&Detection| self.withholds(&recording.id, &(one.start_s..one.end_s.min(recording.duration_s)));
                own.iter().filter(is_withheld).try_for_each(|one| take(&recording, one))?;
            }
        }
        Ok(())
    }

    /// The readable recordings of one unit; none where the run does not have the unit.
    ///
    /// # Errors
    /// Those of reading.
    pub(crate) fn recordings_of(&self, unit: &Unit) -> Result<Vec<Recording>, ExportError> {
        let part = self.made_parts("recordings")?.into_iter().find(|part| part.unit == *unit);
        part.as_ref().map_or_else(|| Ok(Vec::new()), recordings)
    }
}
