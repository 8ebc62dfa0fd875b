//! A card for the tests of all crates, so that a new field is added in one place.

use serde_yaml::Mapping;

use crate::{Card, Training, Versions};

/// The card of a small network for the classes FROG and TOAD that was trained with these settings, by section.
pub fn card(settings: Mapping) -> Card {
    Card {
        model_id: "cafe".into(),
        architecture: "mobilenet_v3_small".into(),
        width: Some(0.5),
        options: Mapping::new(),
        channels: 1,
        embedding: 288,
        classes: ["FROG", "TOAD"].map(str::to_owned).into(),
        names: Default::default(),
        settings,
        normalisation: "min_max_per_window".into(),
        training: Training {
            windows: 9,
            validation_windows: 3,
            epochs: 2,
            kept_epoch: 1,
            mixing: "mix2".into(),
            seed: 7,
            data: [("features".to_owned(), "h".to_owned())].into(),
            fingerprint: "f".into(),
        },
        versions: Versions { chorus: "0.1.0".into(), libtorch: "2.13.0".into() },
        license: None,
        backbone: None,
        distilled_from: None,
        enrolled: Vec::new(),
    }
}
