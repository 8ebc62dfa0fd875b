//! Configuration: a YAML file and `--set` over the declared defaults, checked all at once.
//!
//! Which keys there are comes from outside, see [`chorus_keys::Declarations`]: each stage declares its own, and the program adds them up.

mod checked;
pub mod evolution;
mod from_contract;
mod from_model;
mod from_preset;
mod load;
mod parse;
mod problem;
mod sections;

pub(crate) use checked::RESOLVED;
pub use checked::{Config, HEAD_KEYS, MODEL_KEYS, Origin};
pub(crate) use from_model::{at_training, contradictions, here, same_setting, unknown_setting};
pub use problem::{ConfigError, Problem};
pub use sections::{ArchiveFolder, BackboneFile, DeviceSettings, ModelFolder, RunSettings, UnitSettings, declarations};

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use chorus_keys::{Finding, Keys, Values};
    use serde::Deserialize;

    use super::*;
    use crate::test_keys::keys as all;

    const MODEL: &str = "model.path=m";

    fn load(text: &str, sets: &[&str]) -> Result<Config, String> {
        let sets: Vec<String> = sets.iter().map(|s| (*s).to_owned()).collect();
        Config::from_text(text, "c.yaml", "c", &sets, all()).map_err(|e| e.to_string())
    }

    #[test]
    fn every_problem_is_listed_at_once_with_its_line() {
        let text = "segment:\n  window_s: long\n  hopp_s: 1\ndetect:\n  threshold: 2\nfeaturise:\n  n_mels: 64\n";
        let error = load(text, &["train.seed=-1", "nonsense"]).unwrap_err();
        for wanted in [
            "6 problems",
            "c.yaml:2: segment.window_s: found `long`; allowed: a number from 0.1 to 600",
            "c.yaml:3: segment.hopp_s: found an unknown key; did you mean segment.hop_s?",
            "c.yaml:5: detect.threshold: found `2`",
            "c.yaml:7: featurise.n_mels: found an unknown key; did you mean featurize.n_mels?",
            "--set: nonsense: found no `=`",
        ] {
            assert!(error.contains(wanted), "{wanted}\n{error}");
        }
    }

    #[test]
    fn a_text_that_is_no_yaml_is_refused_with_its_line() {
        let error = load("segment:\n  window_s: [1\n", &[]).unwrap_err();
        assert!(error.contains("c.yaml:"), "{error}");
        let error = load("segment:\n  window_s: \u{1}\n", &[]).unwrap_err();
        assert!(error.contains("found text that is not YAML (") && !error.contains("found found"), "{error}");
        let error = load("- a\n- b\n", &[]).unwrap_err();
        assert!(error.contains("sections"), "{error}");
    }

    #[test]
    fn numbers_that_are_none_and_values_of_sections_are_told_as_written() {
        for (set, wanted) in [
            ("segment.window_s=.nan", "--set: segment.window_s: found `.nan`; allowed: a number from"),
            ("segment.window_s=[1.5, -.inf]", "found `[1.5,-.inf]`; allowed: a number from"),
            ("segment=5", "--set: segment: found `5`; it is a section: give a value to one of its keys, as in segment.KEY=VALUE"),
            ("segment=null", "--set: segment: found `null`; it is a section"),
        ] {
            let error = load("", &[set]).unwrap_err();
            assert!(error.contains(wanted), "{wanted}\n{error}");
        }
    }

    #[test]
    fn texts_that_would_take_all_memory_or_time_are_refused_with_their_line() {
        let aliases = format!("a: &a [{}1]\nb: [{}*a]\n", "1,".repeat(2000), "*a,".repeat(2000));
        let error = load(&aliases, &[]).unwrap_err();
        assert!(error.contains("c.yaml:2: (file): found an alias") && error.contains("write out"), "{error}");
        let nested = |levels: usize| load(&format!("a:\n  b: {}{}", "[".repeat(levels), "]".repeat(levels)), &[]).unwrap_err();
        assert!(nested(100).contains("c.yaml:2: (file): found more than 8 levels"), "{}", nested(100));
        // So many the parser itself refuses.
        assert!(nested(100_000).contains("c.yaml:2: (file): found"), "{}", nested(100_000));
        assert!(load("", &["evaluate.seed=[&a 1, *a]"]).unwrap_err().contains("alias"));
    }

    #[test]
    fn set_wins_over_the_file_and_the_file_over_the_default() {
        let config = load("segment: {window_s: 5}\n", &[MODEL, "segment.hop_s=2"]).unwrap();
        assert_eq!((config.number("segment.window_s"), config.number("segment.hop_s")), (5.0, 2.0));
        assert_eq!(config.number("segment.min_tail_s"), 1.0);
    }

    #[test]
    fn impossible_combinations_are_refused() {
        let error = load("", &[MODEL, "device=gpu"]).unwrap_err();
        assert!(error.contains("auto, cpu or cuda:N"), "{error}");
    }

    #[test]
    fn a_purpose_is_asked_for_only_where_more_is_done_than_to_look() {
        fn lacks(values: &Values) -> Vec<Finding> {
            let lacks = values.text("model.path").is_none();
            lacks.then(|| Finding::new("model.path", "nothing", "name a model")).into_iter().collect()
        }
        let all = all().clone().purpose(lacks).into_static();
        let config = |sets: &[String]| Config::from_text("", "c.yaml", "c", sets, all).unwrap();
        assert!(config(&[]).require_purpose().unwrap_err().to_string().contains("name a model"));
        assert!(config(&[MODEL.to_owned()]).require_purpose().is_ok());
    }

    #[test]
    fn a_base_is_one_run_or_several() {
        let paths = |set: &str| load("", &[set, "annotate.format=raven"]).unwrap().paths("run.base");
        assert_eq!(paths("run.base=runs/a"), [Path::new("runs/a")]);
        assert_eq!(paths("run.base=[runs/a, runs/b]"), [Path::new("runs/a"), Path::new("runs/b")]);
        assert!(paths("run.base=null").is_empty());
    }

    #[test]
    fn paths_that_lead_out_of_the_archive_are_refused() {
        let refused = |key: &str, path: &str| {
            let text = "archive: {path: /data/ponds}\n";
            load(text, &[&format!("{key}={path}"), "annotate.format=raven"])
                .err()
                .is_some_and(|error| error.contains("outside of the archive"))
        };
        for key in ["archive.audio", "ingest.site_sheet", "annotate.folder"] {
            for path in ["../x", "a/../../x", "/data", "/data/ponds2/x", "/data/ponds/../x"] {
                assert!(refused(key, path), "{key}={path}");
            }
            for path in ["x", "./x", "a/../x", "/data/ponds/x", "..x"] {
                assert!(!refused(key, path), "{key}={path}");
            }
        }
    }

    #[test]
    fn values_without_effect_are_warned_of_where_they_are_given() {
        fn unused(_: &Values) -> Vec<Finding> {
            let unused = |key| Finding::new(key, "a value without effect", "it is used only with report.clips");
            ["report.title", "segment.hop_s"].map(unused).into()
        }
        let all = all().clone().remark(unused).into_static();
        let config = Config::from_text("segment:\n  hop_s: 1\n", "c.yaml", "c", &[MODEL.to_owned()], all).unwrap();
        let wanted = "c.yaml:2: segment.hop_s: found a value without effect; it is used only with report.clips";
        assert_eq!(config.warnings().iter().map(ToString::to_string).collect::<Vec<_>>(), [wanted]);
    }

    #[test]
    fn what_is_printed_loads_to_the_same() {
        let config = load("segment: {window_s: 5}\narchive: {path: a}\n", &[MODEL]).unwrap();
        let again = load(&config.to_yaml(), &[]).unwrap();
        assert_eq!(config.to_yaml(), again.to_yaml());
        assert_eq!(again.run_path(), Path::new("runs/c"));
    }

    #[test]
    fn a_resolved_file_needs_no_declarations() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.resolved.yaml");
        let config = load("segment: {window_s: 5}\narchive: {path: a}\n", &[MODEL]).unwrap();
        std::fs::write(&path, config.with_absolute_paths().to_yaml()).unwrap();
        let resolved = Config::resolved(&path).unwrap();
        assert_eq!(resolved.values(), config.with_absolute_paths().values());
        assert!(Path::new(resolved.text("archive.path").unwrap()).is_absolute());
        assert_eq!(resolved.run_path(), std::path::absolute("runs/c").unwrap());
        assert_eq!(resolved.text("key.of_a_later_version"), None);
    }

    #[test]
    fn a_configuration_is_typed_as_it_was_given() {
        let sets = ["segment.hop_s=2", "annotate.format=raven", "report.title=Ponds at dusk", "run.base=[runs/a, runs/b]"];
        let config = load("", &sets).unwrap();
        let typed = "-c c.yaml --set annotate.format=raven --set 'report.title=Ponds at dusk' --set \
                     'run.base=[\"runs/a\",\"runs/b\"]' --set segment.hop_s=2";
        assert_eq!(config.typed(), typed);
        let text = load("", &[MODEL, "report.title=\"12\""]).unwrap();
        assert_eq!(text.typed(), "-c c.yaml --set model.path=m --set 'report.title=\"12\"'");
        let other = load("", &[MODEL]).unwrap().for_run(Path::new("my runs/b"), None);
        assert_eq!(other.typed(), "-c c.yaml --set model.path=m --set run.base=null --set 'run.path=my runs/b'");
        let recorded = |run: &str| {
            let set = [format!("run.path={run}")];
            Config::from_text("model: {path: m}\n", "runs/c/config.resolved.yaml", "c", &set, all()).unwrap().typed()
        };
        assert_eq!(recorded("runs/c"), "--run runs/c");
        assert_eq!(recorded("runs/d"), "-c runs/c/config.resolved.yaml --set run.path=runs/d");
    }

    #[test]
    fn settings_are_made_once_and_anew_for_another_run() {
        #[derive(Deserialize, Keys)]
        #[keys(section = "run")]
        struct RunSettings {
            /// Folder.
            path: Option<String>,
        }
        let config = load("", &[MODEL]).unwrap();
        let first = config.settings::<RunSettings>().unwrap();
        assert!(Arc::ptr_eq(&first, &config.settings::<RunSettings>().unwrap()));
        let other = config.for_run(Path::new("other"), None);
        assert_eq!(other.settings::<RunSettings>().unwrap().path.as_deref(), Some("other"));
    }
}
