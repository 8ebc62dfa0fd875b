//! What annotation files say, in brief: read once, and remembered as long as the listing shows the same file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chorus_engine::{ScanContext, WorkError, hash_bytes};
use serde::{Deserialize, Serialize};

use crate::error::LabelsError;
use crate::event::Event;
use crate::files::{self, Listed};
use crate::formats::{Contents, Format, Reading};
use crate::session::Span;

/// Names of the memories: of annotation files, and of review sheets beside them.
const MEMORY: &str = "annotation-files.jsonl";
const MEMORY_OF_SHEETS: &str = "review-sheets.jsonl";
/// Raised when the same bytes give other digests: memories of before are forgotten.
const VERSION: u32 = 3;

/// An annotation file in brief.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Digest {
    /// By the recording that is named (`None`: the file's own name tells) a hash of what is said of it.
    pub(crate) mentions: Vec<(Option<String>, String)>,
    /// Of recordings for which the file gives times of a session: between which of them their events begin.
    pub(crate) session: BTreeMap<String, Span>,
    /// Codes of its labels that can be used, each once, sorted. A set for each of many files would take more memory than all else.
    pub(crate) codes: Vec<String>,
    /// Why none of its lines can be used.
    pub(crate) fault: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Remembered {
    file: Listed,
    digest: Digest,
}

impl Digest {
    fn of(contents: &Contents, reading: &Reading) -> Self {
        let mention = |(name, events): (&Option<String>, &Vec<_>)| (name.clone(), hash_bytes(format!("{events:?}").as_bytes()));
        Self {
            mentions: contents.by_recording.iter().map(mention).collect(),
            session: session(contents),
            codes: codes(contents, reading),
            fault: contents.fault.clone(),
        }
    }
}

/// Between which times of the session the events of each recording begin.
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

/// The annotation files of the archive by path, in brief.
///
/// # Errors
/// The folder is missing, a file cannot be read, or no line of any can be used for the same kind of reason, such as a missing column.
pub(crate) fn all(cx: &ScanContext<'_>, archive: &Path, reading: &Reading) -> Result<BTreeMap<String, Digest>, WorkError> {
    let files = files::list(archive, reading.place(), reading.format.extensions())?;
    let head = hash_bytes(format!("{VERSION} {reading:?}").as_bytes());
    let memory_name = if reading.format == Format::Review { MEMORY_OF_SHEETS } else { MEMORY };
    let bytes = cx.cached(memory_name).unwrap_or_default();
    let known = bytes.iter().filter(|&&byte| byte == b'\n').count().saturating_sub(1);
    // What is remembered is in the order of the listing, so that one of both is enough at a time.
    let mut memory = remembered(&bytes, &head).peekable();
    let mut digests = Vec::with_capacity(files.len());
    let mut fresh = 0;
    for file in files {
        while memory.next_if(|remembered| remembered.file.path < file.path).is_some() {}
        let digest = match memory.next_if(|remembered| remembered.file == file) {
            Some(remembered) => remembered.digest,
            None => {
                fresh += 1;
                Digest::of(&reading.read(&files::read(&archive.join(&file.path))?), reading)
            }
        };
        digests.push(Remembered { file, digest });
    }
    if !cx.look_only && (fresh > 0 || known != digests.len()) {
        remember(cx, memory_name, &head, &digests)?;
    }
    let digests: BTreeMap<String, Digest> = digests.into_iter().map(|r| (r.file.path, r.digest)).collect();
    refuse_faults(archive, &digests)?;
    Ok(digests)
}

/// The review sheets in a folder, or the one that `place` is, by path, in brief; none where no place is named.
///
/// # Errors
/// Those of [`all`].
pub(crate) fn of_sheets(
    cx: &ScanContext<'_>,
    archive: &Path,
    place: Option<&str>,
) -> Result<BTreeMap<String, Digest>, WorkError> {
    match place {
        None => Ok(BTreeMap::new()),
        Some(place) => all(cx, archive, &Reading { folder: Some(place.to_owned()), ..Reading::usual(Format::Review) }),
    }
}

/// When all files with lines have a fault, it is the configuration's rather than theirs.
fn refuse_faults(archive: &Path, digests: &BTreeMap<String, Digest>) -> Result<(), LabelsError> {
    let usable = digests.values().any(|digest| digest.fault.is_none() && !digest.codes.is_empty());
    let faults: Vec<_> = digests.iter().filter_map(|(path, digest)| Some((path, digest.fault.as_ref()?))).collect();
    match faults.first() {
        Some((path, fault)) if !usable => {
            Err(LabelsError::Unusable { path: archive.join(path), fault: (*fault).clone(), files: faults.len() })
        }
        _ => Ok(()),
    }
}

/// What is remembered, one file after the other; nothing when it was read in another way.
fn remembered<'a>(bytes: &'a [u8], head: &str) -> impl Iterator<Item = Remembered> + use<'a> {
    let mut lines = bytes.split(|b| *b == b'\n');
    let is_same = lines.next() == Some(head.as_bytes());
    lines.take_while(move |_| is_same).filter_map(|line| serde_json::from_slice(line).ok())
}

fn remember(cx: &ScanContext<'_>, name: &str, head: &str, digests: &[Remembered]) -> Result<(), WorkError> {
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
    use crate::formats::tests::reading;

    #[test]
    fn codes_come_from_usable_lines_only() {
        let track = b"0\t1\tBOAFAB_M\n2\t1\tBACK\n1\t2\tDENMIN_FALSE\n1\t2\tUND\nrubbish\n";
        let reading = reading("anuraset_raw");
        let digest = Digest::of(&reading.read(track), &reading);
        assert_eq!(digest.codes, ["BOAFAB", "UND"]);
    }

    #[test]
    fn what_was_read_in_another_way_is_not_remembered() {
        let reading = reading("audacity");
        let digest = Digest::of(&reading.read(b"0\t1\tX\n"), &reading);
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("1.txt"), b"0\t1\tX\n").unwrap();
        let file = files::list(dir.path(), ".", &["txt"]).unwrap().remove(0);
        let line = serde_json::to_string(&Remembered { file: file.clone(), digest }).unwrap();
        let bytes = format!("head\n{line}\nrubbish\n");
        let known: Vec<Listed> = remembered(bytes.as_bytes(), "head").map(|remembered| remembered.file).collect();
        assert_eq!(known, [file]);
        assert_eq!(remembered(bytes.as_bytes(), "other").count(), 0);
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
            refuse_faults(Path::new("a"), &named).map_err(|e| e.to_string())
        };
        assert!(refused(&[&empty, &bad]).unwrap_err().contains("annotate.label_column"));
        assert_eq!(refused(&[&good, &bad]), Ok(()));
        assert_eq!(refused(&[&empty]), Ok(()));
    }
}
