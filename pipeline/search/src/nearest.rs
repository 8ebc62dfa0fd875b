//! The windows that are nearest to examples.

use std::collections::{BTreeSet, BinaryHeap};

use crate::embeddings::{Embeddings, Place};
use crate::filter::{Chosen, Filter};
use crate::scan::{Block, Scanned, scan};
use crate::{SearchError, kernel};

/// How similar a window is to several examples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Combine {
    /// As it is to the one that it is most similar to.
    Highest,
    /// The mean over all examples.
    Mean,
}

/// Examples to search with.
#[derive(Debug, Clone)]
pub struct Query {
    /// `[example, value]`: vectors of length 1, padded. Of a mean: the mean of these, since the mean of products is the product with the mean.
    vectors: Vec<f32>,
    length: usize,
}

impl Query {
    /// A query of these vectors, one for each example.
    ///
    /// # Errors
    /// [`SearchError::Query`] when there is none, when their lengths differ, or when one is not finite or has no direction.
    pub fn new(examples: &[Vec<f32>], combine: Combine) -> Result<Self, SearchError> {
        let refused = |what: &str| Err(SearchError::Query(what.to_owned()));
        let Some(length) = examples.first().map(Vec::len) else { return refused("there is none") };
        if examples.iter().any(|example| example.len() != length) {
            return refused("the examples' vectors have different lengths");
        }
        let stride = kernel::padded(length);
        let mut vectors = Vec::with_capacity(examples.len() * stride);
        for example in examples {
            let norm = example.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
            if !norm.is_finite() {
                return refused("its vector holds a value that is no finite number");
            }
            if norm == 0.0 {
                return refused("its vector is zero everywhere, so that nothing is similar to it");
            }
            vectors.extend(example.iter().map(|value| (f64::from(*value) / norm) as f32));
            vectors.resize(vectors.len().next_multiple_of(stride), 0.0);
        }
        if combine == Combine::Mean {
            let mean = |i: usize| {
                vectors.iter().skip(i).step_by(stride).map(|value| f64::from(*value)).sum::<f64>() / examples.len() as f64
            };
            vectors = (0..stride).map(|i| mean(i) as f32).collect();
        }
        Ok(Self { vectors, length })
    }
}

/// A window and how similar it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// The window.
    pub place: Place,
    /// The cosine of the angle between the vectors, -1 to 1.
    pub similarity: f32,
}

/// More similar windows first, those of equal similarity by their place.
impl Ord for Hit {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.similarity.total_cmp(&self.similarity).then(self.place.cmp(&other.place))
    }
}

impl PartialOrd for Hit {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Eq for Hit {}

/// The first few of many windows.
#[derive(Debug)]
pub(crate) struct First {
    most: usize,
    /// The last of them is on top.
    heap: BinaryHeap<Hit>,
}

impl First {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, heap: BinaryHeap::new() }
    }

    /// Adds a window, if it is among the first.
    pub(crate) fn add(&mut self, hit: Hit, is_wanted: impl FnOnce() -> bool) {
        let is_among = self.heap.len() < self.most || self.heap.peek().is_some_and(|last| hit < *last);
        if is_among && is_wanted() {
            self.heap.push(hit);
            if self.heap.len() > self.most {
                self.heap.pop();
            }
        }
    }

    pub(crate) fn merge(mut self, other: Self) -> Self {
        other.heap.into_iter().for_each(|hit| self.add(hit, || true));
        self
    }

    /// In their order.
    pub(crate) fn sorted(self) -> Vec<Hit> {
        self.heap.into_sorted_vec()
    }
}

/// What a search found.
#[derive(Debug)]
pub struct Found {
    /// The nearest windows, the most similar first.
    pub hits: Vec<Hit>,
    /// Windows that were looked at.
    pub windows: u64,
    /// Windows whose vector is zero everywhere; they are similar to nothing.
    pub zeros: u64,
}

impl Embeddings {
    /// The `most` windows of those that the filter takes that are most similar to the query, without the ones named. The search is exact: each
    /// window is compared with each example. Windows of equal similarity come in the order of their [`Place`].
    ///
    /// # Errors
    /// [`SearchError::Query`] when the query's vectors have another length; [`SearchError::NotFinite`]; those of the filter and of reading.
    pub fn nearest(&self, query: &Query, filter: &Filter, most: usize, without: &BTreeSet<Place>) -> Result<Found, SearchError> {
        if query.length != self.vector_length() {
            let (found, wanted) = (query.length, self.vector_length());
            return Err(SearchError::Query(format!(
                "its vector has {found} values, and those of the runs have {wanted}: another model made it"
            )));
        }
        let chosen: Vec<Chosen> = self.choose(filter)?;
        let stride = kernel::padded(query.length);
        let number = query.vectors.len() / stride;
        let take = |(first, products): &mut (First, Vec<f32>), block: &Block<'_>| {
            products.resize(block.rows.len() * number, 0.0);
            kernel::products(block.vectors, &query.vectors, stride, products);
            for ((&row, norm), products) in block.rows.iter().zip(block.norms).zip(products.chunks_exact(number)) {
                let product = products.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let (place, similarity) = (Place { part: block.part, row }, (product / norm).clamp(-1.0, 1.0));
                first.add(Hit { place, similarity }, || !without.contains(&place));
            }
        };
        let empty = || (First::new(most), Vec::new());
        let Scanned { found, windows, zeros } = scan(self, &chosen, empty, take, |a, b| (a.0.merge(b.0), a.1))?;
        Ok(Found { hits: found.0.sorted(), windows, zeros })
    }
}
