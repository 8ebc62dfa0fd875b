//! What several configurations have in common: the passes whose outputs are the same for all of them.

use std::collections::BTreeSet;

use crate::Config;
use crate::graph::{Input, Pass, passes};

/// The passes that make the same with each of these configurations, on the same archive and code: they and all before them have
/// the same inputs, outputs and keys.
pub fn shared_passes(config: &Config, others: &[Config]) -> BTreeSet<&'static str> {
    let own = passes(config);
    let of_others: Vec<(&Config, Vec<Pass>)> = others.iter().map(|other| (other, passes(other))).collect();
    let mut shared = BTreeSet::new();
    for pass in &own {
        let same = |(other, theirs): &(&Config, Vec<Pass>)| {
            theirs.iter().any(|their| their.name == pass.name && is_same(pass, config, their, other))
        };
        if pass.upstream(&own).iter().all(|maker| shared.contains(maker.name)) && of_others.iter().all(same) {
            shared.insert(pass.name);
        }
    }
    shared
}

fn is_same(pass: &Pass, config: &Config, their: &Pass, other: &Config) -> bool {
    let declared = (&pass.inputs, &pass.scanned, &pass.outputs) == (&their.inputs, &their.scanned, &their.outputs);
    let outside = pass.inputs.iter().filter_map(|input| match input {
        Input::Archive | Input::Sound => Some("archive.path"),
        Input::Model(_) => Some("model.path"),
        Input::File(key) | Input::Models { key, .. } => Some(*key),
        Input::Table(_) | Input::Parts { .. } => None,
    });
    let mut keys = pass.counting_keys(config).into_iter().chain(outside.map(str::to_owned));
    declared && keys.all(|key| config.get(&key) == other.get(&key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(sets: &[&str]) -> Config {
        let sets: Vec<String> = sets.iter().map(|s| (*s).to_owned()).chain(["annotate.format=anuraset_raw".into()]).collect();
        Config::from_text("", "c", "c", &sets, crate::config::tests::all()).unwrap()
    }

    fn shared(sets: &[&[&str]]) -> Vec<&'static str> {
        let others: Vec<Config> = sets.iter().map(|sets| config(sets)).collect();
        shared_passes(&config(&[]), &others).into_iter().collect()
    }

    #[test]
    fn a_key_touches_its_own_pass_and_all_behind_it() {
        let before_train = ["annotate", "annotate-classes", "featurize", "ingest", "segment", "split"];
        assert_eq!(shared(&[&["train.seed=0"], &["train.seed=1"]]), before_train);
        assert_eq!(shared(&[&["split.seed=1"]]), ["annotate", "annotate-classes", "featurize", "ingest", "segment"]);
        assert_eq!(shared(&[&["featurize.n_mels=64"], &["split.seed=1"]]), ["annotate", "annotate-classes", "ingest", "segment"]);
        assert_eq!(shared(&[&["archive.path=elsewhere"]]), [""; 0]);
        // The files that keys name count by their content, which is another where the path is.
        assert_eq!(shared(&[&["train.initial_weights=other.safetensors"]]), before_train);
        assert!(shared(&[&["model.ensemble=[other]"]]).contains(&"train"));
        assert!(!shared(&[&["model.ensemble=[other]"]]).contains(&"predict"));
        // How work is gone about touches nothing, and neither does another name.
        assert_eq!(shared(&[&["train.memory_gib=1", "run.path=r", "run.base=b"]]), shared(&[&[]]));
        assert!(shared(&[&[]]).contains(&"report"));
    }
}
