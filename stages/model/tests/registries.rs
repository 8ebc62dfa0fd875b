//! What the configuration says of the open sets is what the registries hold.
#![allow(clippy::unwrap_used)]

use chorus_engine::Config;
use chorus_engine::config::keys::{self, Kind};
use chorus_model::extension::{Entry, Extension, Settings};
use chorus_model::loss::LOSSES;
use chorus_model::mixing::MIXINGS;
use chorus_model::network::NETWORKS;
use chorus_model::optim::OPTIMIZERS;
use chorus_model::settings::TrainSettings;
use serde_yaml::Value;

/// The section `train` with its defaults and some values of its own.
fn section(values: &[&str]) -> Value {
    let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
    let config = Config::from_text("annotate: {format: anuraset_raw}", "c", "c", &values).unwrap();
    let keys = Config::expand(&["train.*"]).into_iter();
    let values = keys.map(|key| (Value::from(key.name.split_once('.').unwrap().1), config.get(key.name).clone()));
    Value::Mapping(values.collect())
}

fn check<E: Extension + ?Sized>(key: &str, registry: &[&Entry<E>]) {
    let Kind::Choice(words) = keys::find(key).unwrap().kind else { panic!("{key} is no choice") };
    let names: Vec<&str> = registry.iter().map(|entry| entry.name).collect();
    assert_eq!(words, names, "{key}");
    let defaults = section(&[]);
    for entry in registry {
        assert!(!entry.about.is_empty());
        let extension = entry.with(&Settings::default()).unwrap();
        assert_eq!(extension.name(), entry.name);
        for option in extension.options().keys() {
            let configured = defaults.get(option).unwrap_or_else(|| panic!("{}: no key train.{option}", entry.name));
            let own = serde_yaml::to_value(extension.options().get(option)).unwrap();
            let float = |value: &Value| value.as_f64();
            let same = *configured == own || (float(configured).is_some() && float(configured) == float(&own));
            let list = |value: &Value| Some(value.as_sequence()?.iter().filter_map(Value::as_f64).collect::<Vec<_>>());
            assert!(same || list(configured).is_some_and(|it| list(&own) == Some(it)), "{option}: {configured:?}, {own:?}");
        }
    }
}

#[test]
fn choices_and_defaults_of_the_configuration_are_those_of_the_extensions() {
    check("train.architecture", NETWORKS);
    check("train.optimizer", OPTIMIZERS);
    check("train.loss", LOSSES);
    check("train.mixing", MIXINGS);
}

#[test]
fn the_section_train_gives_each_extension_its_options() {
    let values = ["train.architecture=resnet18", "train.width=0.5", "train.loss=focal", "train.focal_gamma=3"];
    let more = ["train.optimizer=sgd", "train.momentum=0.8", "train.multimix_mixtures=7", "train.time_masks=2"];
    let settings: TrainSettings = serde_yaml::from_value(section(&[values, more].concat())).unwrap();
    let options = settings.options(4).unwrap();
    let number = |settings: Settings, key: &str| settings.get(key).and_then(serde_json::Value::as_f64).unwrap();
    assert_eq!(options.network.architecture.embedding(), 256);
    assert_eq!(number(options.loss.options(), "focal_gamma"), 3.0);
    assert_eq!(number(options.optimizer.options(), "momentum"), 0.8);
    assert_eq!(number(options.mixing.options(), "multimix_mixtures"), 7.0);
    assert_eq!((options.augmentation.time_masks, options.epochs, options.network.classes), (2, 100, 4));
}

#[test]
fn combinations_that_do_not_work_are_refused() {
    let settings = |values: &[&str]| serde_yaml::from_value::<TrainSettings>(section(values)).unwrap();
    let refusal = settings(&["train.warmup_epochs=100"]).options(4).unwrap_err().to_string();
    assert!(refusal.contains("warmup_epochs"), "{refusal}");
}
