//! What several configurations have in common: the passes whose outputs are the same for all of them.

use std::collections::BTreeSet;

use crate::Config;
use crate::graph::{Input, Pass};

/// The passes with the same outputs under each of these configurations, given the same archive and code: they and all
/// passes before them have the same inputs, outputs and keys. Each configuration comes with the passes that are
/// declared for it.
pub fn shared_passes(own: (&Config, &[Pass]), others: &[(&Config, Vec<Pass>)]) -> BTreeSet<&'static str> {
    let (config, passes) = own;
    let mut shared = BTreeSet::new();
    for pass in passes {
        let same = |(other, theirs): &(&Config, Vec<Pass>)| {
            theirs.iter().any(|their| their.name == pass.name && is_same(pass, config, their, other))
        };
        if pass.upstream(passes).iter().all(|maker| shared.contains(maker.name)) && others.iter().all(same) {
            shared.insert(pass.name);
        }
    }
    shared
}

fn is_same(pass: &Pass, config: &Config, their: &Pass, other: &Config) -> bool {
    let declared = (&pass.inputs, &pass.scanned, &pass.outputs) == (&their.inputs, &their.scanned, &their.outputs);
    let outside = pass.inputs.iter().filter_map(|input| match input {
        Input::Archive | Input::OptionalArchive => Some("archive.path"),
        Input::Model(_) => Some("model.path"),
        Input::File(key) | Input::Models { key, .. } | Input::Run { key, .. } => Some(*key),
        Input::Table(_) | Input::Parts { .. } => None,
    });
    let mut keys = pass.counting_keys(config).into_iter().chain(outside.map(str::to_owned));
    declared && keys.all(|key| config.get(&key) == other.get(&key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Output, Per};

    fn config(sets: &[&str]) -> Config {
        let sets: Vec<String> = sets.iter().map(|s| (*s).to_owned()).chain(["annotate.format=anuraset_raw".into()]).collect();
        Config::from_text("", "c", "c", &sets, crate::test_keys::keys()).unwrap()
    }

    /// A look at the archive, something learnt from it, and two that need one of these.
    fn passes() -> Vec<Pass> {
        use Input::{Archive, File, Model, Models, Table};
        let pass = |name, inputs: &[Input], output, keys: &[&'static str]| Pass {
            inputs: inputs.to_vec(),
            outputs: vec![output],
            keys: keys.to_vec(),
            ..Pass::new(name, Per::Run)
        };
        let models = Models { key: "model.ensemble", file: "weights.safetensors" };
        let learn = pass("learn", &[Table("recordings"), File("train.initial_weights")], Output::File("model/w"), &["train.*"]);
        let apply = pass("apply", &[Model("w"), models], Output::Table("predictions"), &["device"]);
        vec![
            pass("look", &[Archive], Output::Table("recordings"), &["archive.channel"]),
            Pass { hints: vec!["train.memory_gib", "train.initial_weights"], ..learn },
            apply,
            pass("count", &[Table("recordings")], Output::Table("segments"), &["segment.*"]),
        ]
    }

    fn shared(sets: &[&[&str]]) -> Vec<&'static str> {
        let others: Vec<Config> = sets.iter().map(|sets| config(sets)).collect();
        let others: Vec<_> = others.iter().map(|other| (other, passes())).collect();
        shared_passes((&config(&[]), &passes()), &others).into_iter().collect()
    }

    #[test]
    fn a_key_touches_its_own_pass_and_all_behind_it() {
        assert_eq!(shared(&[&["train.seed=0"], &["train.seed=1"]]), ["count", "look"]);
        assert_eq!(shared(&[&["segment.hop_s=1"]]), ["apply", "learn", "look"]);
        assert_eq!(shared(&[&["segment.hop_s=1"], &["train.seed=1"]]), ["look"]);
        assert_eq!(shared(&[&["archive.path=elsewhere"]]), [""; 0]);
        // The files that keys name count by their content, which is another where the path is.
        assert_eq!(shared(&[&["train.initial_weights=other.safetensors"]]), ["count", "look"]);
        assert_eq!(shared(&[&["model.ensemble=[other]"]]), ["count", "learn", "look"]);
        // Keys that change no output touch nothing, and neither does another folder.
        assert_eq!(shared(&[&["train.memory_gib=1", "run.path=r", "run.base=b"]]), ["apply", "count", "learn", "look"]);
    }

    #[test]
    fn a_pass_that_is_declared_otherwise_is_another() {
        let mut theirs = passes();
        theirs[0].outputs.push(Output::Table("segments"));
        let (own, other) = (config(&[]), config(&[]));
        assert!(shared_passes((&own, &passes()), &[(&other, theirs.clone())]).is_empty());
        theirs.remove(0);
        assert!(shared_passes((&own, &passes()), &[(&other, theirs)]).is_empty());
    }
}
