//! What goes wrong with calls of a file system, and when.

use std::io::ErrorKind;
use std::path::Path;

use super::random::Random;

/// The calls, as far as they fail alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Create,
    Link,
    List,
    Lock,
    Look,
    MakeFolder,
    Open,
    Read,
    Remove,
    Rename,
    SyncAll,
    SyncFile,
    SyncFolder,
    Write,
}

impl Kind {
    /// Whether it needs a disk that can be written to.
    fn changes(self) -> bool {
        use Kind::{Create, Link, MakeFolder, Remove, Rename, Write};
        matches!(self, Create | Link | MakeFolder | Remove | Rename | Write)
    }

    /// Whether it takes room on the disk.
    fn takes_room(self) -> bool {
        use Kind::{Create, MakeFolder, SyncAll, SyncFile, Write};
        matches!(self, Create | MakeFolder | SyncAll | SyncFile | Write)
    }

    /// The errors that it may give.
    fn errors(self) -> &'static [ErrorKind] {
        match self {
            _ if self.takes_room() => &[
                ErrorKind::StorageFull,
                ErrorKind::QuotaExceeded,
                ErrorKind::Other,
                ErrorKind::ReadOnlyFilesystem,
                ErrorKind::PermissionDenied,
                ErrorKind::StaleNetworkFileHandle,
            ],
            _ if self.changes() => &[
                ErrorKind::StorageFull,
                ErrorKind::Other,
                ErrorKind::ReadOnlyFilesystem,
                ErrorKind::PermissionDenied,
                ErrorKind::StaleNetworkFileHandle,
                ErrorKind::ResourceBusy,
            ],
            Self::SyncFolder => &[ErrorKind::Other, ErrorKind::StorageFull, ErrorKind::StaleNetworkFileHandle],
            _ => &[ErrorKind::Other, ErrorKind::PermissionDenied, ErrorKind::StaleNetworkFileHandle],
        }
    }
}

/// How a process ends in the middle of its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// It is killed. What it wrote stays as programs see it.
    Kill,
    /// The machine loses its power.
    Power,
}

/// What goes wrong from some call on, until the process has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lasting {
    /// The disk is full, or a quota is reached.
    Full(ErrorKind),
    /// The disk was mounted anew, for reading only.
    ReadOnly,
    /// A server forgot all files.
    Stale,
    /// Nobody may open the run.
    Denied,
    /// The disk is broken.
    Broken,
}

/// All that goes wrong while a process runs. By default nothing does.
#[derive(Debug, Clone, Default)]
pub(super) struct Troubles {
    /// One in so many calls fails; 0 for none.
    pub(super) fails_one_in: u64,
    /// This call fails.
    pub(super) fails_at: Option<u64>,
    /// One in so many calls is interrupted by a signal.
    pub(super) interrupts_one_in: u64,
    /// One in so many reads and writes is of fewer bytes than asked for.
    pub(super) short_one_in: u64,
    /// From this call on.
    pub(super) lasting: Option<(u64, Lasting)>,
    /// The process ends at this call.
    pub(super) stops: Option<(u64, Stop)>,
    /// Whether the disk was found to be full.
    pub(super) is_full: bool,
}

impl Troubles {
    /// Troubles for a process that makes about so many calls.
    pub(super) fn random(random: &mut Random, calls: u64) -> Self {
        let mut troubles = Self::default();
        if random.one_in(3) {
            troubles.interrupts_one_in = 2 + random.below(30);
        }
        if random.one_in(3) {
            troubles.short_one_in = 1 + random.below(4);
        }
        // Somewhat behind the last call now and then, so that all of it is done.
        let some_call = |random: &mut Random| 1 + random.below(calls + calls / 8);
        match random.below(8) {
            0 | 1 => troubles.stops = Some((some_call(random), Stop::Kill)),
            2..=4 => troubles.stops = Some((some_call(random), Stop::Power)),
            5 => troubles.fails_at = Some(some_call(random)),
            6 => troubles.fails_one_in = 4 + random.below(calls),
            _ => {
                let kinds = [
                    Lasting::Full(ErrorKind::StorageFull),
                    Lasting::Full(ErrorKind::QuotaExceeded),
                    Lasting::ReadOnly,
                    Lasting::Stale,
                    Lasting::Denied,
                    Lasting::Broken,
                ];
                troubles.lasting = Some((some_call(random), random.pick(&kinds)));
            }
        }
        // Both: a process that fails and is stopped while it fails.
        if random.one_in(8) {
            troubles.fails_one_in = 10 + random.below(calls);
        }
        troubles
    }

    /// Whether the process ends at this call, and whether the call is done before.
    pub(super) fn stop(&self, call: u64, random: &mut Random) -> Option<(Stop, bool)> {
        let (at, stop) = self.stops?;
        (call >= at).then(|| (stop, random.one_in(2)))
    }

    /// The error of a call, and whether it is done all the same: as with a server whose answer is lost.
    pub(super) fn error(&mut self, call: u64, kind: Kind, path: &Path, random: &mut Random) -> Option<(ErrorKind, bool)> {
        if random.one_in(self.interrupts_one_in) {
            return Some((ErrorKind::Interrupted, false));
        }
        if let Some((at, lasting)) = self.lasting
            && call >= at
        {
            let error = match lasting {
                Lasting::Full(error) => {
                    self.is_full = true;
                    kind.takes_room().then_some(error)
                }
                Lasting::ReadOnly => kind.changes().then_some(ErrorKind::ReadOnlyFilesystem),
                Lasting::Stale => Some(ErrorKind::StaleNetworkFileHandle),
                Lasting::Denied => (is_within(path) && kind != Kind::SyncFolder).then_some(ErrorKind::PermissionDenied),
                Lasting::Broken => Some(ErrorKind::Other),
            };
            return error.map(|error| (error, kind == Kind::Write));
        }
        if self.fails_at != Some(call) && !random.one_in(self.fails_one_in) {
            return None;
        }
        let error = random.pick(kind.errors());
        let is_late = kind == Kind::Write || kind.changes() && error != ErrorKind::ReadOnlyFilesystem && random.one_in(3);
        (error != ErrorKind::PermissionDenied || is_within(path)).then_some((error, is_late))
    }

    /// Whether a read or write is of fewer bytes than asked for.
    pub(super) fn is_short(&self, random: &mut Random) -> bool {
        random.one_in(self.short_one_in)
    }

    /// Whether no room is left.
    pub(super) fn is_full(&self) -> bool {
        self.is_full
    }
}

/// Whether a path lies within a run. Folders above it need not be open to a process.
fn is_within(path: &Path) -> bool {
    path.components().count() > 2
}
