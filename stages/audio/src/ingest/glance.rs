//! A first look at an archive, for whoever writes a configuration for it: names and headers only.

use std::collections::{BTreeMap, BTreeSet};

use chorus_archive::{Archive, EntryState};
use jiff::tz::Offset;

use super::beside::{Shown, stem};
use super::error::IngestError;
use super::exclude::Exclude;
use super::folders::Folders;
use super::list;
use super::listed::ListedFile;
use super::sites::{SiteFolder, SiteFrom, site};
use super::start::NameClock;
use crate::container::{self, Facts};
use crate::names::{NamePattern, NameTime, parse_start};

/// Recordings whose header is looked at, spread over the archive.
const HEADERS: usize = 20;
/// Pairs of files with one name and size whose content is compared.
const COPIES: usize = 3;
/// The longest file that is read for that, bytes.
const LONGEST_COPY: u64 = 256 << 20;

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
    /// The level of the folders that look like sites, where these do not hold the recordings themselves (`ingest.site_folder`).
    pub site_folder: Option<usize>,
    /// Prefixes of names with a time, with how many.
    pub prefixes: BTreeMap<String, usize>,
    /// Names that hold a time, by format.
    pub patterns: BTreeMap<NamePattern, usize>,
    /// Whether some name states its offset from UTC.
    pub offsets: bool,
    /// Sample rates of some recordings, Hz.
    pub rates_hz: BTreeSet<u32>,
    /// Recorders by the headers of some recordings.
    pub recorders: BTreeSet<String>,
    /// Offsets from UTC that these headers state, minutes.
    pub header_offsets_min: BTreeSet<i32>,
    /// Whether headers show that names without a prefix are in the recorder's local time (true) or in UTC (false); `None` where
    /// they show neither, or both. Ingest decides it for each folder by the same rule.
    pub bare_names_are_local: Option<bool>,
    /// What is doubtful or was not understood.
    pub doubts: Vec<String>,
}

/// Looks at the recordings below the folder `audio` of an archive, without the folders and files `exclude`.
///
/// # Errors
/// [`IngestError`] when the archive cannot be listed or holds none.
pub fn glance(archive: &dyn Archive, audio: &str, exclude: &[String]) -> Result<Glance, IngestError> {
    let files = list::files(archive, audio, &Exclude::new(exclude))?;
    let archive_name = archive.name();
    let folders = Folders::of(files.iter().map(|file| file.path.as_str()), audio);
    let site_folder = folders.level();
    let mut doubts = folders.doubts();
    if let Some(level) = site_folder {
        doubts.iter_mut().for_each(|doubt| *doubt = format!("without ingest.site_folder: {level}, {doubt}"));
    }
    let mut glance =
        Glance { files: files.len(), bytes: files.iter().map(|f| f.bytes).sum(), site_folder, doubts, ..Glance::default() };
    for file in &files {
        let folder = site(&file.path, archive_name.as_deref(), None, None, SiteFrom::Folder, SiteFolder::LAST).0;
        *glance.folders.entry(folder).or_default() += 1;
        if let Some(time) = time_of(file) {
            *glance.patterns.entry(time.pattern).or_default() += 1;
            glance.offsets |= time.offset.is_some();
            if let Some(prefix) = time.prefix {
                *glance.prefixes.entry(prefix).or_default() += 1;
            }
        }
    }
    glance.look_at_headers(archive, &files);
    glance.doubts.extend(copies(archive, &files));
    Ok(glance)
}

impl Glance {
    fn look_at_headers(&mut self, archive: &dyn Archive, files: &[ListedFile]) {
        let (mut bytes, mut seconds, mut unread) = (0, 0.0, Vec::new());
        let mut clocks: BTreeMap<&str, Shown> = BTreeMap::new();
        for file in files.iter().step_by(files.len().div_ceil(HEADERS)) {
            let reader = match container::open(archive, &file.path) {
                Ok(reader) => reader,
                Err(error) => {
                    unread.push(error.to_string());
                    continue;
                }
            };
            let facts = reader.facts();
            self.rates_hz.insert(facts.sample_rate_hz);
            self.take_header(facts);
            let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
            clocks.entry(folder).or_default().add(&file.path, &facts.header);
            // The length of some compressed recordings is known at their end only.
            if facts.frames > 0 {
                bytes += file.bytes;
                seconds += facts.duration_s();
            }
        }
        if let Some(first) = unread.first() {
            self.doubts.push(format!("{} of the files that were looked at cannot be read: {first}", unread.len()));
        }
        self.take_clocks(&clocks);
        self.hours = (bytes > 0).then(|| seconds / 3600.0 * self.bytes as f64 / bytes as f64);
    }

    fn take_header(&mut self, facts: &Facts) {
        let header = &facts.header;
        let recorder = [header.make.as_deref(), header.model.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
        self.recorders.extend(Some(recorder).filter(|recorder| !recorder.is_empty()));
        self.header_offsets_min.extend(header.times.iter().filter_map(|time| Some(time.offset()?.seconds() / 60)));
    }

    /// Takes what the headers of each folder show of the clock of names.
    fn take_clocks(&mut self, clocks: &BTreeMap<&str, Shown>) {
        let mut all = Shown::default();
        clocks.values().for_each(|shown| all.join(shown));
        let is_local = |clock: NameClock| (clock != NameClock::Unclear).then_some(clock != NameClock::Fixed(Offset::UTC));
        self.bare_names_are_local = all.clock().and_then(is_local);
        if self.bare_names_are_local.is_none() && !all.is_empty() {
            let of = |wanted: bool| {
                let folders = clocks.iter().filter(|(_, shown)| shown.clock().and_then(is_local) == Some(wanted));
                let names: Vec<&str> = folders.map(|(folder, _)| if folder.is_empty() { "." } else { *folder }).collect();
                if names.is_empty() { "no folder alone".to_owned() } else { names.join(", ") }
            };
            self.doubts.push(format!(
                "headers show file names without a prefix in local time ({}) and in UTC ({}); ingest reads each folder as its own headers show, \
                 and the others by ingest.bare_name_clock",
                of(true),
                of(false)
            ));
        }
    }
}

/// The time in a file's name.
fn time_of(file: &ListedFile) -> Option<NameTime> {
    parse_start(stem(&file.path))
}

/// A remark on files that lie in the archive twice: of one name and size, and as far as some of them show, of one content.
fn copies(archive: &dyn Archive, files: &[ListedFile]) -> Option<String> {
    let mut alike: BTreeMap<(&str, u64), Vec<&ListedFile>> = BTreeMap::new();
    for file in files.iter().filter(|file| file.bytes > 0 && file.state == EntryState::File) {
        alike.entry((file.path.rsplit('/').next().unwrap_or_default(), file.bytes)).or_default().push(file);
    }
    alike.retain(|_, files| files.len() > 1);
    let hash = |file: &ListedFile| container::hashed(archive.open(&file.path).ok()?).1.finish().ok();
    let is_copy = |files: &&Vec<&ListedFile>| hash(files[0]).is_some_and(|first| hash(files[1]) == Some(first));
    let short = alike.values().filter(|files| files[0].bytes <= LONGEST_COPY).take(COPIES);
    let first = short.into_iter().find(is_copy)?;
    let others: usize = alike.values().map(|files| files.len() - 1).sum();
    Some(format!(
        "{others} of the files have the name and the size of another one; {} and {} are equal. Copies of one site and start count once; \
         others count for themselves (columns copy_of and duplicate_of of the table recordings)",
        first[0].path, first[1].path
    ))
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
        let silent = glance(&Local::new(silent.path()), ".", &[]).unwrap();
        assert_eq!((silent.hours, silent.doubts.len()), (None, 1), "{:?}", silent.doubts);
    }

    #[test]
    fn folders_whose_headers_show_different_clocks_are_told() {
        let header = |stamp: &str| crate::headers::guano::parse(&format!("Timestamp: {stamp}"));
        let shown = |stamp: &str| {
            let mut shown = Shown::default();
            shown.add("20200301_190000.wav", &header(stamp));
            shown
        };
        let (local, utc) = (shown("2020-03-01T19:00:00-03:00"), shown("2020-03-01T16:00:00-03:00"));
        let of = |clocks: &[(&'static str, &Shown)]| {
            let mut glance = Glance::default();
            glance.take_clocks(&clocks.iter().map(|(folder, shown)| (*folder, (*shown).clone())).collect());
            (glance.bare_names_are_local, glance.doubts)
        };
        assert_eq!(of(&[("A", &local), ("B", &Shown::default())]), (Some(true), vec![]));
        assert_eq!(of(&[("A", &utc)]), (Some(false), vec![]));
        assert_eq!(of(&[]), (None, vec![]));
        let (decided, doubts) = of(&[("A", &local), ("B", &utc)]);
        assert!(decided.is_none() && doubts[0].contains("local time (A) and in UTC (B)"), "{doubts:?}");
    }

    #[test]
    fn headers_folders_and_copies_are_looked_at() {
        let dir = tempfile::tempdir().unwrap();
        let comment =
            "Recorded at 19:00:00 01/03/2020 (UTC-3) by AudioMoth 24E144055E080032 at medium gain while battery was 4.2V.  ";
        let list = [b"INFOICMT".as_slice(), &(comment.len() as u32).to_le_bytes(), comment.as_bytes()].concat();
        let fmt = b"fmt \x10\0\0\0\x01\0\x01\0\x40\x1F\0\0\x80\x3E\0\0\x02\0\x10\0";
        let body =
            [b"WAVE".as_slice(), fmt, b"LIST", &(list.len() as u32).to_le_bytes(), &list, b"data\x04\0\0\0\x01\0\x02\0"].concat();
        let wav = [b"RIFF".as_slice(), &(body.len() as u32).to_le_bytes(), &body].concat();
        for path in ["47/Data/20200301_190000.WAV", "47/Data/again/20200301_190000.WAV", "48/Data/20200301_190000.WAV"] {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, &wav).unwrap();
        }
        let found = glance(&Local::new(dir.path()), ".", &[]).unwrap();
        assert_eq!((found.site_folder, found.bare_names_are_local), (Some(1), Some(true)));
        assert_eq!(found.header_offsets_min, [-180].into());
        assert_eq!(found.recorders, ["Open Acoustic Devices AudioMoth".to_owned()].into());
        assert!(
            found.doubts.iter().any(|doubt| doubt.starts_with("2 of the files have the name and the size")),
            "{:?}",
            found.doubts
        );
        assert!(found.doubts[0].contains("47/Data, 48/Data"), "{:?}", found.doubts);
    }
}
