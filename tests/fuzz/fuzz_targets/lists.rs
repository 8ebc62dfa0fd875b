//! Lists that come with an archive: what they say of each recording, code tables, and the names of AnuraSet's label files.
#![no_main]

use chorus_fuzz::{TEXT, bounded};
use chorus_labels::codes::CodeTable;
use chorus_labels::layouts::anuraset_raw::pair;
use chorus_labels::recording_list::{ListedRecording, RecordingList};
use libfuzzer_sys::fuzz_target;

/// A recording of site S.
struct Recording(&'static str);

impl ListedRecording for Recording {
    fn path(&self) -> &str {
        self.0
    }

    fn site(&self) -> &str {
        "S"
    }
}

fuzz_target!(|bytes: &[u8]| {
    let path = "list.csv";
    bounded(bytes.len(), TEXT, || {
        if let Ok(list) = RecordingList::read(path, bytes) {
            for column in ["subset", "fold", "group"] {
                let Ok(values) = list.values(column, &[Recording("S/A_1.wav"), Recording("S/A_0_3.wav")]) else { continue };
                assert!(values.by_recording.iter().flatten().all(|(value, line)| !value.is_empty() && *line > 1));
            }
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
