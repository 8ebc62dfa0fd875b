//! The list of all stages of Chorus, in the order of execution. Each stage declares its inputs, outputs and keys beside its code.

use chorus_archive::ArchiveError;
use chorus_audio::{Featurize, Ingest, Segment, Soundscape};
use chorus_embed as embed;
use chorus_engine::graph::{Pass, learns_from_embeddings};
use chorus_engine::{Config, Console, Registry, Runner};
use chorus_head as head;
use chorus_labels::{Annotate, AnnotateClasses, Split};
use chorus_model::{declare, given};
use chorus_report::Report;
use chorus_score::{Activity, Detect, Evaluate, Plausibility};
use chorus_teach::PseudoLabel;
use chorus_unknown as unknown;
use chorus_unknown::{OpenSetMetrics, Unknown, UnknownReference, UnknownSounds};

/// All passes that a configuration asks for, with the work of those that this program executes; train and predict are
/// the worker's.
pub(crate) fn registry(config: &Config) -> Registry {
    // A classifier is a network of its own, or a head on the embeddings of a backbone.
    let given = if learns_from_embeddings(config) { head::given::check } else { given::check };
    Registry::default()
        .with(Ingest::declare(config), Ingest)
        .with(Segment::declare(config), Segment)
        .with(AnnotateClasses::declare(config), AnnotateClasses)
        .with(Annotate::declare(config), Annotate)
        .with(Split::declare(config), Split)
        .with(Featurize::declare(config), Featurize)
        .with(Soundscape::declare(config), Soundscape)
        .with_foreign(embed::declare::speech(config))
        .checking("speech", embed::given::check_voice)
        .with_foreign(embed::declare::embed(config))
        .checking("embed", embed::given::check)
        .with(PseudoLabel::declare(config), PseudoLabel)
        .with_foreign(declare::pretrain(config))
        .with_foreign(declare::distill(config))
        .with_foreign(declare::train(config))
        .with_foreign(declare::predict(config))
        .with_foreign(head::declare::train_in_steps(config))
        .with(head::declare::train(config), head::Train)
        .with(head::declare::predict(config), head::Predict)
        .checking("predict", given)
        .with(Evaluate::declare(config), Evaluate)
        .with(UnknownReference::declare(config), UnknownReference)
        .with(Unknown::declare(config), Unknown)
        .checking("unknown", unknown::check)
        .with(UnknownSounds::declare(config), UnknownSounds)
        .with(OpenSetMetrics::declare(config), OpenSetMetrics)
        .with(Detect::declare(config), Detect)
        .with(Activity::declare(config), Activity)
        .with(Plausibility::declare(config), Plausibility)
        .with(Report::declare(config), Report)
}

/// The passes that a configuration asks for.
pub(crate) fn passes(config: &Config) -> Vec<Pass> {
    registry(config).passes().to_vec()
}

/// A runner of all stages, on the archive that the configuration names.
///
/// # Errors
/// A URL of an archive that cannot be one.
pub(crate) fn runner(config: Config) -> Result<Runner, ArchiveError> {
    runner_on(Console::new(), config)
}

/// The same with a console of its own.
///
/// # Errors
/// As [`runner`].
pub(crate) fn runner_on(console: Console, config: Config) -> Result<Runner, ArchiveError> {
    let (registry, archive) = (registry(&config), chorus_store::named(config.values())?);
    Ok(Runner::new(config, registry, console).with_archive(archive))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use chorus_engine::graph::{Input, Output, Per, stages};

    use super::*;

    fn config(sets: &[&str]) -> Config {
        let sets: Vec<String> = sets.iter().map(|s| (*s).to_owned()).collect();
        Config::from_text("", "c", "c", &sets, crate::declarations::declarations()).unwrap()
    }

    const LEARNS: &[&str] = &["annotate.format=anuraset_raw", "predict.embeddings=true"];

    #[test]
    fn every_pass_reads_only_what_an_earlier_one_writes_or_what_comes_from_outside() {
        let from_audio = ["annotate.format=anuraset_raw", "predict.source=audio"];
        let head: &[&str] = &["annotate.format=folders", "backbone.path=b.onnx"];
        let in_steps = [head, &["head.method=gradient"]].concat();
        let mapped = [head, &["embed.map=true", "head.method=prototypes"]].concat();
        let given_head = ["model.path=m", "backbone.path=b.onnx", "train.on=embeddings"];
        let distilled = [head, &["train.on=features", "distill.epochs=1"]].concat();
        for sets in [
            LEARNS,
            &from_audio,
            &["annotate.format=folders"],
            &["model.path=m"],
            &["model.path=m", "soundscape.enabled=true", "plausibility.table=expected.csv"],
            &["model.path=m", "annotate.format=folders"],
            &["model.path=m", "annotate.format=review"],
            &["model.path=m", "annotate.format=folders", "annotate.review_sheets=reviews"],
            head,
            &in_steps,
            &mapped,
            &given_head,
            &distilled,
            &["annotate.format=folders", "self_training.teacher=t", "pretrain.epochs=1"],
            &[head, &["train.on=features", "distill.epochs=1", "pretrain.epochs=1"]].concat(),
            &["annotate.format=folders", "predict.embeddings=true", "unknown.enabled=true", "split.held_out_classes=[A]"],
            &[head, &["unknown.enabled=true"]].concat(),
            &["model.path=m", "predict.embeddings=true", "unknown.enabled=true"],
            &[&given_head[..], &["unknown.enabled=true", "annotate.format=folders"]].concat(),
        ] {
            let config = config(sets);
            let passes = passes(&config);
            for (i, pass) in passes.iter().enumerate() {
                // Panics at a pattern that matches no key.
                let _ = config.expand(&[&pass.keys[..], &pass.hints].concat());
                for &input in &pass.inputs {
                    let maker = passes.iter().position(|p| p.makes(input));
                    let outside = matches!(
                        input,
                        Input::Archive
                            | Input::OptionalArchive
                            | Input::File(_)
                            | Input::Model(_)
                            | Input::Models { .. }
                            | Input::Run { .. }
                    ) && maker.is_none();
                    assert!(outside || maker.is_some_and(|m| m < i), "{}: {input:?}", pass.name);
                }
            }
        }
    }

    #[test]
    fn every_table_is_written_by_the_stage_that_its_schema_names() {
        let mut passes = passes(&config(LEARNS));
        // A run with a backbone makes further tables.
        let given = [
            "annotate.format=folders",
            "annotate.review_sheets=reviews",
            "backbone.path=b.onnx",
            "privacy.backbone=v.onnx",
            "embed.min_score=0.1",
            "soundscape.enabled=true",
            "plausibility.table=expected.csv",
        ];
        let mapped = ["annotate.format=folders", "backbone.path=b.onnx", "embed.map=true", "head.method=prototypes"];
        let distilled = ["annotate.format=folders", "backbone.path=b.onnx", "train.on=features", "distill.epochs=1"];
        let open = ["annotate.format=folders", "predict.embeddings=true", "unknown.enabled=true", "split.held_out_classes=[A]"];
        let taught = ["annotate.format=folders", "self_training.teacher=t", "pretrain.epochs=1"];
        passes.extend([&given[..], &mapped, &distilled, &taught, &open].iter().flat_map(|sets| super::passes(&config(sets))));
        let gathered: Vec<&str> = chorus_tables::all().iter().filter(|t| t.is_gathered()).map(|t| t.name.as_str()).collect();
        // `tests/sweep.rs` and `tests/without_labels.rs` see that these are written.
        assert_eq!(gathered, ["self_training_rounds", "sweep_metrics", "sweep_open_set", "sweep_summary"]);
        for table in chorus_tables::all().iter().filter(|table| !table.is_gathered()) {
            let writes = |p: &&Pass| p.outputs.iter().any(|o| matches!(o, Output::Table(t) if *t == table.name));
            let maker = passes.iter().filter(writes).find(|p| p.stage == table.stage);
            let maker = maker.unwrap_or_else(|| panic!("{} does not write {}", table.stage, table.name));
            assert_eq!(table.partitioned, maker.per == Per::SiteDay, "{}", table.name);
        }
    }

    #[test]
    fn a_table_that_not_every_run_makes_says_what_it_needs() {
        // The shortest run: it applies a model, and has nothing else.
        let shortest = passes(&config(&["model.path=m"]));
        let made: Vec<&str> = shortest.iter().flat_map(Pass::tables).collect();
        for table in chorus_tables::all().iter().filter(|table| !table.is_gathered()) {
            assert_eq!(table.needs.is_none(), made.contains(&table.name.as_str()), "{}: {:?}", table.name, table.needs);
        }
    }

    #[test]
    fn a_model_from_elsewhere_leaves_out_what_needs_labels() {
        let of = |sets: &[&str]| stages(&passes(&config(sets)));
        assert_eq!(of(&["model.path=m"]), ["ingest", "segment", "predict", "detect", "report"]);
        let head = ["ingest", "segment", "embed", "predict", "detect", "report"];
        assert_eq!(of(&["model.path=m", "backbone.path=b.onnx", "train.on=embeddings"]), head);
        let unlike = ["ingest", "segment", "predict", "unknown", "detect", "report"];
        assert_eq!(of(&["model.path=m", "predict.embeddings=true", "unknown.enabled=true"]), unlike);
        let features = ["ingest", "segment", "featurize", "predict", "detect", "report"];
        assert_eq!(of(&["model.path=m", "predict.source=features"]), features);
    }

    #[test]
    fn a_model_from_elsewhere_is_judged_by_labels_where_there_are_some() {
        let of = |sets: &[&str]| stages(&passes(&config(sets)));
        let judged = ["ingest", "segment", "annotate", "split", "predict", "evaluate", "detect", "report"];
        assert_eq!(of(&["model.path=m", "annotate.format=anuraset_raw"]), judged);
        let passes = passes(&config(&["model.path=m", "annotate.format=anuraset_raw"]));
        let own = Input::Model(chorus_engine::graph::DECISIONS);
        let makers = passes.iter().filter(|pass| pass.makes(own)).map(|pass| pass.name).collect::<Vec<_>>();
        assert_eq!(makers, ["evaluate"], "decisions of this run are not written into the given model's folder");
    }

    #[test]
    fn a_run_that_trains_predicts_from_features_unless_it_is_told_to_read_the_audio() {
        let reads = |sets: &[&str], input| {
            let passes = passes(&config(&[LEARNS, sets].concat()));
            assert!(passes.iter().any(|pass| pass.stage == "featurize"), "training reads features");
            passes.iter().find(|pass| pass.stage == "predict").unwrap().reads(input)
        };
        assert!(reads(&[], Input::Table("features")) && !reads(&[], Input::Archive));
        let audio = &["predict.source=audio"];
        assert!(reads(audio, Input::Archive) && !reads(audio, Input::Table("features")));
    }

    #[test]
    fn the_front_door_and_the_readme_list_the_stages_as_they_are_declared() {
        let read = |path: &str| std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
        let stages = stages(&passes(&config(
            &[
                LEARNS,
                &[
                    "predict.embeddings=false",
                    "backbone.path=b.onnx",
                    "privacy.backbone=v.onnx",
                    "soundscape.enabled=true",
                    "train.on=features",
                    "self_training.teacher=t",
                    "pretrain.epochs=1",
                    "distill.epochs=1",
                    "unknown.enabled=true",
                ],
            ]
            .concat(),
        )));
        let makefile = read("Makefile");
        let list = makefile.lines().find_map(|line| line.strip_prefix("STAGES :=")).unwrap();
        assert_eq!(list.split_whitespace().collect::<Vec<_>>(), stages, "STAGES in the Makefile");
        let readme = read("README.md");
        let rows = readme.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" |"));
        let named: Vec<&str> = rows.map(|(first, _)| first).filter(|first| stages.contains(first)).collect();
        assert_eq!(named, stages, "the table of stages in the README");
    }
}
