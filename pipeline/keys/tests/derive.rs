//! What the derive macros make of structs and enums.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use chorus_keys::{Base, Choices, Declarations, Finding, Key, Keys, Kind, Values, Word, schema, validate};
use serde::{Deserialize, Serialize};

fn methods() -> Vec<Word> {
    vec![Word { name: "none", about: "Nothing." }, Word { name: "mixup", about: "Pairs." }]
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Keys)]
#[keys(section = "train")]
struct Train {
    /// Passes over the data.
    /// One is enough for a test.
    ///
    /// See the manual.
    #[key(unit = "epochs", default = "100", range = 1..=1000, example = "10", before = "50")]
    epochs: usize,
    /// Norm at which gradients are clipped.
    #[key(range = above(0.0))]
    clip_norm: Option<f64>,
    /// How examples are mixed.
    #[key(default = "none", choices = methods)]
    mixing: String,
    /// Which weights are kept.
    #[key(default = "mean_ap")]
    select: Select,
    #[serde(flatten)]
    loss: Loss,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Keys)]
#[keys(section = "train", default)]
struct Loss {
    /// Focusing of both sides.
    #[key(default = "[0, 4]", range = 0.0..=20.0)]
    gammas: [f64; 2],
    /// Weights to start from.
    #[key(path)]
    #[serde(rename = "initial_weights")]
    weights: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Choices)]
#[serde(rename_all = "snake_case")]
enum Select {
    /// Best mean AP.
    MeanAp,
    /// The last.
    #[serde(rename = "latest")]
    Last,
}

#[derive(Debug, Deserialize, Keys)]
#[keys(section = "")]
struct Top {
    /// Where to compute.
    #[key(default = "auto")]
    device: String,
}

#[derive(Debug, Deserialize, Keys)]
#[keys(section = "labels")]
#[allow(dead_code)]
struct Labels {
    /// Groups of classes.
    #[key(default = "{}")]
    groups: BTreeMap<String, Vec<String>>,
    /// A file of the archive.
    #[key(within = "archive.path")]
    file: Option<String>,
}

fn declarations() -> Declarations {
    fn together(values: &Values) -> Vec<Finding> {
        let missing = values.text("train.mixing") == Some("mixup") && values.get("labels.file").is_null();
        missing.then(|| Finding::new("labels.file", "nothing", "name a file")).into_iter().collect()
    }
    Declarations::default().section::<Train>().section::<Top>().section::<Labels>().check(together)
}

#[test]
fn a_field_is_a_declaration() {
    let keys = Train::keys();
    assert_eq!(
        keys[0],
        Key {
            name: "train.epochs",
            kind: Kind::Integer((1..=1000).into()),
            nullable: false,
            unit: "epochs",
            default: "100",
            example: Some("10"),
            before: Some("50"),
            base: Base::None,
            about: "Passes over the data. One is enough for a test.\nSee the manual.",
        }
    );
    assert_eq!((keys[1].nullable, keys[1].default), (true, "null"));
    assert_eq!(keys[2].allowed(), "one of none, mixup");
    assert_eq!(keys[3].kind.words()[1], Word { name: "latest", about: "The last." });
    assert_eq!(keys[5].base, Base::Current);
    assert_eq!(Labels::keys()[1].base, Base::Within("archive.path"));
    let names = ["train.epochs", "train.clip_norm", "train.mixing", "train.select", "train.gammas", "train.initial_weights"];
    assert_eq!(Train::names(), names);
    assert_eq!(Top::names(), ["device"]);
}

#[test]
fn values_become_the_struct_and_defaults_stand_for_the_rest() {
    let declarations = declarations();
    let mut values = declarations.defaults();
    values.set("train.gammas", serde_yaml::from_str("[1, 2.5]").unwrap());
    let train: Train = values.settings().unwrap();
    assert_eq!((train.epochs, train.clip_norm, train.loss.gammas, train.select), (100, None, [1.0, 2.5], Select::MeanAp));
    assert_eq!(values.settings::<Top>().unwrap().device, "auto");
    assert_eq!(values.value::<Select>("train.select").unwrap(), Select::MeanAp);
    assert_eq!(chorus_keys::defaults::<Train>().loss, Loss { gammas: [0.0, 4.0], weights: None });
    assert_eq!(Loss::default(), chorus_keys::defaults());
    assert!(Values::default().settings::<Top>().unwrap_err().to_string().contains("device"));
}

#[test]
fn a_struct_that_code_made_is_checked_by_the_same_declaration() {
    let train: Train = chorus_keys::defaults();
    assert_eq!(validate(&train), Ok(()));
    let error = validate(&Train { clip_norm: Some(0.0), ..train.clone() }).unwrap_err().to_string();
    assert_eq!(error, "train.clip_norm: found `0.0`; allowed: a number greater than 0, or null");
    let loss = Loss { gammas: [0.0, 21.0], weights: None };
    assert_eq!(validate(&Train { loss, ..train }).unwrap_err().key, "train.gammas");
}

#[test]
fn checks_between_keys_see_all_values() {
    let declarations = declarations();
    let mut values = declarations.defaults();
    assert_eq!(declarations.findings(&values), []);
    values.set("train.mixing", "mixup".into());
    assert_eq!(declarations.findings(&values)[0].key, "labels.file");
}

#[test]
fn names_are_found_and_near_misses_too() {
    let declarations = declarations();
    assert_eq!(declarations.nearest("train.epoch"), Some("train.epochs"));
    assert_eq!(declarations.nearest("trian.epochs"), Some("train.epochs"));
    for far in ["nonsense", "", "train", "train.", "train.names"] {
        assert_eq!(declarations.nearest(far), None, "{far}");
    }
    assert!(declarations.is_section("train") && !declarations.is_section("device") && !declarations.is_section(""));
    let rest = Declarations::default().section::<Labels>().section::<Loss>();
    assert_eq!(rest.keys().iter().map(|key| key.name).collect::<Vec<_>>()[3], "train.initial_weights");
}

#[test]
#[should_panic(expected = "train.gammas is declared twice")]
fn a_key_is_declared_once() {
    #[derive(Keys)]
    #[keys(section = "train")]
    #[allow(dead_code)]
    struct Other {
        /// Focusing of one side.
        #[key(default = "2")]
        gammas: f64,
    }
    // The same declaration twice, once through the struct that holds the other, is one.
    let both = Declarations::default().section::<Loss>().section::<Train>();
    assert_eq!(both.keys().iter().filter(|key| key.name == "train.gammas").count(), 1);
    let _ = both.section::<Other>();
}

#[test]
fn a_key_that_several_structs_read_is_declared_in_one() {
    #[derive(Deserialize, Keys)]
    #[keys(section = "train")]
    struct Reader {
        /// As in Loss.
        #[key(same_as = Loss)]
        gammas: [f64; 2],
    }
    assert_eq!(Reader::keys()[0], Loss::keys()[0]);
    assert_eq!(chorus_keys::defaults::<Reader>().gammas, [0.0, 4.0]);
}

#[test]
#[should_panic(expected = "`0` is declared, and allowed is a whole number from 1")]
fn a_default_out_of_range_is_found() {
    #[derive(Keys)]
    #[keys(section = "a")]
    #[allow(dead_code)]
    struct Wrong {
        /// A number.
        #[key(default = "0", range = 1..)]
        b: u32,
    }
    let _ = Declarations::default().section::<Wrong>();
}

#[test]
fn the_schema_holds_ranges_words_defaults_and_examples() {
    let schema = schema(&declarations(), "Test");
    let train = &schema["properties"]["train"]["properties"];
    assert_eq!(train["epochs"]["minimum"], 1);
    assert_eq!(train["epochs"]["examples"][0], 10);
    assert_eq!(train["epochs"]["description"], "Passes over the data. One is enough for a test.\nSee the manual. [epochs]");
    assert_eq!(train["clip_norm"]["exclusiveMinimum"], 0);
    assert_eq!(train["clip_norm"]["type"], serde_json::json!(["number", "null"]));
    assert_eq!(train["select"]["enum"], serde_json::json!(["mean_ap", "latest"]));
    assert_eq!(train["gammas"]["maxItems"], 2);
    assert_eq!(schema["properties"]["device"]["default"], "auto");
    assert_eq!(schema["additionalProperties"], false);
}
