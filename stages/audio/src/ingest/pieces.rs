//! The listing, cut into pieces. A piece holds the files of one folder, or an even share of them where the folder has many
//! files. Results of reading are stored piece by piece. So the memory that a scan needs does not depend on the size of the
//! archive, and a new night changes only the pieces of its folders.

use std::collections::BTreeMap;

use chorus_engine::{ScanContext, UnitContext, WorkError, hash_bytes};
use serde::{Deserialize, Serialize};

use super::found::Probe;
use super::listed::ListedFile;
use super::listing::{Files, Listing};

/// Version of the stored results. Raise it whenever reading the same file gives another result than before: files that an older
/// version read are then read again.
pub(super) const FORMAT: u32 = 8;
/// The most files of a piece, on average. A folder with more files is halved until its pieces are small enough.
const FILES: usize = 1024;

/// A piece of the listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) name: Name,
    pub(super) files: Files,
}

/// The name of a piece: a hash of its folder, how often the folder was halved, and the number of the part.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    folder: String,
    halvings: u32,
    part: u64,
}

impl Name {
    /// The hash of its folder, which all pieces of the folder share.
    pub(super) fn folder(&self) -> &str {
        &self.folder
    }

    /// The path in the cache of what was read from the piece's files.
    pub(super) fn memory(&self) -> String {
        format!("files/{}/{self}.jsonl", &self.folder[..2])
    }

    /// The path in the cache of the piece's summary; see `summary.rs`.
    pub(super) fn summary(&self) -> String {
        format!("summaries/{}/{self}", &self.folder[..2])
    }

    /// The pieces that held the same files when the folder had about twice or half as many.
    fn relatives(&self) -> Vec<Self> {
        let of = |halvings: u32, part: u64| Self { folder: self.folder.clone(), halvings, part };
        let mut relatives = vec![of(self.halvings + 1, self.part), of(self.halvings + 1, self.part + (1 << self.halvings))];
        if let Some(fewer) = self.halvings.checked_sub(1) {
            relatives.push(of(fewer, self.part % (1 << fewer)));
        }
        relatives
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}-{}", self.folder, self.halvings, self.part)
    }
}

/// Cuts a listing into pieces.
pub(super) fn cut(listing: Listing) -> Vec<Piece> {
    listing.into_folders().into_iter().flat_map(halved).collect()
}

/// A folder's files, halved until they make small pieces.
fn halved(files: Files) -> Vec<Piece> {
    let halvings = files.len().div_ceil(FILES).next_power_of_two().ilog2();
    let folder = hash_bytes(files.folder().as_bytes())[..16].to_owned();
    let piece = |part: u64, files| Piece { name: Name { folder: folder.clone(), halvings, part }, files };
    if halvings == 0 {
        return vec![piece(0, files)];
    }
    let parts = files.dealt(|file| number_of(&[file.prefix, file.name]) % (1 << halvings));
    parts.into_iter().map(|(part, files)| piece(part, files)).collect()
}

/// The number of a path: 64 bits of its hash.
pub(super) fn number(path: &str) -> u64 {
    number_of(&[path])
}

/// The number of a path that is in several texts.
fn number_of(parts: &[&str]) -> u64 {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part.as_bytes());
    }
    // As if read from the first 16 hexadecimal digits.
    u64::from_be_bytes(*hasher.finalize().as_bytes().first_chunk::<8>().expect("a hash has 32 bytes"))
}

#[derive(Serialize, Deserialize)]
struct Remembered {
    format: u32,
    file: ListedFile,
    probe: Probe,
}

/// The stored results of a piece: each file as it was listed, and what reading it found, by path.
pub(super) type Memory = BTreeMap<String, (ListedFile, Probe)>;

/// The cache that stores pieces.
pub(super) trait Store {
    /// The content of an entry; `None` where there is none.
    fn recall(&self, name: &str) -> Option<Vec<u8>>;
}

impl Store for ScanContext<'_> {
    fn recall(&self, name: &str) -> Option<Vec<u8>> {
        self.cached(name)
    }
}

impl Store for UnitContext<'_> {
    fn recall(&self, name: &str) -> Option<Vec<u8>> {
        self.cached(name)
    }
}

/// The stored results of a piece. Where the piece itself is not stored, those of its relatives are taken.
pub(super) fn recall(store: &impl Store, name: &Name) -> Memory {
    let read = |name: &Name| store.recall(&name.memory()).map(|bytes| parse(&bytes));
    read(name).unwrap_or_else(|| name.relatives().iter().filter_map(read).flatten().collect())
}

fn parse(bytes: &[u8]) -> Memory {
    let lines = bytes.split(|b| *b == b'\n').filter_map(|line| serde_json::from_slice::<Remembered>(line).ok());
    lines.filter(|r| r.format == FORMAT).map(|r| (r.file.path.clone(), (r.file, r.probe))).collect()
}

/// Stores the results of a piece.
pub(super) fn remember<'a>(
    cx: &ScanContext<'_>,
    name: &Name,
    files: impl Iterator<Item = (&'a ListedFile, &'a Probe)>,
) -> Result<(), WorkError> {
    let mut bytes = Vec::new();
    for (file, probe) in files {
        serde_json::to_writer(&mut bytes, &Remembered { format: FORMAT, file: file.clone(), probe: probe.clone() })?;
        bytes.push(b'\n');
    }
    Ok(cx.cache(&name.memory(), &bytes)?)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use chorus_archive::EntryState;
    use proptest::prelude::*;

    fn listed(path: String) -> ListedFile {
        ListedFile { path, bytes: 1, version: "v".into(), state: EntryState::File }
    }

    fn cut(files: Vec<ListedFile>) -> Vec<Piece> {
        let Ok(listing) = Listing::of(files.into_iter().map(Ok::<_, Infallible>));
        super::cut(listing)
    }

    /// A store of what `cut` made of a listing, in which every file's probe holds its path.
    struct Kept(BTreeMap<String, Vec<u8>>);

    impl Kept {
        fn of(pieces: &[Piece]) -> Self {
            let lines = |piece: &Piece| {
                let line = |(_, file): (u32, ListedFile)| {
                    let probe = Probe::rejected("x", &file.path);
                    serde_json::to_string(&Remembered { format: FORMAT, file, probe }).unwrap() + "\n"
                };
                piece.files.listed().into_iter().map(line).collect::<String>().into_bytes()
            };
            Self(pieces.iter().map(|piece| (piece.name.memory(), lines(piece))).collect())
        }
    }

    impl Store for Kept {
        fn recall(&self, name: &str) -> Option<Vec<u8>> {
            self.0.get(name).cloned()
        }
    }

    fn folder(files: usize) -> Vec<ListedFile> {
        (0..files).map(|i| listed(format!("a/b/{i:06}.wav"))).collect()
    }

    #[test]
    fn a_large_folder_is_cut_into_even_pieces_and_a_small_one_is_whole() {
        let pieces = cut([vec![listed("0.wav".into())], folder(10_000)].concat());
        assert_eq!(pieces[0].files.len(), 1);
        assert_eq!(pieces.len(), 1 + 16);
        assert!(pieces[1..].iter().all(|piece| (450..850).contains(&piece.files.len())));
    }

    #[test]
    fn the_number_of_a_path_is_that_of_its_hash_in_digits() {
        for path in ["", "a/b.wav", "\u{e9}/x.wav"] {
            assert_eq!(format!("{:016x}", number(path)), hash_bytes(path.as_bytes())[..16]);
        }
        assert_eq!(number_of(&["a/", "b.wav"]), number("a/b.wav"));
    }

    #[test]
    fn a_folder_that_grows_or_shrinks_over_a_limit_is_still_known() {
        for (before, after) in [(1000, 1100), (1100, 1000), (2048, 2049), (4097, 4000)] {
            let kept = Kept::of(&cut(folder(before)));
            let now = cut(folder(after));
            let known: usize = now
                .iter()
                .map(|piece| {
                    let memory = recall(&kept, &piece.name);
                    piece.files.iter().filter(|file| memory.contains_key(&file.path())).count()
                })
                .sum();
            assert_eq!(known, before.min(after), "{before} to {after}");
        }
    }

    proptest! {
        #[test]
        fn every_file_is_in_one_piece(paths in prop::collection::btree_set("([a-c]/){0,3}[a-z]{1,3}[.]wav", 1..60)) {
            let files: Vec<ListedFile> = paths.into_iter().map(listed).collect();
            let mut found: Vec<(u32, ListedFile)> = cut(files.clone()).iter().flat_map(|piece| piece.files.listed()).collect();
            found.sort_by_key(|(position, _)| *position);
            prop_assert_eq!(found, (0..).zip(files).collect::<Vec<_>>());
        }
    }
}
