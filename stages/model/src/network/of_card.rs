//! From the card of a model to its network.

use std::path::Path;

use chorus_card::{Card, CardError};

use super::{NetworkOptions, find};
use crate::Result;
use crate::extension::Settings;

/// The shape of the network that a card describes; `path` is the card's file, for messages.
///
/// # Errors
/// [`CardError::Card`] when this version has no such network, an option is out of range, or the network's input is normalised in
/// another way than the card says.
pub fn of_card(card: &Card, path: &Path) -> Result<NetworkOptions> {
    let bad = |found: String| CardError::Card { path: path.to_owned(), found };
    let mut settings = Settings::of(&card.options);
    if let Some(width) = card.width {
        settings.set("width", width);
    }
    let architecture = find(&card.architecture).and_then(|entry| entry.with(&settings));
    let architecture = architecture.map_err(|e| bad(e.to_string()))?;
    let expected = architecture.normalisation().name();
    if card.normalisation != expected {
        let (found, chorus) = (&card.normalisation, &card.versions.chorus);
        let next = format!("apply this model with the version of chorus that trained it ({chorus})");
        return Err(bad(format!("normalisation `{found}`, expected {expected}; {next}")).into());
    }
    Ok(NetworkOptions { architecture, channels: card.channels, classes: card.classes.len() as i64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(architecture: &str) -> Card {
        Card {
            architecture: architecture.into(),
            width: Some(0.25),
            channels: 2,
            ..chorus_card::testing::card(serde_yaml::Mapping::new())
        }
    }

    #[test]
    fn a_card_names_the_network_with_its_options() {
        let network = of_card(&card("resnet18"), Path::new("model.yaml")).unwrap();
        assert_eq!((network.architecture.name(), network.architecture.embedding()), ("resnet18", 128));
        assert_eq!((network.channels, network.classes), (2, 2));
    }

    #[test]
    fn what_this_version_does_not_know_is_refused_with_what_it_knows() {
        let refusal = of_card(&card("mobilenet_v3_tiny"), Path::new("model.yaml")).unwrap_err().to_string();
        assert!(refusal.contains("mobilenet_v3_tiny") && refusal.contains("resnet18"), "{refusal}");
        let other = Card { normalisation: "other".into(), ..card("resnet18") };
        let refusal = of_card(&other, Path::new("model.yaml")).unwrap_err().to_string();
        assert!(refusal.contains("normalisation `other`, expected min_max_per_window"), "{refusal}");
    }
}
