//! Reads the recordings of a split from the tables.

use std::collections::{BTreeMap, BTreeSet};

use chorus_engine::{UnitContext, WorkError};

use super::groups::group_of;
use super::params::GroupBy;
use super::rows::SplitRecording;

/// Reads all recordings, sorted by id.
pub(super) fn read(cx: &UnitContext<'_>, group: GroupBy) -> Result<Vec<SplitRecording>, WorkError> {
    let (reviewed, mut positives) = (reviewed(cx)?, positives(cx)?);
    let mut recordings = Vec::new();
    for (unit, batch) in cx.read_all("recordings", &["recording_id", "path", "start_local", "duration_s", "content_hash"])? {
        let columns = batch
            .utf8("recording_id")?
            .iter()
            .zip(batch.utf8("path")?)
            .zip(batch.micros("start_local")?)
            .zip(batch.f64("duration_s")?)
            .zip(batch.utf8("content_hash")?);
        for ((((id, path), local_us), duration_s), content) in columns {
            let (Some(id), Some(path)) = (id, path) else { continue };
            recordings.push(SplitRecording {
                id: id.to_owned(),
                path: path.to_owned(),
                site: unit.site().to_owned(),
                unit: unit.to_string(),
                group: group_of(group, id, unit.site(), local_us),
                content: content.unwrap_or_default().to_owned(),
                excuse: match (duration_s, reviewed.contains(id)) {
                    (None, _) => Some("cannot be read".to_owned()),
                    (_, false) => Some("not reviewed".to_owned()),
                    _ => None,
                },
                positives: positives.remove(id).unwrap_or_default(),
            });
        }
    }
    recordings.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(recordings)
}

/// The recordings that somebody listened to.
fn reviewed(cx: &UnitContext<'_>) -> Result<BTreeSet<String>, WorkError> {
    let mut reviewed = BTreeSet::new();
    for (_, batch) in cx.read_all("reviews", &["recording_id", "reviewed"])? {
        let of = batch.utf8("recording_id")?.iter().zip(batch.bool("reviewed")?);
        reviewed.extend(of.filter(|(_, is)| *is == Some(true)).filter_map(|(id, _)| Some(id?.to_owned())));
    }
    Ok(reviewed)
}

/// Positive windows by recording and class.
fn positives(cx: &UnitContext<'_>) -> Result<BTreeMap<String, BTreeMap<String, u64>>, WorkError> {
    let mut positives: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    for partition in cx.partitions("labels")? {
        let batch = cx.read_partition("labels", &partition, &["recording_id", "class", "value"])?;
        for ((id, class), value) in batch.utf8("recording_id")?.iter().zip(batch.utf8("class")?).zip(batch.i32("value")?) {
            if let (Some(id), Some(class), Some(1)) = (id, class, value) {
                *positives.entry(id.to_owned()).or_default().entry(class.to_owned()).or_default() += 1;
            }
        }
    }
    Ok(positives)
}
