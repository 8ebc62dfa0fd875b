//! A file system in memory, on which any call may fail and any moment may be the last one. What happens follows from a seed alone.

use std::fmt;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::machine::{File, Folder, Machine, Node};
use super::opened::{OpenFile, OpenFolder, SimulatedLock};
use super::random::Random;
use super::trouble::{Kind, Stop, Troubles};
use crate::Disk;
use crate::files::file_system::{Entry, Facts, FileSystem, LockFile, Reader, Watch, Writer};
use chorus_platform::identity::Identity;
use jiff::Timestamp;

/// Something that a file system does or does not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Traits {
    /// Whether a file can have several names.
    pub(super) has_links: bool,
    pub(super) has_locks: bool,
    /// Whether names that are not synced reach the disk in another order than they were changed in.
    pub(super) reorders: bool,
    /// Whether the clock goes back and forth.
    pub(super) clock_jumps: bool,
}

/// One call, and what it gave where it failed.
#[derive(Debug, Clone)]
struct Call {
    kind: Kind,
    path: PathBuf,
    error: Option<ErrorKind>,
    /// Whether it did what was asked and failed all the same.
    is_late: bool,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) machine: Machine,
    pub(super) traits: Traits,
    pub(super) troubles: Troubles,
    pub(super) random: Random,
    /// Files that are locked, and whether by one alone.
    pub(super) locks: Vec<(u64, bool)>,
    /// How the process ended, where it did in the middle of its work.
    stopped: Option<Stop>,
    calls: Vec<Call>,
    /// Where in `calls` the process began.
    began: usize,
    names: u64,
    seconds: i64,
}

/// The disk. Clones are the same one.
#[derive(Clone)]
pub(super) struct SimulatedDisk(Arc<Mutex<State>>);

impl fmt::Debug for SimulatedDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimulatedDisk")
    }
}

impl SimulatedDisk {
    /// An empty disk.
    pub(super) fn new(seed: u64, traits: Traits) -> Self {
        let (machine, troubles, random) = (Machine::new(), Troubles::default(), Random::new(seed));
        let (locks, calls, seconds) = (Vec::new(), Vec::new(), 1_700_000_000);
        let state = State { machine, traits, troubles, random, locks, stopped: None, calls, began: 0, names: 0, seconds };
        Self(Arc::new(Mutex::new(state)))
    }

    /// As the engine knows it.
    pub(super) fn disk(&self) -> Disk {
        Disk::of(Arc::new(self.clone()))
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another process begins, with these troubles ahead of it.
    pub(super) fn begin(&self, troubles: Troubles) {
        let mut state = self.state();
        state.began = state.calls.len();
        state.troubles = troubles;
    }

    /// The process has ended, in whatever way; troubles are over. With `power`, the power fails now where it did not fail before.
    pub(super) fn end(&self, power: bool) {
        let state = &mut *self.state();
        state.locks.clear();
        state.troubles = Troubles::default();
        if state.stopped.take() == Some(Stop::Power) || power {
            state.machine.crash(&mut state.random, state.traits.reorders);
        }
    }

    /// How the process ended, where it did in the middle of its work.
    pub(super) fn stopped(&self) -> Option<Stop> {
        self.state().stopped
    }

    /// Waits until everything is on the disk.
    pub(super) fn settle(&self) {
        self.state().machine.sync_all();
    }

    /// How many calls the process has made.
    pub(super) fn calls(&self) -> u64 {
        let state = self.state();
        (state.calls.len() - state.began) as u64
    }

    /// Whether a call of the process failed with an error of which a text tells.
    pub(super) fn explains(&self, told: &str) -> bool {
        let state = self.state();
        let mut errors = state.calls[state.began..].iter().filter_map(|call| call.error);
        errors.any(|error| told.contains(&io::Error::from(error).to_string()))
    }

    /// Another disk with the same content and without troubles.
    pub(super) fn copy(&self) -> Self {
        let machine = self.state().machine.clone();
        self.with(machine)
    }

    /// Another disk with what programs were told is on this one.
    pub(super) fn acknowledged(&self) -> Self {
        let machine = self.state().machine.acknowledged();
        self.with(machine)
    }

    fn with(&self, machine: Machine) -> Self {
        let copy = Self::new(0, self.state().traits);
        copy.state().machine = machine;
        copy
    }

    /// The calls of all processes so far.
    pub(super) fn told(&self) -> String {
        let state = self.state();
        let line = |(i, call): (usize, &Call)| {
            let error = call.error.map_or_else(String::new, |error| format!(": {}", io::Error::from(error)));
            let late = if call.is_late { ", and it was done" } else { "" };
            format!("{i:6} {:?} {}{error}{late}\n", call.kind, call.path.display())
        };
        state.calls.iter().enumerate().map(line).collect()
    }

    /// Begins a call: the state to work on, and the error to give once the work is done.
    pub(super) fn enter(&self, kind: Kind, path: &Path) -> io::Result<(MutexGuard<'_, State>, Late)> {
        let mut guard = self.state();
        let state = &mut *guard;
        let number = (state.calls.len() - state.began) as u64 + 1;
        let mut call = Call { kind, path: path.to_owned(), error: None, is_late: false };
        if state.stopped.is_some() {
            call.error = Some(ErrorKind::Other);
        } else if let Some((stop, is_late)) = state.troubles.stop(number, &mut state.random) {
            (state.stopped, call.error, call.is_late) = (Some(stop), Some(ErrorKind::Other), is_late);
        } else if let Some((error, is_late)) = state.troubles.error(number, kind, path, &mut state.random) {
            (call.error, call.is_late) = (Some(error), is_late);
        }
        let (error, is_late) = (call.error, call.is_late);
        state.calls.push(call);
        match error {
            Some(error) if !is_late => {
                // A sync that a signal interrupted has lost nothing. Rust's library itself asks again, as the engine does.
                if error != ErrorKind::Interrupted {
                    state.fail(kind, path);
                }
                Err(error.into())
            }
            error => Ok((guard, Late(error))),
        }
    }
}

/// The error of a call that did what was asked.
pub(super) struct Late(pub(super) Option<ErrorKind>);

impl Late {
    pub(super) fn after<T>(self, done: T) -> io::Result<T> {
        self.0.map_or(Ok(done), |error| Err(error.into()))
    }
}

impl State {
    /// What a call leaves behind that failed.
    fn fail(&mut self, kind: Kind, path: &Path) {
        if self.stopped.is_some() {
            return;
        }
        let unsynced = match kind {
            Kind::SyncFile => self.machine.find(path).into_iter().collect(),
            Kind::SyncAll => self.machine.unsynced(),
            _ => Vec::new(),
        };
        for file in unsynced {
            if self.random.one_in(2) {
                self.machine.drop_writes(file);
            }
        }
    }

    pub(super) fn facts(&self, number: u64) -> Facts {
        let (bytes, is_folder) = match self.machine.node(number) {
            Node::File(file) => (file.content.len() as u64, false),
            Node::Folder(_) => (0, true),
        };
        Facts { bytes, is_folder }
    }

    fn remove_all(&mut self, path: &Path) -> io::Result<()> {
        let names: Vec<_> = self.machine.folder(self.machine.find(path)?)?.names.keys().cloned().collect();
        for name in names {
            let path = path.join(name);
            let is_folder = matches!(self.machine.node(self.machine.find(&path)?), Node::Folder(_));
            if is_folder { self.remove_all(&path)? } else { self.machine.remove(&path)? }
        }
        self.machine.remove_folder(path)
    }
}

/// What a file of this number is called.
pub(super) fn identity(number: u64) -> Identity {
    Identity { device: 1, number }
}

impl FileSystem for SimulatedDisk {
    fn open(&self, path: &Path) -> io::Result<Box<dyn Reader>> {
        let (state, late) = self.enter(Kind::Open, path)?;
        let file = state.machine.find(path)?;
        state.machine.file(file)?;
        let reader = OpenFile::new(self, path, file);
        late.after(Box::new(reader))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn Writer>> {
        let (mut state, late) = self.enter(Kind::Create, path)?;
        let file = state.machine.make(path, Node::File(File::default()))?;
        late.after(Box::new(OpenFile::new(self, path, file)))
    }

    fn extend(&self, path: &Path) -> io::Result<Box<dyn Writer>> {
        let (mut state, late) = self.enter(Kind::Create, path)?;
        let file = match state.machine.find(path) {
            Ok(file) => file,
            // Logs alone are extended.
            Err(_) => state.machine.make(path, Node::File(File::log()))?,
        };
        state.machine.file(file)?;
        late.after(Box::new(OpenFile::new(self, path, file)))
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        let (mut state, late) = self.enter(Kind::SyncFile, path)?;
        let file = state.machine.find(path)?;
        state.machine.file(file)?;
        state.machine.sync_file(file);
        late.after(())
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        let (mut state, late) = self.enter(Kind::SyncFolder, path)?;
        let folder = state.machine.find(path)?;
        state.machine.folder(folder)?;
        state.machine.sync_folder(folder);
        late.after(())
    }

    fn watch(&self, folder: &Path) -> io::Result<Option<Box<dyn Watch>>> {
        let (state, late) = self.enter(Kind::Open, folder)?;
        state.machine.folder(state.machine.find(folder)?)?;
        late.after(Some(Box::new(OpenFolder::new(self, folder))))
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        let (mut state, late) = self.enter(Kind::MakeFolder, path)?;
        state.machine.make(path, Node::Folder(Folder::default()))?;
        late.after(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (mut state, late) = self.enter(Kind::Rename, to)?;
        state.machine.rename(from, to)?;
        late.after(())
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (mut state, late) = self.enter(Kind::Link, to)?;
        if !state.traits.has_links {
            state.machine.find(from)?;
            let refusal = state.random.pick(&[
                ErrorKind::PermissionDenied,
                ErrorKind::Unsupported,
                ErrorKind::CrossesDevices,
                ErrorKind::TooManyLinks,
            ]);
            return Err(refusal.into());
        }
        state.machine.link(from, to)?;
        late.after(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let (mut state, late) = self.enter(Kind::Remove, path)?;
        state.machine.remove(path)?;
        late.after(())
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        let (mut state, late) = self.enter(Kind::Remove, path)?;
        state.machine.remove_folder(path)?;
        late.after(())
    }

    fn remove_all(&self, path: &Path) -> io::Result<()> {
        let (mut state, late) = self.enter(Kind::Remove, path)?;
        state.remove_all(path)?;
        late.after(())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<Entry>> {
        let (mut state, late) = self.enter(Kind::List, folder)?;
        let state = &mut *state;
        let listed = state.machine.folder(state.machine.find(folder)?)?;
        let mut entries: Vec<Entry> = Vec::new();
        for (name, number) in &listed.names {
            let is_folder = matches!(state.machine.node(*number), Node::Folder(_));
            // In any order.
            let place = state.random.below(entries.len() as u64 + 1) as usize;
            entries.insert(place, Entry { path: folder.join(name), is_folder });
        }
        late.after(entries)
    }

    fn facts(&self, path: &Path) -> io::Result<Facts> {
        let (state, late) = self.enter(Kind::Look, path)?;
        let facts = state.facts(state.machine.find(path)?);
        late.after(facts)
    }

    fn identity(&self, path: &Path) -> io::Result<Identity> {
        let (state, late) = self.enter(Kind::Look, path)?;
        late.after(identity(state.machine.find(path)?))
    }

    fn tells_case_apart(&self, _: &Path) -> bool {
        true
    }

    fn open_lock(&self, path: &Path) -> io::Result<Box<dyn LockFile>> {
        let (mut state, late) = self.enter(Kind::Create, path)?;
        let file = match state.machine.find(path) {
            Ok(file) => file,
            Err(_) => state.machine.make(path, Node::File(File::default()))?,
        };
        // The lock looks at the disk again when it is dropped.
        drop(state);
        late.after(Box::new(SimulatedLock::new(self, path, file)))
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        let (state, late) = self.enter(Kind::Look, path)?;
        late.after(if state.troubles.is_full() { 0 } else { 1 << 40 })
    }

    fn now(&self) -> Timestamp {
        let state = &mut *self.state();
        state.seconds += if state.traits.clock_jumps { state.random.below(200_000_000) as i64 - 100_000_000 } else { 1 };
        // Two centuries around today.
        Timestamp::from_second(state.seconds.clamp(-3_000_000_000, 5_000_000_000)).unwrap()
    }

    fn unique(&self) -> String {
        let mut state = self.state();
        state.names += 1;
        // A number that another process had may come again.
        format!("7-{}", state.names % 1000)
    }
}
