//! Reads a run that was published: a local copy of what is asked of it.
//!
//! The copy lies in the user's cache, in a folder of its own for each URL. What has the hash that the manifest lists is not fetched again.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path as LocalPath, PathBuf};

use chorus_archive::{ArchiveError, Cause};
use chorus_platform::names::with_slashes;
use futures::{StreamExt, TryStreamExt};
use object_store::{Error, ObjectStoreExt};

use crate::publish::{Files, ListedFile, MANIFEST, files_of};
use crate::settings::StoreSettings;
use crate::store::{Place, cause_of};

/// Files that are fetched at the same time.
const AT_ONCE: usize = 8;

/// A local copy of a published run.
pub struct Copy {
    place: Place,
    folder: PathBuf,
    files: Files,
}

impl Copy {
    /// Reads the manifest at a URL. Of the files only the configuration is fetched; every table gets a folder.
    ///
    /// # Errors
    /// [`ArchiveError`]: nothing was published there, or the store refuses.
    pub fn open(url: &str, cache: &LocalPath) -> Result<Self, ArchiveError> {
        let place = Place::open(url, &StoreSettings::default()).map_err(|cause| ArchiveError::new(url, cause))?;
        Self::of(place, url, cache)
    }

    fn of(place: Place, url: &str, cache: &LocalPath) -> Result<Self, ArchiveError> {
        let failed = |error: &Error| {
            let cause = match error {
                Error::NotFound { .. } => Cause::Store("no run was published here; `chorus publish` does so".to_owned()),
                other => cause_of(other),
            };
            ArchiveError::new(place.location(MANIFEST), cause)
        };
        let key = place.key(MANIFEST)?;
        let read = async { place.store.get(&key).await?.bytes().await };
        let text = place.runtime.block_on(read).map_err(|error| failed(&error))?;
        let files = files_of(&text).map_err(|found| ArchiveError::new(place.location(MANIFEST), Cause::Store(found)))?;
        let folder = cache.join(&blake3::hash(url.trim_end_matches('/').as_bytes()).to_hex()[..16]);
        let copy = Self { place, folder, files };
        copy.remove_others()?;
        for table in copy.files.keys().filter_map(|path| table_of(path)) {
            let folder = copy.folder.join("tables").join(table);
            fs::create_dir_all(&folder).map_err(|e| ArchiveError::new(folder.display().to_string(), Cause::Io(e)))?;
        }
        copy.fetch(|path| !path.contains('/'))?;
        Ok(copy)
    }

    /// The folder of the copy, which can be read like that of a run.
    pub fn folder(&self) -> &LocalPath {
        &self.folder
    }

    /// Fetches these tables.
    ///
    /// # Errors
    /// [`ArchiveError`]: the store refuses, or an object is not what the manifest lists.
    pub fn fetch_tables(&self, tables: &[&str]) -> Result<(), ArchiveError> {
        let is_wanted = |path: &str| table_of(path).is_some_and(|table| tables.contains(&table));
        self.fetch(is_wanted)
    }

    fn fetch(&self, is_wanted: impl Fn(&str) -> bool) -> Result<(), ArchiveError> {
        let wanted = self.files.iter().filter(|(path, _)| is_wanted(path));
        let missing: Vec<(&String, &ListedFile)> = wanted.filter(|(path, listed)| !self.has(path, listed)).collect();
        let fetch = async |(path, listed): (&String, &ListedFile)| self.fetch_one(path, listed).await;
        self.place.runtime.block_on(futures::stream::iter(missing).map(fetch).buffer_unordered(AT_ONCE).try_collect())
    }

    fn has(&self, path: &str, listed: &ListedFile) -> bool {
        let local = self.folder.join(path);
        fs::metadata(&local).is_ok_and(|meta| meta.len() == listed.bytes)
            && ListedFile::of(&local).is_ok_and(|found| found == *listed)
    }

    async fn fetch_one(&self, path: &str, listed: &ListedFile) -> Result<(), ArchiveError> {
        let failed = |error: Error| ArchiveError::new(self.place.location(path), cause_of(&error));
        let local = self.folder.join(path);
        let io = |error: std::io::Error| ArchiveError::new(local.display().to_string(), Cause::Io(error));
        let folder = local.parent().unwrap_or(&self.folder);
        fs::create_dir_all(folder).map_err(io)?;
        let mut parts = self.place.store.get(&self.place.key(path)?).await.map_err(failed)?.into_stream();
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(io)?;
        let mut left = listed.bytes;
        while let Some(part) = parts.try_next().await.map_err(failed)? {
            file.write_all(&part).map_err(io)?;
            // A disk is not filled with more than was announced.
            let Some(rest) = left.checked_sub(part.len() as u64) else { break };
            left = rest;
        }
        if ListedFile::of(file.path()).map_err(io)? != *listed {
            let found = "the object is not what the manifest lists; the run was published again meanwhile, or the object was changed; try again";
            return Err(ArchiveError::new(self.place.location(path), Cause::Store(found.to_owned())));
        }
        let _: File = file.persist(&local).map_err(|e| io(e.error))?;
        Ok(())
    }

    /// Removes files of the copy that the run has no more: a query would count them. Hidden ones are being fetched by another query.
    fn remove_others(&self) -> Result<(), ArchiveError> {
        let mut open = vec![self.folder.clone()];
        while let Some(folder) = open.pop() {
            for path in fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
                let relative = with_slashes(path.strip_prefix(&self.folder).unwrap_or(&path));
                if path.is_dir() {
                    open.push(path.clone());
                } else if !self.files.contains_key(&*relative) && !is_hidden(&path) {
                    fs::remove_file(&path).map_err(|e| ArchiveError::new(path.display().to_string(), Cause::Io(e)))?;
                }
            }
        }
        Ok(())
    }
}

fn is_hidden(path: &LocalPath) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// The table that a file belongs to, if it belongs to one.
fn table_of(path: &str) -> Option<&str> {
    path.strip_prefix("tables/")?.split('/').next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use object_store::memory::InMemory;
    use object_store::path::Path;

    use crate::publish::publish_to;

    #[test]
    fn a_copy_holds_what_was_asked_for_and_is_what_was_published() {
        let dir = tempfile::tempdir().unwrap();
        let (run, cache) = (dir.path().join("run"), dir.path().join("cache"));
        let write = |path: &str, content: &str| {
            fs::create_dir_all(run.join(path).parent().unwrap()).unwrap();
            fs::write(run.join(path), content).unwrap();
        };
        write("tables/a/part-000.parquet", "a");
        write("tables/b/site=A%20b/part-000.parquet", "b");
        write("config.resolved.yaml", "run: {}");
        let store = Arc::new(InMemory::new());
        let place = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            Place { store: store.clone(), bucket: "s3://bucket".into(), prefix: Path::from("ponds"), runtime }
        };
        let open = || Copy::of(place(), "s3://bucket/ponds", &cache);
        assert!(open().err().unwrap().to_string().contains("no run was published here"));
        let publish = |files: &[&str]| {
            let files: Vec<String> = files.iter().map(|file| (*file).to_owned()).collect();
            publish_to(&place(), &run, &files, serde_json::json!({}), |_| {}).unwrap();
        };
        publish(&["config.resolved.yaml", "tables/a/part-000.parquet", "tables/b/site=A%20b/part-000.parquet"]);
        let copy = open().unwrap();
        let has = |path: &str| copy.folder().join(path).is_file();
        assert!(has("config.resolved.yaml") && copy.folder().join("tables/b").is_dir());
        assert!(!has("tables/a/part-000.parquet"));
        copy.fetch_tables(&["b"]).unwrap();
        assert!(has("tables/b/site=A%20b/part-000.parquet") && !has("tables/a/part-000.parquet"));
        // What was changed is fetched again, and what is gone goes.
        write("tables/b/site=A%20b/part-001.parquet", "more");
        publish(&["config.resolved.yaml", "tables/a/part-000.parquet", "tables/b/site=A%20b/part-001.parquet"]);
        // What another query is fetching just now stays.
        let fetched = copy.folder().join("tables/b/site=A%20b/.tmp-other");
        fs::write(&fetched, "half").unwrap();
        assert!(copy.fetch_tables(&["a"]).is_ok());
        let now = open().unwrap();
        assert!(fetched.is_file());
        now.fetch_tables(&["b"]).unwrap();
        assert!(!has("tables/b/site=A%20b/part-000.parquet"));
        assert_eq!(fs::read(now.folder().join("tables/b/site=A%20b/part-001.parquet")).unwrap(), b"more");
        // An object that was changed behind the manifest is refused.
        let changed = Path::parse("ponds/tables/a/part-000.parquet").unwrap();
        place().runtime.block_on(store.put(&changed, "z".into())).unwrap();
        fs::remove_file(now.folder().join("tables/a/part-000.parquet")).unwrap();
        assert!(now.fetch_tables(&["a"]).unwrap_err().to_string().contains("not what the manifest lists"));
    }
}
