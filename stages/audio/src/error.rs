//! What can go wrong between a file in the archive and its samples, and the stable codes under which tables name it.

use std::fmt;
use std::io;

use chorus_archive::{ArchiveError, Cause};
use chorus_wav::Reason;

/// Everything that this crate's decoding and signal processing can fail with.
#[derive(Debug, thiserror::Error)]
pub enum AudioError {
    /// The archive does not give the recording.
    #[error(transparent)]
    Archive(ArchiveError),
    /// The system refused to read on; the recording may be undamaged.
    #[error("{}: {source}. Check that the file is readable and its disk is there, then run again", chorus_text::shown(.location))]
    Io {
        /// The recording.
        location: String,
        /// The system's reason.
        source: io::Error,
    },
    /// The recording can't be used. A row in `recordings`, not a crash.
    #[error("{}: rejected ({code}): {detail}", chorus_text::shown(.location))]
    Rejected {
        /// The recording.
        location: String,
        /// The reason as a stable code.
        code: RejectCode,
        /// The reason as a sentence: what was found, and what was expected.
        detail: String,
    },
    /// A rate that the resampler does not take.
    #[error(
        "can't resample from {rate_in_hz} Hz to {rate_out_hz} Hz: expected rates from 1 to {max_hz} Hz. Correct the target rate in the configuration"
    )]
    ResampleRate {
        /// The recording's rate.
        rate_in_hz: u32,
        /// The rate asked for.
        rate_out_hz: u32,
        /// The largest rate taken.
        max_hz: u32,
    },
    /// The resampler's library refused a block, which a bug here would be the cause of.
    #[error("resampling failed: {0}. Please report this with the recording's sample rate")]
    Resample(String),
    /// A setting with which no mel spectrogram can be computed.
    #[error("{key}: found {found}; {expected}")]
    MelConfig {
        /// The key.
        key: String,
        /// Its value.
        found: String,
        /// What is allowed.
        expected: String,
    },
    /// A slice of the wrong length.
    #[error("{what}: found {found} values, expected {expected}")]
    Length {
        /// Which slice.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length that fits.
        expected: String,
    },
    /// Window starts that are not in ascending order.
    #[error("window {index} starts at frame {found}, before the window that precedes it ({previous}): sort the windows by start")]
    WindowOrder {
        /// The first window out of order.
        index: usize,
        /// Where it starts.
        found: u64,
        /// Where its predecessor starts.
        previous: u64,
    },
}

impl From<ArchiveError> for AudioError {
    /// A folder, a pipe or a device is rejected like a file that holds no audio: it becomes a row in the table.
    fn from(error: ArchiveError) -> Self {
        match error.cause {
            Cause::NotAFile => Fault::Rejected(RejectCode::NotAudio, error.cause.to_string()).at(&error.location),
            _ => Self::Archive(error),
        }
    }
}

/// Why a recording can't be used: codes of `recordings.reason_code`, explained in `docs/recordings-status.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RejectCode {
    /// `empty_file`: no bytes at all.
    EmptyFile,
    /// `not_audio`: text, zeros, an archive: no known audio format.
    NotAudio,
    /// `truncated_header`: an audio file that ends before its format is stated.
    TruncatedHeader,
    /// `bad_header`: a header that contradicts itself beyond repair.
    BadHeader,
    /// `no_audio_data`: a header without a single readable frame behind it.
    NoAudioData,
    /// `unsupported_container`: an audio file of an unsupported format.
    UnsupportedContainer,
    /// `unsupported_codec`: a supported container with an unsupported encoding inside.
    UnsupportedCodec,
    /// `decode_failed`: the decoder found nothing sound in it.
    DecodeFailed,
    /// `no_such_channel`: a recording without the channel that `archive.channel` names.
    NoSuchChannel,
    /// `unreadable`: the file cannot be read: permission is lacking, the disk fails, or a connection breaks.
    Unreadable,
    /// `missing_file`: a link to a file that is not there.
    MissingFile,
    /// `name_not_utf8`: the name of the file or of one of its folders is not UTF-8.
    NameNotUtf8,
}

impl RejectCode {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::EmptyFile,
        Self::NotAudio,
        Self::TruncatedHeader,
        Self::BadHeader,
        Self::NoAudioData,
        Self::UnsupportedContainer,
        Self::UnsupportedCodec,
        Self::DecodeFailed,
        Self::NoSuchChannel,
        Self::Unreadable,
        Self::MissingFile,
        Self::NameNotUtf8,
    ];

    /// The code as it stands in tables. It never changes.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EmptyFile => "empty_file",
            Self::NotAudio => "not_audio",
            Self::TruncatedHeader => "truncated_header",
            Self::BadHeader => "bad_header",
            Self::NoAudioData => "no_audio_data",
            Self::UnsupportedContainer => "unsupported_container",
            Self::UnsupportedCodec => "unsupported_codec",
            Self::DecodeFailed => "decode_failed",
            Self::NoSuchChannel => "no_such_channel",
            Self::Unreadable => "unreadable",
            Self::MissingFile => "missing_file",
            Self::NameNotUtf8 => "name_not_utf8",
        }
    }
}

impl fmt::Display for RejectCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A failure below the level at which the file's location is known.
#[derive(Debug)]
pub(crate) enum Fault {
    Io(io::Error),
    Rejected(RejectCode, String),
}

impl Fault {
    pub(crate) fn at(self, location: &str) -> AudioError {
        let location = location.to_owned();
        match self {
            Self::Io(source) => AudioError::Io { location, source },
            Self::Rejected(code, detail) => AudioError::Rejected { location, code, detail },
        }
    }
}

impl From<io::Error> for Fault {
    fn from(source: io::Error) -> Self {
        Self::Io(source)
    }
}

impl From<chorus_wav::Error> for Fault {
    fn from(error: chorus_wav::Error) -> Self {
        let (reason, detail) = match error {
            chorus_wav::Error::Io(source) => return Self::Io(source),
            chorus_wav::Error::Refused { reason, detail } => (reason, detail),
        };
        let code = match reason {
            Reason::NotWav => RejectCode::NotAudio,
            Reason::TruncatedHeader => RejectCode::TruncatedHeader,
            Reason::BadHeader => RejectCode::BadHeader,
            Reason::NoData => RejectCode::NoAudioData,
            Reason::UnsupportedCodec => RejectCode::UnsupportedCodec,
        };
        Self::Rejected(code, detail)
    }
}
