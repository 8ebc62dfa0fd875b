//! The sides of the split on which metrics are told.

/// A side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subset {
    /// Test.
    Test,
    /// Train.
    Train,
    /// Validation.
    Validation,
}

impl Subset {
    /// All, in the order of the tables.
    pub(crate) const ALL: [Self; 3] = [Self::Test, Self::Train, Self::Validation];

    /// The name as in tables.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Train => "train",
            Self::Validation => "validation",
        }
    }

    /// The side of that name; `None` for recordings that are on none.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|side| side.as_str() == name)
    }
}
