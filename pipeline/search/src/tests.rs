//! Searches in made-up tables whose answers are known.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow::array::FixedSizeBinaryArray;
use chorus_engine::RunTables;
use chorus_tables::{TableWriter, UtcMicros, schema};
use half::f16;
use jiff::civil::date;
use std::sync::Arc;
use tempfile::TempDir;

use super::*;

const LENGTH: usize = 21;

/// Runs in a folder that goes at the end.
struct Archive(TempDir);

/// What a site-day holds: vectors of the windows of one recording, three seconds each.
struct Day<'a> {
    site: &'a str,
    date: &'a str,
    vectors: Vec<Vec<f32>>,
}

fn vector(seed: usize) -> Vec<f32> {
    let mut bits = seed as u64 * 7_919 + 1;
    let mut value = || {
        bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f16::from_f64((bits >> 40) as f64 / (1u64 << 23) as f64 - 1.0).to_f32()
    };
    (0..LENGTH).map(|_| value()).collect()
}

fn day<'a>(site: &'a str, date: &'a str, seeds: std::ops::Range<usize>) -> Day<'a> {
    Day { site, date, vectors: seeds.map(vector).collect() }
}

impl Archive {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn run(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Adds site-days to a run. A recording starts at 19:00 UTC, three hours later than its site's clock showed.
    fn add(&self, run: &str, model_id: &str, days: &[Day<'_>]) {
        fs::create_dir_all(self.run(run)).unwrap();
        fs::write(self.run(run).join("config.resolved.yaml"), "segment: {window_s: 3.0}\n").unwrap();
        for day in days {
            let id = format!("{}{}", day.site, day.date);
            let rows = 0..day.vectors.len();
            let segments: Vec<String> = rows.clone().map(|row| format!("{id}-{row:06}")).collect();
            let bytes =
                |vector: &Vec<f32>| vector.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect::<Vec<u8>>();
            let arrays = FixedSizeBinaryArray::try_from_iter(day.vectors.iter().map(bytes)).unwrap();
            self.write(run, "embeddings", day, &[day.vectors[0].len()], |builder| {
                builder
                    .column("segment_id", segments.iter())
                    .column("recording_id", rows.clone().map(|_| id.as_str()))
                    .column("start_s", rows.clone().map(|row| 3.0 * row as f64))
                    .array("embedding", Arc::new(arrays))
                    .column("model_id", rows.clone().map(|_| model_id))
            });
            let start = format!("{}T19:00:00Z", day.date).parse::<jiff::Timestamp>().unwrap().as_microsecond();
            self.write(run, "recordings", day, &[], |builder| {
                builder
                    .column("recording_id", [id.as_str()])
                    .column("path", [format!("{}/{}.wav", day.site, day.date)])
                    .column("start_utc", [Some(UtcMicros(start))])
                    .column("timezone", [Some("America/Sao_Paulo")])
                    .column("time_source", ["filename"])
                    .column("site_source", ["folder"])
                    .column("file_bytes", [1u64])
                    .column("content_hash", ["0"])
                    .column("status", ["ok"])
                    .others_null()
            });
        }
    }

    /// Labels a class in some windows of a site-day, and reviews all of them.
    fn label(&self, run: &str, day: &Day<'_>, class: &str, is_present: impl Fn(usize) -> bool) {
        let id = format!("{}{}", day.site, day.date);
        let rows = 0..day.vectors.len();
        let segments: Vec<String> = rows.clone().map(|row| format!("{id}-{row:06}")).collect();
        self.write(run, "segments", day, &[], |builder| {
            builder
                .column("segment_id", segments.iter())
                .column("recording_id", rows.clone().map(|_| id.as_str()))
                .column("index", rows.clone())
                .column("start_s", rows.clone().map(|row| 3.0 * row as f64))
                .column("end_s", rows.clone().map(|row| 3.0 * row as f64 + 3.0))
                .column("start_frame", rows.clone())
                .column("padded_s", rows.clone().map(|_| 0.0))
                .others_null()
        });
        self.write(run, "labels", day, &[], |builder| {
            builder
                .column("segment_id", segments.iter())
                .column("recording_id", rows.clone().map(|_| id.as_str()))
                .column("class", rows.clone().map(|_| class))
                .column("value", rows.clone().map(|row| Some(i32::from(is_present(row)))))
                .column("overlap_s", rows.clone().map(|_| Some(0.0)))
        });
    }

    fn write(
        &self,
        run: &str,
        table: &str,
        day: &Day<'_>,
        shape: &[usize],
        fill: impl FnOnce(chorus_tables::BatchBuilder) -> chorus_tables::BatchBuilder,
    ) {
        let folder = self.run(run).join(format!("tables/{table}/site={}/date={}", day.site, day.date));
        fs::create_dir_all(&folder).unwrap();
        let sink = File::create(folder.join("part-000.parquet")).unwrap();
        let mut writer = TableWriter::new(schema(table).unwrap(), shape, sink).unwrap();
        writer.write(&fill(writer.builder()).build().unwrap()).unwrap();
        writer.finish().unwrap();
    }

    fn open(&self, runs: &[&str]) -> Result<Embeddings, SearchError> {
        let folders: Vec<PathBuf> = runs.iter().map(|run| self.run(run)).collect();
        Embeddings::open(RunTables::open_all(&folders, |_| Vec::new()).unwrap())
    }
}

/// Three site-days with 200 vectors.
fn archive() -> Archive {
    let archive = Archive::new();
    archive.add(
        "a",
        "m1",
        &[day("POND01", "2025-03-01", 0..80), day("POND01", "2025-03-02", 80..120), day("SWAMP02", "2025-03-01", 120..200)],
    );
    archive
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    product(a, b) / (product(a, a) * product(b, b)).sqrt()
}

fn search(embeddings: &Embeddings, examples: &[Vec<f32>], combine: Combine, filter: &Filter, most: usize) -> Vec<(String, f32)> {
    let found = embeddings.nearest(&Query::new(examples, combine).unwrap(), filter, most, &BTreeSet::new()).unwrap();
    let places: Vec<Place> = found.hits.iter().map(|hit| hit.place).collect();
    let windows = embeddings.describe(&places).unwrap();
    windows.into_iter().zip(found.hits).map(|(window, hit)| (window.segment_id, hit.similarity)).collect()
}

fn segments(found: &[(String, f32)]) -> Vec<&str> {
    found.iter().map(|(segment, _)| segment.as_str()).collect()
}

#[test]
fn the_nearest_windows_are_those_of_a_plain_comparison_with_every_vector() {
    let (archive, examples) = (archive(), [vector(500), vector(501), vector(502)]);
    let embeddings = archive.open(&["a"]).unwrap();
    assert_eq!((embeddings.windows(), embeddings.vector_length(), embeddings.model_id()), (200, LENGTH, "m1"));
    let name = |i: usize| match i {
        0..80 => format!("POND012025-03-01-{i:06}"),
        80..120 => format!("POND012025-03-02-{:06}", i - 80),
        _ => format!("SWAMP022025-03-01-{:06}", i - 120),
    };
    for combine in [Combine::Highest, Combine::Mean] {
        let score = |i: usize| {
            let all = examples.iter().map(|example| cosine(example, &vector(i)));
            if combine == Combine::Mean { all.sum::<f64>() / 3.0 } else { all.fold(-1.0, f64::max) }
        };
        let mut wanted: Vec<(String, f64)> = (0..200).map(|i| (name(i), score(i))).collect();
        wanted.sort_by(|a, b| b.1.total_cmp(&a.1));
        let found = search(&embeddings, &examples, combine, &Filter::default(), 30);
        assert_eq!(segments(&found), wanted[..30].iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), "{combine:?}");
        assert!(found.iter().zip(&wanted).all(|((_, found), (_, wanted))| (f64::from(*found) - wanted).abs() < 1e-6));
    }
    // A window is most similar to itself, and more windows than there are cannot be found.
    let own = search(&embeddings, &[vector(130)], Combine::Highest, &Filter::default(), 1000);
    assert_eq!((own.len(), own[0].0.as_str()), (200, "SWAMP022025-03-01-000010"));
    assert!((own[0].1 - 1.0).abs() < 1e-6);
}

#[test]
fn equal_windows_come_in_the_order_of_runs_days_and_segments_and_zeros_are_counted() {
    let archive = Archive::new();
    let vectors = || vec![vector(2), vector(1), vec![0.0; LENGTH], vector(1)];
    let days =
        || [Day { site: "B", date: "2025-01-01", vectors: vectors() }, Day { site: "A", date: "2025-01-02", vectors: vectors() }];
    archive.add("x", "m1", &days());
    archive.add("y", "m1", &days());
    let embeddings = archive.open(&["y", "x"]).unwrap();
    let query = Query::new(&[vector(1)], Combine::Highest).unwrap();
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let found = pool.install(|| embeddings.nearest(&query, &Filter::default(), 7, &BTreeSet::new())).unwrap();
        assert_eq!((found.windows, found.zeros), (12, 4));
        let places: Vec<Place> = found.hits.iter().map(|hit| hit.place).collect();
        let told: Vec<(usize, String)> =
            embeddings.describe(&places).unwrap().into_iter().map(|window| (window.run, window.segment_id)).collect();
        let wanted = ["A2025-01-02-000001", "A2025-01-02-000003", "B2025-01-01-000001", "B2025-01-01-000003"];
        assert_eq!(told[..4], wanted.map(|segment| (0, segment.to_owned())));
        assert_eq!(told[4..], wanted[..3].iter().map(|segment| (1, (*segment).to_owned())).collect::<Vec<_>>());
    }
    assert_eq!(nearest_table(&embeddings, &[], &[]).schema().field(2).name(), "run");
}

#[test]
fn vectors_that_cannot_be_compared_are_refused() {
    let archive = archive();
    archive.add("b", "m2", &[day("POND01", "2025-03-01", 0..3)]);
    let other = Day { site: "POND01", date: "2025-03-01", vectors: vec![vec![1.0; 5]; 2] };
    archive.add("c", "m1", &[other]);
    let said = |runs: &[&str]| archive.open(runs).unwrap_err().to_string();
    let of_models = said(&["a", "b"]);
    assert!(of_models.contains("/a/tables/") && of_models.contains("/b/tables/"), "{of_models}");
    assert!(of_models.contains("m1 with 21 values") && of_models.contains("m2 with 21 values"), "{of_models}");
    assert!(said(&["a", "c"]).contains("m1 with 5 values"));
    fs::create_dir_all(archive.run("d/tables")).unwrap();
    assert!(said(&["d"]).contains("no table `embeddings`"));
    let embeddings = archive.open(&["a"]).unwrap();
    let refused = |example: Vec<f32>| match Query::new(&[example], Combine::Mean) {
        Ok(query) => embeddings.nearest(&query, &Filter::default(), 5, &BTreeSet::new()).unwrap_err().to_string(),
        Err(error) => error.to_string(),
    };
    assert!(refused(vec![1.0; 5]).contains("5 values, and those of the runs have 21"));
    assert!(refused(vec![0.0; LENGTH]).contains("zero everywhere"));
    assert!(refused(vec![f32::NAN; LENGTH]).contains("no finite number"));
    assert!(Query::new(&[], Combine::Mean).unwrap_err().to_string().contains("there is none"));
}

#[test]
fn a_vector_with_a_value_that_is_no_number_is_named() {
    let archive = archive();
    let mut broken = day("POND01", "2025-03-09", 0..70);
    for (value, row) in [(f32::NAN, 66), (f32::INFINITY, 66)] {
        broken.vectors[row][4] = value;
        archive.add("a", "m1", std::slice::from_ref(&broken));
        let embeddings = archive.open(&["a"]).unwrap();
        let query = Query::new(&[vector(1)], Combine::Highest).unwrap();
        let error = embeddings.nearest(&query, &Filter::default(), 5, &BTreeSet::new()).unwrap_err();
        let said = error.to_string();
        assert!(said.contains("date=2025-03-09") && said.contains("row 66") && !error.is_usage(), "{said}");
        assert!(embeddings.groups(Grouping { groups: 2, examples: 1, seed: 0 }, &Filter::default()).is_err());
        // Where it is not looked at, it does not matter.
        let others = Filter { to: Some(date(2025, 3, 2)), ..Filter::default() };
        assert_eq!(search(&embeddings, &[vector(1)], Combine::Highest, &others, 5).len(), 5);
    }
}

#[test]
fn sites_dates_and_local_hours_are_filters() {
    let archive = archive();
    // 1,300 windows of three seconds last 65 minutes: the last 100 start after 17:00 local time.
    archive.add("a", "m1", &[day("LAKE03", "2025-03-05", 1000..2300)]);
    let embeddings = archive.open(&["a"]).unwrap();
    let all = |filter: &Filter| {
        let found =
            embeddings.nearest(&Query::new(&[vector(1)], Combine::Highest).unwrap(), filter, 5000, &BTreeSet::new()).unwrap();
        assert_eq!(found.hits.len() as u64, found.windows);
        found.windows
    };
    let sites = |patterns: &[&str]| Filter::default().sites(&patterns.iter().map(|p| (*p).to_owned()).collect::<Vec<_>>());
    assert_eq!((all(&sites(&["POND*"]).unwrap()), all(&sites(&["POND01", "SWAMP02"]).unwrap())), (120, 200));
    let unknown = embeddings.choose(&sites(&["RIVER*"]).unwrap()).unwrap_err().to_string();
    assert!(unknown.contains("`RIVER*`; there are: LAKE03, POND01, SWAMP02"), "{unknown}");
    assert!(sites(&["{a"]).is_err());
    let dates = |from, to| Filter { from, to, ..Filter::default() };
    assert_eq!(all(&dates(Some(date(2025, 3, 2)), None)), 1340);
    assert_eq!(all(&dates(Some(date(2025, 3, 1)), Some(date(2025, 3, 1)))), 160);
    let hours = |text: &str| Filter { hours: Some(text.parse().unwrap()), ..Filter::default() };
    assert_eq!((all(&hours("16-17")), all(&hours("17-16"))), (1400, 100));
    let nothing = embeddings.choose(&hours("18-20")).unwrap_err().to_string();
    assert!(nothing.contains("no window is left"), "{nothing}");
}

#[test]
fn spans_of_recordings_give_the_vectors_of_the_windows_in_them() {
    let archive = archive();
    let embeddings = archive.open(&["a"]).unwrap();
    let span = |site: &str, start_s, end_s| Span {
        run: 0,
        site: site.to_owned(),
        date: Some(date(2025, 3, 1)),
        recording_id: format!("{site}2025-03-01"),
        start_s,
        end_s: Some(end_s),
    };
    let examples = embeddings.examples(&[span("SWAMP02", 6.5, 6.6), span("POND01", 30.0, 36.0)], 100).unwrap();
    assert_eq!(examples.vectors, [vector(10), vector(11), vector(122)]);
    let some = embeddings.examples(&[span("POND01", 0.0, f64::MAX)], 8).unwrap();
    assert_eq!((some.places.len(), some.vectors.len()), (80, 8));
    assert_eq!((&some.vectors[0], &some.vectors[7]), (&vector(0), &vector(70)));
    assert!(embeddings.examples(&[span("SWAMP02", 500.0, 503.0)], 8).unwrap_err().to_string().contains("no window"));
    // Examples need not be among what is found.
    let query = Query::new(&examples.vectors, Combine::Highest).unwrap();
    let found = embeddings.nearest(&query, &Filter::default(), 200, &examples.places).unwrap();
    assert!(found.hits.len() == 197 && found.hits.iter().all(|hit| !examples.places.contains(&hit.place)));
}

#[test]
fn what_is_known_of_a_window_is_told() {
    let archive = archive();
    let embeddings = archive.open(&["a"]).unwrap();
    let examples = embeddings.examples(
        &[Span {
            run: 0,
            site: "POND01".into(),
            date: Some(date(2025, 3, 2)),
            recording_id: "POND012025-03-02".into(),
            start_s: 6.0,
            end_s: None,
        }],
        9,
    );
    let places: Vec<Place> = examples.unwrap().places.into_iter().collect();
    let [window] = &embeddings.describe(&places).unwrap()[..] else { panic!("one window") };
    assert_eq!((window.path.as_deref(), window.start_s, window.end_s), (Some("POND01/2025-03-02.wav"), 6.0, Some(9.0)));
    let us = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_microsecond();
    assert_eq!((window.utc_us, window.local_us), (Some(us("2025-03-02T19:00:06Z")), Some(us("2025-03-02T16:00:06Z"))));
    let table = nearest_table(&embeddings, &[Hit { place: places[0], similarity: 0.5 }], std::slice::from_ref(window));
    assert_eq!((table.num_rows(), table.num_columns()), (1, 11));
}

/// Vectors around one of three directions; the first is frequent.
fn planted(rows: usize) -> (Vec<Vec<f32>>, Vec<usize>) {
    let direction = |row: usize| [0, 0, 1, 0, 2, 1, 0][row % 7];
    let near = |row: usize| {
        let noise = vector(row).into_iter().enumerate();
        noise.map(|(i, value)| 2.0 + 0.05 * value + if i == direction(row) { 1.0 } else { 0.0 }).collect()
    };
    ((0..rows).map(near).collect(), (0..rows).map(direction).collect())
}

#[test]
fn groups_are_told_largest_first_with_sites_dates_hours_labels_and_examples() {
    let archive = Archive::new();
    let (mut vectors, directions) = planted(700);
    vectors.push(vec![0.0; LENGTH]);
    let days = [
        Day { site: "A", date: "2025-03-01", vectors: vectors[..350].to_vec() },
        Day { site: "B", date: "2025-03-02", vectors: vectors[350..].to_vec() },
    ];
    archive.add("a", "m1", &days);
    archive.label("a", &days[0], "FROG", |row| directions[row] == 1);
    let embeddings = archive.open(&["a"]).unwrap();
    let grouping = Grouping { groups: 3, examples: 4, seed: 5 };
    let groups = embeddings.groups(grouping, &Filter::default()).unwrap();
    assert_eq!((groups.windows, groups.zeros), (700, 1));
    let number = |direction: usize| directions.iter().filter(|other| **other == direction).count() as u64;
    let windows: Vec<u64> = groups.groups.iter().map(|group| group.windows).collect();
    assert_eq!(windows.iter().sum::<u64>(), 700);
    assert!(windows.iter().zip([number(0), number(1), number(2)]).all(|(found, wanted)| *found == wanted), "{windows:?}");
    let frogs = &groups.groups[1];
    assert_eq!((frogs.sites.len(), frogs.labelled), (2, frogs.sites.iter().find(|(site, _)| site == "A").unwrap().1));
    assert_eq!(frogs.labels, [("FROG".into(), frogs.labelled)]);
    assert!(groups.groups[0].labels.is_empty() && groups.groups[0].labelled == 200);
    assert_eq!(frogs.dates, Some((date(2025, 3, 1), date(2025, 3, 2))));
    assert_eq!(frogs.hours[16], frogs.windows, "all start within an hour");
    assert!(frogs.examples.len() == 4 && frogs.examples.windows(2).all(|pair| pair[0] < pair[1]));
    assert!(frogs.similarity > 0.8 && frogs.examples[0].similarity > frogs.similarity as f32);
    for place in frogs.examples.iter().map(|hit| hit.place) {
        assert_eq!(directions[350 * place.part as usize + place.row as usize], 1);
    }
    let told = |groups: &Groups| {
        let windows =
            |group: &Group| embeddings.describe(&group.examples.iter().map(|hit| hit.place).collect::<Vec<_>>()).unwrap();
        groups_table(groups, &groups.groups.iter().map(windows).collect::<Vec<_>>())
    };
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let again = pool.install(|| embeddings.groups(grouping, &Filter::default())).unwrap();
        assert_eq!(told(&again), told(&groups), "{threads} threads");
    }
    assert!(embeddings.groups(Grouping { groups: 50, ..grouping }, &Filter::default()).unwrap().groups.len() > 10);
}

#[test]
fn a_sample_is_spread_over_all_files_and_keeps_to_the_filter() {
    let archive = archive();
    let embeddings = archive.open(&["a"]).unwrap();
    let all = embeddings.choose(&Filter::default()).unwrap();
    let sample = embeddings.sample(&all, 20, 1);
    let of_part: BTreeMap<u32, usize> = sample.iter().map(|chosen| (chosen.part, embeddings.rows_of(chosen))).collect();
    assert_eq!(of_part, BTreeMap::from([(0, 8), (1, 4), (2, 8)]));
    assert_eq!(embeddings.sample(&all, 500, 1).iter().map(|chosen| embeddings.rows_of(chosen)).sum::<usize>(), 200);
    let some = embeddings.sample(&sample, 10, 1);
    let rows = |chosen: &[filter::Chosen]| {
        chosen.iter().flat_map(|c| c.rows.clone().unwrap().into_iter().map(|row| (c.part, row))).collect()
    };
    let (some, sample): (BTreeSet<_>, BTreeSet<_>) = (rows(&some), rows(&sample));
    assert!(some.len() == 10 && some.is_subset(&sample));
}

#[test]
fn a_run_without_recordings_and_configuration_can_be_searched() {
    let archive = archive();
    let run: &Path = &archive.run("a");
    fs::remove_dir_all(run.join("tables/recordings")).unwrap();
    fs::remove_file(run.join("config.resolved.yaml")).unwrap();
    let embeddings = archive.open(&["a"]).unwrap();
    let found = embeddings
        .nearest(&Query::new(&[vector(3)], Combine::Highest).unwrap(), &Filter::default(), 1, &BTreeSet::new())
        .unwrap();
    let [window] = &embeddings.describe(&[found.hits[0].place]).unwrap()[..] else { panic!("one window") };
    assert_eq!((window.path.as_ref(), window.end_s, window.local_us), (None, None, None));
    assert_eq!(window.segment_id, "POND012025-03-01-000003");
}
