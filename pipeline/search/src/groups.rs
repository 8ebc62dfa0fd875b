//! Groups of similar windows.
//!
//! The centres of groups come from a sample that is spread evenly over sites and days (one window by chance from each of as many equal stretches
//! of the tables), by spherical k-means. Then every window joins the group whose centre is nearest. So the time for the centres does not grow with the
//! archive, each window is read twice, and memory holds the sample. faiss trains its k-means on at most 256 vectors for each centre;
//! here it is [`SAMPLED_PER_GROUP`].

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::embeddings::{Embeddings, Place};
use crate::facts::Facts;
use crate::filter::{Chosen, Filter};
use crate::kmeans::{centres, nearest, normalise};
use crate::labels::{Classes, Labels};
use crate::nearest::{First, Hit};
use crate::scan::{Block, Scanned, scan};
use crate::{SearchError, kernel};

/// Windows of the sample for each group.
const SAMPLED_PER_GROUP: usize = 512;
/// Values of the sample at most: 256 MiB.
const SAMPLED_VALUES: usize = 64 << 20;
/// Similarities are added up as whole numbers of this fraction, so that their sum does not depend on the order.
const STEPS: f64 = (1u64 << 32) as f64;

/// How groups are made.
#[derive(Debug, Clone, Copy)]
pub struct Grouping {
    /// Number of groups; there are fewer where there are fewer different windows.
    pub groups: usize,
    /// Windows of each group that are told, the nearest to its centre.
    pub examples: usize,
    /// Seed of the sample and of the first centres.
    pub seed: u64,
}

/// A group of similar windows.
#[derive(Debug)]
pub struct Group {
    /// Number of windows.
    pub windows: u64,
    /// Mean similarity of its windows to its centre; 1 where they are all alike.
    pub similarity: f64,
    /// Windows by site, most first.
    pub sites: Vec<(String, u64)>,
    /// First and last local date of a recording's start, where one is known.
    pub dates: Option<(Date, Date)>,
    /// Windows by hour of the local clock.
    pub hours: [u64; 24],
    /// Windows that were reviewed.
    pub labelled: u64,
    /// Reviewed windows by class that calls in them, most first. A window counts for each of its classes.
    pub labels: Vec<(Arc<str>, u64)>,
    /// The windows nearest to its centre.
    pub examples: Vec<Hit>,
}

/// All groups.
#[derive(Debug)]
pub struct Groups {
    /// The groups, largest first.
    pub groups: Vec<Group>,
    /// Windows in all groups.
    pub windows: u64,
    /// Windows whose vector is zero everywhere; they are in no group.
    pub zeros: u64,
    /// Windows of the sample.
    pub sampled: usize,
}

/// What is counted of a group.
struct Tally {
    windows: u64,
    /// Sum of similarities in [`STEPS`].
    similarity: i64,
    sites: BTreeMap<String, u64>,
    dates: Option<(Date, Date)>,
    hours: [u64; 24],
    labelled: u64,
    labels: BTreeMap<Arc<str>, u64>,
    examples: First,
}

impl Embeddings {
    /// Groups of the windows that the filter takes. The same tables and seed give the same groups for any number of threads.
    ///
    /// # Errors
    /// [`SearchError::NotFinite`], [`SearchError::Nothing`]; those of the filter and of reading.
    pub fn groups(&self, grouping: Grouping, filter: &Filter) -> Result<Groups, SearchError> {
        let chosen = self.choose(filter)?;
        let stride = kernel::padded(self.vector_length());
        let most = (grouping.groups * SAMPLED_PER_GROUP).min(SAMPLED_VALUES / stride).max(1);
        let sample = self.sample(&chosen, most, grouping.seed);
        let vectors = self.directions(&sample)?;
        let centres = centres(&vectors, stride, grouping.groups, grouping.seed);
        let sampled = vectors.len() / stride;
        drop(vectors);
        if centres.is_empty() {
            return Err(SearchError::Nothing("all windows have a vector of zeros; there are no groups to tell apart".into()));
        }
        let labels: Vec<Labels> = self.runs.iter().map(Labels::of).collect::<Result<_, _>>()?;
        let of_part = |chosen: &Chosen| self.tally(chosen, &centres, grouping.examples, &labels);
        let empty = || (Tally::of_none(centres.len() / stride, grouping.examples), 0);
        let merge = |a: (Vec<Tally>, u64), b: (Vec<Tally>, u64)| {
            Ok((a.0.into_iter().zip(b.0).map(|(a, b)| a.merge(b)).collect(), a.1 + b.1))
        };
        let (tallies, zeros) = chosen.par_iter().map(of_part).try_reduce(empty, merge)?;
        let mut groups: Vec<Group> = tallies.into_iter().filter(|tally| tally.windows > 0).map(Tally::finish).collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.windows));
        Ok(Groups { windows: groups.iter().map(|group| group.windows).sum(), groups, zeros, sampled })
    }

    /// Rows for a sample: all, or one by chance from each of `most` equal stretches.
    pub(crate) fn sample(&self, chosen: &[Chosen], most: usize, seed: u64) -> Vec<Chosen> {
        let all: usize = chosen.iter().map(|chosen| self.rows_of(chosen)).sum();
        if all <= most {
            return chosen.to_vec();
        }
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut positions = (0..most).map(|i| {
            let (from, to) = (i * all / most, (i + 1) * all / most);
            random.random_range(from..to)
        });
        let (mut sample, mut before, mut next) = (Vec::new(), 0, positions.next());
        for chosen in chosen {
            let until = before + self.rows_of(chosen);
            let mut rows = Vec::new();
            while let Some(position) = next.filter(|position| *position < until) {
                rows.push(Self::row_of(chosen, position - before).row);
                next = positions.next();
            }
            if !rows.is_empty() {
                sample.push(Chosen { part: chosen.part, rows: Some(rows) });
            }
            before = until;
        }
        sample
    }

    /// The vectors of these rows, in the order of their places, each of length 1: `[row, value]`, padded.
    fn directions(&self, sample: &[Chosen]) -> Result<Vec<f32>, SearchError> {
        let stride = kernel::padded(self.vector_length());
        let take = |found: &mut Vec<(Place, Vec<f32>)>, block: &Block<'_>| {
            for (&row, vector) in block.rows.iter().zip(block.vectors.chunks_exact(stride)) {
                found.push((Place { part: block.part, row }, vector.to_vec()));
            }
        };
        let merge = |mut a: Vec<_>, b: Vec<_>| {
            a.extend(b);
            a
        };
        let mut found = scan(self, sample, Vec::new, take, merge)?.found;
        found.sort_by_key(|(place, _)| *place);
        let mut vectors = Vec::with_capacity(found.len() * stride);
        found.into_iter().for_each(|(_, vector)| vectors.extend(vector));
        normalise(&mut vectors, stride);
        Ok(vectors)
    }

    /// The windows of one file by group, and how many have no direction.
    fn tally(
        &self,
        chosen: &Chosen,
        centres: &[f32],
        examples: usize,
        labels: &[Labels],
    ) -> Result<(Vec<Tally>, u64), SearchError> {
        let (stride, part) = (kernel::padded(self.vector_length()), &self.parts[chosen.part as usize]);
        let number = centres.len() / stride;
        let take = |(found, products): &mut (Vec<(u32, usize, f32)>, Vec<f32>), block: &Block<'_>| {
            products.resize(block.rows.len() * number, 0.0);
            kernel::products(block.vectors, centres, stride, products);
            for ((&row, norm), products) in block.rows.iter().zip(block.norms).zip(products.chunks_exact(number)) {
                let (group, product) = nearest(products);
                found.push((row, group, (product / norm).clamp(-1.0, 1.0)));
            }
        };
        let merge = |mut a: (Vec<_>, _), b: (Vec<_>, _)| {
            a.0.extend(b.0);
            a
        };
        let one = std::slice::from_ref(chosen);
        let Scanned { found: (found, _), zeros, .. } = scan(self, one, Default::default, take, merge)?;
        let (facts, known) = (Facts::of(self, part)?, labels[part.run].spans(&part.partition.unit)?);
        let (ids, starts, window_s) = (facts.recording_ids()?, facts.starts()?, self.window_s(part.run));
        let mut tallies = Tally::of_none(number, examples);
        for (row, group, similarity) in found {
            let (tally, at) = (&mut tallies[group], row as usize);
            tally.windows += 1;
            tally.similarity += (f64::from(similarity) * STEPS).round() as i64;
            if let Some(hour) = facts.hour(at)? {
                tally.hours[usize::from(hour.unsigned_abs())] += 1;
            }
            let mut classes: Option<Classes> = None;
            for own in known.of(ids.value(at), starts[at], window_s) {
                classes.get_or_insert_default().extend(own.iter().cloned());
            }
            tally.labelled += u64::from(classes.is_some());
            classes.into_iter().flatten().for_each(|class| *tally.labels.entry(class).or_default() += 1);
            tally.examples.add(Hit { place: Place { part: chosen.part, row }, similarity }, || true);
        }
        let (site, date) = (part.partition.unit.site(), part.partition.date());
        for tally in tallies.iter_mut().filter(|tally| tally.windows > 0) {
            tally.sites.insert(site.to_owned(), tally.windows);
            tally.dates = date.map(|date| (date, date));
        }
        Ok((tallies, zeros))
    }
}

impl Tally {
    fn of_none(groups: usize, examples: usize) -> Vec<Self> {
        let none = || Self {
            windows: 0,
            similarity: 0,
            sites: BTreeMap::new(),
            dates: None,
            hours: [0; 24],
            labelled: 0,
            labels: BTreeMap::new(),
            examples: First::new(examples),
        };
        (0..groups).map(|_| none()).collect()
    }

    fn merge(mut self, other: Self) -> Self {
        other.sites.into_iter().for_each(|(site, windows)| *self.sites.entry(site).or_default() += windows);
        other.labels.into_iter().for_each(|(class, windows)| *self.labels.entry(class).or_default() += windows);
        self.hours.iter_mut().zip(other.hours).for_each(|(hour, windows)| *hour += windows);
        let both = self.dates.zip(other.dates).map(|(a, b)| (a.0.min(b.0), a.1.max(b.1)));
        Self {
            windows: self.windows + other.windows,
            similarity: self.similarity + other.similarity,
            dates: both.or(self.dates).or(other.dates),
            labelled: self.labelled + other.labelled,
            examples: self.examples.merge(other.examples),
            ..self
        }
    }

    fn finish(self) -> Group {
        Group {
            windows: self.windows,
            similarity: self.similarity as f64 / STEPS / self.windows as f64,
            sites: most_first(self.sites),
            dates: self.dates,
            hours: self.hours,
            labelled: self.labelled,
            labels: most_first(self.labels),
            examples: self.examples.sorted(),
        }
    }
}

/// Those with the most windows first, others by name.
fn most_first<T: Ord>(counts: BTreeMap<T, u64>) -> Vec<(T, u64)> {
    let mut counts: Vec<(T, u64)> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counts
}
