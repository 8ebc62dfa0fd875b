//! Contracts of known backbones. Chorus ships no weights: each contract says where they come from.

/// Contracts by name.
pub const READY: &[(&str, &str)] = &[
    ("birdnet-2.4", include_str!("../contracts/birdnet-2.4.yaml")),
    ("birdnet-3.0", include_str!("../contracts/birdnet-3.0.yaml")),
    ("perch-2", include_str!("../contracts/perch-2.yaml")),
    ("silero-vad", include_str!("../contracts/silero-vad.yaml")),
    ("basic-pitch", include_str!("../contracts/basic-pitch.yaml")),
];

/// The contract of a name.
pub fn find(name: &str) -> Option<&'static str> {
    READY.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// The names, for messages.
pub fn names() -> String {
    READY.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use chorus_card::Contract;

    use super::*;

    #[test]
    fn every_ready_contract_can_be_read() {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in READY {
            let path = dir.path().join(format!("{name}.yaml"));
            std::fs::write(&path, text).unwrap();
            let contract = Contract::read(&path).unwrap();
            assert!(contract.source.is_some() && contract.license.is_some(), "{name}");
            assert_eq!(contract.forbids_commercial_use(), *name == "birdnet-2.4", "{name}");
        }
    }
}
