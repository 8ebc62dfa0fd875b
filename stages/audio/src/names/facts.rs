//! What can be known by a file name.

use jiff::civil::DateTime;
use jiff::tz::Offset;

/// What is known by a file's name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NameFacts {
    /// When the recording starts.
    pub time: Option<NameTime>,
    /// The site: the text before the date, or the part `{site}` of the user's own pattern.
    pub site: Option<String>,
    /// The recorder's serial number.
    pub serial: Option<String>,
}

/// The time that a file's name states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameTime {
    /// The date and time as written.
    pub local: DateTime,
    /// The offset from UTC, where the name or its format states it.
    pub offset: Option<Offset>,
    /// The name states the offset `-0000`, which means that it is not known (RFC 3339).
    pub offset_unknown: bool,
    /// What stands behind the time may be an offset of whole hours, or a counter: it was not read.
    pub hours_unread: bool,
    /// What stands before the date: often the site or the recorder.
    pub prefix: Option<String>,
    /// What stands behind the seconds: a fraction of a second, an offset, a counter or the like. Pieces of a recording bear the time of
    /// the whole, and differ here.
    pub tail: String,
    /// The format, from which a caller may conclude a default offset.
    pub pattern: NamePattern,
    /// The clock was never set: its time should not be believed.
    pub suspicious: bool,
}

/// The formats of names that hold a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NamePattern {
    /// `PREFIX_YYYYMMDD_HHMMSS`: in the zone that the recorder was set to.
    SongMeter,
    /// `YYYYMMDD_HHMMSS`, or with an AudioMoth's device number before it: UTC unless the recorder was set otherwise.
    AudioMoth,
    /// 8 hex digits of Unix time: UTC.
    UnixHex,
    /// `YYYYMMDDTHHMMSS`.
    Iso,
    /// The user's own.
    Own,
}
