//! A first look at an archive, for whoever writes a configuration for it: names and headers only.

use std::collections::{BTreeMap, BTreeSet};

use chorus_archive::Archive;

use super::error::IngestError;
use super::exclude::Exclude;
use super::list;
use super::sites::{SiteFrom, site};
use crate::container;
use crate::names::{NamePattern, parse_start};

/// Recordings whose header is looked at, spread over the archive.
const HEADERS: usize = 20;

/// What an archive looks like from outside.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Glance {
    /// Files that may be recordings.
    pub files: usize,
    /// Their size together.
    pub bytes: u64,
    /// About how many hours they hold, by the size and the length of some; `None` where the headers of none of these tell its length.
    pub hours: Option<f64>,
    /// Folders that hold recordings, with how many.
    pub folders: BTreeMap<String, usize>,
    /// Prefixes of names with a time, with how many.
    pub prefixes: BTreeMap<String, usize>,
    /// Names that hold a time, by format.
    pub patterns: BTreeMap<NamePattern, usize>,
    /// Whether some name states its offset from UTC.
    pub offsets: bool,
    /// Sample rates of some recordings, Hz.
    pub rates_hz: BTreeSet<u32>,
}

/// Looks at the recordings below the folder `audio` of an archive, without the folders and files `exclude`.
///
/// # Errors
/// [`IngestError`] when the archive cannot be listed or holds none.
pub fn glance(archive: &dyn Archive, audio: &str, exclude: &[String]) -> Result<Glance, IngestError> {
    let files = list::files(archive, audio, &Exclude::new(exclude))?;
    let archive_name = archive.name();
    let mut glance = Glance { files: files.len(), bytes: files.iter().map(|f| f.bytes).sum(), ..Glance::default() };
    for file in &files {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        let time = parse_start(name.rsplit_once('.').map_or(name, |(stem, _)| stem));
        *glance.folders.entry(site(&file.path, archive_name.as_deref(), None, None, SiteFrom::Folder).0).or_default() += 1;
        if let Some(time) = time {
            *glance.patterns.entry(time.pattern).or_default() += 1;
            glance.offsets |= time.offset.is_some();
            if let Some(prefix) = time.prefix {
                *glance.prefixes.entry(prefix).or_default() += 1;
            }
        }
    }
    let step = files.len().div_ceil(HEADERS);
    let (mut bytes, mut seconds) = (0, 0.0);
    for file in files.iter().step_by(step) {
        let Ok(reader) = container::open(archive, &file.path) else { continue };
        glance.rates_hz.insert(reader.facts().sample_rate_hz);
        // The length of some compressed recordings is known at their end only.
        if reader.facts().frames > 0 {
            bytes += file.bytes;
            seconds += reader.facts().duration_s();
        }
    }
    glance.hours = (bytes > 0).then(|| seconds / 3600.0 * glance.bytes as f64 / bytes as f64);
    Ok(glance)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_archive::Local;

    #[test]
    fn hours_follow_from_sizes_and_some_headers() {
        let dir = tempfile::tempdir().unwrap();
        let spec =
            hound::WavSpec { channels: 1, sample_rate: 1000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
        for i in 0..HEADERS + 5 {
            let mut file = hound::WavWriter::create(dir.path().join(format!("{i:02}.wav")), spec).unwrap();
            (0..36_000).for_each(|_| file.write_sample(1_i16).unwrap());
            file.finalize().unwrap();
        }
        // A file without sound is no part of the guess of length, and its bytes count.
        std::fs::write(dir.path().join("0.wav"), "no sound").unwrap();
        let found = glance(&Local::new(dir.path()), ".", &[]).unwrap();
        assert!((found.hours.unwrap() - 0.25).abs() < 0.001, "{:?}", found.hours);
        let silent = tempfile::tempdir().unwrap();
        std::fs::write(silent.path().join("0.wav"), "no sound").unwrap();
        assert_eq!(glance(&Local::new(silent.path()), ".", &[]).unwrap().hours, None);
    }
}
