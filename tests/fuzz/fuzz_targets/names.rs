//! Names of recordings, and the user's own pattern of names: the first line is the pattern.
#![no_main]

use chorus_audio::names::{NameTime, OwnPattern, parse_start};
use chorus_clock::reading::was_set;
use chorus_fuzz::{Bound, bounded};
use libfuzzer_sys::fuzz_target;

/// The crate regex limits a compiled pattern to 10 MiB, and a search by it to 2 MiB.
const PATTERN: Bound = Bound { fixed: 32 << 20, per_byte: 1000 };

fuzz_target!(|input: &str| {
    let (pattern, name) = input.split_once('\n').unwrap_or(("{site}_%Y%m%d_%H%M%S", input));
    bounded(input.len(), PATTERN, || {
        for text in [pattern, name] {
            parse_start(text).iter().for_each(check);
        }
        match OwnPattern::new(pattern) {
            Ok(own) => {
                let Some(facts) = own.parse(name) else { return };
                facts.time.iter().for_each(check);
                assert!([facts.site, facts.serial].into_iter().flatten().all(|part| name.contains(&part)));
            }
            Err(error) => assert!(!error.found.is_empty()),
        }
    });
});

/// A time that was read is written and read again as the same.
fn check(name: &NameTime) {
    assert_eq!(name.suspicious, !was_set(name.local));
    if name.local.subsec_nanosecond() == 0 && name.local.year() >= 0 {
        let again = parse_start(&name.local.strftime("X_%Y%m%d_%H%M%S").to_string());
        assert_eq!(again.map(|again| again.local), Some(name.local));
    }
}
