//! Gives the outputs of several units their names at once, because waiting for the disk costs as much for a hundred files as for one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::atomic::Waiting;
use super::disk::{Disk, MANY, again, folder_of};
use super::file_system::Watch;
use crate::EngineError;

/// Gives files of a run their names. One is made before the first of these files is written, because it tells of failed writes of the system
/// since then: a file's content reaches the disk later than the call that wrote it.
#[derive(Debug)]
pub(crate) struct Publisher {
    disk: Disk,
    root: PathBuf,
    /// `None` where the system cannot wait for a whole file system.
    watch: Option<Box<dyn Watch>>,
    /// Folders that are known to be on the disk.
    settled: BTreeSet<PathBuf>,
}

impl Publisher {
    /// For the run in this folder.
    ///
    /// # Errors
    /// [`EngineError::Io`].
    pub(crate) fn new(disk: &Disk, root: &Path) -> Result<Self, EngineError> {
        let watch = disk.watch(root).map_err(EngineError::io(root, "cannot be opened"))?;
        Ok(Self { disk: disk.clone(), root: root.to_owned(), watch, settled: BTreeSet::new() })
    }

    /// Publishes files by their paths relative to the run. All are on the disk under their names when this returns.
    ///
    /// # Errors
    /// [`EngineError::Io`].
    pub(crate) fn publish<'f>(&mut self, files: impl IntoIterator<Item = (&'f Waiting, &'f str)>) -> Result<(), EngineError> {
        let files: Vec<(&Waiting, PathBuf)> = files.into_iter().map(|(file, path)| (file, self.root.join(path))).collect();
        // A file must not bear its name before its content is on the disk, and must bear it before a state tells of it.
        if let Some(watch) = self.watch.as_ref().filter(|_| files.len() >= MANY) {
            let sync = || again(|| watch.sync_all()).map_err(EngineError::io(&self.root, "cannot be synced"));
            sync()?;
            files.par_iter().try_for_each(|(file, path)| file.place(path).map(drop))?;
            return sync();
        }
        files.iter().try_for_each(|(file, _)| file.sync())?;
        let mut changed = BTreeSet::new();
        for (file, path) in &files {
            changed.extend(file.place(path)?);
            changed.extend(self.unsettled(path));
        }
        self.disk.sync_folders(&self.root, &changed)?;
        for (_, path) in &files {
            let settled: Vec<PathBuf> = self.folders(path).skip(1).map(Path::to_owned).collect();
            self.settled.extend(settled);
        }
        Ok(())
    }

    /// The folders of a file below that of the run, the lowest first.
    fn folders<'p>(&self, path: &'p Path) -> impl Iterator<Item = &'p Path> {
        path.ancestors().skip(1).take_while(move |folder| *folder != self.root && folder.starts_with(&self.root))
    }

    /// The folders to be synced so that those of a file are on the disk. A process that was killed may have made them and not come to sync
    /// them. The lowest is not remembered: most are of one unit, and there are as many as units.
    fn unsettled(&self, path: &Path) -> Vec<PathBuf> {
        let lowest = self.folders(path).take(1);
        let others = self.folders(path).skip(1).filter(|folder| !self.settled.contains(*folder));
        lowest.chain(others).map(|folder| folder_of(folder).to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;
    use crate::files::atomic::{Batch, Staged};

    #[test]
    fn many_files_get_their_names_as_few_do() {
        for number in [3, 40] {
            let dir = tempfile::tempdir().unwrap();
            let (disk, tmp) = (Disk::local(), dir.path().join("tmp"));
            let mut publisher = Publisher::new(&disk, dir.path()).unwrap();
            let staged = |i: usize| {
                let mut staged = Staged::create(&disk, &tmp).unwrap();
                staged.write_all(format!("file {i}").as_bytes()).unwrap();
                (format!("tables/t/{i}"), staged.finish(None).unwrap())
            };
            let batch = Batch((0..number).map(staged).collect());
            publisher.publish(batch.files()).unwrap();
            let content = |i: usize| fs::read_to_string(dir.path().join(format!("tables/t/{i}"))).unwrap();
            assert!((0..number).all(|i| content(i) == format!("file {i}")));
            assert_eq!(fs::read_dir(&tmp).unwrap().count(), 0);
        }
    }
}
