//! The sides of a split.

use std::str::FromStr;

/// The side of a split that a recording is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subset {
    /// The network is trained on it.
    Train,
    /// Epochs and thresholds are chosen on it.
    Validation,
    /// The trained network is evaluated on it.
    Test,
    /// Not used.
    Unused,
}

impl Subset {
    /// All, in the order of messages.
    pub const ALL: [Self; 4] = [Self::Train, Self::Validation, Self::Test, Self::Unused];
    /// The sides that are used.
    pub const SIDES: [Self; 3] = [Self::Train, Self::Validation, Self::Test];

    /// The name as in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
            Self::Unused => "unused",
        }
    }
}

impl FromStr for Subset {
    type Err = String;

    /// Reads the name of a subset in any case. The error lists the names.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_lowercase().as_str() {
            "train" => Ok(Self::Train),
            "validation" | "val" | "valid" => Ok(Self::Validation),
            "test" => Ok(Self::Test),
            "unused" => Ok(Self::Unused),
            _ => Err("train, validation, test or unused".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subset_names_read_back() {
        for subset in [Subset::Train, Subset::Validation, Subset::Test, Subset::Unused] {
            assert_eq!(subset.as_str().to_uppercase().parse(), Ok(subset));
        }
        assert_eq!("dev".parse::<Subset>(), Err("train, validation, test or unused".into()));
    }
}
