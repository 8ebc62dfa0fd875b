//! Where the backbone listens: its windows in a recording, and those that belong to each window of the run.

/// The backbone's windows of one recording.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Places {
    /// Where they start, frames of the recording, ascending and distinct.
    pub starts: Vec<u64>,
    /// For each window of the run, in order, its windows among them.
    pub of_segment: Vec<Vec<usize>>,
}

/// The lengths that decide where the backbone listens, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Lengths {
    /// Window of the run.
    pub segment_s: f64,
    /// Window of the backbone.
    pub backbone_s: f64,
    /// Largest step between windows of the backbone within a window of the run.
    pub hop_s: f64,
}

impl Places {
    /// The places for windows of the run that start at `segments`, in frames of a recording with `frames` frames at `rate_hz`.
    ///
    /// A window of the backbone that is longer than the run's lies around its middle, and within the recording where that is long
    /// enough. Shorter ones cover the run's window evenly, from its first to its last sample.
    pub fn new(segments: &[u64], lengths: Lengths, frames: u64, rate_hz: u32) -> Self {
        let offsets = offsets(lengths);
        let rate = f64::from(rate_hz);
        let length = (lengths.backbone_s * rate).round() as u64;
        let last = frames.saturating_sub(length);
        let start = |segment: u64, offset: f64| {
            let start = segment.saturating_add_signed((offset * rate).round() as i64);
            // Only a longer window is moved: a shorter one lies where its part of the run's window lies, which may be padded.
            if offset < 0.0 { start.min(last) } else { start }
        };
        let wanted: Vec<Vec<u64>> =
            segments.iter().map(|&segment| offsets.iter().map(|&offset| start(segment, offset)).collect()).collect();
        let mut starts: Vec<u64> = wanted.iter().flatten().copied().collect();
        starts.sort_unstable();
        starts.dedup();
        let at = |start: &u64| starts.binary_search(start).unwrap_or_default();
        let of_segment = wanted.iter().map(|own| own.iter().map(at).collect()).collect();
        Self { starts, of_segment }
    }
}

/// Starts of the backbone's windows relative to that of a window of the run, in seconds.
fn offsets(Lengths { segment_s, backbone_s, hop_s }: Lengths) -> Vec<f64> {
    let spare = segment_s - backbone_s;
    // Lengths that differ by less than a sample of any rate are equal.
    if spare.abs() < 1e-6 {
        return vec![0.0];
    }
    if spare < 0.0 {
        return vec![spare / 2.0];
    }
    let steps = (spare / hop_s - 1e-9).ceil().max(1.0);
    (0..=steps as usize).map(|i| spare * i as f64 / steps).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(segment_s: f64, backbone_s: f64, hop_s: f64) -> Lengths {
        Lengths { segment_s, backbone_s, hop_s }
    }

    #[test]
    fn equal_windows_are_the_runs_own() {
        let places = Places::new(&[0, 30, 60], lengths(3.0, 3.0, 3.0), 90, 10);
        assert_eq!(places, Places { starts: vec![0, 30, 60], of_segment: vec![vec![0], vec![1], vec![2]] });
    }

    #[test]
    fn a_longer_window_lies_around_the_middle_and_within_the_recording() {
        let places = Places::new(&[0, 30, 60], lengths(3.0, 5.0, 5.0), 90, 10);
        assert_eq!(places.starts, [0, 20, 40]);
        assert_eq!(places.of_segment, [vec![0], vec![1], vec![2]]);
        let short = Places::new(&[0], lengths(3.0, 5.0, 5.0), 30, 10);
        assert_eq!(short.starts, [0], "a recording that is shorter than the backbone's window is padded");
    }

    #[test]
    fn shorter_windows_cover_the_runs_window_evenly_and_are_shared() {
        let places = Places::new(&[0, 10], lengths(3.0, 1.0, 1.0), 40, 10);
        assert_eq!(places.starts, [0, 10, 20, 30]);
        assert_eq!(places.of_segment, [vec![0, 1, 2], vec![1, 2, 3]]);
        assert_eq!(offsets(lengths(5.0, 3.0, 3.0)), [0.0, 2.0]);
        assert_eq!(offsets(lengths(5.0, 3.0, 0.8)), [0.0, 2.0 / 3.0, 4.0 / 3.0, 2.0]);
        assert_eq!(offsets(lengths(3.0, 3.0 + 1e-9, 3.0)), [0.0]);
    }
}
