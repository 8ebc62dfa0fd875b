//! What classes are called.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

/// The names of a class.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub(crate) struct Names {
    /// Genus and species.
    #[serde(rename = "scientific_name")]
    pub(crate) scientific: Option<String>,
    /// Common name.
    pub(crate) english: Option<String>,
}

/// The part of a model's card that counts here.
#[derive(Debug, Default, Deserialize)]
struct Card {
    #[serde(default)]
    names: BTreeMap<String, Names>,
}

/// The names that a model's card (`model.yaml`) knows. A run without labels has no others, and where there is no card there are none.
pub(crate) fn of_card(path: &Path) -> BTreeMap<String, Names> {
    // Whether the card is one is for those who need the model.
    let card = std::fs::read_to_string(path).ok().and_then(|text| serde_yaml::from_str::<Card>(&text).ok());
    card.unwrap_or_default().names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_may_know_names() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model.yaml");
        let of = |text: &str| {
            std::fs::write(&path, text).unwrap();
            of_card(&path)
        };
        let frog = Names { scientific: Some("Rana temporaria".into()), english: None };
        assert_eq!(of("model_id: x\nnames: {FROG: {scientific_name: Rana temporaria}}\n"), [("FROG".to_owned(), frog)].into());
        assert!(of("model_id: x\n").is_empty() && of("- no card").is_empty());
        assert!(of_card(&dir.path().join("none")).is_empty());
    }
}
