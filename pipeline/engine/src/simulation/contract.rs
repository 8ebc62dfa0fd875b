//! What the functions that write files promise, one by one: what one has done, when it says so, is so after any power failure. Of one that did
//! not return, each file is as it was or as it was to be.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::disk::{SimulatedDisk, Traits};
use super::random::Random;
use super::trouble::{Stop, Troubles};
use crate::files::appended::Growing;
use crate::files::atomic::{self, Waiting};
use crate::files::publisher::Publisher;
use crate::{Disk, EngineError};

const ROOT: &str = "/disk/run";
const TMP: &str = "/disk/run/tmp";
/// About as many calls as the functions of one process make.
const CALLS: u64 = 120;

/// What a file may hold after a crash; `None` for no file.
type May = BTreeMap<PathBuf, Vec<Option<Vec<u8>>>>;

pub(super) fn try_out(seed: u64, is_told: bool) -> Result<(), String> {
    let mut random = Random::new(seed);
    let traits = Traits { has_links: random.one_in(2), has_locks: true, reorders: random.one_in(2), clock_jumps: false };
    let disk = SimulatedDisk::new(random.number(), traits);
    let mut files = Files { random, may: May::new(), number: 0 };
    disk.disk().make_folders(Path::new(ROOT)).unwrap();
    disk.settle();
    let mut result = Ok(());
    for _ in 0..4 {
        disk.begin(Troubles::random(&mut files.random, CALLS));
        files.process(&disk.disk());
        let (power, is_off) = (files.random.one_in(2), disk.stopped() == Some(Stop::Power));
        disk.end(power);
        // Without a power failure, what is seen now may still be lost.
        result = files.check(&disk.copy().disk(), power || is_off);
        if result.is_err() {
            break;
        }
    }
    if is_told {
        println!("{}", disk.told());
    }
    result
}

struct Files {
    random: Random,
    may: May,
    number: u64,
}

impl Files {
    /// One process: calls some functions, until one fails.
    fn process(&mut self, disk: &Disk) {
        let Ok(publisher) = Publisher::new(disk, Path::new(ROOT)) else { return };
        let mut growing = None;
        for _ in 0..6 {
            let done = match self.random.below(5) {
                0 => self.write(disk),
                1 | 2 => self.publish(disk, &publisher),
                3 => self.remove(disk),
                _ => self.append(disk, &mut growing),
            };
            if done.is_err() {
                return;
            }
        }
    }

    fn content(&mut self) -> Vec<u8> {
        self.number += 1;
        format!("content {}", self.number).repeat(1 + self.random.below(40) as usize).into_bytes()
    }

    fn path(&mut self) -> String {
        format!("tables/t{}/site={}/part-{}", self.random.below(2), self.random.below(3), self.random.below(4))
    }

    /// A file is being changed: until that is done, both may be found.
    fn begin(&mut self, path: &Path, to: Option<Vec<u8>>) {
        self.may.entry(path.to_owned()).or_insert_with(|| vec![None]).push(to);
    }

    /// It is done: only the last may be found.
    fn done(&mut self, path: &Path) {
        let last = self.may[path].last().cloned();
        self.may.insert(path.to_owned(), last.into_iter().collect());
    }

    fn write(&mut self, disk: &Disk) -> Result<(), EngineError> {
        let (path, content) = (Path::new(ROOT).join(self.path()), self.content());
        self.begin(&path, Some(content.clone()));
        atomic::write(disk, Path::new(ROOT), Path::new(TMP), &path, &content)?;
        self.done(&path);
        Ok(())
    }

    /// Some new files, and some that are taken from others.
    fn publish(&mut self, disk: &Disk, publisher: &Publisher) -> Result<(), EngineError> {
        let (few, many) = (1 + self.random.below(4), 16 + self.random.below(8));
        let number = if self.random.one_in(3) { many } else { few };
        let mut waiting: BTreeMap<String, Waiting> = BTreeMap::new();
        for i in 0..number {
            let path = if number == few { self.path() } else { format!("report/clips/{i}") };
            let source = Path::new(ROOT).join(self.path());
            let taken = match disk.read(&source) {
                Ok(content) if self.random.one_in(3) => Some((atomic::take(disk, Path::new(TMP), &source)?, content)),
                _ => None,
            };
            let (file, content) = match taken {
                Some(taken) => taken,
                None => {
                    let content = self.content();
                    let mut staged = atomic::Staged::create(disk, Path::new(TMP))?;
                    std::io::Write::write_all(&mut staged, &content).map_err(EngineError::io(TMP, "cannot be written"))?;
                    (staged.finish(None)?.waiting, content)
                }
            };
            // The last one that is to have a name gets it.
            if waiting.insert(path.clone(), file).is_none() {
                self.begin(&Path::new(ROOT).join(path), Some(content));
            } else if let Some(may) = self.may.get_mut(&Path::new(ROOT).join(path)) {
                may.pop();
                may.push(Some(content));
            }
        }
        publisher.publish(waiting.iter().map(|(path, file)| (file, path.as_str())))?;
        waiting.keys().for_each(|path| self.done(&Path::new(ROOT).join(path)));
        Ok(())
    }

    fn remove(&mut self, disk: &Disk) -> Result<(), EngineError> {
        let number = 1 + self.random.below(20);
        let paths: Vec<PathBuf> = (0..number).map(|_| Path::new(ROOT).join(self.path())).collect();
        for path in paths.iter().filter(|path| self.may.contains_key(*path)).cloned().collect::<Vec<_>>() {
            self.begin(&path, None);
        }
        atomic::remove(disk, Path::new(ROOT), paths.iter().cloned())?;
        for path in paths.iter().filter(|path| self.may.contains_key(*path)).cloned().collect::<Vec<_>>() {
            self.done(&path);
        }
        Ok(())
    }

    /// A file that grows: what it may hold begins with all that was appended and told.
    fn append(&mut self, disk: &Disk, growing: &mut Option<(Growing, PathBuf)>) -> Result<(), EngineError> {
        if growing.is_none() {
            self.number += 1;
            let (folder, name) = (Path::new(ROOT).join("state/find"), format!("journal-{}", self.number));
            let path = folder.join(&name);
            *growing = Some((Growing::create(disk, Path::new(ROOT), &folder, [name])?, path.clone()));
            self.may.insert(path, vec![Some(Vec::new())]);
        }
        if let Some((file, path)) = growing {
            let more = self.content();
            file.append(&more)?;
            if let Some(Some(told)) = self.may.get_mut(&*path).and_then(|may| may.first_mut()) {
                told.extend(more);
            }
        }
        Ok(())
    }

    /// What is found must be among what may be. With `is_sure` it is all that may be from then on.
    fn check(&mut self, disk: &Disk, is_sure: bool) -> Result<(), String> {
        for (path, may) in &mut self.may {
            let found = disk.read_if_there(path).map_err(|error| error.to_string())?;
            let is_growing = path.starts_with("/disk/run/state");
            let is_right = |may: &Option<Vec<u8>>| match (may, &found) {
                (Some(told), Some(found)) if is_growing => found.starts_with(told),
                (may, found) => may == found,
            };
            if !may.iter().any(is_right) {
                let sizes = |content: &Option<Vec<u8>>| content.as_ref().map(Vec::len);
                return Err(format!(
                    "{}: {:?} bytes are found, expected one of {:?}",
                    path.display(),
                    sizes(&found),
                    may.iter().map(sizes).collect::<Vec<_>>()
                ));
            }
            if is_sure {
                *may = vec![found];
            }
        }
        Ok(())
    }
}

/// A writer that does not wait for the disk loses files, and tears them: else the other tests could not fail.
#[test]
fn a_careless_writer_is_found_out() {
    let (mut whole, mut none, mut torn) = (0, 0, 0);
    for seed in 0..400 {
        let disk = SimulatedDisk::new(seed, Traits { has_links: true, has_locks: true, reorders: true, clock_jumps: false });
        let (folder, path) = (Path::new("/disk"), Path::new("/disk/file"));
        disk.disk().make_folders(folder).unwrap();
        disk.settle();
        let mut file = disk.disk().create(Path::new("/disk/new")).unwrap();
        for _ in 0..3 {
            file.write_all(b"some bytes").unwrap();
        }
        disk.disk().rename(Path::new("/disk/new"), path).unwrap();
        disk.end(true);
        match disk.disk().read(path) {
            Ok(found) if found == b"some bytes".repeat(3) => whole += 1,
            Ok(_) => torn += 1,
            Err(_) => none += 1,
        }
    }
    assert!(whole > 20 && none > 20 && torn > 20, "{whole} whole, {none} lost, {torn} torn");
}

/// A sync that a signal interrupted is asked for again, and loses nothing. One that failed may have lost what was written, whatever the next
/// one says.
#[test]
fn a_sync_that_fails_may_lose_what_one_that_is_interrupted_does_not() {
    let kept = |troubles: &Troubles| {
        let is_kept = |seed: &u64| {
            let traits = Traits { has_links: true, has_locks: true, reorders: true, clock_jumps: false };
            let (simulated, path) = (SimulatedDisk::new(*seed, traits), Path::new("/disk/file"));
            let disk = simulated.disk();
            disk.make_folders(Path::new("/disk")).unwrap();
            simulated.settle();
            simulated.begin(troubles.clone());
            disk.create(path).unwrap().write_all(b"some bytes").unwrap();
            let first = disk.sync_file(path);
            assert_eq!(first.is_err(), troubles.fails_at.is_some());
            disk.sync_file(path).unwrap();
            disk.sync_folder(Path::new("/disk")).unwrap();
            simulated.end(true);
            simulated.disk().read(path).unwrap() == b"some bytes"
        };
        (0..100).filter(is_kept).count()
    };
    assert_eq!(kept(&Troubles { interrupts_one_in: 2, ..Troubles::default() }), 100);
    // The first sync is the third call.
    let failed = kept(&Troubles { fails_at: Some(3), ..Troubles::default() });
    assert!((20..80).contains(&failed), "{failed}");
}

/// Where a folder may be there and cannot be looked at, that is what is told, and not that it is there.
#[test]
fn a_folder_that_is_there_and_cannot_be_looked_at_is_told_so() {
    for seed in 0..20 {
        let traits = Traits { has_links: true, has_locks: true, reorders: true, clock_jumps: false };
        let simulated = SimulatedDisk::new(seed, traits);
        let (disk, folder) = (simulated.disk(), Path::new("/disk/run"));
        disk.make_folders(folder).unwrap();
        // The first call makes the folder, the second looks at it.
        simulated.begin(Troubles { fails_at: Some(2), ..Troubles::default() });
        let told = crate::message(&disk.make_folders(folder).unwrap_err());
        assert!(simulated.explains(&told), "{told}");
    }
}

/// A name is on the disk when its folder is synced, and not before; a folder, when the one above it is.
#[test]
fn a_folder_above_counts_too() {
    let (mut kept, mut lost) = (0, 0);
    for seed in 0..100 {
        let disk = SimulatedDisk::new(seed, Traits { has_links: true, has_locks: true, reorders: true, clock_jumps: false });
        let path = Path::new("/disk/a/file");
        disk.disk().make_folders(Path::new("/disk/a")).unwrap();
        drop(disk.disk().create(path).unwrap());
        disk.disk().sync_folder(Path::new("/disk/a")).unwrap();
        if seed % 2 == 0 {
            disk.disk().sync_folder(Path::new("/disk")).unwrap();
            disk.disk().sync_folder(Path::new("/")).unwrap();
        }
        disk.end(true);
        match disk.disk().facts(path) {
            Ok(_) => kept += 1,
            Err(_) => lost += 1,
        }
    }
    assert!(kept > 50 && lost > 10, "{kept} kept, {lost} lost");
}
