//! Gives the outputs of several units their names at once, because waiting for the disk costs as much for a hundred files as for one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::atomic::Waiting;
use super::disk::{Disk, MANY, again};
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
}

impl Publisher {
    /// For the run in this folder.
    ///
    /// # Errors
    /// [`EngineError::Io`].
    pub(crate) fn new(disk: &Disk, root: &Path) -> Result<Self, EngineError> {
        let watch = disk.watch(root).map_err(EngineError::io(root, "cannot be opened"))?;
        Ok(Self { disk: disk.clone(), root: root.to_owned(), watch })
    }

    /// Publishes files by their paths relative to the run. All are on the disk under their names when this returns.
    ///
    /// # Errors
    /// [`EngineError::Io`].
    pub(crate) fn publish<'f>(&self, files: impl IntoIterator<Item = (&'f Waiting, &'f str)>) -> Result<(), EngineError> {
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
            changed.extend(self.disk.unsettled(&self.root, path));
        }
        self.disk.sync_folders(&self.root, &changed)?;
        files.iter().for_each(|(_, path)| self.disk.settle(&self.root, path));
        Ok(())
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
            let publisher = Publisher::new(&disk, dir.path()).unwrap();
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
