//! Finds the recording for each part of each annotation file.

use std::collections::{BTreeMap, BTreeSet};

use crate::digest::Digest;
use crate::layout::{FindRecording, Layout};
use crate::session::{self, Lengths, Span};
use crate::text::{composed, folded, parts};

/// The site of a file that lies in no folder.
const NO_SITE: &str = "site";

/// The part of an annotation file about one recording.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Part {
    /// The annotation file.
    pub(crate) file: String,
    /// The name that it gives the recording; `None` where the file is named like its recording.
    pub(crate) name: Option<String>,
    /// A hash of its events.
    pub(crate) hash: String,
    /// The recording's path, or why there is none.
    pub(crate) recording: Result<String, String>,
    /// Whether the file holds everything that was heard in the recording. Review sheets hold verdicts on single spans.
    pub(crate) is_complete: bool,
    /// Whether the file is a review sheet that is read beside the layout of the run.
    pub(crate) is_sheet: bool,
    /// Seconds from the start of the file's session to the start of the recording, or why they cannot be known; 0 where the
    /// file has no times of a session.
    pub(crate) begins_s: Result<f64, String>,
}

impl Part {
    /// The site of a part without a recording: the folder in the recording's name, or the folder of the file.
    pub(crate) fn site(&self) -> String {
        let folder = |path: &str| match parts(path)[..] {
            [.., folder, _] => Some(folder.to_owned()),
            _ => None,
        };
        let site = self.name.as_deref().and_then(folder).or_else(|| folder(&self.file));
        // As ingest has it.
        site.map_or_else(|| NO_SITE.to_owned(), |site| composed(&site).into_owned())
    }
}

/// Copies of recordings by path, each with the recording that counts in its place.
pub type Copies = BTreeMap<String, String>;

/// The copies among recordings, of which each is given by its `recording_id`, its path, and the `recording_id` of the one that it is a copy
/// of.
pub fn copies(recordings: &[(String, String, Option<String>)]) -> Copies {
    let path_of: BTreeMap<&str, &String> = recordings.iter().map(|(id, path, _)| (id.as_str(), path)).collect();
    let copy = |(_, path, original): &(String, String, Option<String>)| {
        Some((path.clone(), (*path_of.get(original.as_deref()?)?).clone()))
    };
    recordings.iter().filter_map(copy).collect()
}

/// How a layout finds recordings in its files. What is said of a copy counts for its original, and a name that fits a recording and its
/// copies is not ambiguous.
pub(crate) fn finder<'a>(
    layout: &dyn Layout,
    recordings: &[&'a str],
    files: &[&'a str],
    copies: &'a Copies,
) -> FindRecording<'a> {
    let originals: Vec<&'a str> = recordings.iter().copied().filter(|path| !copies.contains_key(*path)).collect();
    let among_all = layout.pairing(recordings, files);
    let among_originals = (originals.len() < recordings.len()).then(|| layout.pairing(&originals, files));
    Box::new(move |file, name| {
        let found = among_all(file, name).or_else(|reason| match &among_originals {
            Some(find) => find(file, name).map_err(|_| reason),
            None => Err(reason),
        });
        found.map(|path| copies.get(&path).cloned().unwrap_or(path))
    })
}

/// Finds the recording of each part of each file, in the order of the files. `lengths` are the archive's recordings, in seconds
/// where they can be read. What is said of a copy counts for its original.
pub(crate) fn parts_of(
    layout: &dyn Layout,
    digests: &BTreeMap<String, Digest>,
    lengths: &Lengths<'_>,
    copies: &Copies,
) -> Vec<Part> {
    let recordings: Vec<&str> = lengths.keys().copied().collect();
    let files: Vec<&str> = digests.keys().map(String::as_str).collect();
    let find = finder(layout, &recordings, &files, copies);
    let folders: BTreeSet<String> = recordings.iter().filter_map(|path| folder(path)).collect();
    let of_file = |(file, digest): (&String, &Digest)| -> Vec<Part> {
        let part = |(name, hash): &(Option<String>, String)| Part {
            recording: find(file, name.as_deref()),
            file: file.clone(),
            name: name.clone(),
            hash: hash.clone(),
            is_complete: layout.is_complete(),
            is_sheet: false,
            begins_s: Ok(0.0),
        };
        let mut parts: Vec<Part> = digest.mentions.iter().map(part).collect();
        refuse_strangers(&mut parts, &folders);
        place_in_session(&mut parts, digest, lengths);
        parts
    };
    digests.iter().flat_map(of_file).collect()
}

/// The folder that holds a file, folded.
fn folder(path: &str) -> Option<String> {
    match parts(path)[..] {
        [.., folder, _] => Some(folded(folder)),
        _ => None,
    }
}

/// Refuses names in folders that the archive lacks where the same file names their recording with its own folder, too: the table is of more
/// sites than the archive, and recorders at all of them may write equal names. `folders` are those that hold recordings.
fn refuse_strangers(parts: &mut [Part], folders: &BTreeSet<String>) {
    let stranger = |part: &Part| part.name.as_deref().and_then(folder).filter(|folder| !folders.contains(folder));
    let is_at_home = |part: &Part| part.name.as_deref().and_then(folder).is_some_and(|folder| folders.contains(&folder));
    let at_home = parts.iter().filter(|part| is_at_home(part)).filter_map(|part| part.recording.clone().ok());
    let named: BTreeSet<String> = at_home.collect();
    for part in parts {
        let Some(folder) = stranger(part) else { continue };
        let Some(recording) = part.recording.as_ref().ok().filter(|recording| named.contains(*recording)) else { continue };
        part.recording =
            Err(format!("no recording of that name in a folder {folder}; the file names {recording} with its own folder, too"));
    }
}

/// Sets where the recordings of a file's parts begin in its session, if the file has times of a session.
fn place_in_session(parts: &mut [Part], digest: &Digest, lengths: &Lengths<'_>) {
    if digest.session.is_empty() {
        return;
    }
    let span_of = |part: &Part| digest.session.get(part.name.as_ref()?).copied();
    let mut spans: BTreeMap<&str, Span> = BTreeMap::new();
    let mut is_whole = true;
    for part in parts.iter() {
        match (span_of(part), part.recording.as_deref()) {
            (Some(span), Ok(recording)) => {
                spans.entry(recording).and_modify(|own| *own = own.join(span)).or_insert(span);
            }
            (Some(_), Err(_)) => is_whole = false,
            (None, _) => {}
        }
    }
    let begins = session::begins(&spans, is_whole, lengths).map(|begins| {
        begins.into_iter().map(|(recording, begins_s)| (recording.to_owned(), begins_s)).collect::<BTreeMap<_, _>>()
    });
    for part in parts.iter_mut() {
        if let Ok(recording) = &part.recording {
            part.begins_s =
                begins.as_ref().map(|begins| begins.get(recording).copied().unwrap_or_default()).map_err(Clone::clone);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layouts;

    fn raven_parts(digests: &BTreeMap<String, Digest>, lengths: &Lengths<'_>) -> Vec<Part> {
        parts_of(layouts::find("raven").unwrap(), digests, lengths, &Copies::new())
    }

    fn digest(names: &[Option<&str>]) -> Digest {
        let mentions = names.iter().map(|name| (name.map(str::to_owned), "h".to_owned())).collect();
        Digest { mentions, session: Default::default(), codes: Default::default(), remarks: Vec::new(), fault: None }
    }

    #[test]
    fn what_is_said_of_a_copy_counts_for_its_original() {
        let copies: Copies = [("A/more/1.wav".to_owned(), "A/1.wav".to_owned())].into();
        let lengths = [("A/1.wav", None), ("A/more/1.wav", None), ("A/more/2.wav", None)].into();
        let names = [Some("1.wav"), Some("A/1.wav"), Some("A/more/1.wav"), Some("A/more/2.wav")];
        let digests = [("t.txt".to_owned(), digest(&names))].into();
        let parts = parts_of(layouts::find("raven").unwrap(), &digests, &lengths, &copies);
        let found: Vec<_> = parts.iter().map(|part| part.recording.as_deref()).collect();
        assert_eq!(found, [Ok("A/1.wav"), Ok("A/1.wav"), Ok("A/1.wav"), Ok("A/more/2.wav")]);
        let ambiguous = raven_parts(&digests, &lengths);
        assert!(ambiguous[0].recording.as_ref().is_err_and(|reason| reason.contains("fits 2 recordings")));
    }

    #[test]
    fn copies_are_known_by_the_recordings_that_they_are_copies_of() {
        let row = |id: &str, path: &str, of: Option<&str>| (id.to_owned(), path.to_owned(), of.map(str::to_owned));
        let rows = [row("a", "A/1.wav", None), row("b", "A/more/1.wav", Some("a")), row("c", "A/2.wav", Some("gone"))];
        assert_eq!(copies(&rows), [("A/more/1.wav".to_owned(), "A/1.wav".to_owned())].into());
    }

    #[test]
    fn a_table_of_more_sites_than_the_archive_has_labels_of_other_sites() {
        let names = [Some("P01/1.wav"), Some("P02/1.wav"), Some("P01/2.wav"), Some("1.wav")];
        let digests = [("t.txt".to_owned(), digest(&names))].into();
        let parts = raven_parts(&digests, &[("P02/1.wav", None), ("P02/2.wav", None)].into());
        let found: Vec<_> = parts.iter().map(|part| part.recording.as_deref()).collect();
        let reason = parts[0].recording.as_ref().unwrap_err();
        assert!(reason.contains("in a folder p01") && reason.contains("names P02/1.wav with its own folder"), "{reason}");
        assert_eq!(found[1..], [Ok("P02/1.wav"), Ok("P02/2.wav"), Ok("P02/1.wav")]);
        let digests = [("t.txt".to_owned(), digest(&[Some("P01/1.wav"), Some("1.wav")]))].into();
        let alone = raven_parts(&digests, &[("P02/1.wav", None)].into());
        assert!(alone.iter().all(|part| part.recording.is_ok()), "the annotator's own folder");
    }

    #[test]
    fn every_part_has_a_recording_or_a_reason_and_a_site() {
        let digests =
            [("tables/all.txt".to_owned(), digest(&[None, Some(r"X:\A\1.wav"), Some("B/2.wav"), Some("3.wav")]))].into();
        let parts = raven_parts(&digests, &[("raw/A/1.wav", None), ("raw/C/3.wav", None)].into());
        let found: Vec<_> = parts.iter().map(|part| part.recording.as_deref().unwrap_or("none")).collect();
        assert_eq!(found, ["none", "raw/A/1.wav", "none", "raw/C/3.wav"]);
        assert_eq!(parts[2].recording, Err("no recording of that name".to_owned()));
        assert_eq!((parts[0].site(), parts[2].site()), ("tables".into(), "B".into()));
    }

    #[test]
    fn recordings_are_placed_in_the_session_of_their_table() {
        let (a, b) = ((Some("a.wav".to_owned()), "h".to_owned()), (Some("b.wav".to_owned()), "h".to_owned()));
        let session = [("a.wav".to_owned(), Span::at(1.0)), ("b.wav".to_owned(), Span::at(65.0))];
        let digest = Digest { mentions: vec![a, b], session: session.into(), ..digest(&[]) };
        let digests = [("t.txt".to_owned(), digest)].into();
        let parts = raven_parts(&digests, &[("r/a.wav", Some(60.0)), ("r/b.wav", Some(60.0))].into());
        assert_eq!(parts.iter().map(|part| part.begins_s.clone()).collect::<Vec<_>>(), [Ok(0.0), Ok(60.0)]);
        let parts = raven_parts(&digests, &[("r/b.wav", Some(60.0))].into());
        assert!(parts[1].recording.is_ok() && parts[1].begins_s.is_err(), "where a.wav ends nobody knows");
    }
}
