//! The engine on a disk that fails, and in machines that lose their power: thousands of schedules of troubles, each from a seed.
//!
//! `CHORUS_SEEDS=100000 cargo test --release -p chorus-engine simulation` tries more of them, and `CHORUS_SEED=17` with `-- --nocapture`
//! repeats one and tells each call to the disk.

mod contract;
mod disk;
mod machine;
mod opened;
mod random;
mod schedule;
mod survey;
mod trouble;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use random::Random;

/// Schedules that are tried where nobody asks for more.
const SEEDS: u64 = 1_000;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}: found `{text}`, expected a whole number")))
}

/// Tries something with many seeds, on all processors. Each has a thread pool of one thread, so that all things happen in the same order each
/// time.
fn with_seeds(what: &str, is_right: impl Fn(u64, bool) -> Result<(), String> + Sync) {
    let told = |seed: u64, is_told: bool| {
        let tried = catch_unwind(AssertUnwindSafe(|| is_right(seed, is_told)));
        tried.unwrap_or_else(|panic| {
            let text =
                panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Err(format!("panicked: {}", text.unwrap_or_default()))
        })
    };
    let alone = || rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    if let Some(seed) = number("CHORUS_SEED") {
        println!("{what}: seed {seed}");
        return alone().install(|| told(seed, true)).unwrap();
    }
    let (seeds, next) = (number("CHORUS_SEEDS").unwrap_or(SEEDS), AtomicU64::new(0));
    let first: Mutex<Option<(u64, String)>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                let pool = alone();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds || first.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
                        return;
                    }
                    if let Err(why) = pool.install(|| told(seed, false)) {
                        first.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert((seed, why));
                    }
                }
            });
        }
    });
    if let Some((seed, why)) = first.into_inner().unwrap_or_else(PoisonError::into_inner) {
        panic!(
            "{what}, seed {seed}: {why}\nrun it again with: CHORUS_SEED={seed} cargo test --release -p chorus-engine simulation -- --nocapture"
        );
    }
    println!("{what}: {seeds} seeds");
}

#[test]
fn random_numbers_are_those_of_the_paper() {
    let mut random = Random::new(1_234_567);
    let found: Vec<u64> = (0..3).map(|_| random.number()).collect();
    assert_eq!(found, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
}

#[test]
fn whatever_fails_and_whenever_it_stops_a_run_ends_with_the_same_bytes_and_loses_nothing() {
    with_seeds("runs in trouble", schedule::try_out);
}

#[test]
fn a_seed_gives_the_same_calls_each_time() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    for seed in 0..20 {
        let calls = || pool.install(|| schedule::calls(seed));
        assert_eq!(calls(), calls(), "seed {seed}");
    }
}

#[test]
fn what_a_function_of_the_disk_has_done_stays_done() {
    with_seeds("files in trouble", contract::try_out);
}
