//! What the stage ingest remembers of an archive from one run to the next.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::Path;

use chorus_audio::Ingest;
use chorus_engine::{Config, Console, Registry, RunOptions, Runner, Selection};
use chorus_tables::TableReader;

fn runner(folder: &Path) -> Runner {
    let all = chorus_engine::config::declarations().and(chorus_audio::declarations()).into_static();
    let sets = ["archive.path=archive", "run.path=run"].map(|set| set.replace('=', &format!("={}/", folder.display())));
    let sets = [&sets[..], &["ingest.max_rejected_fraction=1", "units.keep_free_gib=0"].map(str::to_owned)].concat();
    let config = Config::from_text("", "c", "c", &sets, all).unwrap();
    let registry = Registry::default().with(Ingest::declare(&config), Ingest);
    Runner::new(config, registry, Console::new())
}

/// Runs the stage; gives why it is not fresh before and after.
fn ingest(folder: &Path) -> [Option<String>; 2] {
    let reason = || runner(folder).plan(false).unwrap()[0].reason();
    let before = reason();
    let selection = Selection::Only(vec!["ingest".to_owned()]);
    runner(folder).run(&RunOptions::new(selection, 1)).unwrap();
    [before, reason()]
}

/// The path, status and code of each recording, by path.
fn rows(folder: &Path) -> Vec<String> {
    let mut rows = Vec::new();
    for file in chorus_engine::files_below(&folder.join("run/tables/recordings")).unwrap() {
        let reader = TableReader::open(chorus_tables::schema("recordings").unwrap(), &file).unwrap();
        for batch in reader.batches(&[]).unwrap() {
            let batch = batch.unwrap();
            let column = |name: &str| batch.texts(name).unwrap().into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>();
            let columns = [column("path"), column("status"), column("reason_code")];
            rows.extend((0..columns[0].len()).map(|row| columns.each_ref().map(|column| column[row].as_str()).join(" ")));
        }
    }
    rows.sort_unstable();
    rows
}

#[test]
fn a_link_to_a_missing_file_is_a_row_that_is_remembered_until_the_file_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    fs::create_dir(&archive).unwrap();
    let wav = common::riff(&[
        common::chunk(b"fmt ", &common::fmt(1, 1, 16_000, 16)),
        common::chunk(b"data", &common::pcm16(&[0; 1600])),
    ]);
    fs::write(archive.join("a.wav"), &wav).unwrap();
    std::os::unix::fs::symlink("../disk/b.wav", archive.join("b.wav")).unwrap();

    assert_eq!(ingest(folder.path()), [Some("2 files are new since the last run".to_owned()), None]);
    assert_eq!(rows(folder.path()), ["a.wav ok ", "b.wav rejected missing_file"]);
    assert_eq!(ingest(folder.path()), [None, None], "the link is no news");

    fs::create_dir(folder.path().join("disk")).unwrap();
    fs::write(folder.path().join("disk/b.wav"), &wav).unwrap();
    assert_eq!(ingest(folder.path()), [Some("1 file may have changed since the last run".to_owned()), None]);
    assert_eq!(rows(folder.path()), ["a.wav ok ", "b.wav ok "]);
}
