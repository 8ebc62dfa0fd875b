//! Publishes a run: its files below a prefix of an object store, where programs that read Parquet open them, and at last its manifest.
//!
//! The manifest lists every file with size and hash. It is written when all files are there, and only if nobody else has published
//! meanwhile. A publication that was broken off is taken up where it was: each object bears the hash of its content.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path as LocalPath;
use std::sync::Arc;

use bytes::Bytes;
use chorus_archive::{ArchiveError, Cause, plain};
use chorus_text::shown;
use futures::{StreamExt, TryStreamExt};
use object_store::buffered::BufWriter;
use object_store::path::Path;
use object_store::{
    Attribute, AttributeValue, Attributes, Error, GetOptions, ObjectStore, ObjectStoreExt, PutMode, PutOptions, UpdateVersion,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::AsyncWriteExt;

use crate::settings::StoreSettings;
use crate::store::{Place, cause_of};

/// The name of the manifest among the published files.
pub const MANIFEST: &str = "manifest.json";
/// The key of the manifest under which the files are listed.
const FILES: &str = "files";
/// The object's own note of the hash of its content.
const HASH: &str = "blake3";
/// Files that are sent at the same time.
const AT_ONCE: usize = 8;
/// Larger files are sent in parts.
const LARGE: u64 = 32 << 20;

/// A file of a published run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedFile {
    /// Size.
    pub bytes: u64,
    /// BLAKE3 of the content, 32 hexadecimal digits.
    pub hash: String,
}

/// The files of a published run, by path relative to the run.
pub type Files = BTreeMap<String, ListedFile>;

/// What a publication did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Published {
    /// Files that were sent.
    pub sent: usize,
    /// Bytes that were sent.
    pub bytes: u64,
    /// Files that were there already.
    pub kept: usize,
    /// Files of an earlier publication that are no part of this one, and were removed.
    pub removed: usize,
    /// Whether the store refuses to overwrite where it is told to. Where it does not, two who publish at the same time are not kept apart.
    pub keeps_apart: bool,
}

/// Publishes the files of a run. `manifest` is the run's own manifest, to which the list of files is added.
///
/// # Errors
/// [`ArchiveError`] with the place: the URL cannot be used, the store refuses, a file changes meanwhile, or somebody else publishes there.
pub fn publish(
    url: &str,
    run: &LocalPath,
    files: &[String],
    manifest: Value,
    told: impl Fn(usize) + Sync,
) -> Result<Published, ArchiveError> {
    let place = Place::open(url, &StoreSettings::default()).map_err(|cause| ArchiveError::new(url, cause))?;
    publish_to(&place, run, files, manifest, told)
}

pub(crate) fn publish_to(
    place: &Place,
    run: &LocalPath,
    files: &[String],
    mut manifest: Value,
    told: impl Fn(usize) + Sync,
) -> Result<Published, ArchiveError> {
    let fail = |path: &str| {
        let location = place.location(path);
        move |error: Error| ArchiveError::new(location.clone(), cause_of(&error))
    };
    place.runtime.block_on(async {
        let keeps_apart = keeps_apart(place).await.map_err(fail(MANIFEST))?;
        let before = read_manifest(place).await?;
        let known = before.as_ref().map(|(files, _)| files.clone()).unwrap_or_default();
        let send = async |path: &String| {
            let sent = send(place, run, path, known.get(path)).await?;
            told(1);
            Ok::<_, ArchiveError>((path.clone(), sent))
        };
        let sent: Vec<(String, Sent)> = futures::stream::iter(files).map(send).buffer_unordered(AT_ONCE).try_collect().await?;
        let listed: Files = sent.iter().map(|(path, sent)| (path.clone(), sent.listed.clone())).collect();
        let new: Vec<&Sent> = sent.iter().map(|(_, sent)| sent).filter(|sent| sent.is_new).collect();
        manifest[FILES] = serde_json::to_value(&listed).unwrap_or_default();
        let version = before.map(|(_, version)| version);
        write_manifest(place, &manifest, version).await?;
        let gone: Vec<&String> = known.keys().filter(|path| !listed.contains_key(*path)).collect();
        for path in &gone {
            match place.store.delete(&place.key(path)?).await {
                Ok(()) | Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(fail(path)(error)),
            }
        }
        let bytes = new.iter().map(|sent| sent.listed.bytes).sum();
        Ok(Published { sent: new.len(), bytes, kept: sent.len() - new.len(), removed: gone.len(), keeps_apart })
    })
}

/// A file that is on the store.
struct Sent {
    listed: ListedFile,
    is_new: bool,
}

/// Sends a file, unless it is there: as the last manifest says, or as the object itself notes.
async fn send(place: &Place, run: &LocalPath, path: &str, known: Option<&ListedFile>) -> Result<Sent, ArchiveError> {
    let file = run.join(path);
    let unreadable = |error: std::io::Error| ArchiveError::new(file.display().to_string(), Cause::Io(error));
    let listed = ListedFile::of(&file).map_err(unreadable)?;
    let key = place.key(path)?;
    let failed = |error: Error| ArchiveError::new(place.location(path), cause_of(&error));
    if known == Some(&listed) || is_there(&*place.store, &key, &listed).await.map_err(failed)? {
        return Ok(Sent { listed, is_new: false });
    }
    let attributes = Attributes::from_iter([(Attribute::Metadata(HASH.into()), AttributeValue::from(listed.hash.clone()))]);
    let sent = if listed.bytes <= LARGE {
        let content = Bytes::from(std::fs::read(&file).map_err(unreadable)?);
        let hash = hash_of(blake3::Hasher::new().update(&content));
        let options = PutOptions { attributes, ..PutOptions::default() };
        place.store.put_opts(&key, content.into(), options).await.map_err(failed)?;
        hash
    } else {
        let mut writer = BufWriter::new(Arc::clone(&place.store), key).with_attributes(attributes);
        send_in_parts(&file, &mut writer).await.map_err(|e| ArchiveError::new(place.location(path), Cause::Io(e)))?
    };
    if sent != listed.hash {
        let found = "the file changed while it was published; publish again when nothing works on the run".to_owned();
        return Err(ArchiveError::new(file.display().to_string(), Cause::Store(found)));
    }
    Ok(Sent { listed, is_new: true })
}

/// Gives the hash of what was sent.
async fn send_in_parts(file: &LocalPath, writer: &mut BufWriter) -> std::io::Result<String> {
    let (mut hasher, mut file, mut part) = (blake3::Hasher::new(), File::open(file)?, vec![0; 1 << 20]);
    loop {
        let read = file.read(&mut part)?;
        if read == 0 {
            break;
        }
        hasher.update(&part[..read]);
        writer.put(Bytes::copy_from_slice(&part[..read])).await?;
    }
    writer.shutdown().await?;
    Ok(hash_of(&hasher))
}

/// Whether an object with this size and hash is there.
async fn is_there(store: &dyn ObjectStore, key: &Path, listed: &ListedFile) -> Result<bool, Error> {
    match store.get_opts(key, GetOptions { head: true, ..GetOptions::default() }).await {
        Ok(found) => {
            let noted = found.attributes.get(&Attribute::Metadata(HASH.into()));
            Ok(found.meta.size == listed.bytes && noted.is_some_and(|hash| **hash == *listed.hash))
        }
        Err(Error::NotFound { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

impl ListedFile {
    /// Size and hash of a local file.
    ///
    /// # Errors
    /// What the system says when it cannot be read.
    pub fn of(file: &LocalPath) -> std::io::Result<Self> {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(File::open(file)?)?;
        Ok(Self { bytes: hasher.count(), hash: hash_of(&hasher) })
    }
}

fn hash_of(hasher: &blake3::Hasher) -> String {
    hasher.finalize().to_hex()[..32].to_owned()
}

/// Whether the store refuses to overwrite an object where it is told to. Some servers do it without a word, which only shows when the
/// object is read back.
async fn keeps_apart(place: &Place) -> Result<bool, Error> {
    let key = place.prefix.clone().join(format!(".chorus-trial-{}", std::process::id()));
    let create = || PutOptions::from(PutMode::Create);
    let first = place.store.put_opts(&key, Bytes::from_static(b"1").into(), create()).await;
    let refused = match first {
        Ok(_) | Err(Error::AlreadyExists { .. }) => {
            let second = place.store.put_opts(&key, Bytes::from_static(b"2").into(), create()).await;
            let kept = place.store.get(&key).await?.bytes().await?;
            second.is_err() && kept != Bytes::from_static(b"2")
        }
        Err(Error::NotImplemented { .. } | Error::NotSupported { .. }) => return Ok(false),
        Err(error) => return Err(error),
    };
    place.store.delete(&key).await?;
    Ok(refused)
}

/// The files that the manifest lists, and its version; `None` where there is no manifest.
async fn read_manifest(place: &Place) -> Result<Option<(Files, UpdateVersion)>, ArchiveError> {
    let failed = |error: Error| ArchiveError::new(place.location(MANIFEST), cause_of(&error));
    let found = match place.store.get(&place.key(MANIFEST)?).await {
        Ok(found) => found,
        Err(Error::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let version = UpdateVersion { e_tag: found.meta.e_tag.clone(), version: found.meta.version.clone() };
    let text = found.bytes().await.map_err(failed)?;
    Ok(Some((files_of(&text).map_err(|found| ArchiveError::new(place.location(MANIFEST), Cause::Store(found)))?, version)))
}

/// The files that a manifest lists.
pub(crate) fn files_of(manifest: &[u8]) -> Result<Files, String> {
    let files = serde_json::from_slice::<Value>(manifest).ok().and_then(|mut manifest| manifest.get_mut(FILES).map(Value::take));
    let files: Files = files.and_then(|files| serde_json::from_value(files).ok()).ok_or_else(|| {
        "this is not the manifest of a published run, which lists its files; name the place that `chorus publish` wrote to"
            .to_owned()
    })?;
    // A copy puts each file at its path below a folder of its own.
    match files.keys().find(|path| path.is_empty() || plain(path).as_deref() != Some(path.as_str())) {
        Some(path) => Err(format!(
            "the manifest lists a file `{}`, expected paths below the run; whoever wrote it is not to be trusted",
            shown(path)
        )),
        None => Ok(files),
    }
}

/// Writes the manifest, if it is still the version that was read, and reads it back.
async fn write_manifest(place: &Place, manifest: &Value, before: Option<UpdateVersion>) -> Result<(), ArchiveError> {
    let fail = |found: String| ArchiveError::new(place.location(MANIFEST), Cause::Store(found));
    let key = place.key(MANIFEST)?;
    let text = Bytes::from(serde_json::to_vec_pretty(manifest).unwrap_or_default());
    let mode = before.map_or(PutMode::Create, PutMode::Update);
    let put = |mode: PutMode| place.store.put_opts(&key, text.clone().into(), PutOptions::from(mode));
    let written = match put(mode).await {
        // A store that knows no conditions.
        Err(Error::NotImplemented { .. } | Error::NotSupported { .. }) => put(PutMode::Overwrite).await,
        written => written,
    };
    let other = "somebody else has published here meanwhile; publish again if your run is to replace it";
    match written {
        Ok(_) => {}
        Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => return Err(fail(other.to_owned())),
        Err(error) => return Err(ArchiveError::new(place.location(MANIFEST), cause_of(&error))),
    }
    let failed = |error: Error| ArchiveError::new(place.location(MANIFEST), cause_of(&error));
    let kept = place.store.get(&key).await.map_err(failed)?.bytes().await.map_err(failed)?;
    if kept == text { Ok(()) } else { Err(fail(other.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::memory::InMemory;

    fn place(store: Arc<dyn ObjectStore>) -> Place {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Place { store, bucket: "s3://bucket".into(), prefix: Path::from("runs/ponds"), runtime }
    }

    #[test]
    fn a_manifest_names_files_below_the_run_and_nothing_else() {
        let files = |path: &str| {
            let manifest = serde_json::json!({FILES: {path: {"bytes": 1, "hash": "a"}}});
            files_of(manifest.to_string().as_bytes())
        };
        assert!(files("tables/t/site=A%20b/part-000.parquet").is_ok());
        for path in ["../x", "tables/../../x", "/etc/passwd", "tables//x", "./x", "", "tables/t/.."] {
            assert!(files(path).unwrap_err().contains("not to be trusted"), "{path}");
        }
        assert!(files("../\u{1b}[2J").unwrap_err().contains("\\u{1b}[2J"));
    }

    fn run() -> tempfile::TempDir {
        let run = tempfile::tempdir().unwrap();
        for (path, content) in
            [("tables/t/site=A%20b/part-000.parquet", "rows"), ("model/model.yaml", "card"), ("log.jsonl", "log")]
        {
            let path = run.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        run
    }

    fn keys(place: &Place) -> Vec<String> {
        let listed =
            place.runtime.block_on(place.store.list(None).map_ok(|meta| meta.location.to_string()).try_collect::<Vec<_>>());
        let mut keys = listed.unwrap();
        keys.sort();
        keys
    }

    #[test]
    fn what_is_there_already_is_not_sent_again_and_what_is_gone_goes() {
        let (place, run) = (place(Arc::new(InMemory::new())), run());
        let all = ["manifest.json", "model/model.yaml", "tables/t/site=A%20b/part-000.parquet"];
        let files = [all[1], all[2]].map(str::to_owned);
        let publish = |files: &[String]| publish_to(&place, run.path(), files, serde_json::json!({"host": "a"}), |_| {}).unwrap();
        let first = publish(&files);
        assert_eq!(first, Published { sent: 2, bytes: 8, kept: 0, removed: 0, keeps_apart: true });
        assert_eq!(keys(&place), all.map(|path| format!("runs/ponds/{path}")));
        let again = publish(&files);
        assert_eq!((again.sent, again.kept), (0, 2));
        // As after a publication that was broken off before its manifest.
        place.runtime.block_on(place.store.delete(&place.key(MANIFEST).unwrap())).unwrap();
        assert_eq!(publish(&files).sent, 0);
        std::fs::write(run.path().join("model/model.yaml"), "care").unwrap();
        let last = publish(&files[..1]);
        assert_eq!((last.sent, last.kept, last.removed), (1, 0, 1));
        assert_eq!(keys(&place), [all[0], all[1]].map(|path| format!("runs/ponds/{path}")));
    }

    #[test]
    fn who_publishes_meanwhile_is_not_overwritten() {
        let place = place(Arc::new(InMemory::new()));
        let write = |before: Option<UpdateVersion>| {
            place.runtime.block_on(write_manifest(&place, &serde_json::json!({"files": {}}), before))
        };
        write(None).unwrap();
        assert!(write(None).unwrap_err().to_string().contains("somebody else has published here"));
        let (_, version) = place.runtime.block_on(read_manifest(&place)).unwrap().unwrap();
        write(Some(version.clone())).unwrap();
        assert!(write(Some(version)).unwrap_err().to_string().contains("somebody else has published here"));
    }

    #[test]
    fn another_files_manifest_is_none() {
        assert!(files_of(b"{\"files\": {\"a\": {\"bytes\": 1, \"hash\": \"00\"}}}").is_ok());
        for text in ["", "[]", "{}", "{\"files\": 3}"] {
            assert!(files_of(text.as_bytes()).unwrap_err().contains("chorus publish"), "{text}");
        }
    }
}
