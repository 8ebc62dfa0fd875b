//! What is on a simulated disk, now and after a crash.
//!
//! Each file and folder has two states: what a program sees, and what is on the disk. Between them lie bytes that were written and names that
//! were changed, and are not synced. A power failure keeps some of these, in any order, and tears what it keeps. Two things hold as on file
//! systems that are in use: a change of a name happens or does not, and renaming a file never loses both of its names.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::path::{Component, Path};

use super::random::Random;

/// The number of the root folder.
const ROOT: u64 = 1;

/// A range of bytes of a file.
type Range = (usize, usize);

#[derive(Debug, Clone, Default)]
pub(super) struct File {
    pub(super) content: Vec<u8>,
    on_disk: Vec<u8>,
    /// What was written and not synced. Files only grow.
    writes: Vec<Range>,
    /// What a failed sync has dropped: programs still see it, and no later sync writes it.
    dropped: Vec<Range>,
    /// Whether it tells how long things took, so that its length is another one each time. What happens must not follow from that.
    is_log: bool,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Folder {
    pub(super) names: BTreeMap<OsString, u64>,
    on_disk: BTreeMap<OsString, u64>,
}

#[derive(Debug, Clone)]
pub(super) enum Node {
    File(File),
    Folder(Folder),
}

/// A name that was changed and is not synced.
#[derive(Debug, Clone)]
struct Change {
    id: u64,
    folder: u64,
    name: OsString,
    /// What bears the name now.
    to: Option<u64>,
    /// The change without which this one does not happen.
    after: Option<u64>,
}

/// All files and folders.
#[derive(Debug, Clone)]
pub(super) struct Machine {
    nodes: BTreeMap<u64, Node>,
    changes: Vec<Change>,
    last: u64,
}

impl Machine {
    pub(super) fn new() -> Self {
        Self { nodes: BTreeMap::from([(ROOT, Node::Folder(Folder::default()))]), changes: Vec::new(), last: ROOT }
    }

    fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    pub(super) fn find(&self, path: &Path) -> io::Result<u64> {
        let mut names = path.components().filter_map(|part| if let Component::Normal(name) = part { Some(name) } else { None });
        names.try_fold(ROOT, |folder, name| match self.folder(folder)?.names.get(name) {
            Some(&node) => Ok(node),
            None => Err(ErrorKind::NotFound.into()),
        })
    }

    pub(super) fn node(&self, number: u64) -> &Node {
        &self.nodes[&number]
    }

    pub(super) fn folder(&self, number: u64) -> io::Result<&Folder> {
        match &self.nodes[&number] {
            Node::Folder(folder) => Ok(folder),
            Node::File(_) => Err(ErrorKind::NotADirectory.into()),
        }
    }

    pub(super) fn file(&self, number: u64) -> io::Result<&File> {
        match &self.nodes[&number] {
            Node::File(file) => Ok(file),
            Node::Folder(_) => Err(ErrorKind::IsADirectory.into()),
        }
    }

    fn file_mut(&mut self, number: u64) -> &mut File {
        match self.nodes.get_mut(&number) {
            Some(Node::File(file)) => file,
            _ => panic!("{number} is no file"),
        }
    }

    /// The folder of a path, and its last name.
    fn place(&self, path: &Path) -> io::Result<(u64, OsString)> {
        let (Some(above), Some(name)) = (path.parent(), path.file_name()) else { return Err(ErrorKind::AlreadyExists.into()) };
        let folder = self.find(above)?;
        self.folder(folder)?;
        Ok((folder, name.to_owned()))
    }

    /// Changes a name; gives the number of the change.
    fn change(&mut self, folder: u64, name: OsString, to: Option<u64>, after: Option<u64>) -> u64 {
        if let Some(Node::Folder(folder)) = self.nodes.get_mut(&folder) {
            match to {
                Some(node) => folder.names.insert(name.clone(), node),
                None => folder.names.remove(&name),
            };
        }
        let id = self.number();
        self.changes.push(Change { id, folder, name, to, after });
        id
    }

    pub(super) fn make(&mut self, path: &Path, node: Node) -> io::Result<u64> {
        let (folder, name) = self.place(path)?;
        if self.folder(folder)?.names.contains_key(&name) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let number = self.number();
        self.nodes.insert(number, node);
        self.change(folder, name, Some(number), None);
        Ok(number)
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let node = self.find(from)?;
        let ((old, old_name), (new, new_name)) = (self.place(from)?, self.place(to)?);
        match self.folder(new)?.names.get(&new_name) {
            // Both names are of one file already.
            Some(&there) if there == node => return Ok(()),
            Some(&there) if matches!(self.node(there), Node::Folder(_)) => return Err(ErrorKind::IsADirectory.into()),
            _ => {}
        }
        let named = self.change(new, new_name, Some(node), None);
        self.change(old, old_name, None, Some(named));
        Ok(())
    }

    pub(super) fn link(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let node = self.find(from)?;
        let (folder, name) = self.place(to)?;
        if self.folder(folder)?.names.contains_key(&name) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        self.change(folder, name, Some(node), None);
        Ok(())
    }

    pub(super) fn remove(&mut self, path: &Path) -> io::Result<()> {
        self.file(self.find(path)?)?;
        let (folder, name) = self.place(path)?;
        self.change(folder, name, None, None);
        Ok(())
    }

    pub(super) fn remove_folder(&mut self, path: &Path) -> io::Result<()> {
        if !self.folder(self.find(path)?)?.names.is_empty() {
            return Err(ErrorKind::DirectoryNotEmpty.into());
        }
        let (folder, name) = self.place(path)?;
        self.change(folder, name, None, None);
        Ok(())
    }

    pub(super) fn append(&mut self, file: u64, bytes: &[u8]) {
        let file = self.file_mut(file);
        let start = file.content.len();
        file.content.extend_from_slice(bytes);
        file.writes.push((start, file.content.len()));
    }

    /// Whether this is a file whose length is another one each time.
    pub(super) fn is_log(&self, file: u64) -> bool {
        matches!(self.node(file), Node::File(file) if file.is_log)
    }

    /// How many of so many bytes of a file are written where a write ends early.
    pub(super) fn part(&self, file: u64, random: &mut Random, bytes: usize) -> usize {
        self.file(file).map_or(bytes, |file| file.part(random, bytes))
    }

    pub(super) fn sync_file(&mut self, file: u64) {
        let file = self.file_mut(file);
        file.writes.clear();
        file.on_disk = without(&file.content, &file.dropped, 0);
    }

    /// A sync that failed, after which nothing more is tried.
    pub(super) fn drop_writes(&mut self, file: u64) {
        let file = self.file_mut(file);
        file.dropped.append(&mut file.writes);
    }

    /// Files with bytes that are not synced.
    pub(super) fn unsynced(&self) -> Vec<u64> {
        let is_unsynced = |node: &Node| matches!(node, Node::File(file) if !file.writes.is_empty());
        self.nodes.iter().filter(|(_, node)| is_unsynced(node)).map(|(number, _)| *number).collect()
    }

    pub(super) fn sync_folder(&mut self, folder: u64) {
        // With the end of a renaming its beginning is on the disk, and what the name was before.
        let ends: BTreeSet<u64> = self.changes.iter().filter(|c| c.folder == folder).filter_map(|c| c.after).collect();
        let begun: Vec<&Change> = self.changes.iter().filter(|c| ends.contains(&c.id)).collect();
        let is_before = |c: &Change| begun.iter().any(|b| b.folder == c.folder && b.name == c.name && c.id <= b.id);
        let synced: BTreeSet<u64> = self.changes.iter().filter(|c| c.folder == folder || is_before(c)).map(|c| c.id).collect();
        self.settle(&synced);
        self.changes.retain(|change| !synced.contains(&change.id));
    }

    /// Writes some changes to the disk.
    fn settle(&mut self, which: &BTreeSet<u64>) {
        for Change { folder, name, to, .. } in self.changes.iter().filter(|change| which.contains(&change.id)) {
            let Some(Node::Folder(folder)) = self.nodes.get_mut(folder) else { continue };
            match to {
                Some(node) => folder.on_disk.insert(name.clone(), *node),
                None => folder.on_disk.remove(name),
            };
        }
    }

    pub(super) fn sync_all(&mut self) {
        self.unsynced().into_iter().for_each(|file| self.sync_file(file));
        let all = self.changes.iter().map(|change| change.id).collect();
        self.settle(&all);
        self.changes.clear();
    }

    /// What programs were told is on the disk: the names as they are, with the content that was synced. Of a renaming that is not synced
    /// nobody was told.
    pub(super) fn acknowledged(&self) -> Self {
        let mut machine = self.clone();
        let renamed: BTreeSet<u64> = self.changes.iter().filter_map(|change| change.after).collect();
        for Change { folder, name, .. } in self.changes.iter().filter(|change| renamed.contains(&change.id)) {
            let Some(Node::Folder(folder)) = machine.nodes.get_mut(folder) else { continue };
            match folder.on_disk.get(name) {
                Some(node) => folder.names.insert(name.clone(), *node),
                None => folder.names.remove(name),
            };
        }
        for node in machine.nodes.values_mut() {
            if let Node::File(file) = node {
                file.content.clone_from(&file.on_disk);
            }
        }
        machine
    }

    /// The power fails.
    pub(super) fn crash(&mut self, random: &mut Random, reorders: bool) {
        let first = random.below(self.changes.len() as u64 + 1) as usize;
        let mut kept = BTreeSet::new();
        let pending: BTreeSet<u64> = self.changes.iter().map(|change| change.id).collect();
        for (i, change) in self.changes.iter().enumerate() {
            let is_kept = if reorders { random.one_in(2) } else { i < first };
            let can_be = change.after.is_none_or(|before| kept.contains(&before) || !pending.contains(&before));
            if is_kept && can_be {
                kept.insert(change.id);
            }
        }
        self.settle(&kept);
        self.changes.clear();
        for node in self.nodes.values_mut() {
            match node {
                Node::Folder(folder) => folder.names.clone_from(&folder.on_disk),
                Node::File(file) => {
                    let content = file.after_crash(random);
                    *file = File { on_disk: content.clone(), content, is_log: file.is_log, ..File::default() };
                }
            }
        }
    }
}

impl File {
    /// An empty log.
    pub(super) fn log() -> Self {
        Self { is_log: true, ..Self::default() }
    }

    /// Some of so many bytes. Of a log none, one or all.
    fn part(&self, random: &mut Random, bytes: usize) -> usize {
        if self.is_log { random.pick(&[0, bytes.min(1), bytes]) } else { random.below(bytes as u64 + 1) as usize }
    }

    /// What is left of it.
    fn after_crash(&self, random: &mut Random) -> Vec<u8> {
        // What was never written holds nothing, or what other files left there.
        let fill = random.pick(&[0x00, 0xff]);
        let kept = match random.below(4) {
            0 => self.on_disk.clone(),
            1 => self.content.clone(),
            2 => {
                let more = self.part(random, self.content.len() - self.on_disk.len());
                self.content[..self.on_disk.len() + more].to_vec()
            }
            _ => {
                let lost: Vec<Range> = self.writes.iter().filter(|_| random.one_in(2)).copied().collect();
                let mut kept = without(&self.content, &lost, fill);
                // A file ends with the last bytes that reached the disk.
                let end = self.writes.iter().filter(|write| !lost.contains(write)).map(|(_, end)| *end).max();
                kept.truncate(end.unwrap_or(0).max(self.on_disk.len()));
                kept
            }
        };
        without(&kept, &self.dropped, 0)
    }
}

/// The same with other bytes in some ranges.
fn without(bytes: &[u8], ranges: &[Range], fill: u8) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for &(start, end) in ranges {
        let end = end.min(bytes.len());
        if start < end {
            bytes[start..end].fill(fill);
        }
    }
    bytes
}
