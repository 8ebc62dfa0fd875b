//! The settings that a sweep varies: from `train.seed=0,1,2` to named combinations of settings.

use std::collections::BTreeSet;

use chorus_engine::hash_bytes;

use crate::args::UsageError;
use crate::declarations::declarations;

/// Keys that the sweep sets itself: they say where a run is, not what it computes.
const OUT_OF_REACH: &[&str] = &["run.path", "run.base", "sweep.vary"];
/// Keys whose values are repetitions of one method, not different methods. All seeds are repetitions too.
const REPETITIONS: &[&str] = &["split.fold", "split.site"];
/// Maximum length of a folder name: the limit of common file systems minus what the sweep adds.
const LONGEST_NAME: usize = 200;

/// A key with the values to try, as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Varied {
    key: &'static str,
    values: Vec<String>,
}

/// One value for each varied key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Combination {
    settings: Vec<(&'static str, String)>,
}

impl Varied {
    /// Reads `key=value,value,…`; commas within brackets and quotes are part of a value.
    pub(super) fn parse(text: &str) -> Result<Self, UsageError> {
        let refuse = |what: String| Err(UsageError(format!("--vary {text}: {what}")));
        let Some((key, values)) = text.split_once('=') else {
            return refuse("found no `=`, expected KEY=VALUE,VALUE, such as train.seed=0,1,2".into());
        };
        let Some(known) = declarations().find(key.trim()) else {
            let near = declarations().nearest(key);
            let hint = near.map_or_else(|| "`chorus config` lists all keys".into(), |near| format!("did you mean {near}?"));
            return refuse(format!("no key is called {}; {hint}", key.trim()));
        };
        if OUT_OF_REACH.contains(&known.name) {
            return refuse("the sweep sets this key itself; vary another key".into());
        }
        let values = pieces(values);
        if values.iter().any(String::is_empty) {
            return refuse("found an empty value; write null for a key without a value".into());
        }
        let mut seen = BTreeSet::new();
        match values.iter().find(|value| !seen.insert(*value)) {
            Some(twice) => refuse(format!("found {twice} twice, expected each value once")),
            None => Ok(Self { key: known.name, values }),
        }
    }
}

/// Splits a list at commas outside of brackets and quotes.
fn pieces(text: &str) -> Vec<String> {
    let (mut pieces, mut depth, mut quote) = (vec![String::new()], 0_usize, None);
    for c in text.chars() {
        match (c, quote) {
            ('"' | '\'', None) => quote = Some(c),
            (_, Some(open)) if c == open => quote = None,
            ('[' | '{', None) => depth += 1,
            (']' | '}', None) => depth = depth.saturating_sub(1),
            (',', None) if depth == 0 => {
                pieces.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(piece) = pieces.last_mut() {
            piece.push(c);
        }
    }
    pieces.into_iter().map(|piece| piece.trim().to_owned()).collect()
}

/// Every combination; the last key varies fastest.
pub(super) fn combinations(varied: &[Varied]) -> Result<Vec<Combination>, UsageError> {
    let mut keys = BTreeSet::new();
    if let Some(twice) = varied.iter().find(|varied| !keys.insert(varied.key)) {
        return Err(UsageError(format!("{} is varied twice; put all its values into one --vary", twice.key)));
    }
    let start = vec![Combination { settings: Vec::new() }];
    Ok(varied.iter().fold(start, |all, varied| {
        let with = |combination: &Combination, value: &String| {
            let setting = (varied.key, value.clone());
            Combination { settings: combination.settings.iter().cloned().chain([setting]).collect() }
        };
        all.iter()
            .flat_map(|combination| varied.values.iter().map(|value| with(combination, value)).collect::<Vec<_>>())
            .collect()
    }))
}

impl Combination {
    /// Its settings as `--set` takes them.
    pub(super) fn sets(&self) -> Vec<String> {
        self.settings.iter().map(|(key, value)| format!("{key}={value}")).collect()
    }

    /// Its settings, for people to read.
    pub(super) fn describe(&self) -> String {
        self.sets().join(", ")
    }

    /// The settings that define the method: all except seeds, folds and sites; `all` if there are none.
    pub(super) fn variant(&self) -> String {
        let method = self.settings.iter().filter(|(key, _)| !is_repetition(key));
        let texts: Vec<String> = method.map(|(key, value)| format!("{key}={value}")).collect();
        if texts.is_empty() { "all".to_owned() } else { texts.join(", ") }
    }

    /// The name of its folder, such as `mixing-mix2,seed-0`. Different combinations of the same keys have different names.
    pub(super) fn name(&self) -> String {
        let short = |key: &&'static str| key.rsplit('.').next().unwrap_or(key);
        let is_clear = |key: &&'static str| self.settings.iter().filter(|(other, _)| short(&&**other) == short(key)).count() == 1;
        let word =
            |(key, value): &(&'static str, String)| format!("{}-{}", if is_clear(key) { short(key) } else { key }, safe(value));
        let name = self.settings.iter().map(word).collect::<Vec<_>>().join(",");
        if name.len() <= LONGEST_NAME {
            return name;
        }
        let start: String = name.chars().take(LONGEST_NAME - 40).collect();
        format!("{start}…{}", hash_bytes(name.as_bytes()))
    }
}

fn is_repetition(key: &str) -> bool {
    REPETITIONS.contains(&key) || key.ends_with(".seed")
}

/// A value as part of a file name: characters that are safe on all file systems stay, other bytes become `%` and two digits.
fn safe(value: &str) -> String {
    let bytes = value.bytes().map(|byte| match byte {
        b if b.is_ascii_alphanumeric() || b"-_.".contains(&b) => char::from(b).to_string(),
        b => format!("%{b:02X}"),
    });
    bytes.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(varied: &[&str]) -> Vec<Combination> {
        combinations(&varied.iter().map(|text| Varied::parse(text).unwrap()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn every_combination_has_a_name_of_its_own() {
        let combinations = all(&["train.mixing=none,mix2", "train.seed=0, 1"]);
        let names: Vec<String> = combinations.iter().map(Combination::name).collect();
        assert_eq!(names, ["mixing-none,seed-0", "mixing-none,seed-1", "mixing-mix2,seed-0", "mixing-mix2,seed-1"]);
        assert_eq!(combinations[3].sets(), ["train.mixing=mix2", "train.seed=1"]);
        let both = all(&["split.seed=0", "train.seed=1"]);
        assert_eq!(both[0].name(), "split.seed-0,train.seed-1");
    }

    #[test]
    fn names_are_safe_and_short() {
        let [lists, other] = &all(&["train.mix2_probabilities=[0.25, 0.5, 0.25],[0, 1, 0]"])[..] else { panic!() };
        assert_eq!(lists.sets(), ["train.mix2_probabilities=[0.25, 0.5, 0.25]"]);
        assert_eq!(other.name(), "mix2_probabilities-%5B0%2C%201%2C%200%5D");
        let site = &all(&["split.site=\"Rivière/1, left\",.."])[0];
        assert!(!site.name().contains(['/', ' ', '"']), "{}", site.name());
        let long = format!("split.site={},{}", "a".repeat(300), "a".repeat(301));
        let names: BTreeSet<String> = all(&[&long]).iter().map(Combination::name).collect();
        assert!(names.len() == 2 && names.iter().all(|name| name.len() < 255), "{names:?}");
    }

    #[test]
    fn seeds_folds_and_sites_are_repetitions_of_a_method() {
        let variant = |varied: &[&str]| all(varied)[0].variant();
        assert_eq!(variant(&["train.seed=0", "split.fold=1", "split.site=A"]), "all");
        assert_eq!(variant(&["train.mixing=mix2", "train.seed=0", "train.width=0.5"]), "train.mixing=mix2, train.width=0.5");
    }

    #[test]
    fn a_setting_that_cannot_be_varied_is_refused() {
        for (text, wanted) in [
            ("train.seed", "no `=`"),
            ("train.seeds=1", "did you mean train.seed?"),
            ("run.path=a,b", "sets this key itself"),
            ("train.seed=0,,1", "empty value"),
            ("train.seed=0,1,0", "found 0 twice"),
        ] {
            let error = Varied::parse(text).unwrap_err().to_string();
            assert!(error.contains(wanted), "{error}");
        }
        let twice = [Varied::parse("train.seed=0").unwrap(), Varied::parse("train.seed=1").unwrap()];
        assert!(combinations(&twice).unwrap_err().to_string().contains("varied twice"));
    }
}
