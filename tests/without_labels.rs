//! Learning from recordings that nobody labelled: pretraining, rounds of self-training, and sounds that were never learnt.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{CHORUS, Survey, ask, assert_same, contents, text};

/// A tiny survey of which some train recordings are on no side of the split.
fn survey() -> Survey {
    let survey = Survey::tiny();
    let path = survey.archive().join("subset.csv");
    let mut seen = 0;
    let mut apart = |line: &str| {
        seen += usize::from(line.ends_with(",train"));
        if line.ends_with(",train") && seen % 3 == 0 { line.replace(",train", ",unused") } else { line.to_owned() }
    };
    let lines: Vec<String> = fs::read_to_string(&path).unwrap().lines().map(&mut apart).collect();
    assert!(lines.iter().any(|line| line.ends_with(",unused")), "{lines:?}");
    fs::write(path, lines.join("\n") + "\n").unwrap();
    survey
}

fn well(survey: &Survey, args: &[&str]) -> (String, String) {
    let output = survey.chorus(args);
    assert!(output.status.success(), "{}", text(&output.stderr));
    (text(&output.stdout), text(&output.stderr))
}

/// Tables and model of a run.
fn made(run: &Path) -> BTreeMap<String, Vec<u8>> {
    ["tables", "model"].iter().flat_map(|part| contents(&run.join(part), part)).collect()
}

fn rounds(survey: &Survey) -> PathBuf {
    survey.folder().join("run-self-training")
}

/// Kills a command again and again, each time after the stage has saved a checkpoint once more; gives how often it was within the work.
fn killed(start: &dyn Fn() -> Child, cache: &Path, kills: u64) -> u32 {
    let mut within = 0;
    for kill in 0..kills {
        let mut child = start();
        let checkpoint = || cache.read_dir().ok().and_then(|mut files| files.next()?.ok()?.metadata().ok()?.modified().ok());
        let (before, begun) = (checkpoint(), Instant::now());
        while checkpoint() == before && child.try_wait().unwrap().is_none() && begun.elapsed() < Duration::from_secs(120) {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(3 * kill));
        within += u32::from(child.try_wait().unwrap().is_none());
        child.kill().ok();
        child.wait().unwrap();
    }
    within
}

#[test]
fn a_round_learns_from_what_the_round_before_supposes_of_recordings_on_no_side() {
    let survey = survey();
    let args =
        ["self-train", "--rounds", "1", "--set", "self_training.last_epochs=1", "--set", "self_training.negative_below=0.01"];
    let (table, said) = well(&survey, &args);
    let student = rounds(&survey).join("round-1");
    assert!(said.contains("windows teach, of"), "{said}");
    // Only recordings on no side teach, and each window has every class once.
    let taught: BTreeSet<String> =
        ask(&student, "SELECT DISTINCT s.subset FROM pseudo_labels JOIN splits s USING (recording_id)").into_iter().collect();
    assert_eq!(taught.iter().map(String::as_str).collect::<Vec<_>>(), ["unused"]);
    let per_window = ask(&student, "SELECT MIN(n), MAX(n) FROM (SELECT COUNT(*) AS n FROM pseudo_labels GROUP BY segment_id)");
    let classes = ask(&student, "SELECT COUNT(*) FROM classes");
    assert_eq!(per_window, [format!("{0},{0}", classes[0])]);
    let rule = "SELECT COUNT(*) FROM pseudo_labels WHERE (probability >= 0.5 AND target <> probability) OR (probability < 0.01 AND target <> 0) OR target > probability";
    assert_eq!(ask(&student, rule), ["0"]);
    // What was learnt is not what the teacher is.
    assert_ne!(
        fs::read(student.join("model/weights.safetensors")).unwrap(),
        fs::read(survey.run().join("model/weights.safetensors")).unwrap()
    );
    let kept = ask(&rounds(&survey), "SELECT round, windows_taught > 0, kept FROM self_training_rounds ORDER BY round");
    assert_eq!(kept.len(), 2);
    assert!(kept[0].starts_with("0,false,") && kept[1].starts_with("1,true,"), "{kept:?}");
    assert_eq!(kept.iter().filter(|row| row.ends_with(",true")).count(), 1, "{kept:?}");
    assert!(table.contains("best") && table.lines().count() == 3, "{table}");
    // A second call makes nothing.
    let log = || fs::read(student.join("log.jsonl")).unwrap();
    let before = log();
    assert_eq!(well(&survey, &args).0, table);
    assert_eq!(log(), before);
}

#[test]
fn a_round_that_is_killed_goes_on_where_it_was() {
    let args = ["self-train", "--rounds", "1", "--set", "train.epochs=6", "--set", "self_training.last_epochs=2"];
    let alone = survey();
    well(&alone, &args);
    let survey = survey();
    survey.take_archive_of(&alone);
    // The teacher first, so that the kills fall into the round.
    survey.run_with(&["--set", "train.epochs=6", "--set", "self_training.last_epochs=2"]);
    let start = || survey.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let within = killed(&start, &rounds(&survey).join("round-1/state/cache/train"), 5);
    assert!(within >= 3, "the training was over before it could be killed: {within} of 5");
    well(&survey, &args);
    assert_same(&made(&rounds(&survey).join("round-1")), &made(&rounds(&alone).join("round-1")), "a round that was killed");
}

#[test]
fn a_teacher_that_is_no_run_or_has_no_predictions_is_refused() {
    let survey = survey();
    let refused = |teacher: &str| {
        let output = survey.chorus(&["run", "--set", &format!("self_training.teacher={teacher}")]);
        assert!(!output.status.success());
        text(&output.stderr)
    };
    assert!(refused("nowhere").contains("self_training.teacher nowhere: this folder is no run"));
    well(&survey, &["run", "split", "--with-upstream", "--set", "run.path=begun"]);
    let said = refused("begun");
    assert!(said.contains("begun: this run has no predictions"), "{said}");
    let said = refused(&survey.run().display().to_string());
    assert!(said.contains("is the folder of the run itself") || said.contains("this folder is no run"), "{said}");
}

const PRETRAIN: [&str; 8] = [
    "--set",
    "pretrain.epochs=4",
    "--set",
    "pretrain.projection=8",
    "--set",
    "pretrain.projection_hidden=16",
    "--set",
    "train.epochs=2",
];

#[test]
fn every_objective_and_mixing_pretrains_and_train_starts_from_it() {
    let survey = survey();
    survey.run_with(&["--set", "train.epochs=2"]);
    let untaught = fs::read(survey.run().join("model/weights.safetensors")).unwrap();
    let mut made = BTreeSet::from([untaught]);
    for (objective, mixing) in
        [("simclr", "none"), ("barlow_twins", "mixup"), ("vicreg", "manifold_mixup"), ("simclr", "multimix"), ("vicreg", "mix2")]
    {
        let (objective, mixing) = (format!("pretrain.objective={objective}"), format!("pretrain.mixing={mixing}"));
        let sets = ["--set", objective.as_str(), "--set", mixing.as_str()];
        well(&survey, &[&["run", "train", "--with-upstream"], &PRETRAIN[..], &sets].concat());
        let log = ask(
            &survey.run(),
            "SELECT epoch, train_loss, knn_average_precision, effective_rank FROM pretraining_log ORDER BY epoch",
        );
        assert_eq!(log.len(), 4, "{log:?}");
        for row in &log {
            let figures: Vec<f64> = row.split(',').map(|figure| figure.parse().unwrap()).collect();
            assert!(
                figures.iter().all(|figure| figure.is_finite()) && (0.0..=1.0).contains(&figures[2]) && figures[3] > 0.0,
                "{row}"
            );
        }
        let weights = fs::read(survey.run().join("model/weights.safetensors")).unwrap();
        assert!(made.insert(weights), "{objective} {mixing}: the same weights as before");
    }
    // How labels are learnt makes nothing stale of what was learnt without them; how windows look does.
    let last = ["--set", "pretrain.objective=vicreg", "--set", "pretrain.mixing=mix2"];
    let stale = |more: &str| survey.to_make(&[&PRETRAIN[..], &last, &["--set", more]].concat());
    for key in ["train.epochs=3", "train.loss=focal", "train.mixing=none", "train.body_rate=0.5"] {
        let stale = stale(key);
        assert!(stale.contains_key("train") && !stale.contains_key("pretrain"), "{key}: {stale:?}");
    }
    assert!(stale("train.time_masks=1").contains_key("pretrain"));
}

#[test]
fn pretraining_that_is_killed_goes_on_where_it_was() {
    let alone = survey();
    let run = [&["run", "pretrain", "--with-upstream"], &PRETRAIN[..]].concat();
    well(&alone, &run);
    let survey = survey();
    survey.take_archive_of(&alone);
    well(&survey, &["run", "split", "featurize", "--with-upstream"]);
    let start = || survey.command(&run).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let within = killed(&start, &survey.run().join("state/cache/pretrain"), 5);
    assert!(within >= 3, "pretraining was over before it could be killed: {within} of 5");
    well(&survey, &run);
    assert_same(&made(&survey.run()), &made(&alone.run()), "pretraining that was killed");
}

#[test]
fn windows_of_other_runs_teach_without_labels_and_copies_of_test_do_not() {
    let survey = survey();
    let mine = [&["run", "pretrain", "--with-upstream"], &PRETRAIN[..]].concat();
    let (_, alone) = well(&survey, &mine);
    let windows = |said: &str| -> usize {
        let line = said.lines().find(|line| line.contains("windows to learn from without labels")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    // The other run holds the same recordings: its windows of test and validation are copies of what this run is judged by.
    well(&survey, &["run", "featurize", "--with-upstream", "--set", "run.path=other"]);
    let all: usize = ask(&survey.folder().join("other"), "SELECT COUNT(*) FROM segments")[0].parse().unwrap();
    let judged = ask(
        &survey.run(),
        "SELECT COUNT(*) FROM segments JOIN splits USING (recording_id) WHERE subset IN ('test', 'validation')",
    );
    let (_, both) = well(&survey, &[&mine[..], &["--set", "pretrain.runs=[other]"]].concat());
    assert_eq!(windows(&both), windows(&alone) + all - judged[0].parse::<usize>().unwrap());
    let output = survey.chorus(&[&mine[..], &["--set", "pretrain.runs=[nowhere]"]].concat());
    assert!(text(&output.stderr).contains("pretrain.runs nowhere: this folder is no run"), "{}", text(&output.stderr));
}

#[test]
fn a_class_that_is_held_out_is_learnt_nowhere_and_told_by_how_unlike_it_is() {
    let survey = Survey::tiny();
    let classes = {
        survey.run_with(&["split", "--with-upstream"]);
        // Those that are rare in test: without a common one, validation would have no windows with labels.
        let sql = "SELECT class FROM labels JOIN splits USING (recording_id) WHERE value = 1 AND subset = 'test' \
                   GROUP BY class ORDER BY COUNT(*), class";
        ask(&survey.run(), sql)
    };
    let held_out = &classes[0];
    let positive = ask(&survey.run(), &format!("SELECT COUNT(*) FROM labels WHERE value = 1 AND class = '{held_out}'"));
    let sets = [format!("split.held_out_classes=[{held_out}]"), "predict.embeddings=true".into(), "unknown.enabled=true".into()];
    let sets: Vec<&str> = sets.iter().flat_map(|set| ["--set", set.as_str()]).collect();
    let said = survey.run_with(&sets);
    assert!(said.contains("windows of train and"), "{said}");
    assert!(!ask(&survey.run(), "SELECT class FROM classes").contains(held_out));
    assert_eq!(ask(&survey.run(), "SELECT COUNT(*) FROM held_out_labels"), positive);
    let known = "SELECT COUNT(*) FROM labels JOIN held_out_labels USING (segment_id) WHERE value IS NOT NULL";
    assert_eq!(ask(&survey.run(), known), ["0"], "a window with the class is unknown for the others");
    let windows = ask(&survey.run(), "SELECT COUNT(*) FROM segments");
    assert_eq!(ask(&survey.run(), "SELECT COUNT(*) FROM unknown"), windows);
    let odd = "SELECT COUNT(*) FROM unknown WHERE is_unknown <> (unknown >= 0.95) OR NOT (knn_distance >= 0 AND mahalanobis >= 0 AND energy >= 0)";
    assert_eq!(ask(&survey.run(), odd), ["0"]);
    let rows = ask(
        &survey.run(),
        "SELECT score, COUNT(*), COUNT(value) FROM open_set_metrics WHERE class IS NULL GROUP BY score ORDER BY score",
    );
    assert_eq!(rows, ["energy,3,3", "knn_distance,3,3", "mahalanobis,3,3", "max_logit,3,3", "unknown,3,3"]);
    // Loudness is measured of unknown windows alone; what is unknown and loud is in one group each, the largest first.
    let odd = "SELECT COUNT(*) FROM unknown WHERE is_unknown <> (rise_db IS NOT NULL) OR is_loud <> COALESCE(rise_db >= 10, FALSE) OR rise_db < 0";
    assert_eq!(ask(&survey.run(), odd), ["0"]);
    let loud = ask(&survey.run(), "SELECT segment_id FROM unknown WHERE is_loud ORDER BY segment_id");
    assert!(!loud.is_empty(), "the synthetic survey has calls of the class that was held out");
    assert_eq!(ask(&survey.run(), "SELECT segment_id FROM unknown_sounds ORDER BY segment_id"), loud);
    let sizes = ask(&survey.run(), "SELECT COUNT(*) FROM unknown_sounds GROUP BY \"group\" ORDER BY \"group\"");
    let sizes: Vec<u32> = sizes.iter().map(|size| size.parse().unwrap()).collect();
    assert!(sizes.is_sorted_by(|a, b| a >= b), "{sizes:?}");
    let page = fs::read_to_string(survey.run().join("report/index.html")).unwrap();
    assert!(page.contains("<h2>Unknown sounds</h2>") && page.contains("src=\"clips/unknown-01-1.wav\""), "no group has a clip");
    assert!(survey.run().join("report/clips/unknown-01-1.png").exists());
    // A detection tells how unlike what was learnt the window with its highest score is.
    survey.run_with(&[&["detect", "--with-upstream", "--set", "detect.threshold=0"], &sets[..]].concat());
    let told = "SELECT COUNT(*) > 0, COUNT(*) = COUNT(unknown), COUNT(*) = COUNT(unknown_sound) FROM detections";
    assert_eq!(ask(&survey.run(), told), ["true,true,true"]);
    let other = "SELECT COUNT(*) FROM (SELECT MAX(CASE WHEN u.unknown = d.unknown AND u.is_loud = d.unknown_sound THEN 1 ELSE 0 END) AS same \
         FROM detections d JOIN predictions p ON p.recording_id = d.recording_id AND p.class = d.class AND p.score = d.peak_score \
         JOIN unknown u ON u.segment_id = p.segment_id WHERE p.start_s >= d.start_s AND p.start_s < d.end_s \
         GROUP BY d.recording_id, d.class, d.start_s) t WHERE same = 0";
    assert_eq!(ask(&survey.run(), other), ["0"]);
    let doubtful = "SELECT COUNT(*) FROM detections WHERE unknown_sound IS TRUE AND unknown < 0.95";
    assert_eq!(ask(&survey.run(), doubtful), ["0"]);
    // Applied elsewhere, the model brings what it learnt; without that, the reason is told before anything is made.
    let applied =
        ["predict.embeddings=true", "unknown.enabled=true", "annotate.format=none", "model.path=run/model", "run.path=there"];
    let apply = [&["run", "unknown", "--with-upstream"][..], &applied.map(|set| ["--set", set]).concat()].concat();
    well(&survey, &apply);
    let there = survey.folder().join("there");
    assert_eq!(ask(&there, "SELECT COUNT(*) FROM unknown"), windows);
    assert!(!there.join("model/unknown.safetensors").exists(), "what the model learnt is read where it lies");
    let mean = |run: &Path| -> f64 { ask(run, "SELECT AVG(knn_distance) FROM unknown")[0].parse().unwrap() };
    assert!((mean(&there) - mean(&survey.run())).abs() < 0.02, "{} {}", mean(&there), mean(&survey.run()));
    let brought = survey.run().join("model/unknown.safetensors");
    let bytes = fs::read(&brought).unwrap();
    fs::remove_file(&brought).unwrap();
    let refused = text(&survey.chorus(&apply).stderr);
    assert!(refused.contains("unknown.safetensors: ") && refused.contains("in the run that trained the model"), "{refused}");
    fs::write(&brought, bytes).unwrap();
    // A sweep over classes ends in one table.
    let vary = format!("split.held_out_classes=[{held_out}],[{}]", classes[1]);
    well(&survey, &["sweep", "--vary", &vary, "--set", "predict.embeddings=true", "--set", "unknown.enabled=true"]);
    let of_sweep = ask(
        &survey.folder().join("run-sweep"),
        "SELECT DISTINCT class FROM sweep_open_set WHERE class IS NOT NULL ORDER BY class",
    );
    let mut both = [held_out.clone(), classes[1].clone()];
    both.sort();
    assert_eq!(of_sweep, both);
    let output = survey.chorus(&["run", "--set", "split.held_out_classes=[NOSUCH]"]);
    assert!(text(&output.stderr).contains("split.held_out_classes: found NOSUCH"), "{}", text(&output.stderr));
    let output = survey.chorus(&["run", "--set", "unknown.enabled=true"]);
    assert!(text(&output.stderr).contains("set predict.embeddings: true"), "{}", text(&output.stderr));
}

#[test]
fn an_enrolled_class_is_found_and_leaves_the_scores_of_the_others() {
    let survey = Survey::tiny();
    survey.run_with(&["annotate", "--with-upstream"]);
    let class = &ask(&survey.run(), "SELECT class FROM labels WHERE value = 1 GROUP BY class ORDER BY COUNT(*), class")[0];
    let sets = ["--set", "predict.embeddings=true", "--set", "unknown.enabled=true"];
    survey.run_with(&[&["--set", &format!("split.held_out_classes=[{class}]")], &sets[..]].concat());
    let run = survey.run().display().to_string();
    let enroll = |more: &[&str]| {
        let condition = format!("class = '{class}'");
        let args = ["enroll", class.as_str(), "--run", &run, "--table", "held_out_labels", "--where", &condition];
        Command::new(CHORUS).args([&args[..], more].concat()).current_dir(survey.folder()).output().unwrap()
    };
    let output = enroll(&["-o", "with", "--examples", "5"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let told = text(&output.stderr);
    assert!(told.contains("examples; the model with it"), "{told}");
    let card = fs::read_to_string(survey.folder().join("with/model.yaml")).unwrap();
    assert!(card.contains("enrolled:") && card.contains(&format!("class: {class}")), "{card}");
    survey.configure(
        "ingest: {site_sheet: sites.csv}\nmodel: {path: with}\nunits: {keep_free_gib: 0}\npredict: {batch_size: 16}\n",
    );
    let apply = |more: &[&str]| well(&survey, &[&["run", "unknown", "--with-upstream"], &sets[..], more].concat());
    apply(&["--set", "run.path=applied"]);
    apply(&["--set", "run.path=plain", "--set", "model.path=run/model"]);
    // No validation knows the class. It is left out and named, and found where all classes are asked for.
    let detect = |more: &[&str]| well(&survey, &[&["run", "detect", "--set", "run.path=applied"], &sets[..], more].concat());
    let (_, said) = detect(&[]);
    assert!(said.contains(&format!("    {class}: it was enrolled")), "{said}");
    detect(&["--set", "detect.classes=all"]);
    let both = |sql: &str| {
        let runs = ["--run", &run, "--run", "applied", "--run", "plain"];
        let output = Command::new(CHORUS)
            .args(["query", sql, "--format", "csv"])
            .args(runs)
            .current_dir(survey.folder())
            .output()
            .unwrap();
        assert!(output.status.success(), "{sql}: {}", text(&output.stderr));
        text(&output.stdout).lines().nth(1).unwrap().to_owned()
    };
    let other = both(
        "SELECT COUNT(*) > 0 AND MAX(ABS(a.logit - b.logit)) < 1e-5 FROM predictions a JOIN predictions b USING (segment_id, class) \
         WHERE a.run = 'plain' AND b.run = 'applied'",
    );
    assert_eq!(other, "true");
    let found = both(&format!(
        "SELECT AVG(CASE WHEN h.class IS NOT NULL THEN p.logit END) > AVG(CASE WHEN h.class IS NULL THEN p.logit END) \
         FROM predictions p LEFT JOIN held_out_labels h USING (segment_id) WHERE p.run = 'applied' AND p.class = '{class}'"
    ));
    assert_eq!(found, "true");
    // What the model says of unknown sounds came along, and its examples are known from now on.
    let nearer = both(
        "SELECT AVG(a.knn_distance) < AVG(b.knn_distance) AND AVG(a.unknown) <= AVG(b.unknown) \
         FROM unknown a JOIN unknown b USING (segment_id) JOIN held_out_labels h USING (segment_id) \
         WHERE a.run = 'applied' AND b.run = 'plain'",
    );
    assert_eq!(nearer, "true");
    // What cannot be done is refused, and nothing is overwritten.
    let card = survey.run().join("model/model.yaml");
    let own = fs::read_to_string(&card).unwrap();
    let id = own.lines().find_map(|line| line.strip_prefix("model_id: ")).unwrap().trim_matches('\'').to_owned();
    fs::write(&card, own.replace(&id, "0123456789abcdef")).unwrap();
    let refused = text(&enroll(&["-o", "other"]).stderr);
    assert!(refused.contains(&format!("its embeddings are those of {id}")), "{refused}");
    fs::write(&card, own).unwrap();
    assert!(text(&enroll(&["-o", "with"]).stderr).contains("it exists already"));
    let known = ask(&survey.run(), "SELECT class FROM classes LIMIT 1");
    let args = ["enroll", &known[0], "--run", &run, "--class", &known[0], "-o", "other"];
    let output = Command::new(CHORUS).args(args).current_dir(survey.folder()).output().unwrap();
    assert!(text(&output.stderr).contains("the model has this class"), "{}", text(&output.stderr));
}
