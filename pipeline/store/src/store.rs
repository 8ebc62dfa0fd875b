//! An archive on an object store.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chorus_archive::{
    Archive, ArchiveError, Cause, Entries, Entry, EntryState, Kind, ReadSeek, Selection, Version, is_passed_over, plain,
};
use futures::StreamExt;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::http::HttpBuilder;
use object_store::path::Path;
use object_store::{ClientOptions, Error, GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt, ObjectStoreScheme, RetryConfig};
use tokio::runtime::Runtime;
use url::{Position, Url};

use crate::access;
use crate::incoming::Incoming;
use crate::scratch::Scratch;
use crate::settings::{AccessAs, StoreSettings};
use crate::words::in_words;

/// How long one request may take. What is missing then is asked for in a further one.
const REQUEST: std::time::Duration = std::time::Duration::from_secs(120);
/// How often a request is repeated, with growing pauses, and for how long in all.
const RETRIES: usize = 12;
const RETRYING: std::time::Duration = std::time::Duration::from_secs(1800);

/// A place below a prefix of an object store.
pub(crate) struct Place {
    pub(crate) store: Arc<dyn ObjectStore>,
    /// Of the store, in messages: the URL up to the bucket.
    pub(crate) bucket: String,
    pub(crate) prefix: Path,
    pub(crate) runtime: Runtime,
}

/// An archive below a prefix of an object store.
pub struct Store {
    store: Arc<dyn ObjectStore>,
    /// Of the store, in messages: the URL up to the bucket.
    bucket: String,
    prefix: Path,
    runtime: Runtime,
    scratch: Arc<Scratch>,
    /// Whether there was something below the prefix when it was last asked for. Each unit of a run asks.
    is_there: AtomicBool,
}

impl fmt::Debug for Store {
    /// Without the client, which holds credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("location", &self.location("")).finish_non_exhaustive()
    }
}

/// Builds a client from options by name; names of other stores are passed over.
macro_rules! client {
    ($builder:ty, $url:expr, $options:expr) => {{
        let built = $options.iter().fold(<$builder>::new().with_url($url), |builder, (key, value)| match key.parse() {
            Ok(key) => builder.with_config(key, value),
            Err(_) => builder,
        });
        Arc::new(built.with_retry(retries()).build()?) as Arc<dyn ObjectStore>
    }};
}

fn retries() -> RetryConfig {
    RetryConfig { max_retries: RETRIES, retry_timeout: RETRYING, ..RetryConfig::default() }
}

impl Place {
    /// The place at a URL. Only the region of a bucket of Amazon's is asked for, where nothing says it.
    ///
    /// # Errors
    /// [`Cause::Address`] for a URL that names no store, or that holds a password.
    pub(crate) fn open(url: &str, settings: &StoreSettings) -> Result<Self, Cause> {
        let parsed = Url::parse(url).map_err(|e| Cause::Address(e.to_string()))?;
        if parsed.password().is_some() || parsed.query().is_some() {
            let found = "a URL with a password or with parameters, which could stand in tables and logs";
            return Err(Cause::Address(found.to_owned()));
        }
        let (scheme, prefix) = ObjectStoreScheme::parse(&parsed).map_err(|e| Cause::Address(e.to_string()))?;
        let mut options = access::options(std::env::vars());
        options.insert("timeout".into(), format!("{} seconds", REQUEST.as_secs()));
        match settings.access {
            AccessAs::Credentials => {}
            AccessAs::RequesterPays => drop(options.insert("aws_request_payer".into(), "true".into())),
            AccessAs::Anonymous => {
                for key in ["aws_skip_signature", "google_skip_signature", "azure_skip_signature"] {
                    options.insert(key.into(), "true".into());
                }
            }
        }
        if let Some(endpoint) = &settings.endpoint {
            options.insert("aws_endpoint".into(), endpoint.clone());
        }
        let endpoint = options.get("aws_endpoint").or_else(|| options.get("aws_endpoint_url"));
        let has_endpoint = endpoint.is_some();
        // Only a service of one's own is without encryption.
        if endpoint.is_some_and(|endpoint| endpoint.starts_with("http://")) || parsed.scheme() == "http" {
            options.insert("allow_http".into(), "true".into());
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(Cause::Io)?;
        let has_region = ["aws_region", "aws_default_region"].iter().any(|key| options.contains_key(*key));
        if scheme == ObjectStoreScheme::AmazonS3 && !has_endpoint && !has_region {
            let (bucket, client) = (parsed.host_str().unwrap_or_default(), ClientOptions::new());
            let asked = object_store::aws::resolve_bucket_region(bucket, &client);
            // Without an answer the client's own default holds, and its error tells more.
            if let Ok(region) = runtime.block_on(asked) {
                options.insert("aws_region".into(), region);
            }
        }
        let store = client(&scheme, &parsed, &options).map_err(|e| Cause::Address(in_words(&e)))?;
        let bucket = match scheme {
            ObjectStoreScheme::Http => parsed[..Position::BeforePath].to_owned(),
            _ => url.trim_end_matches('/').strip_suffix(prefix.as_ref()).unwrap_or(url).trim_end_matches('/').to_owned(),
        };
        Ok(Self { store, bucket, prefix, runtime })
    }

    /// A path below the place, for messages.
    pub(crate) fn location(&self, path: &str) -> String {
        location(&self.bucket, &self.prefix, path)
    }

    /// The key of a plain path.
    pub(crate) fn key(&self, path: &str) -> Result<Path, ArchiveError> {
        key(&self.prefix, path).map_err(|cause| ArchiveError::new(self.location(path), cause))
    }
}

fn location(bucket: &str, prefix: &Path, path: &str) -> String {
    [bucket, prefix.as_ref(), path].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
}

fn key(prefix: &Path, plain: &str) -> Result<Path, Cause> {
    let whole = [prefix.as_ref(), plain].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
    Path::parse(&whole).map_err(|e| Cause::Store(format!("{e}; name another path")))
}

/// What a store answered, for messages.
pub(crate) fn cause_of(error: &Error) -> Cause {
    match error {
        Error::NotFound { .. } => Cause::NotFound,
        // A whole listing fails at one such name, so the message has to name it.
        Error::InvalidPath { source } => Cause::Store(format!(
            "the name of an object cannot be a path of an archive ({source}); rename it, or let archive.audio name a folder beside it"
        )),
        other => Cause::Store(format!("{}; check the URL, the credentials (archive.access) and the connection", in_words(other))),
    }
}

impl Store {
    /// The archive at a URL.
    ///
    /// # Errors
    /// [`Cause::Address`] for a URL that names no store, or that holds a password.
    pub(crate) fn open(url: &str, settings: &StoreSettings) -> Result<Self, Cause> {
        let Place { store, bucket, prefix, runtime } = Place::open(url, settings)?;
        let scratch = Scratch::new((settings.scratch_gib * f64::from(1u32 << 30)) as u64);
        Ok(Self { store, bucket, prefix, runtime, scratch, is_there: AtomicBool::new(false) })
    }

    /// The key of a path, and the plain path.
    fn key(&self, path: &str) -> Result<(Path, String), ArchiveError> {
        let fail = |cause| ArchiveError::new(self.location(path), cause);
        let plain = plain(path).ok_or_else(|| fail(Cause::Outside))?;
        Ok((key(&self.prefix, &plain).map_err(fail)?, plain))
    }

    /// The object itself; `None` where there is none.
    fn object(&self, key: &Path, path: &str) -> Result<Option<ObjectMeta>, ArchiveError> {
        match self.runtime.block_on(self.store.head(key)) {
            Ok(meta) => Ok(Some(meta)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed(path, &error)),
        }
    }

    fn failed(&self, path: &str, error: &Error) -> ArchiveError {
        ArchiveError::new(self.location(path), cause_of(error))
    }

    /// The path of a key within the archive.
    fn path_of(&self, key: &Path) -> String {
        let whole = key.as_ref();
        let rest = whole.strip_prefix(self.prefix.as_ref()).unwrap_or(whole);
        rest.trim_start_matches('/').to_owned()
    }
}

/// The client of a store.
fn client(scheme: &ObjectStoreScheme, url: &Url, options: &BTreeMap<String, String>) -> Result<Arc<dyn ObjectStore>, Error> {
    Ok(match scheme {
        ObjectStoreScheme::AmazonS3 => client!(AmazonS3Builder, url.as_str(), options),
        ObjectStoreScheme::GoogleCloudStorage => client!(GoogleCloudStorageBuilder, url.as_str(), options),
        ObjectStoreScheme::MicrosoftAzure => client!(MicrosoftAzureBuilder, url.as_str(), options),
        ObjectStoreScheme::Http => client!(HttpBuilder, &url[..Position::BeforePath], options),
        _ => return Err(Error::NotSupported { source: format!("{}:// names no object store", url.scheme()).into() }),
    })
}

impl Archive for Store {
    fn name(&self) -> Option<String> {
        let whole = self.location("");
        whole.rsplit('/').find(|part| !part.is_empty()).map(str::to_owned)
    }

    fn location(&self, path: &str) -> String {
        location(&self.bucket, &self.prefix, path)
    }

    fn kind_of(&self, path: &str) -> Result<Option<Kind>, ArchiveError> {
        let (key, plain) = self.key(path)?;
        if plain.is_empty() && self.is_there.load(Ordering::Relaxed) {
            return Ok(Some(Kind::Folder));
        }
        if !plain.is_empty() && self.object(&key, path)?.is_some_and(|meta| !is_marker(&meta)) {
            return Ok(Some(Kind::File));
        }
        match self.runtime.block_on(self.store.list(Some(&key)).next()) {
            None => Ok(None),
            Some(Ok(_)) => {
                self.is_there.fetch_or(plain.is_empty(), Ordering::Relaxed);
                Ok(Some(Kind::Folder))
            }
            Some(Err(error)) => Err(self.failed(path, &error)),
        }
    }

    fn list<'a>(&'a self, selection: Selection<'a>) -> Result<Entries<'a>, ArchiveError> {
        let (key, plain) = self.key(selection.folder)?;
        let entry =
            |path: String, meta: ObjectMeta| Entry { path, size: meta.size, version: version(&meta), state: EntryState::File };
        if !plain.is_empty()
            && let Some(meta) = self.object(&key, selection.folder)?.filter(|meta| !is_marker(meta))
        {
            return Ok(Box::new(std::iter::once(Ok(entry(plain, meta)))));
        }
        let mut listing = self.store.list(Some(&key));
        let mut first = match self.runtime.block_on(listing.next()) {
            None => return Err(ArchiveError::new(self.location(selection.folder), Cause::NotFound)),
            first => first,
        };
        let mut left_out: HashMap<String, bool> = HashMap::new();
        Ok(Box::new(std::iter::from_fn(move || {
            loop {
                let meta = match first.take().or_else(|| self.runtime.block_on(listing.next()))? {
                    Ok(meta) => meta,
                    Err(error) => return Some(Err(self.failed(selection.folder, &error))),
                };
                let path = self.path_of(&meta.location);
                let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
                let is_left_out = is_left_out(folder, &plain, selection, &mut left_out);
                let is_wanted = !is_marker(&meta) && !is_passed_over(name) && (selection.is_wanted)(name);
                if !is_left_out && is_wanted && !(selection.is_excluded)(&path) {
                    return Some(Ok(entry(path, meta)));
                }
            }
        })))
    }

    fn open(&self, path: &str) -> Result<Box<dyn ReadSeek>, ArchiveError> {
        let (key, plain) = self.key(path)?;
        if plain.is_empty() {
            return Err(ArchiveError::new(self.location(path), Cause::NotAFile));
        }
        let object = self.runtime.block_on(self.store.get_opts(&key, GetOptions::default()));
        let object = object.map_err(|error| self.failed(path, &error))?;
        let size = object.meta.size;
        let space = self.scratch.space(size).map_err(|e| ArchiveError::new(self.location(path), Cause::Io(e)))?;
        Ok(Box::new(Incoming::fetch(self.runtime.handle(), object.into_stream(), size, space)))
    }
}

/// Whether an object only stands for a folder, as consoles of object stores make them: its name ended with a slash.
fn is_marker(meta: &ObjectMeta) -> bool {
    meta.size == 0 && !meta.location.filename().is_some_and(|name| name.contains('.'))
}

/// Whether a folder, or one that it lies in, is excluded or passed over. Folders of the selection's own path are not asked for.
fn is_left_out(folder: &str, root: &str, selection: Selection<'_>, known: &mut HashMap<String, bool>) -> bool {
    if folder.len() <= root.len() {
        return false;
    }
    if let Some(&known) = known.get(folder) {
        return known;
    }
    let (above, name) = folder.rsplit_once('/').unwrap_or(("", folder));
    let answer = is_passed_over(name) || (selection.is_excluded)(folder) || is_left_out(above, root, selection, known);
    known.insert(folder.to_owned(), answer);
    answer
}

/// What changes when the content does: the ETag, else the time of the last change.
fn version(meta: &ObjectMeta) -> Version {
    let tag = meta.e_tag.clone().or_else(|| meta.version.clone());
    tag.unwrap_or_else(|| meta.last_modified.to_rfc3339()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use object_store::memory::InMemory;

    /// An archive below `survey` of a store in memory.
    fn store(keys: &[&str]) -> Store {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let memory = InMemory::new();
        for key in keys {
            let content = if key.ends_with('/') { Bytes::new() } else { Bytes::from(format!("content of {key}")) };
            let key = Path::parse(key).unwrap();
            runtime.block_on(memory.put(&key, content.into())).unwrap();
        }
        let (bucket, prefix) = ("s3://bucket".to_owned(), Path::from("survey"));
        let (scratch, is_there) = (Scratch::new(1 << 20), AtomicBool::new(false));
        Store { store: Arc::new(memory), bucket, prefix, runtime, scratch, is_there }
    }

    fn paths(store: &Store, folder: &str, exclude: &[&str]) -> Vec<String> {
        let is_excluded = |path: &str| exclude.contains(&path);
        let selection = Selection { folder, is_excluded: &is_excluded, is_wanted: &|name| name.ends_with(".wav") };
        store.sorted(selection).unwrap().into_iter().map(|entry| entry.path).collect()
    }

    const KEYS: &[&str] = &[
        "survey/A/1.wav",
        "survey/A/2.flac",
        "survey/A/.hidden.wav",
        "survey/.old/3.wav",
        "survey/$RECYCLE.BIN/A/1.wav",
        "survey/A b/é 4.wav",
        "survey/B/",
        "survey/B/5.wav",
        "survey/B/drop/6.wav",
        "surveyors/7.wav",
    ];

    #[test]
    fn the_objects_below_the_prefix_are_the_files_of_the_archive() {
        let store = store(KEYS);
        assert_eq!(paths(&store, "", &[]), ["A b/é 4.wav", "A/1.wav", "B/5.wav", "B/drop/6.wav"]);
        assert_eq!(paths(&store, "", &["B/drop", "A/1.wav"]), ["A b/é 4.wav", "B/5.wav"]);
        assert_eq!(paths(&store, "./B/", &[]), ["B/5.wav", "B/drop/6.wav"]);
        assert_eq!(paths(&store, "B/drop", &["B"]), ["B/drop/6.wav"], "what is named is listed");
        assert_eq!(paths(&store, "A/2.flac", &[]), ["A/2.flac"], "an object that is named itself");
        let nothing = |_: &str| false;
        let selection = |folder| Selection { folder, is_excluded: &nothing, is_wanted: &nothing };
        assert!(store.list(selection("C")).err().unwrap().is_not_found());
        assert!(matches!(store.list(selection("../x")).err().unwrap().cause, Cause::Outside));
        assert_eq!((store.name().as_deref(), store.location("A/1.wav").as_str()), (Some("survey"), "s3://bucket/survey/A/1.wav"));
    }

    #[test]
    fn folders_and_files_are_told_apart_and_files_are_read() {
        let store = store(KEYS);
        for (path, kind) in [
            ("", Some(Kind::Folder)),
            ("B", Some(Kind::Folder)),
            ("A", Some(Kind::Folder)),
            ("A/1.wav", Some(Kind::File)),
            ("A/9.wav", None),
            ("ors/7.wav", None),
        ] {
            assert_eq!(store.kind_of(path).unwrap(), kind, "{path}");
        }
        assert_eq!(store.read("A b/é 4.wav", 1000).unwrap(), "content of survey/A b/é 4.wav".as_bytes());
        assert!(matches!(store.read("A/1.wav", 5).unwrap_err().cause, Cause::TooLarge { size: 25, limit: 5 }));
        assert!(store.open("A/9.wav").err().unwrap().is_not_found());
        assert!(matches!(store.open("").err().unwrap().cause, Cause::NotAFile));
    }

    #[test]
    fn urls_that_cannot_be_an_archive_are_refused_without_their_password() {
        let open = |url: &str| Store::open(url, &StoreSettings::default()).err().unwrap().to_string();
        assert!(open("ftp://host/x").contains("expected s3://BUCKET/PREFIX"));
        let told = open("https://me:secret@host/x");
        assert!(told.contains("a password") && !told.contains("secret"), "{told}");
        assert!(open("s3://bucket/x?token=secret").contains("parameters"));
    }

    #[test]
    fn credentials_are_not_shown() {
        let settings = StoreSettings { endpoint: Some("http://127.0.0.1:1".into()), ..StoreSettings::default() };
        let store = Store::open("s3://bucket/a/b", &settings).unwrap();
        assert_eq!(format!("{store:?}"), "Store { location: \"s3://bucket/a/b\", .. }");
    }
}
