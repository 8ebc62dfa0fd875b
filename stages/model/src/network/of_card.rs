//! From the card of a model to its network.

use std::path::Path;

use chorus_card::{Card, CardError};

use super::architecture::{CHANNELS, NetworkOptions};
use super::find;
use crate::Error;
use crate::extension::Settings;

/// The network that a card describes; `path` is the card's file, for messages.
///
/// # Errors
/// [`CardError::Network`] when this version has no such network, a value of the card is out of range, or the network makes other
/// embeddings or takes other inputs than the card says.
pub fn of_card(card: &Card, path: &Path) -> Result<NetworkOptions, CardError> {
    let refuse = |found: String| CardError::Network { path: path.to_owned(), found, chorus: card.versions.chorus.clone() };
    let mut settings = Settings::of(&card.options);
    if let Some(width) = card.width {
        settings.set("width", width);
    }
    let architecture = find(&card.architecture).and_then(|entry| entry.with(&settings)).map_err(|e| refuse(in_card(e)))?;
    let (embedding, normalisation) = (architecture.embedding(), architecture.normalisation().name());
    let options = NetworkOptions::new(architecture, card.channels, card.classes.len() as i64);
    options.validate().map_err(|e| refuse(in_card(e)))?;
    for (name, found, expected) in [
        ("embedding", card.embedding.to_string(), embedding.to_string()),
        ("channels", card.channels.to_string(), CHANNELS.to_string()),
        ("normalisation", card.normalisation.clone(), normalisation.to_owned()),
    ] {
        if found != expected {
            return Err(refuse(format!("{name}: found `{found}`, expected {expected} with the network {}", card.architecture)));
        }
    }
    Ok(options)
}

/// An error in the words of a card: the advice that comes with it is about the configuration.
fn in_card(error: Error) -> String {
    match error {
        Error::Unknown { found, known, .. } => format!("architecture: found `{found}`, expected one of {known}"),
        Error::Option { name, expected, found } => format!("{name}: found `{found}`, expected {expected}"),
        Error::Settings { name, found } => format!("the options of {name} cannot be read: {found}"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card() -> Card {
        let card = chorus_card::testing::card(serde_yaml::Mapping::new());
        Card { architecture: "resnet18".into(), width: Some(0.25), embedding: 128, ..card }
    }

    #[test]
    fn a_card_names_the_network_with_its_options() {
        let network = of_card(&card(), Path::new("model.yaml")).unwrap();
        assert_eq!((network.architecture.name(), network.architecture.embedding()), ("resnet18", 128));
        assert_eq!((network.channels, network.classes), (1, 2));
    }

    #[test]
    fn what_this_version_cannot_build_is_refused_with_what_it_can() {
        for (card, expected) in [
            (
                Card { architecture: "mobilenet_v3_tiny".into(), ..card() },
                "architecture: found `mobilenet_v3_tiny`, expected one of",
            ),
            (Card { width: Some(9.0), ..card() }, "width: found `9.0`, expected a number greater than 0 and at most 4"),
            (Card { width: Some(0.5), ..card() }, "embedding: found `128`, expected 256 with the network resnet18"),
            (Card { channels: 2, ..card() }, "channels: found `2`, expected 1"),
            (Card { classes: Vec::new(), ..card() }, "classes: found `0`, expected at least one class"),
            (Card { normalisation: "other".into(), ..card() }, "normalisation: found `other`, expected min_max_per_window"),
        ] {
            let refusal = of_card(&card, Path::new("m/model.yaml")).unwrap_err().to_string();
            assert!(refusal.starts_with(&format!("m/model.yaml: {expected}")), "{refusal}");
            assert!(refusal.ends_with("or apply the model with that version") && !refusal.contains("configuration"), "{refusal}");
        }
    }
}
