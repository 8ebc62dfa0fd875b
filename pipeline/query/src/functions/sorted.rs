//! Sorted numbers that come and go one by one.

use std::cmp::Ordering;
use std::mem::size_of;

use arrow::datatypes::ArrowNativeTypeOp;

/// The most numbers of one chunk. An insertion moves numbers of one chunk, and a search by rank passes over the chunks before it.
/// This size keeps both short for some 10^6 numbers.
const CHUNK: usize = 4096;

/// Numbers in rising order, NaN last, in chunks of which none is empty.
#[derive(Debug, Default)]
pub(super) struct Sorted<N> {
    chunks: Vec<Vec<N>>,
    len: usize,
}

impl<N: ArrowNativeTypeOp> Sorted<N> {
    /// Numbers in any order. They stay one chunk until another one is inserted, so that this takes no more memory.
    pub(super) fn new(mut numbers: Vec<N>) -> Self {
        numbers.sort_unstable_by(|a, b| a.compare(*b));
        let len = numbers.len();
        Self { chunks: if len == 0 { Vec::new() } else { vec![numbers] }, len }
    }

    /// How many numbers there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The number with `rank` smaller ones before it; there must be more than `rank`.
    pub(super) fn at(&self, mut rank: usize) -> N {
        let mut chunk = 0;
        while rank >= self.chunks[chunk].len() {
            rank -= self.chunks[chunk].len();
            chunk += 1;
        }
        self.chunks[chunk][rank]
    }

    /// The numbers, each once.
    pub(super) fn distinct(&self) -> Self {
        let mut numbers = self.numbers();
        numbers.dedup_by(|a, b| a.is_eq(*b));
        Self::new(numbers)
    }

    /// All numbers.
    pub(super) fn numbers(&self) -> Vec<N> {
        self.chunks.concat()
    }

    /// Adds a number.
    pub(super) fn insert(&mut self, number: N) {
        self.len += 1;
        let at = self.chunk_of(number).min(self.chunks.len().saturating_sub(1));
        let Some(chunk) = self.chunks.get_mut(at) else {
            self.chunks.push(vec![number]);
            return;
        };
        let place = chunk.partition_point(|known| known.is_lt(number));
        chunk.insert(place, number);
        if chunk.len() > CHUNK {
            let halves: Vec<Vec<N>> = chunk.chunks(CHUNK / 2).map(<[N]>::to_vec).collect();
            self.chunks.splice(at..=at, halves);
        }
    }

    /// Takes a number out; false where it is not there.
    pub(super) fn remove(&mut self, number: N) -> bool {
        let at = self.chunk_of(number);
        let Some(chunk) = self.chunks.get_mut(at) else { return false };
        let place = chunk.partition_point(|known| known.is_lt(number));
        if chunk[place].compare(number) != Ordering::Equal {
            return false;
        }
        chunk.remove(place);
        if chunk.is_empty() {
            self.chunks.remove(at);
        }
        self.len -= 1;
        true
    }

    /// Bytes that the numbers take.
    pub(super) fn bytes(&self) -> usize {
        self.chunks.iter().map(Vec::capacity).sum::<usize>() * size_of::<N>()
    }

    /// The first chunk with a number that is not smaller.
    fn chunk_of(&self, number: N) -> usize {
        self.chunks.partition_point(|chunk| chunk.last().is_some_and(|last| last.is_lt(number)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_come_and_go_are_in_order() {
        let mut known = Vec::new();
        let mut sorted = Sorted::new(Vec::new());
        // Each number below 20011 once in 20010 steps, in no order.
        let number = |step: i64| step * 7919 % 20_011 / 3;
        for step in 1..20_011 {
            sorted.insert(number(step));
            known.push(number(step));
            if step > 15_000 {
                assert!(sorted.remove(number(step - 15_000)), "{step}");
            }
        }
        assert!(!sorted.remove(-1) && !sorted.remove(20_011));
        known.drain(..5_010);
        known.sort_unstable();
        assert_eq!(sorted.len(), known.len());
        assert_eq!((0..known.len()).map(|rank| sorted.at(rank)).collect::<Vec<_>>(), known);
        assert!(sorted.chunks.len() > 2 && sorted.chunks.iter().all(|chunk| (1..=CHUNK).contains(&chunk.len())));
        let distinct = sorted.distinct();
        known.dedup();
        assert_eq!(distinct.numbers(), known);
        known.iter().for_each(|number| while sorted.remove(*number) {});
        assert!(sorted.len() == 0 && sorted.bytes() == 0);
    }
}
