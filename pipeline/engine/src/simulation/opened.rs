//! Files, folders and locks of a simulated disk that a process has open.

use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use chorus_platform::identity::Identity;

use super::disk::{Late, SimulatedDisk, State, identity};
use super::trouble::Kind;
use crate::files::file_system::{LockFile, Mode, Watch, Writer};

#[derive(Debug)]
pub(super) struct OpenFile {
    disk: SimulatedDisk,
    path: PathBuf,
    file: u64,
    at: usize,
}

impl OpenFile {
    pub(super) fn new(disk: &SimulatedDisk, path: &Path, file: u64) -> Self {
        Self { disk: disk.clone(), path: path.to_owned(), file, at: 0 }
    }

    /// How many of so many bytes a call takes.
    fn some(&self, state: &mut State, n: usize) -> usize {
        let can_be_short = n > 1 && !state.machine.is_log(self.file);
        if can_be_short && state.troubles.is_short(&mut state.random) { 1 + state.random.below(n as u64 - 1) as usize } else { n }
    }
}

impl Read for OpenFile {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let (mut state, late) = self.disk.enter(Kind::Read, &self.path)?;
        let n = self.some(&mut state, into.len());
        let content = &state.machine.file(self.file)?.content;
        let rest = &content[self.at.min(content.len())..];
        let n = n.min(rest.len());
        into[..n].copy_from_slice(&rest[..n]);
        self.at += n;
        late.after(n)
    }
}

impl Seek for OpenFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let length = self.disk.state().machine.file(self.file)?.content.len() as i64;
        let at = match to {
            SeekFrom::Start(at) => at as i64,
            SeekFrom::End(more) => length + more,
            SeekFrom::Current(more) => self.at as i64 + more,
        };
        self.at = usize::try_from(at).map_err(|_| ErrorKind::InvalidInput)?;
        Ok(self.at as u64)
    }
}

impl Write for OpenFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let part = |state: &mut State| {
            let some = state.machine.part(self.file, &mut state.random, bytes.len());
            state.machine.append(self.file, &bytes[..some]);
        };
        match self.disk.enter(Kind::Write, &self.path) {
            Ok((mut state, Late(None))) => {
                let n = self.some(&mut state, bytes.len());
                state.machine.append(self.file, &bytes[..n]);
                Ok(n)
            }
            // A write that fails may have written some of it.
            Ok((mut state, Late(Some(error)))) => {
                part(&mut state);
                Err(error.into())
            }
            Err(error) => Err(error),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Writer for OpenFile {
    fn sync(&self) -> io::Result<()> {
        let (mut state, late) = self.disk.enter(Kind::SyncFile, &self.path)?;
        state.machine.sync_file(self.file);
        late.after(())
    }
}

#[derive(Debug)]
pub(super) struct OpenFolder {
    disk: SimulatedDisk,
    path: PathBuf,
}

impl OpenFolder {
    pub(super) fn new(disk: &SimulatedDisk, path: &Path) -> Self {
        Self { disk: disk.clone(), path: path.to_owned() }
    }
}

impl Watch for OpenFolder {
    fn sync_all(&self) -> io::Result<()> {
        let (mut state, late) = self.disk.enter(Kind::SyncAll, &self.path)?;
        state.machine.sync_all();
        late.after(())
    }
}

#[derive(Debug)]
pub(super) struct SimulatedLock {
    disk: SimulatedDisk,
    path: PathBuf,
    file: u64,
    is_held: AtomicBool,
}

impl SimulatedLock {
    pub(super) fn new(disk: &SimulatedDisk, path: &Path, file: u64) -> Self {
        Self { disk: disk.clone(), path: path.to_owned(), file, is_held: AtomicBool::new(false) }
    }
}

impl LockFile for SimulatedLock {
    fn lock(&self, mode: Mode) -> io::Result<bool> {
        let (mut state, late) = self.disk.enter(Kind::Lock, &self.path)?;
        if !state.traits.has_locks {
            return Err(ErrorKind::Unsupported.into());
        }
        let alone = mode != Mode::Shared;
        if state.locks.iter().any(|(file, is_alone)| *file == self.file && (alone || *is_alone)) {
            // Whoever has it is this process itself, which would wait for ever.
            return if mode == Mode::Wait { Err(ErrorKind::Deadlock.into()) } else { Ok(false) };
        }
        state.locks.push((self.file, alone));
        self.is_held.store(true, Ordering::Relaxed);
        late.after(true)
    }

    fn unlock(&self) -> io::Result<()> {
        if self.is_held.swap(false, Ordering::Relaxed) {
            self.disk.state().locks.retain(|(file, _)| *file != self.file);
        }
        Ok(())
    }

    fn identity(&self) -> io::Result<Identity> {
        let (state, late) = self.disk.enter(Kind::Look, &self.path)?;
        drop(state);
        late.after(identity(self.file))
    }

    fn hand_on(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for SimulatedLock {
    fn drop(&mut self) {
        let _ = self.unlock();
    }
}
