//! Lists that come with an archive: subsets of recordings, code tables, and the names of AnuraSet's label files.
#![no_main]

use std::path::Path;

use chorus_fuzz::{TEXT, bounded};
use chorus_labels::anuraset::pair;
use chorus_labels::codes::CodeTable;
use chorus_labels::species::subsets;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let path = Path::new("list.csv");
    bounded(bytes.len(), TEXT, || {
        for row in subsets(path, bytes).into_iter().flatten() {
            assert!(!row.recording.is_empty() && row.subset.as_str().parse() == Ok(row.subset));
        }
        let text = String::from_utf8_lossy(bytes);
        if let Ok(table) = CodeTable::read(path, bytes) {
            for code in text.split([',', '\n']) {
                assert!(table.class(code).map_or(true, |class| table.classes().contains_key(class)));
            }
        }
        let lines: Vec<&str> = text.lines().collect();
        let (recordings, labels) = lines.split_at(lines.len() / 2);
        let pairing = pair(recordings, labels);
        assert!(
            labels.iter().all(|file| {
                pairing.unmatched.contains_key(*file) || pairing.labels.values().any(|found| found.path == *file)
            })
        );
    });
});
