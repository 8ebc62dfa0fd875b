//! What reading a file found.

use chorus_engine::Exact;
use serde::{Deserialize, Serialize};

use crate::container::levels::Levels;
use crate::container::{self, Facts};
use crate::error::RejectCode;
use crate::headers::Header;

/// What reading a file found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Probe {
    pub(super) content_hash: String,
    pub(super) found: Found,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Found {
    Sound(Sound),
    Rejected { code: String, detail: String },
}

/// Facts and levels of a recording that can be read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Sound {
    pub(super) codec: String,
    pub(super) sample_rate_hz: u32,
    pub(super) channels: u16,
    pub(super) bits_per_sample: u16,
    pub(super) frames: u64,
    pub(super) duration_s: Exact,
    pub(super) level_dbfs: Option<Exact>,
    pub(super) peak_dbfs: Option<Exact>,
    pub(super) clipped_fraction: Exact,
    pub(super) dc_offset: Exact,
    /// Channels without any sound, as `1,3`.
    pub(super) dead_channels: Option<String>,
    /// Code, sentence and seconds lost, where they are known.
    pub(super) repair: Option<(String, String, Option<Exact>)>,
    pub(super) header: Box<Header>,
    /// The factor between `sample_rate_hz` and the rate that the file itself states.
    pub(super) time_expansion: Exact,
}

impl Probe {
    pub(super) fn rejected(code: &str, detail: &str) -> Self {
        Self { content_hash: String::new(), found: Found::Rejected { code: code.to_owned(), detail: detail.to_owned() } }
    }

    /// The probe of a file that cannot be read, as where permission is lacking or a connection breaks. It is not stored, so that each run
    /// tries again.
    pub(super) fn unreadable() -> Self {
        Self::rejected(
            RejectCode::Unreadable.as_str(),
            "it could not be read; check its permissions, the disk or the connection; the next run tries again",
        )
    }

    /// The probe of a link to a file that is not there. It is stored, because the listing changes when the file appears.
    pub(super) fn missing() -> Self {
        Self::rejected(
            RejectCode::MissingFile.as_str(),
            "a link to a file that is not there; connect its disk or fetch its content, or remove the link",
        )
    }

    /// The probe of a file whose name is not UTF-8. A table cannot hold such a name, and the file cannot be opened by a text.
    pub(super) fn nameless() -> Self {
        Self::rejected(
            RejectCode::NameNotUtf8.as_str(),
            "the name of the file or of one of its folders is not UTF-8 (bytes that are none are shown as \\x and two digits); rename it",
        )
    }
}

impl Sound {
    pub(super) fn new(facts: Facts, levels: &Levels) -> Self {
        Self {
            duration_s: Exact(facts.duration_s()),
            codec: facts.codec,
            sample_rate_hz: facts.sample_rate_hz,
            channels: facts.channels,
            bits_per_sample: facts.bits_per_sample,
            frames: facts.frames,
            level_dbfs: levels.level_dbfs.map(Exact),
            peak_dbfs: levels.peak_dbfs.map(Exact),
            clipped_fraction: Exact(levels.clipped_fraction),
            dc_offset: Exact(levels.dc_offset),
            time_expansion: Exact(facts.time_expansion),
            header: facts.header,
            dead_channels: container::channels::listed(&levels.dead_channels),
            repair: facts.repair.map(|r| (r.code.to_string(), r.detail, r.lost_s.map(Exact))),
        }
    }
}
