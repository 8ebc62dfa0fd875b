//! Stage `segment`: recordings into windows, the table `segments`.
//!
//! A window starts every `segment.hop_s` seconds; its start is a whole frame of the recording at its own rate. What is left after
//! the last whole window is dropped, or padded with silence, by `segment.tail`. Copies of a recording have no windows.

use std::sync::atomic::{AtomicU64, Ordering};

use chorus_engine::graph::{Input, Output, Pass, Per};
use chorus_engine::{Config, Console, Scan, ScanContext, UnitContext, Work, WorkError};
use chorus_keys::{Choices, Keys};
use chorus_tables::UtcMicros;
use serde::Deserialize;

/// What has to be in memory at once, and bytes of a window there: its row here, and in the table that is written.
const HELD: &str = "the windows of a part of a site's day";
const BYTES_PER_WINDOW: u64 = 256;
/// What else can be done where they do not fit.
const FEWER: &str = "have smaller parts with units.max_recordings, a longer segment.hop_s, or leave out recordings that are longer than \
                     anything that was recorded (archive.exclude)";

/// The section `segment` of the configuration.
#[derive(Debug, Clone, Copy, Deserialize, Keys)]
#[keys(section = "segment")]
pub struct SegmentSettings {
    /// Length of a window.
    #[key(unit = "s", default = "3", range = 0.1..=600.0, example = "5")]
    pub window_s: f64,
    /// Step from the start of one window to the start of the next. With a step shorter than window_s, windows overlap.
    #[key(unit = "s", default = "3", range = 0.01..=600.0, example = "1")]
    pub hop_s: f64,
    /// What happens to the rest of a recording after its last whole window.
    #[key(default = "drop")]
    pub tail: Tail,
    /// With tail: pad, a rest shorter than this is dropped, unless it is the whole recording.
    #[key(unit = "s", default = "1", range = 0.0..=600.0)]
    pub min_tail_s: f64,
}

/// What happens to the rest of a recording after its last whole window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Choices)]
#[serde(rename_all = "snake_case")]
pub enum Tail {
    /// The rest is dropped.
    Drop,
    /// The rest is padded with silence to a whole window.
    Pad,
}

/// The stage.
pub struct Segment;

impl Segment {
    /// What the stage declares of itself.
    pub fn declare(_: &Config) -> Option<Pass> {
        Some(Pass {
            inputs: vec![Input::Table("recordings")],
            outputs: vec![Output::Table("segments")],
            keys: vec!["segment.*"],
            exploratory: true,
            code_version: 2,
            ..Pass::new("segment", Per::SiteDay)
        })
    }
}

impl Work for Segment {
    /// The number of recordings without a window, of the units that were made.
    type Found = AtomicU64;

    fn scan(&self, _: &ScanContext<'_>) -> Result<Scan<AtomicU64>, WorkError> {
        Ok(Scan::default())
    }

    fn run(&self, cx: &UnitContext<'_>, without: &AtomicU64) -> Result<(), WorkError> {
        let segment = *cx.settings::<SegmentSettings>()?;
        let recordings = cx.read("recordings", &["recording_id", "start_utc", "sample_rate_hz", "frames", "copy_of"])?;
        let recordings = recordings.ok_or("the unit has no recordings")?;
        let (ids, starts) = (recordings.utf8("recording_id")?, recordings.micros("start_utc")?);
        let (rates, frames) = (recordings.u32("sample_rate_hz")?, recordings.u64("frames")?);
        let copies = recordings.utf8("copy_of")?;
        let memory = cx.budget();
        let mut rows: Vec<(String, &str, u32, Window, Option<i64>)> = Vec::new();
        let columns = ids.iter().zip(rates.iter()).zip(frames.iter()).zip(starts.iter()).zip(copies.iter());
        for ((((id, rate), frames), start_utc), copy_of) in columns {
            // A copy counts once: its windows are those of the recording that it is a copy of.
            let (Some(id), Some(rate), Some(frames), None) = (id, rate, frames, copy_of) else { continue };
            // A few kilobytes of silence may be months long.
            let coming = (frames as f64 / f64::from(rate) / segment.hop_s) as u64 + 1;
            memory.hold(HELD, (rows.len() as u64 + coming).saturating_mul(BYTES_PER_WINDOW), FEWER)?;
            let before = rows.len();
            for (index, window) in (0u32..).zip(windows(frames, rate, segment)) {
                let utc = start_utc.map(|us| us + (window.start_s * 1e6).round() as i64);
                rows.push((format!("{id}-{index:06}"), id, index, window, utc));
            }
            if rows.len() == before {
                without.fetch_add(1, Ordering::Relaxed);
            }
        }
        cx.write("segments", |batch| {
            batch
                .column("segment_id", rows.iter().map(|r| &r.0))
                .column("recording_id", rows.iter().map(|r| r.1))
                .column("index", rows.iter().map(|r| r.2))
                .column("start_s", rows.iter().map(|r| r.3.start_s))
                .column("end_s", rows.iter().map(|r| r.3.start_s + segment.window_s))
                .column("start_frame", rows.iter().map(|r| r.3.start_frame))
                .column("padded_s", rows.iter().map(|r| r.3.padded_s))
                .column("start_utc", rows.iter().map(|r| r.4.map(UtcMicros)))
        })?;
        Ok(())
    }

    fn summarise(&self, console: &Console, without: &AtomicU64) {
        if let Some(remark) = remark(without.load(Ordering::Relaxed)) {
            console.warn(&remark);
        }
    }
}

/// What is said of recordings without a window; `None` where there are none.
fn remark(without: u64) -> Option<String> {
    let count = if without == 1 { "1 recording is".to_owned() } else { format!("{without} recordings are") };
    (without > 0).then(|| {
        format!(
            "segment: {count} shorter than segment.window_s and so without a window: nothing is learnt or found there; set segment.tail to \
             pad, or make segment.window_s shorter"
        )
    })
}

/// A window of a recording.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Window {
    start_frame: u64,
    start_s: f64,
    padded_s: f64,
}

/// The windows of a recording of `frames` frames.
fn windows(frames: u64, rate_hz: u32, params: SegmentSettings) -> Vec<Window> {
    let rate = f64::from(rate_hz);
    let length = (params.window_s * rate).round() as u64;
    let mut windows = Vec::new();
    for index in 0u64.. {
        let start_frame = (index as f64 * params.hop_s * rate).round() as u64;
        let left = frames.saturating_sub(start_frame);
        let missing = length.saturating_sub(left);
        let start_s = index as f64 * params.hop_s;
        if missing == 0 {
            windows.push(Window { start_frame, start_s, padded_s: 0.0 });
            continue;
        }
        // The tail: what the windows before do not cover already.
        let covered = if index == 0 { 0 } else { ((index - 1) as f64 * params.hop_s * rate).round() as u64 + length };
        let uncovered_s = frames.saturating_sub(covered.max(start_frame)) as f64 / rate;
        let keep = params.tail == Tail::Pad && (index == 0 && left > 0 || uncovered_s > 0.0 && uncovered_s >= params.min_tail_s);
        if keep {
            windows.push(Window { start_frame, start_s, padded_s: missing as f64 / rate });
        }
        break;
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn params(window_s: f64, hop_s: f64, tail: Tail) -> SegmentSettings {
        SegmentSettings { window_s, hop_s, tail, min_tail_s: 1.0 }
    }

    fn starts(frames: u64, params: SegmentSettings) -> Vec<f64> {
        windows(frames, 1000, params).iter().map(|w| w.start_s).collect()
    }

    #[test]
    fn recordings_without_a_window_are_told() {
        assert!(windows(1_500, 1_000, params(3.0, 3.0, Tail::Drop)).is_empty());
        assert_eq!(remark(0), None);
        let said = remark(2).unwrap();
        assert!(said.starts_with("segment: 2 recordings are shorter") && said.contains("segment.tail"), "{said}");
    }

    #[test]
    fn whole_windows_and_the_tail() {
        assert_eq!(starts(9_000, params(3.0, 3.0, Tail::Drop)), [0.0, 3.0, 6.0]);
        assert_eq!(starts(9_000, params(3.0, 3.0, Tail::Pad)), [0.0, 3.0, 6.0]);
        assert_eq!(starts(10_500, params(3.0, 3.0, Tail::Drop)), [0.0, 3.0, 6.0]);
        assert_eq!(starts(10_500, params(3.0, 3.0, Tail::Pad)), [0.0, 3.0, 6.0, 9.0]);
        assert_eq!(starts(9_900, params(3.0, 3.0, Tail::Pad)), [0.0, 3.0, 6.0], "a tail under min_tail_s");
        assert_eq!(starts(5_000, params(3.0, 1.0, Tail::Pad)), [0.0, 1.0, 2.0], "nothing is left uncovered");
        assert_eq!(starts(200, params(3.0, 3.0, Tail::Pad)), [0.0], "a recording shorter than a window");
        assert!(starts(200, params(3.0, 3.0, Tail::Drop)).is_empty());
        assert!(starts(0, params(3.0, 3.0, Tail::Pad)).is_empty());
        assert_eq!(windows(10_500, 1000, params(3.0, 3.0, Tail::Pad))[3].padded_s, 1.5);
    }

    proptest! {
        #[test]
        fn windows_cover_what_they_promise(frames in 0u64..2_000_000, rate in 8_000u32..96_000, hop in 1u32..40) {
            let hop_s = f64::from(hop) / 10.0;
            let whole = windows(frames, rate, params(3.0, hop_s, Tail::Drop));
            let length = (3.0 * f64::from(rate)).round() as u64;
            prop_assert!(whole.iter().all(|w| w.start_frame + length <= frames && w.padded_s == 0.0));
            prop_assert!(whole.windows(2).all(|p| p[0].start_frame < p[1].start_frame));
            let next = (whole.len() as f64 * hop_s * f64::from(rate)).round() as u64;
            prop_assert!(next + length > frames, "one more window would have fitted");
            let padded = windows(frames, rate, params(3.0, hop_s, Tail::Pad));
            prop_assert!(padded.len() - whole.len() <= 1);
        }
    }
}
