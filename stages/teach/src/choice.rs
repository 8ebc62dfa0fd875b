//! Which windows teach, where there are more than are wanted.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use chorus_engine::hash_bytes;

/// A window with what the teacher finds in it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Window {
    pub unit: String,
    pub segment: String,
    pub recording: String,
    /// By class.
    pub probabilities: Vec<f64>,
    /// By class.
    pub targets: Vec<f64>,
}

/// Draws windows one by one, with a memory that grows with the number that is wanted and not with the archive. What is drawn depends on the
/// windows and the seed, and not on their order.
#[derive(Debug)]
pub(crate) struct Choice {
    seed: u64,
    wanted: usize,
    quiet_share: f64,
    /// Windows in which something calls, by how likely they were to be left out.
    calling: BinaryHeap<Ranked>,
    quiet: BinaryHeap<Ranked>,
}

/// The window with the greatest rank is the first to go.
#[derive(Debug)]
struct Ranked {
    rank: f64,
    window: Window,
}

impl Ranked {
    fn key(&self) -> (f64, &str) {
        (self.rank, &self.window.segment)
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        let ((rank, segment), (others, other)) = (self.key(), other.key());
        rank.total_cmp(&others).then_with(|| segment.cmp(other))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Ranked {}

impl Choice {
    pub(crate) fn new(seed: u64, wanted: usize, quiet_share: f64) -> Self {
        Self { seed, wanted, quiet_share, calling: BinaryHeap::new(), quiet: BinaryHeap::new() }
    }

    /// Weighted sampling without replacement (Efraimidis and Spirakis 2006): the rank is exponentially distributed with the rate of the
    /// window's highest target.
    pub(crate) fn add(&mut self, window: Window) {
        let highest = window.targets.iter().copied().fold(0.0, f64::max);
        let rank = -uniform(self.seed, &window.segment).ln();
        let (heap, rank) = if highest > 0.0 { (&mut self.calling, rank / highest) } else { (&mut self.quiet, rank) };
        heap.push(Ranked { rank, window });
        if heap.len() > self.wanted {
            heap.pop();
        }
    }

    /// The windows, in the order of their names, as the table has them.
    pub(crate) fn into_windows(mut self) -> Vec<Window> {
        let calling = self.calling.len();
        // As many quiet ones as their share of all allows, and as there is room for.
        let beside = if self.quiet_share >= 1.0 {
            self.wanted
        } else {
            (calling as f64 * self.quiet_share / (1.0 - self.quiet_share)) as usize
        };
        let quiet = beside.min(self.quiet.len()).min((self.wanted as f64 * self.quiet_share) as usize);
        while self.quiet.len() > quiet {
            self.quiet.pop();
        }
        while self.calling.len() + quiet > self.wanted {
            self.calling.pop();
        }
        let mut windows: Vec<Window> = self.calling.into_iter().chain(self.quiet).map(|ranked| ranked.window).collect();
        windows.sort_by(|a, b| a.segment.cmp(&b.segment));
        windows
    }
}

/// A number above 0 and up to 1 that a name and a seed give.
fn uniform(seed: u64, name: &str) -> f64 {
    let digits = &hash_bytes(format!("{seed} {name}").as_bytes())[..13];
    let number = u64::from_str_radix(digits, 16).expect("a hash is written in hexadecimal digits");
    (number + 1) as f64 / (1_u64 << 52) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Windows that follow each other lie in different units: recordings have ids by chance.
    fn window(name: &str, target: f64) -> Window {
        Window {
            unit: format!("{:?}", name.chars().last()),
            segment: name.into(),
            recording: "r".into(),
            probabilities: vec![target],
            targets: vec![target],
        }
    }

    /// The numbers of chosen windows that are surely calling, perhaps calling and quiet, of 1,000 each.
    fn chosen(seed: u64, wanted: usize, quiet_share: f64) -> [usize; 3] {
        let mut choice = Choice::new(seed, wanted, quiet_share);
        for i in 0..1000 {
            for (kind, target) in [("sure", 0.9), ("perhaps", 0.09), ("quiet", 0.0)] {
                choice.add(window(&format!("{kind} {i}"), target));
            }
        }
        let windows = choice.into_windows();
        assert!(windows.is_sorted_by_key(|window| window.segment.clone()));
        ["sure", "perhaps", "quiet"].map(|kind| windows.iter().filter(|window| window.segment.starts_with(kind)).count())
    }

    #[test]
    fn sure_windows_come_first_and_quiet_ones_have_their_share() {
        let [sure, perhaps, quiet] = chosen(0, 400, 0.25);
        assert_eq!((sure + perhaps, quiet), (300, 100));
        assert!(sure > 240, "{sure} {perhaps}");
        assert_eq!(chosen(0, 5000, 0.5), [1000, 1000, 1000], "all of them where there is room");
        assert_eq!(chosen(0, 300, 0.0)[2], 0);
        assert_eq!(chosen(0, 300, 1.0), [0, 0, 300]);
    }

    #[test]
    fn the_order_of_the_windows_does_not_matter_and_the_seed_does() {
        let draw = |seed, names: &mut dyn Iterator<Item = usize>| {
            let mut choice = Choice::new(seed, 10, 0.5);
            names.for_each(|i| choice.add(window(&format!("{i:03}"), f64::from(i as u32 % 3) / 3.0)));
            choice.into_windows()
        };
        let forward = draw(1, &mut (0..200));
        assert_eq!(forward, draw(1, &mut (0..200).rev()));
        assert_ne!(forward, draw(2, &mut (0..200)));
    }
}
