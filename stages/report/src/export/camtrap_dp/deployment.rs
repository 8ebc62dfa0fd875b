//! A deployment: what is known of a site once all its recordings were seen.

use jiff::ZonedDateTime;

use crate::export::detection::Recording;

/// What is known of a site once all its recordings were seen.
pub(super) struct Deployment {
    pub(super) start: ZonedDateTime,
    pub(super) end: ZonedDateTime,
    pub(super) place: Option<(f64, f64)>,
    pub(super) recorder: Option<String>,
    pub(super) serial: Option<String>,
    /// Whether recordings name other coordinates or another recorder.
    pub(super) changed: bool,
}

impl Deployment {
    pub(super) fn new(recording: &Recording, start: ZonedDateTime, end: ZonedDateTime) -> Self {
        let (recorder, serial) = (recording.recorder.clone(), recording.serial.clone());
        Self { start, end, place: recording.place, recorder, serial, changed: false }
    }

    pub(super) fn extend(&mut self, recording: &Recording, start: ZonedDateTime, end: ZonedDateTime) {
        self.changed |= recording.place.is_some() && self.place.is_some_and(|place| recording.place != Some(place));
        self.changed |= recording.serial.is_some() && self.serial.is_some() && recording.serial != self.serial;
        self.place = self.place.or(recording.place);
        self.recorder = self.recorder.take().or_else(|| recording.recorder.clone());
        self.serial = self.serial.take().or_else(|| recording.serial.clone());
        if start.timestamp() < self.start.timestamp() {
            self.start = start;
        }
        if end.timestamp() > self.end.timestamp() {
            self.end = end;
        }
    }
}
