//! Rows of the table `recordings`.

use std::collections::BTreeMap;
use std::path::Path;

use chorus_engine::{EngineError, Unit, UnitContext, hash_bytes};
use jiff::civil::{Date, DateTime};
use rayon::prelude::*;
use serde::Serialize;

use super::Params;
use super::error::IngestError;
use super::list::Listed;
use super::probe::{Found, Probe, Sound};
use super::sites::{Sheet, site};
use super::start::{Start, from_name};
use crate::container::channels::Choice;
use crate::error::RejectCode;
use crate::names::parse_start;

/// A row, and where it is filed.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Recording {
    pub(super) path: String,
    id: String,
    site: String,
    date: Option<Date>,
    start_utc_us: Option<i64>,
    start_local: Option<DateTime>,
    utc_offset_min: Option<i32>,
    timezone: Option<String>,
    time_source: &'static str,
    time_note: Option<String>,
    serial: Option<String>,
    sound: Option<Sound>,
    file_bytes: u64,
    content_hash: String,
    duplicate_of: Option<String>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    pub(super) status: &'static str,
    reason_code: Option<String>,
    pub(super) reason: Option<String>,
    lost_s: Option<f64>,
}

/// The identity of a recording: a hash of its path in the archive, 16 hexadecimal digits.
fn recording_id(path: &str) -> String {
    hash_bytes(path.as_bytes())[..16].to_owned()
}

/// Makes the rows, sorted by path.
pub(super) fn make(
    archive: &Path,
    probed: Vec<(Listed, Probe)>,
    sheet: &Sheet,
    params: &Params,
) -> Result<Vec<Recording>, IngestError> {
    let mut recordings: Vec<Recording> =
        probed.into_par_iter().map(|(file, probe)| row(archive, file, probe, sheet, params)).collect();
    let mut ids = BTreeMap::new();
    let mut first_of: BTreeMap<String, String> = BTreeMap::new();
    for recording in &mut recordings {
        if let Some(other) = ids.insert(recording.id.clone(), recording.path.clone()) {
            return Err(IngestError::SameId { a: other, b: recording.path.clone() });
        }
        // Empty files all have the same content, and an unreadable one has none.
        if recording.file_bytes > 0 && !recording.content_hash.is_empty() {
            match first_of.get(&recording.content_hash) {
                Some(first) => recording.duplicate_of = Some(first.clone()),
                None => {
                    first_of.insert(recording.content_hash.clone(), recording.id.clone());
                }
            }
        }
    }
    Ok(recordings)
}

fn row(archive: &Path, file: Listed, probe: Probe, sheet: &Sheet, params: &Params) -> Recording {
    let name = file.path.rsplit('/').next().unwrap_or_default();
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let time = parse_start(stem);
    let site_name = site(&file.path, archive, time.as_ref(), params.ingest.site_from);
    let site = sheet.site(&site_name);
    let Start { utc_us, local, utc_offset_min, date, from_name, note } =
        from_name(time.as_ref(), params.ingest.bare_name_clock, site.zone.as_ref());
    let (sound, status, reason_code, reason, lost_s) = match with_channel(probe.found, params.archive.channel) {
        Found::Rejected { code, detail } => (None, "rejected", Some(code), Some(detail), None),
        Found::Sound(sound) => match sound.repair.clone() {
            None => (Some(sound), "ok", None, None, None),
            Some((code, detail, lost_s)) => (Some(sound), "repaired", Some(code), Some(detail), lost_s.map(|s| s.0)),
        },
    };
    Recording {
        id: recording_id(&file.path),
        path: file.path,
        site: site_name,
        date,
        start_utc_us: utc_us,
        start_local: local,
        utc_offset_min,
        timezone: site.zone.as_ref().and_then(|zone| zone.iana_name()).map(str::to_owned),
        time_source: if from_name { "filename" } else { "none" },
        time_note: note,
        serial: time.and_then(|t| t.prefix),
        sound,
        file_bytes: file.bytes,
        content_hash: probe.content_hash,
        duplicate_of: None,
        latitude: site.latitude,
        longitude: site.longitude,
        status,
        reason_code,
        reason,
        lost_s,
    }
}

/// Refuses a recording that lacks the channel that is asked for.
fn with_channel(found: Found, choice: Choice) -> Found {
    match (found, choice) {
        (Found::Sound(sound), Choice::Channel(number)) if !choice.is_in(sound.channels) => Found::Rejected {
            code: RejectCode::NoSuchChannel.to_string(),
            detail: format!("the recording has {} channels; archive.channel asks for channel {number}", sound.channels),
        },
        (found, _) => found,
    }
}

/// Groups rows by site and date, in parts of at most `max` recordings in the order of their start.
pub(super) fn by_unit(recordings: Vec<Recording>, max: usize) -> BTreeMap<Unit, Vec<Recording>> {
    let mut days: BTreeMap<(String, Option<Date>), Vec<Recording>> = BTreeMap::new();
    for recording in recordings {
        days.entry((recording.site.clone(), recording.date)).or_default().push(recording);
    }
    let mut units = BTreeMap::new();
    for ((site, date), mut day) in days {
        day.sort_by(|a, b| (a.start_local, &a.path).cmp(&(b.start_local, &b.path)));
        for (part, rows) in day.chunks(max.max(1)).enumerate() {
            let mut rows = rows.to_vec();
            rows.sort_by(|a, b| a.id.cmp(&b.id));
            units.insert(Unit::SiteDay { site: site.clone(), date, part: part as u32 }, rows);
        }
    }
    units
}

/// Writes the rows of one unit.
pub(super) fn write(cx: &UnitContext<'_>, rows: &[Recording]) -> Result<(), EngineError> {
    let local_us = |local: &DateTime| jiff::tz::Offset::UTC.to_timestamp(*local).ok().map(|t| t.as_microsecond());
    let nothing = || rows.iter().map(|_| None::<&str>);
    fn sound<T>(rows: &[Recording], of: impl Fn(&Sound) -> T) -> impl Iterator<Item = Option<T>> {
        rows.iter().map(move |r| r.sound.as_ref().map(&of))
    }
    cx.write("recordings", |batch| {
        batch
            .utf8(rows.iter().map(|r| &r.id))
            .utf8(rows.iter().map(|r| &r.path))
            .utc(rows.iter().map(|r| r.start_utc_us))
            .local(rows.iter().map(|r| r.start_local.as_ref().and_then(local_us)))
            .i32(rows.iter().map(|r| r.utc_offset_min))
            .utf8(rows.iter().map(|r| r.timezone.as_ref()))
            .utf8(rows.iter().map(|r| r.time_source))
            .utf8(rows.iter().map(|r| r.time_note.as_ref()))
            .f64(sound(rows, |s| s.duration_s.0))
            .u32(sound(rows, |s| s.sample_rate_hz))
            .u32(sound(rows, |s| u32::from(s.channels)))
            .u32(sound(rows, |s| Some(u32::from(s.bits_per_sample)).filter(|&bits| bits > 0)).map(Option::flatten))
            .utf8(sound(rows, |s| s.codec.clone()))
            .u64(sound(rows, |s| s.frames))
            .u64(rows.iter().map(|r| r.file_bytes))
            .utf8(rows.iter().map(|r| &r.content_hash))
            .utf8(rows.iter().map(|r| r.duplicate_of.as_ref()))
            .utf8(nothing())
            .utf8(nothing())
            .utf8(rows.iter().map(|r| r.serial.as_ref()))
            .utf8(nothing())
            .f64(rows.iter().map(|_| None))
            .f64(rows.iter().map(|_| None))
            .f64(rows.iter().map(|r| r.latitude))
            .f64(rows.iter().map(|r| r.longitude))
            .f64(rows.iter().map(|r| r.sound.as_ref().and_then(|s| s.level_dbfs).map(|x| x.0)))
            .f64(rows.iter().map(|r| r.sound.as_ref().and_then(|s| s.peak_dbfs).map(|x| x.0)))
            .f64(sound(rows, |s| s.clipped_fraction.0))
            .f64(sound(rows, |s| s.dc_offset.0))
            .utf8(rows.iter().map(|r| r.sound.as_ref().and_then(|s| s.dead_channels.as_ref())))
            .utf8(rows.iter().map(|r| r.status))
            .utf8(rows.iter().map(|r| r.reason_code.as_ref()))
            .utf8(rows.iter().map(|r| r.reason.as_ref()))
            .f64(rows.iter().map(|r| r.lost_s))
    })
}
