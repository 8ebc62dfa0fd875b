//! The members of the WAV family.

/// A member of the WAV family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `RIFF`: the usual WAV file, little-endian, with sizes of 32 bits.
    Riff,
    /// `RIFX`: the same, big-endian.
    Rifx,
    /// `RF64`: sizes of 64 bits in a chunk `ds64`.
    Rf64,
    /// `BW64`: the same under another name.
    Bw64,
    /// Sony Wave64: GUIDs as names, sizes of 64 bits.
    W64,
}

/// The last 12 bytes of Wave64's `riff` GUID; its first four are the letters.
const W64_RIFF_TAIL: [u8; 12] = [0x2E, 0x91, 0xCF, 0x11, 0xA5, 0xD6, 0x28, 0xDB, 0x04, 0xC1, 0x00, 0x00];

impl Form {
    /// The member by the first bytes of a file, at least 16 of them. Whether a RIFF file is of form `WAVE` is said by
    /// its bytes 8 to 12.
    #[must_use]
    pub fn of(head: &[u8]) -> Option<Self> {
        match head.get(..4)? {
            b"RIFF" => Some(Self::Riff),
            b"RIFX" => Some(Self::Rifx),
            b"RF64" => Some(Self::Rf64),
            b"BW64" => Some(Self::Bw64),
            b"riff" if head.get(4..16) == Some(&W64_RIFF_TAIL) => Some(Self::W64),
            _ => None,
        }
    }

    /// A short name: `wav`, `rifx`, `rf64`, `bw64`, `w64`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Riff => "wav",
            Self::Rifx => "rifx",
            Self::Rf64 => "rf64",
            Self::Bw64 => "bw64",
            Self::W64 => "w64",
        }
    }

    /// Whether numbers are big-endian.
    #[must_use]
    pub fn is_big_endian(self) -> bool {
        self == Self::Rifx
    }
}
