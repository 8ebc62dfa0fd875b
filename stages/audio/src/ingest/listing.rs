//! A listing that takes little memory: names without their folders, one after the other. A million files take some 70 MB.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use chorus_archive::{EntryState, Version};
use rayon::prelude::*;

use super::listed::ListedFile;

/// The files of an archive that may be recordings, folder by folder.
#[derive(Debug, Default)]
pub(super) struct Listing(Vec<Files>);

/// Files of one folder, in the order of their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Files {
    /// What stands before the names in paths: the folder and a slash; nothing for files of the archive itself.
    prefix: Box<str>,
    /// All names, one after the other.
    names: String,
    files: Vec<File>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct File {
    /// Where its name begins in the names, and how many bytes it has.
    name: (u32, u32),
    /// Position among all paths of the listing, in their order.
    position: u32,
    state: EntryState,
    bytes: u64,
    version: Version,
}

/// A file of a listing, without a text of its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown<'a> {
    /// What stands before the name in the path.
    pub(super) prefix: &'a str,
    pub(super) name: &'a str,
    /// Position in the whole listing.
    pub(super) position: u32,
    pub(super) bytes: u64,
    pub(super) version: &'a Version,
    pub(super) state: EntryState,
}

impl Shown<'_> {
    pub(super) fn path(self) -> String {
        [self.prefix, self.name].concat()
    }

    pub(super) fn listed(self) -> ListedFile {
        let Self { bytes, state, .. } = self;
        ListedFile { path: self.path(), bytes, version: self.version.clone(), state }
    }
}

impl Listing {
    /// The listing of these files, which come in any order. Those of a folder mostly follow each other.
    pub(super) fn of<E>(files: impl IntoIterator<Item = Result<ListedFile, E>>) -> Result<Self, E> {
        let mut folders: BTreeMap<Box<str>, Files> = BTreeMap::new();
        let mut open = Files::default();
        for file in files {
            let ListedFile { path, bytes, version, state } = file?;
            let (prefix, name) = path.split_at(path.rfind('/').map_or(0, |slash| slash + 1));
            if *open.prefix != *prefix {
                let next = folders.remove(prefix).unwrap_or_else(|| Files { prefix: prefix.into(), ..Files::default() });
                open.close();
                folders.insert(open.prefix.clone(), std::mem::replace(&mut open, next));
            }
            open.push(name, File { name: (0, 0), position: 0, state, bytes, version });
        }
        open.close();
        folders.insert(open.prefix.clone(), open);
        let mut folders: Vec<Files> = folders.into_values().filter(|folder| folder.len() > 0).collect();
        folders.par_iter_mut().for_each(Files::sort);
        number(&mut folders);
        Ok(Self(folders))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The files folder by folder.
    pub(super) fn folders(&self) -> &[Files] {
        &self.0
    }

    pub(super) fn into_folders(self) -> Vec<Files> {
        self.0
    }

    /// All files, in the order of their paths.
    pub(super) fn listed(&self) -> Vec<ListedFile> {
        let mut files: Vec<Shown<'_>> = self.0.iter().flat_map(Files::iter).collect();
        files.sort_unstable_by_key(|file| file.position);
        files.into_iter().map(Shown::listed).collect()
    }
}

/// Gives files their positions. Folders are in the order of their prefixes and files in that of their names, which is the order of paths
/// unless a folder with files lies in another one: there, names stand between the paths of that folder.
fn number(folders: &mut [Files]) {
    if !folders.array_windows::<2>().any(|[above, below]| below.prefix.starts_with(&*above.prefix)) {
        folders.iter_mut().flat_map(|folder| &mut folder.files).zip(0..).for_each(|(file, position)| file.position = position);
        return;
    }
    let places = |(at, folder): (usize, &Files)| (0..folder.len()).map(move |file| (at, file));
    let mut order: Vec<(usize, usize)> = folders.iter().enumerate().flat_map(places).collect();
    let path = |&(folder, file): &(usize, usize)| (&*folders[folder].prefix, folders[folder].name(&folders[folder].files[file]));
    order.par_sort_by(|a, b| by_path(path(a), path(b)));
    for ((folder, file), position) in order.into_iter().zip(0..) {
        folders[folder].files[file].position = position;
    }
}

/// The order of two paths, each as a prefix and a name.
fn by_path((prefix, name): (&str, &str), (other_prefix, other_name): (&str, &str)) -> Ordering {
    if prefix.len() > other_prefix.len() {
        return by_path((other_prefix, other_name), (prefix, name)).reverse();
    }
    match other_prefix.strip_prefix(prefix) {
        Some("") => name.cmp(other_name),
        // A name has no slash, and the rest of the prefix ends with one.
        Some(rest) => name.cmp(rest),
        None => prefix.cmp(other_prefix),
    }
}

impl Files {
    fn push(&mut self, name: &str, file: File) {
        let number = |bytes: usize| u32::try_from(bytes).expect("the names of a folder have less than 4 GiB");
        let place = (number(self.names.len()), number(name.len()));
        self.names.push_str(name);
        self.files.push(File { name: place, ..file });
    }

    /// Gives back memory that was taken for more files.
    fn close(&mut self) {
        self.names.shrink_to_fit();
        self.files.shrink_to_fit();
    }

    fn sort(&mut self) {
        let Self { names, files, .. } = self;
        let names = names.as_str();
        files.sort_unstable_by(|a, b| name_of(names, a).cmp(name_of(names, b)));
    }

    fn name(&self, file: &File) -> &str {
        name_of(&self.names, file)
    }

    /// The path of the folder.
    pub(super) fn folder(&self) -> &str {
        self.prefix.strip_suffix('/').unwrap_or(&self.prefix)
    }

    /// How many files there are.
    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    /// The size of all files together.
    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// The files, in the order of their paths.
    pub(super) fn iter(&self) -> impl Iterator<Item = Shown<'_>> {
        self.files.iter().map(|file| Shown {
            prefix: &self.prefix,
            name: self.name(file),
            position: file.position,
            bytes: file.bytes,
            version: &file.version,
            state: file.state,
        })
    }

    /// The files with texts of their own, each with its position.
    pub(super) fn listed(&self) -> Vec<(u32, ListedFile)> {
        self.iter().map(|file| (file.position, file.listed())).collect()
    }

    /// The positions of the files, which ascend.
    pub(super) fn positions(&self) -> Vec<u32> {
        self.files.iter().map(|file| file.position).collect()
    }

    /// Deals the files into parts by a number of each.
    pub(super) fn dealt(&self, part: impl Fn(Shown<'_>) -> u64) -> BTreeMap<u64, Self> {
        let mut parts: BTreeMap<u64, Self> = BTreeMap::new();
        for (shown, file) in self.iter().zip(&self.files) {
            let own = parts.entry(part(shown)).or_insert_with(|| Self { prefix: self.prefix.clone(), ..Self::default() });
            own.push(shown.name, file.clone());
        }
        parts.values_mut().for_each(Self::close);
        parts
    }
}

fn name_of<'n>(names: &'n str, file: &File) -> &'n str {
    let (start, length) = (file.name.0 as usize, file.name.1 as usize);
    &names[start..start + length]
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use proptest::prelude::*;

    fn listed(path: &str) -> ListedFile {
        ListedFile { path: path.to_owned(), bytes: path.len() as u64, version: path.into(), state: EntryState::File }
    }

    fn listing(paths: &[&str]) -> Listing {
        let Ok(listing) = Listing::of(paths.iter().map(|path| Ok::<_, Infallible>(listed(path))));
        listing
    }

    #[test]
    fn files_are_kept_by_folder_and_come_back_in_the_order_of_their_paths() {
        let paths = ["b.wav", "a/2.wav", "a-b/1.wav", "a/c/3.wav", "a/1.wav", "a/d.wav", "c//x.wav"];
        let listing = listing(&paths);
        let folders: Vec<(&str, usize)> = listing.folders().iter().map(|files| (files.folder(), files.len())).collect();
        assert_eq!(folders, [("", 1), ("a-b", 1), ("a", 3), ("a/c", 1), ("c/", 1)]);
        let mut sorted = paths;
        sorted.sort_unstable();
        assert_eq!(listing.listed(), sorted.map(listed));
        let positions: Vec<Vec<u32>> = listing.folders().iter().map(Files::positions).collect();
        assert_eq!(positions, [vec![5], vec![0], vec![1, 2, 4], vec![3], vec![6]]);
        assert!(Listing::default().is_empty() && listing_of_nothing().is_empty());
    }

    fn listing_of_nothing() -> Listing {
        listing(&[])
    }

    #[test]
    fn parts_hold_all_files_in_their_order() {
        let listing = listing(&["a/4.wav", "a/2.wav", "a/3.wav", "a/1.wav"]);
        let files = &listing.folders()[0];
        let parts = files.dealt(|file| u64::from(file.position % 2));
        assert_eq!(parts[&0].iter().map(Shown::path).collect::<Vec<_>>(), ["a/1.wav", "a/3.wav"]);
        assert_eq!(parts[&1].positions(), [1, 3]);
        assert_eq!(parts.values().map(Files::bytes).sum::<u64>(), files.bytes());
    }

    proptest! {
        #[test]
        fn positions_are_those_of_sorted_paths(paths in prop::collection::hash_set("([a-b-]{1,2}/){0,3}[a-b-]{1,2}", 0..40)) {
            // A name may be that of a folder, where paths are keys of an object store.
            let paths: Vec<String> = paths.into_iter().collect();
            let listing = listing(&paths.iter().map(String::as_str).collect::<Vec<_>>());
            let mut sorted = paths.clone();
            sorted.sort_unstable();
            for file in listing.folders().iter().flat_map(Files::iter) {
                prop_assert_eq!(&sorted[file.position as usize], &file.path());
            }
            prop_assert_eq!(listing.folders().iter().map(Files::len).sum::<usize>(), paths.len());
        }
    }
}
