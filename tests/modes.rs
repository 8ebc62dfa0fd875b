//! The two modes of one graph, and the ways into them.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::process::Command;

use common::{CHORUS, Survey, text};

#[test]
fn a_labelled_survey_ends_with_every_table() {
    let survey = Survey::made();
    let output = Command::new(CHORUS).arg("schema").output().unwrap();
    let tables: Vec<String> =
        text(&output.stdout).lines().map(|line| line.split_whitespace().next().unwrap().to_owned()).collect();
    assert!(tables.len() >= 14);
    // Some are made with a backbone, some without labels, some on request, and some of several runs; tests/backbones.rs,
    // tests/without_labels.rs, tests/judged.rs, tests/soundscape.rs, tests/plausibility.rs and tests/sweep.rs see them.
    let others = [
        "embeddings",
        "embedding_maps",
        "backbone_scores",
        "head_trials",
        "soundscape",
        "speech",
        "distillation_log",
        "held_out_labels",
        "chosen_labels",
        "pseudo_labels",
        "pretraining_log",
        "unknown",
        "unknown_sounds",
        "open_set_metrics",
        "plausibility",
        "self_training_rounds",
    ];
    let usual = |table: &&String| !others.contains(&table.as_str()) && !table.starts_with("sweep_");
    for table in tables.iter().filter(usual) {
        let rows = survey.ask(&format!("SELECT COUNT(*) AS n FROM {table}"));
        let n: u64 = rows.lines().nth(1).unwrap().parse().unwrap();
        assert!(n > 0 || table == "detections", "{table} is empty");
    }
    for file in [
        "model/weights.safetensors",
        "model/model.yaml",
        "model/decisions.yaml",
        "model/taxa.yaml",
        "report/index.html",
        "manifest.json",
        "config.resolved.yaml",
    ] {
        assert!(survey.run().join(file).is_file(), "{file}");
    }
    assert_eq!(fs::read_dir(survey.run().join("tmp")).map_or(0, Iterator::count), 0, "something stayed in tmp");
}

#[test]
fn an_archive_without_labels_is_predicted_straight_from_audio_with_the_same_scores() {
    let survey = Survey::made();
    let other = survey.folder().join("unlabelled");
    let sets = [
        "annotate.format=none".to_owned(),
        format!("model.path={}", survey.run().join("model").display()),
        format!("run.path={}", other.display()),
    ];
    let mut args = vec!["run"];
    args.extend(sets.iter().flat_map(|set| ["--set", set]));
    let output = survey.chorus(&args);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(!other.join("tables/features").exists() && !other.join("tables/labels").exists());
    for part in ["tables/predictions", "tables/detections", "tables/activity"] {
        let (found, expected) = (common::contents(&other.join(part), ""), common::contents(&survey.run().join(part), ""));
        common::assert_same(&found, &expected, part);
    }
    assert!(other.join("report/index.html").is_file());
    // Through features that are kept, too.
    args.extend(["--set", "predict.source=features"]);
    assert!(survey.chorus(&args).status.success());
    let found = common::contents(&other.join("tables/predictions"), "");
    common::assert_same(&found, &common::contents(&survey.run().join("tables/predictions"), ""), "from features");
    assert!(other.join("tables/features").exists());
}

/// In a run with labels, too: the training reads features, and predictions need not.
#[test]
fn a_labelled_run_can_predict_straight_from_audio() {
    let survey = Survey::made();
    let expected = common::contents(&survey.run().join("tables/predictions"), "");
    let made = survey.made_by(|survey| drop(survey.run_with(&["--set", "predict.source=audio"])));
    assert_eq!(made.keys().collect::<Vec<_>>(), ["predict"], "and what follows from the same scores stays fresh");
    let found = common::contents(&survey.run().join("tables/predictions"), "");
    common::assert_same(&found, &expected, "from audio");
}

#[test]
fn scores_that_are_left_out_change_neither_detections_nor_effort() {
    let survey = Survey::made();
    let model = format!("model.path={}", survey.run().join("model").display());
    let run = |name: &str, more: &[&str]| {
        let path = format!("run.path={}", survey.folder().join(name).display());
        let sets = ["annotate.format=none", &model, &path, "detect.threshold=0.4"];
        let sets: Vec<&str> = sets.iter().chain(more).flat_map(|set| ["--set", set]).collect();
        survey.chorus(&[&["run"][..], &sets].concat())
    };
    assert!(run("whole", &[]).status.success());
    let output = run("less", &["predict.min_score=0.3"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let table = |name: &str, table: &str| common::contents(&survey.folder().join(name).join("tables").join(table), "");
    for kept in ["detections", "activity", "nights", "phenology"] {
        common::assert_same(&table("less", kept), &table("whole", kept), kept);
    }
    let count = |name: &str, of: &str| {
        let sql = format!("SELECT COUNT({of}) AS n FROM predictions");
        common::ask(&survey.folder().join(name), &sql)
    };
    assert_ne!(count("less", "*"), count("whole", "*"));
    assert_eq!(count("less", "DISTINCT segment_id"), count("whole", "DISTINCT segment_id"));
    let output = run("less", &["predict.min_score=0.5"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("predict.min_score 0.5 left lower ones out"), "{}", text(&output.stderr));
    let output = survey.chorus(&["run", "--set", "predict.min_score=0.3"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("evaluate needs every score"), "{}", text(&output.stderr));
}

/// The settings of `Survey` have 32 bands, and the shipped configuration says nothing of bands.
#[test]
fn a_model_brings_its_settings_to_the_shipped_configuration() {
    let survey = Survey::made();
    let other = survey.folder().join("applied");
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/configs/archive.yaml");
    let sets = [
        format!("archive.path={}", survey.archive().join("raw_data").display()),
        format!("model.path={}", survey.run().join("model").display()),
        format!("run.path={}", other.display()),
        // As in the survey: scores depend on them in their last digits.
        "predict.batch_size=16".to_owned(),
        "train.threads=1".to_owned(),
        "units.keep_free_gib=0".to_owned(),
    ];
    let chorus = |args: &[&str]| {
        let sets = sets.iter().flat_map(|set| ["--set", set]);
        Command::new(CHORUS).args(args).args(["-c", config]).args(sets).output().unwrap()
    };
    let checked = chorus(&["check"]);
    assert!(text(&checked.stdout).contains("featurize.n_mels 32"), "{}{}", text(&checked.stdout), text(&checked.stderr));
    let output = chorus(&["run", "--query", "SELECT COUNT(*) AS n FROM predictions"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let recorded = fs::read_to_string(other.join("config.resolved.yaml")).unwrap();
    assert!(recorded.contains("  n_mels: 32\n") && recorded.contains("  - featurize.n_mels\n"), "{recorded}");
    // The same scores as in the model's own run.
    let rows = |run: &std::path::Path| {
        let sql = "SELECT class, start_s, ROUND(score, 5) AS score FROM predictions ORDER BY class, start_s, score";
        common::ask(run, sql)
    };
    assert!(!rows(&other).is_empty());
    assert_eq!(rows(&other), rows(&survey.run()));
    // The recorded configuration makes nothing stale, and it does not count as given.
    let again = Command::new(CHORUS).args(["run", "--run"]).arg(&other).output().unwrap();
    assert!(text(&again.stderr).contains("nothing to do"), "{}", text(&again.stderr));
    // A contradiction is refused with the place of the key, and leaves the run as it was.
    let mine = survey.folder().join("contradicts.yaml");
    fs::write(&mine, fs::read_to_string(config).unwrap() + "featurize:\n  n_mels: 64\n").unwrap();
    let refused = Command::new(CHORUS).arg("run").arg("-c").arg(&mine).args(sets.iter().flat_map(|set| ["--set", set])).output();
    let refused = refused.unwrap();
    assert_eq!(refused.status.code(), Some(2));
    let said = text(&refused.stderr);
    let line = fs::read_to_string(&mine).unwrap().lines().position(|line| line.contains("n_mels")).unwrap() + 1;
    assert!(said.contains(&format!("contradicts.yaml:{line}: featurize.n_mels: found `64`")), "{said}");
    assert_eq!(fs::read_to_string(other.join("config.resolved.yaml")).unwrap(), recorded);
}

#[test]
fn init_writes_a_configuration_that_runs() {
    let survey = Survey::tiny();
    let written = survey.folder().join("mine.yaml");
    let init = |more: &[&str]| {
        Command::new(CHORUS).arg("init").arg(survey.archive()).arg("-o").arg(&written).args(more).output().unwrap()
    };
    let output = init(&[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("8 recordings"), "{}", text(&output.stdout));
    let again = init(&[]);
    assert_eq!(again.status.code(), Some(2), "it must not overwrite");
    let of_a_file = Command::new(CHORUS).arg("init").arg(&written).output().unwrap();
    assert_eq!(of_a_file.status.code(), Some(2));
    assert!(text(&of_a_file.stderr).contains("this is not a folder"), "{}", text(&of_a_file.stderr));
    let config = fs::read_to_string(&written).unwrap();
    for wanted in
        ["format: anuraset_raw", "code_table: species.csv", "file: subset.csv", "site_sheet: sites.csv", "audio: raw_data"]
    {
        assert!(config.contains(wanted), "{wanted} is missing in\n{config}");
    }
    let run = survey.folder().join("by-init");
    let run = format!("run.path={}", run.display());
    // Features of its own, which the archive without labels takes from the model.
    let sets = ["train.epochs=1", "train.architecture=mobilenet_v3_small", "train.width=0.25", "featurize.n_mels=32", &run];
    let sets = sets.into_iter().flat_map(|set| ["--set", set]);
    let output = Command::new(CHORUS).arg("run").args(sets).arg("-c").arg(&written).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    // The same sounds without their labels, with the model just made.
    let bare = survey.folder().join("bare");
    common::copy(&survey.archive().join("raw_data"), &bare);
    let written = survey.folder().join("bare.yaml");
    let model = survey.folder().join("by-init/model");
    let init = |model: &std::path::Path| {
        Command::new(CHORUS).arg("init").arg(&bare).arg("--model").arg(model).arg("-o").arg(&written).output().unwrap()
    };
    let refused = init(&survey.folder().join("by-init"));
    assert_eq!((refused.status.code(), written.exists()), (Some(2), false), "{}", text(&refused.stderr));
    let output = init(&model);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let run = format!("run.path={}", survey.folder().join("bare-run").display());
    let output = Command::new(CHORUS).args(["run", "--set", &run, "-c"]).arg(&written).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    // With the labels the model is judged.
    let written = survey.folder().join("judged.yaml");
    let init = Command::new(CHORUS).arg("init").arg(survey.archive()).arg("--model").arg(&model).arg("-o").arg(&written).output();
    let output = init.unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("labels (anuraset_raw), a model"), "{}", text(&output.stderr));
    let config = fs::read_to_string(&written).unwrap();
    for wanted in ["format: anuraset_raw", "threshold_fraction: 0\n", "\nmodel:\n  path: ", "# file: subset.csv"] {
        assert!(config.contains(wanted), "{wanted} is missing in\n{config}");
    }
    let run = survey.folder().join("judged-run");
    let set = format!("run.path={}", run.display());
    let output = Command::new(CHORUS).args(["run", "--set", &set, "-c"]).arg(&written).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(common::ask(&run, "SELECT DISTINCT subset FROM splits WHERE subset <> 'unused'"), ["test"]);
}

#[test]
fn the_troubles_of_real_archives_are_rows() {
    let survey = Survey::tiny();
    fs::remove_dir_all(survey.archive()).unwrap();
    let options =
        ["--sites", "3", "--nights", "2", "--recordings-per-night", "2", "--recording-s", "12", "--sample-rate-hz", "16000"];
    assert!(Command::new(CHORUS).arg("demo").arg(survey.archive()).args(options).output().unwrap().status.success());
    let said = survey.run_all();
    assert!(said.contains("2 of 15 recordings cannot be read"), "{said}");
    let rows = survey.ask("SELECT status, reason_code, COUNT(*) AS n FROM recordings GROUP BY status, reason_code ORDER BY status, reason_code NULLS FIRST");
    assert_eq!(rows, "status,reason_code,n\nok,,12\nrejected,empty_file,1\nrejected,not_audio,1\nrepaired,truncated,1\n");
    // The damaged files have no annotation file, so nobody says that nothing calls in them.
    let reviewed = survey.ask("SELECT reviewed, COUNT(*) AS n FROM reviews GROUP BY reviewed ORDER BY reviewed");
    assert_eq!(reviewed, "reviewed,n\nfalse,3\ntrue,12\n");
    let nulls = survey.ask("SELECT COUNT(*) AS n FROM labels WHERE value IS NULL");
    assert_ne!(nulls.trim(), "n\n0", "the repaired recording's windows were never reviewed");
}

#[test]
fn the_archive_is_left_as_it_was() {
    let survey = Survey::tiny();
    let before = common::contents(&survey.archive(), "");
    let names = |folder: &std::path::Path| common::contents(folder, "").into_keys().collect::<Vec<_>>();
    let modified = fs::metadata(survey.archive().join("raw_data/POND01")).unwrap().modified().unwrap();
    survey.run_all();
    assert_eq!(names(&survey.archive()), before.keys().cloned().collect::<Vec<_>>());
    common::assert_same(&common::contents(&survey.archive(), ""), &before, "the archive changed");
    // A file that came and went would show in the folder's own time.
    assert_eq!(fs::metadata(survey.archive().join("raw_data/POND01")).unwrap().modified().unwrap(), modified);
}

#[test]
fn single_units_are_made_and_the_rest_waits() {
    let survey = Survey::tiny();
    let made = survey.made_by(|survey| {
        survey.run_with(&["ingest", "segment"]);
        survey.run_with(&["featurize", "--unit", "site=POND01"]);
    });
    assert!(made["featurize"].iter().all(|unit| unit.starts_with("site=POND01/")), "{made:?}");
    assert!(made["ingest"].len() > made["featurize"].len(), "{made:?}");
}

#[test]
fn a_run_that_is_named_is_the_run_that_is_used_from_every_folder() {
    let survey = Survey::made();
    let elsewhere = survey.folder().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    // Made with relative paths, then asked for from another folder.
    let args = ["--set", "archive.path=archive", "--set", "run.path=run"];
    survey.run_with(&args);
    let output = Command::new(CHORUS).args(["status", "--run", "../run"]).current_dir(&elsewhere).output().unwrap();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    let output = Command::new(CHORUS).args(["run", "--run", "../run"]).current_dir(&elsewhere).output().unwrap();
    assert!(text(&output.stderr).contains("nothing to do"), "{}", text(&output.stderr));
    assert!(!elsewhere.join("run").exists());
}

#[test]
fn answers_come_in_every_format() {
    let survey = Survey::made();
    let sql = "SELECT site, COUNT(*) AS n FROM recordings GROUP BY site ORDER BY site";
    let ask = |format: &str| {
        let output = survey.chorus(&["query", sql, "--format", format]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        output.stdout
    };
    assert_eq!(text(&ask("csv")), "site,n\nMARSH02,4\nPOND01,4\n");
    assert_eq!(text(&ask("json")), "{\"site\":\"MARSH02\",\"n\":4}\n{\"site\":\"POND01\",\"n\":4}\n");
    assert!(ask("parquet").starts_with(b"PAR1"));
    let file = survey.folder().join("out.parquet");
    let output = survey.chorus(&["query", sql, "-o", file.to_str().unwrap()]);
    assert!(output.status.success() && fs::read(&file).unwrap().starts_with(b"PAR1"), "{}", text(&output.stderr));
    let inside = survey.run().join("tables/recordings/x.csv");
    assert_eq!(survey.chorus(&["query", sql, "-o", inside.to_str().unwrap()]).status.code(), Some(2));
    let table = text(&ask("table"));
    assert!(table.starts_with("site") && table.lines().count() >= 4, "{table}");
}
