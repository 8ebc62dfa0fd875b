//! What is heard around a window: an animal that calls once mostly calls again. A window's logit is the weighted mean of its own and of the
//! highest within some seconds of the same recording, which holds its own too.

use chorus_score::predictions::Scores;

/// How much the windows around count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Context {
    /// Weight of the highest logit around, 0 to below 1.
    pub weight: f32,
    /// How far apart the starts of two windows may be, s.
    pub reach_s: f64,
}

/// Logits of a recording's windows, until all of them are there.
#[derive(Debug)]
pub(crate) struct Around {
    context: Context,
    classes: usize,
    /// The row of the first window that waits.
    first: usize,
    /// `[window, class]`
    waiting: Vec<f32>,
}

impl Around {
    pub(crate) fn new(context: Context, classes: usize) -> Self {
        Self { context, classes, first: 0, waiting: Vec::new() }
    }

    /// Takes the scores of the next windows, and gives those of the windows whose recordings are complete with the row of the first one.
    /// `recording` and `start_s` are those of a row.
    pub(crate) fn add<R: PartialEq>(
        &mut self,
        scores: Scores,
        recording: impl Fn(usize) -> R,
        start_s: impl Fn(usize) -> f64,
    ) -> Option<(usize, Scores)> {
        if self.context.weight == 0.0 {
            let first = self.first;
            self.first += scores.logits.len() / self.classes;
            return Some((first, scores));
        }
        self.waiting.extend(scores.logits);
        let end = self.first + self.waiting.len() / self.classes;
        let last = recording(end.checked_sub(1).filter(|last| *last >= self.first)?);
        let complete = (self.first..end).rev().take_while(|&row| recording(row) == last).last().unwrap_or(end);
        self.give(complete, recording, start_s)
    }

    /// The scores of the windows that still wait.
    pub(crate) fn rest<R: PartialEq>(
        &mut self,
        recording: impl Fn(usize) -> R,
        start_s: impl Fn(usize) -> f64,
    ) -> Option<(usize, Scores)> {
        self.give(self.first + self.waiting.len() / self.classes, recording, start_s)
    }

    fn give<R: PartialEq>(
        &mut self,
        end: usize,
        recording: impl Fn(usize) -> R,
        start_s: impl Fn(usize) -> f64,
    ) -> Option<(usize, Scores)> {
        let (first, classes) = (self.first, self.classes);
        if end == first {
            return None;
        }
        let rest = self.waiting.split_off((end - first) * classes);
        let own = std::mem::replace(&mut self.waiting, rest);
        self.first = end;
        let mut logits = Vec::with_capacity(own.len());
        let mut from = first;
        for row in first..end {
            let is_near = |other: usize| {
                recording(other) == recording(row) && (start_s(other) - start_s(row)).abs() <= self.context.reach_s
            };
            while !is_near(from) {
                from += 1;
            }
            let near = (from..end).take_while(|&other| is_near(other));
            let mut highest = vec![f32::NEG_INFINITY; classes];
            for other in near {
                let at = (other - first) * classes;
                highest.iter_mut().zip(&own[at..at + classes]).for_each(|(highest, &logit)| *highest = highest.max(logit));
            }
            let at = (row - first) * classes;
            let weighted = own[at..at + classes].iter().zip(&highest);
            logits.extend(weighted.map(|(&own, highest)| own + self.context.weight * (highest - own)));
        }
        Some((first, Scores::of(logits)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two recordings of four and two windows, 10 s apart, with one class; scores come in pieces.
    fn given(context: Context, pieces: &[&[f32]]) -> Vec<(usize, Vec<f32>)> {
        let (recording, start_s) = (|row: usize| usize::from(row > 3), |row: usize| (row % 4) as f64 * 10.0);
        let mut around = Around::new(context, 1);
        let mut found: Vec<_> =
            pieces.iter().filter_map(|piece| around.add(Scores::of(piece.to_vec()), recording, start_s)).collect();
        found.extend(around.rest(recording, start_s));
        found.into_iter().map(|(first, scores)| (first, scores.logits)).collect()
    }

    #[test]
    fn the_highest_logit_within_reach_counts_and_recordings_stay_apart() {
        let context = Context { weight: 0.5, reach_s: 10.0 };
        let expected: &[f32] = &[1.0, 2.0, 2.0, 1.0, 8.0, 8.0];
        let logits: &[f32] = &[0.0, 2.0, 2.0, 0.0, 8.0, 8.0];
        assert_eq!(given(context, &[logits]), [(0, expected[..4].to_vec()), (4, expected[4..].to_vec())]);
        let pieces: Vec<&[f32]> = logits.chunks(1).collect();
        assert_eq!(given(context, &pieces).into_iter().flat_map(|(_, logits)| logits).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn without_weight_scores_go_on_as_they_come() {
        let context = Context { weight: 0.0, reach_s: 10.0 };
        assert_eq!(given(context, &[&[0.0, 2.0], &[3.0]]), [(0, vec![0.0, 2.0]), (2, vec![3.0])]);
        assert!(given(context, &[]).is_empty());
    }
}
