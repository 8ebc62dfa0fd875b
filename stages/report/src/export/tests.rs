use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::*;
use crate::facts::rows::{self, Named, f32, f64, text};

/// How often each class was detected: a format that no file of this folder knows.
struct Counts;

#[derive(Deserialize)]
struct CountsOptions {
    column_name: Option<String>,
}

impl Export for Counts {
    fn name(&self) -> &'static str {
        "counts"
    }

    fn about(&self) -> &'static str {
        "detections of each class, counted"
    }

    fn options(&self) -> &'static [ExportOption] {
        &[ExportOption { name: "column-name", value: "NAME", about: "what the column is called" }]
    }

    fn write(&self, run: &Run, filter: &Filter, options: &Options, destination: &Destination) -> Result<Summary, ExportError> {
        let CountsOptions { column_name } = options.read()?;
        let mut table = destination.file("counts.csv")?.csv(&["class", column_name.as_deref().unwrap_or("n")])?;
        let (mut counts, mut summary) = (BTreeMap::<String, u64>::new(), Summary::default());
        run.each_recording(filter, |_, detections| {
            summary.recordings += 1;
            summary.detections += detections.len() as u64;
            detections.iter().for_each(|detection| *counts.entry(detection.class.to_string()).or_default() += 1);
            Ok(())
        })?;
        counts.iter().try_for_each(|(class, n)| table.row(&[class.clone(), n.to_string()]))?;
        table.finish()?;
        Ok(summary)
    }
}

/// Reads a table that it does not declare.
struct Secretive;

impl Export for Secretive {
    fn name(&self) -> &'static str {
        "secretive"
    }

    fn about(&self) -> &'static str {
        "hours, from a table that is not declared"
    }

    fn write(&self, run: &Run, filter: &Filter, _: &Options, _: &Destination) -> Result<Summary, ExportError> {
        run.effort_h(filter).map(|_| Summary::default())
    }
}

fn put(run: &Path, table: &str, place: &str, named: &[Named]) {
    let path = run.join("tables").join(table).join(place).join("part-000.parquet");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, rows::bytes(table, named)).unwrap();
}

/// Two recordings at one site; three detections in the first and none in the second.
fn run(folder: &Path) -> RunTables {
    let run = folder.join("run");
    for (date, id) in [("2020-03-01", "a"), ("2020-03-02", "b")] {
        let place = format!("site=POND/date={date}");
        let path = format!("{id}.wav");
        let recording =
            [text("recording_id", [id]), text("path", [path.as_str()]), text("status", ["ok"]), f64("duration_s", [60.0])];
        put(&run, "recordings", &place, &recording);
        let detections: &[&str] = if id == "a" { &["FROG", "FROG", "TOAD"] } else { &[] };
        let starts: Vec<f64> = (0..detections.len()).map(|i| i as f64 * 3.0).collect();
        let found = [
            text("recording_id", vec![id; detections.len()]),
            text("class", detections.to_vec()),
            f64("start_s", starts.clone()),
            f64("end_s", starts.iter().map(|start| start + 3.0).collect::<Vec<_>>()),
            f32("peak_score", vec![0.5; detections.len()]),
        ];
        put(&run, "detections", &place, &found);
    }
    RunTables::open(&run, |_| Vec::new()).unwrap()
}

fn request<'a>(run: &'a RunTables, format: &'a dyn Export, folder: &Path, options: &[(&str, &str)]) -> Request<'a> {
    let options = Options::new(options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    Request { run, format, filter: Filter::default(), options, folder: folder.to_owned(), force: false, raw: false }
}

#[test]
fn formats_have_one_name_each_and_options_of_their_own() {
    for format in EXPORTS {
        let same: Vec<&str> = EXPORTS.iter().map(|other| other.name()).filter(|name| *name == format.name()).collect();
        assert_eq!(same.len(), 1, "{}", format.name());
        assert_eq!(named(format.name()).unwrap().name(), format.name());
        assert!(!format.about().is_empty() && !format.about().ends_with('.'), "{}", format.about());
        assert!(format.tables().iter().all(|table| chorus_tables::schema(table).is_ok()), "{}", format.name());
    }
    assert!(named("ravens").is_none());
}

#[test]
fn the_docs_describe_every_format_and_option() {
    let docs = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/exports.md")).unwrap();
    for format in EXPORTS {
        let name = format.name();
        assert!(
            docs.contains(&format!("| `{name}` |")) && docs.contains(&format!("\n## {name}\n")),
            "docs/exports.md lacks {name}"
        );
        for option in format.options() {
            let usage = format!("--{} {}", option.name, option.value);
            assert!(docs.contains(&format!("`{}`", usage.trim_end())), "docs/exports.md lacks --{}", option.name);
        }
    }
}

#[test]
fn a_format_is_added_without_touching_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let (run, folder) = (run(dir.path()), dir.path().join("out"));
    let rows: Vec<usize> = run.partitions("detections").unwrap().iter().map(|part| part.rows().unwrap()).collect();
    assert_eq!(rows, [3, 0]);
    let done = export(&request(&run, &Counts, &folder, &[("column-name", "detections")])).unwrap();
    assert_eq!((done.recordings, done.detections), (2, 3));
    assert_eq!(fs::read_to_string(folder.join("counts.csv")).unwrap(), "class,detections\nFROG,2\nTOAD,1\n");
}

#[test]
fn options_of_other_formats_and_tables_that_are_not_declared_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (run, folder) = (run(dir.path()), dir.path().join("out"));
    let refused = |format: &dyn Export, options: &[(&str, &str)]| export(&request(&run, format, &folder, options)).unwrap_err();
    let error = refused(&Counts, &[("metadata", "m.yaml")]);
    assert_eq!(error.to_string(), "--metadata: the format counts does not take this option; it is for: camtrap-dp");
    assert!(error.is_usage());
    let error = refused(&Secretive, &[]);
    assert!(error.to_string().contains("the table nights") && !error.is_usage(), "{error}");
    assert!(!folder.exists());
}

#[test]
fn a_unit_without_detections_is_not_one_whose_file_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let (run, folder) = (run(dir.path()), dir.path().join("out"));
    fs::remove_file(run.path().join("tables/detections/site=POND/date=2020-03-02/part-000.parquet")).unwrap();
    let error = export(&request(&run, named("csv").unwrap(), &folder, &[])).unwrap_err().to_string();
    assert!(error.contains("the table detections has no file for site=POND/date=2020-03-02/part-000"), "{error}");
    fs::remove_dir_all(run.path().join("tables/detections")).unwrap();
    let error = export(&request(&run, named("csv").unwrap(), &folder, &[])).unwrap_err().to_string();
    assert!(error.contains("no table `detections` yet; `chorus run detect --with-upstream -c FILE` makes it"), "{error}");
}

#[test]
fn where_no_table_names_the_classes_activity_does() {
    let dir = tempfile::tempdir().unwrap();
    let run = run(dir.path());
    let csv = named("csv").unwrap();
    let mut wanted = request(&run, csv, Path::new("out"), &[]);
    assert_eq!(wanted.tables(), ["recordings", "detections", "classes", "taxa"]);
    wanted.filter.classes = ["FROG".to_owned()].into();
    assert_eq!(wanted.tables(), ["recordings", "detections", "classes", "taxa", "activity"]);
}
