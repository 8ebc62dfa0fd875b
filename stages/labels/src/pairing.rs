//! Which recording each part of each annotation file speaks of.

use std::collections::BTreeMap;

use crate::anuraset;
use crate::digest::Digest;
use crate::formats::Format;
use crate::recordings::Index;
use crate::text::parts;

/// The site of a file of which nothing tells it.
const NO_SITE: &str = "site";

/// What one annotation file says of one recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// The annotation file.
    pub(crate) file: String,
    /// How it names the recording; `None` where its own name tells.
    pub(crate) name: Option<String>,
    /// A hash of what it says.
    pub(crate) hash: String,
    /// The recording's path, or why there is none.
    pub(crate) recording: Result<String, String>,
}

impl Part {
    /// The site of a part without a recording: the folder of the recording that is named, or that of the file.
    pub(crate) fn site(&self) -> String {
        let folder = |path: &str| match parts(path)[..] {
            [.., folder, _] => Some(folder.to_owned()),
            _ => None,
        };
        self.name.as_deref().and_then(folder).or_else(|| folder(&self.file)).unwrap_or_else(|| NO_SITE.to_owned())
    }
}

/// Finds the recording of each part of each file, in the order of the files.
pub(crate) fn parts_of(format: Format, digests: &BTreeMap<String, Digest>, recordings: &[&str]) -> Vec<Part> {
    let find: Box<dyn Fn(&str, Option<&str>) -> Result<String, String>> = match format {
        Format::AnurasetRaw => {
            let files: Vec<&str> = digests.keys().map(String::as_str).collect();
            let pairing = anuraset::pair(recordings, &files);
            let of_file: BTreeMap<String, String> =
                pairing.labels.into_iter().map(|(recording, file)| (file.path, recording)).collect();
            Box::new(move |file, _| match of_file.get(file) {
                Some(recording) => Ok(recording.clone()),
                None => Err(pairing.unmatched.get(file).cloned().unwrap_or_default()),
            })
        }
        _ => {
            let index = Index::new(recordings.iter().copied());
            Box::new(move |file, name| name.map_or_else(|| index.of_file(file), |name| index.named(name)).map(str::to_owned))
        }
    };
    let of_file = |(file, digest): (&String, &Digest)| -> Vec<Part> {
        let part = |(name, hash): &(Option<String>, String)| Part {
            recording: find(file, name.as_deref()),
            file: file.clone(),
            name: name.clone(),
            hash: hash.clone(),
        };
        digest.mentions.iter().map(part).collect()
    };
    digests.iter().flat_map(of_file).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(names: &[Option<&str>]) -> Digest {
        let mentions = names.iter().map(|name| (name.map(str::to_owned), "h".to_owned())).collect();
        Digest { mentions, codes: Default::default(), fault: None }
    }

    #[test]
    fn every_part_has_a_recording_or_a_reason_and_a_site() {
        let digests =
            [("tables/all.txt".to_owned(), digest(&[None, Some(r"X:\A\1.wav"), Some("B/2.wav"), Some("3.wav")]))].into();
        let parts = parts_of(Format::Raven, &digests, &["raw/A/1.wav", "raw/C/3.wav"]);
        let found: Vec<_> = parts.iter().map(|part| part.recording.as_deref().unwrap_or("none")).collect();
        assert_eq!(found, ["none", "raw/A/1.wav", "none", "raw/C/3.wav"]);
        assert_eq!(parts[2].recording, Err("no recording of that name".to_owned()));
        assert_eq!((parts[0].site(), parts[2].site()), ("tables".into(), "B".into()));
    }
}
