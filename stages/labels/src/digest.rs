//! Summaries of annotation files. A file is read once, and its summary is kept as long as the listing shows the same file.

use std::collections::{BTreeMap, BTreeSet};

use chorus_archive::Archive;
use chorus_engine::{ScanContext, WorkError, hash_bytes};
use serde::{Deserialize, Serialize};

use crate::contents::Contents;
use crate::error::LabelsError;
use crate::event::Event;
use crate::files::{self, ListedFile, Listing};
use crate::reading::Reading;
use crate::session::Span;

/// Names of the caches: of annotation files, and of review sheets beside them.
const CACHE: &str = "annotation-files.jsonl";
const CACHE_OF_SHEETS: &str = "review-sheets.jsonl";
/// Raised when the same bytes give other digests, so that older caches are not used.
const VERSION: u32 = 9;

/// The most remarks on files that are shown.
const MOST_REMARKS: usize = 5;

/// The summary of an annotation file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Digest {
    /// The names of recordings (`None` where the file is named like its recording), each with a hash of its events.
    pub(crate) mentions: Vec<(Option<String>, String)>,
    /// For each recording with times of a session, the span of time in which its events begin.
    pub(crate) session: BTreeMap<String, Span>,
    /// Codes of the usable labels, each once, sorted. A vector, since sets for many files would take most of the memory.
    pub(crate) codes: Vec<String>,
    /// What is told once of the file.
    pub(crate) remarks: Vec<String>,
    /// Why no line of the file can be used.
    pub(crate) fault: Option<String>,
}

/// A line of the cache.
#[derive(Serialize, Deserialize)]
struct CacheEntry {
    file: ListedFile,
    digest: Digest,
}

impl Digest {
    /// That of a link to a file that is not there. It says nothing of any recording.
    fn missing() -> Self {
        let remark = "a link that leads nowhere, so what it says of recordings is not known; connect its disk or fetch its content, or \
                      remove the link";
        Self { mentions: Vec::new(), session: BTreeMap::new(), codes: Vec::new(), remarks: vec![remark.to_owned()], fault: None }
    }

    fn of(contents: &Contents, reading: &Reading) -> Self {
        let mention = |(name, events): (&Option<String>, &Vec<_>)| (name.clone(), hash_bytes(format!("{events:?}").as_bytes()));
        Self {
            mentions: contents.by_recording.iter().map(mention).collect(),
            session: session(contents),
            codes: codes(contents, reading),
            remarks: contents.remarks.clone(),
            fault: contents.fault.clone(),
        }
    }
}

/// For each recording with times of a session, the span of time in which its events begin.
fn session(contents: &Contents) -> BTreeMap<String, Span> {
    let span = |(name, events): (&Option<String>, &Vec<Event>)| {
        let starts = events.iter().filter(|event| event.in_session && event.problem.is_none()).filter_map(|event| event.start_s);
        Some((name.clone()?, starts.map(Span::at).reduce(Span::join)?))
    };
    contents.by_recording.iter().filter_map(span).collect()
}

/// The codes of a file's usable labels, and those that it declares.
fn codes(contents: &Contents, reading: &Reading) -> Vec<String> {
    let usable = contents.events().filter(|event| event.problem.is_none()).map(|event| event.label.as_str());
    let texts = usable.chain(contents.declared.iter().map(String::as_str));
    let labels = texts.map(|text| reading.label_text().parse(text));
    let codes: BTreeSet<String> =
        labels.filter(|label| label.unused.is_none() && !label.code.is_empty()).map(|label| label.code).collect();
    codes.into_iter().collect()
}

/// The summaries of the archive's annotation files, by path; none where the recordings' paths are the annotations.
///
/// # Errors
/// The folder is missing, a file cannot be read, or no line of any file can be used, such as where a column is missing.
pub(crate) fn all(cx: &ScanContext<'_>, archive: &dyn Archive, reading: &Reading) -> Result<BTreeMap<String, Digest>, WorkError> {
    summarise(cx, archive, reading, CACHE)
}

fn summarise(
    cx: &ScanContext<'_>,
    archive: &dyn Archive,
    reading: &Reading,
    cache: &str,
) -> Result<BTreeMap<String, Digest>, WorkError> {
    let Some(extensions) = reading.extensions() else { return Ok(BTreeMap::new()) };
    let Listing { files, missing } = files::list_all(archive, reading.place(), extensions)?;
    let head = hash_bytes(format!("{VERSION} {}", reading.settings()).as_bytes());
    let bytes = cx.cached(cache).unwrap_or_default();
    let known = bytes.iter().filter(|&&byte| byte == b'\n').count().saturating_sub(1);
    // The cache has the order of the listing, so that only one of its entries is in memory at a time.
    let mut cached = entries(&bytes, &head).peekable();
    let mut digests = Vec::with_capacity(files.len());
    let mut fresh = 0;
    for file in files {
        while cached.next_if(|entry| entry.file.path < file.path).is_some() {}
        let digest = match cached.next_if(|entry| entry.file == file) {
            Some(entry) => entry.digest,
            None => {
                fresh += 1;
                Digest::of(&reading.read(&files::read(archive, &file.path)?), reading)
            }
        };
        digests.push(CacheEntry { file, digest });
    }
    if !cx.look_only && (fresh > 0 || known != digests.len()) {
        store(cx, cache, &head, &digests)?;
    }
    let mut digests: BTreeMap<String, Digest> = digests.into_iter().map(|entry| (entry.file.path, entry.digest)).collect();
    digests.extend(missing.into_iter().map(|path| (path, Digest::missing())));
    refuse_faults(archive, &digests)?;
    Ok(digests)
}

/// The summaries of the review sheets in a folder or file, by path; none where no place is named.
///
/// # Errors
/// Those of [`all`].
pub(crate) fn of_sheets(
    cx: &ScanContext<'_>,
    archive: &dyn Archive,
    place: Option<&str>,
) -> Result<BTreeMap<String, Digest>, WorkError> {
    match place {
        None => Ok(BTreeMap::new()),
        Some(place) => summarise(cx, archive, &Reading::of_sheets(place)?, CACHE_OF_SHEETS),
    }
}

/// What is told of files whose lines can be used and may mean something else: each remark with its first file and the number of others.
pub(crate) fn remarks(digests: &BTreeMap<String, Digest>) -> Vec<String> {
    let mut files: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (path, digest) in digests {
        digest.remarks.iter().for_each(|remark| files.entry(remark).or_default().push(path));
    }
    let more = |files: &[&str]| match files.len() {
        1 => String::new(),
        several => format!(" and {} more", several - 1),
    };
    let mut told: Vec<String> =
        files.iter().map(|(remark, files)| format!("annotate: {}{}: {remark}", files[0], more(files))).collect();
    let left = told.len().saturating_sub(MOST_REMARKS);
    if left > 0 {
        told.truncate(MOST_REMARKS);
        told.push(format!("annotate: {left} more remarks on annotation files like these"));
    }
    told
}

/// Refuses files of which all have a fault: the configuration is then more likely wrong than the files.
fn refuse_faults(archive: &dyn Archive, digests: &BTreeMap<String, Digest>) -> Result<(), LabelsError> {
    let usable = digests.values().any(|digest| digest.fault.is_none() && !digest.codes.is_empty());
    let faults: Vec<_> = digests.iter().filter_map(|(path, digest)| Some((path, digest.fault.as_ref()?))).collect();
    match faults.first() {
        Some((path, fault)) if !usable => {
            Err(LabelsError::Unusable { path: archive.location(path), fault: (*fault).clone(), files: faults.len() })
        }
        _ => Ok(()),
    }
}

/// The entries of a cache, in order; none where the files were read with other settings.
fn entries<'a>(bytes: &'a [u8], head: &str) -> impl Iterator<Item = CacheEntry> + use<'a> {
    let mut lines = bytes.split(|b| *b == b'\n');
    let is_same = lines.next() == Some(head.as_bytes());
    lines.take_while(move |_| is_same).filter_map(|line| serde_json::from_slice(line).ok())
}

fn store(cx: &ScanContext<'_>, name: &str, head: &str, digests: &[CacheEntry]) -> Result<(), WorkError> {
    let mut bytes = format!("{head}\n").into_bytes();
    for digest in digests {
        serde_json::to_writer(&mut bytes, digest)?;
        bytes.push(b'\n');
    }
    Ok(cx.cache(name, &bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_archive::Local;

    fn reading(format: &str) -> Reading {
        Reading::from_yaml(&format!("format: {format}")).unwrap()
    }

    #[test]
    fn codes_come_from_usable_lines_only() {
        let track = b"0\t1\tBOAFAB_M\n2\t1\tBACK\n1\t2\tDENMIN_FALSE\n1\t2\tUND\nrubbish\n";
        let reading = reading("anuraset_raw");
        let digest = Digest::of(&reading.read(track), &reading);
        assert_eq!(digest.codes, ["BOAFAB", "UND"]);
    }

    #[test]
    fn a_link_that_leads_nowhere_is_told() {
        let told = remarks(&["a.txt", "b.txt"].map(|name| (name.to_owned(), Digest::missing())).into());
        assert!(told.len() == 1 && told[0].starts_with("annotate: a.txt and 1 more: a link that leads nowhere"), "{told:?}");
    }

    #[test]
    fn a_remark_is_told_once_for_all_files() {
        let reading = reading("csv");
        let digest = |text: &str| Digest::of(&reading.read(text.as_bytes()), &reading);
        let odd = "file,start,end,duration,label\na,1,3,7,X\n";
        let files = [("1.csv", odd), ("2.csv", odd), ("3.csv", "file,start,end,label\na,1,3,X\n")];
        let told = remarks(&files.map(|(name, text)| (name.to_owned(), digest(text))).into());
        assert_eq!(told.len(), 1);
        assert!(told[0].starts_with("annotate: 1.csv and 1 more: duration differs from end"), "{told:?}");
    }

    #[test]
    fn what_was_read_in_another_way_is_not_remembered() {
        let reading = reading("audacity");
        let digest = Digest::of(&reading.read(b"0\t1\tX\n"), &reading);
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("1.txt"), b"0\t1\tX\n").unwrap();
        let file = files::list(&Local::new(dir.path()), ".", &["txt"]).unwrap().remove(0);
        let line = serde_json::to_string(&CacheEntry { file: file.clone(), digest }).unwrap();
        let bytes = format!("head\n{line}\nrubbish\n");
        let known: Vec<ListedFile> = entries(bytes.as_bytes(), "head").map(|entry| entry.file).collect();
        assert_eq!(known, [file]);
        assert_eq!(entries(bytes.as_bytes(), "other").count(), 0);
    }

    #[test]
    fn what_is_said_of_one_recording_changes_only_its_hash() {
        let reading = reading("csv");
        let digest = |text: &str| Digest::of(&reading.read(text.as_bytes()), &reading);
        let (before, after) =
            (digest("file,start,end,label\na,1,2,X\nb,1,2,X\n"), digest("file,start,end,label\na,1,2,X\nb,1,2,Y\n"));
        assert_eq!(before.mentions[0], after.mentions[0]);
        assert_ne!(before.mentions[1], after.mentions[1]);
    }

    #[test]
    fn a_fault_of_all_files_is_refused_and_that_of_one_is_not() {
        let reading = reading("raven");
        let digest = |text: &str| Digest::of(&reading.read(text.as_bytes()), &reading);
        let (bad, empty) = (digest("Begin Time (s)\tEnd Time (s)\n1\t2\n"), digest("Begin Time (s)\tEnd Time (s)\n"));
        let good = digest("Begin Time (s)\tEnd Time (s)\tSpecies\n1\t2\tX\n");
        let refused = |digests: &[&Digest]| {
            let named = digests.iter().enumerate().map(|(i, d)| (i.to_string(), (*d).clone())).collect();
            refuse_faults(&Local::new("a"), &named).map_err(|e| e.to_string())
        };
        assert!(refused(&[&empty, &bad]).unwrap_err().contains("annotate.label_column"));
        assert_eq!(refused(&[&good, &bad]), Ok(()));
        assert_eq!(refused(&[&empty]), Ok(()));
    }
}
