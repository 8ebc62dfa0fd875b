//! `chorus` without arguments: what is in this folder, what is missing, and what to type next.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chorus_audio::is_audio_name;
use chorus_engine::graph::Program;
use chorus_engine::{Config, RunDir, counted, how_to_get, worker_program};

use super::guide::{Guide, missing_workers, typed};
use super::look_at::report;
use crate::args::newest_run;
use crate::declarations::declarations;
use crate::output;

/// Where configurations and runs usually are.
const CONFIGS: &str = "configs";
const RUNS: &str = "runs";
/// So many entries are looked at for recordings at most, and so many levels of folders: this is a look and no listing.
const ENTRIES: usize = 3000;
const LEVELS: usize = 4;
/// So much of a file is read to see whether it is a configuration.
const HEAD: usize = 1 << 14;

/// What is in a folder.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    /// Folders of recordings, `.` for the folder itself, with how many recordings were seen.
    recordings: BTreeMap<PathBuf, usize>,
    /// Whether there may be more.
    is_cut: bool,
    /// Configurations of archives.
    configs: Vec<PathBuf>,
    /// The run that was worked on last.
    run: Option<PathBuf>,
}

pub(crate) fn run() -> anyhow::Result<ExitCode> {
    output::line("Chorus turns an archive of field recordings into tables that answer questions.\n")?;
    let found = Found::here(Path::new("."));
    for line in page(&found).lines() {
        output::line(&line)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What was found, what is missing, and what comes next.
fn page(found: &Found) -> Guide {
    let mut guide = Guide::default();
    let more = if found.is_cut { " or more" } else { "" };
    let largest = found.recordings.iter().max_by_key(|(_, files)| **files);
    if let Some((folder, files)) = largest {
        let others = match found.recordings.len() {
            1 => String::new(),
            folders => format!(" (and others in {})", counted(folders - 1, "more folder")),
        };
        guide.add("found", format!("{files}{more} recordings in {}{others}", folder.display()));
    }
    if let Some(config) = found.configs.first() {
        let others = if found.configs.len() > 1 { format!(" (and {} more)", found.configs.len() - 1) } else { String::new() };
        guide.add("found", format!("a configuration: {}{others}", config.display()));
    }
    if let Some(run) = &found.run {
        guide.add("found", format!("a run: {}", run.display()));
        report(run).into_iter().for_each(|report| guide.add("found", report));
    }
    if *found == Found::default() {
        guide.add("found", "neither recordings nor configurations nor runs in this folder");
    }
    lead_on(&mut guide, found, largest.map(|(folder, _)| folder));
    guide.add(
        "more",
        "chorus --help lists all commands; chorus doctor looks at this machine; docs/tutorial.md goes the whole way",
    );
    guide
}

/// What is missing, and the next commands: from what there is already.
fn lead_on(guide: &mut Guide, found: &Found, recordings: Option<&PathBuf>) {
    if let Some(run) = &found.run {
        let named = format!("--run {}", typed(run));
        guide.command("next", &format!("chorus status {named}"), "what is up to date");
        guide.command("next", &format!("chorus query {named} \"SELECT * FROM species_by_site\""), "what was found where");
        guide.command("next", &format!("chorus clips {named} -o listen"), "listen to a sample");
    } else if let [config] = found.configs.as_slice() {
        let loaded = Config::load(config, &[], declarations()).ok();
        loaded.iter().flat_map(missing_workers).for_each(|lack| guide.add("missing", lack));
        guide.add("missing", "a run");
        guide.command("next", &format!("chorus check -c {}", typed(config)), "whether all is there");
        guide.command("next", &format!("chorus run -c {}", typed(config)), "makes tables and a report");
    } else if let Some(folder) = recordings {
        guide.add("missing", "a configuration, which says how the recordings are read");
        guide.command("next", &format!("chorus init {}", typed(folder)), "looks at them and writes one; then chorus run");
    } else if !found.configs.is_empty() {
        guide.add("missing", "a run");
        guide.command(
            "next",
            "chorus init FOLDER",
            "for a folder of recordings; or chorus run -c with one of the configurations",
        );
    } else {
        if worker_program(Program::Torch).is_err() {
            guide.add("missing", format!("libtorch, to train and to predict; {}", how_to_get(Program::Torch)));
        }
        guide.command("next", "chorus demo demo", "a small survey to try everything on; or go on with your own:");
        guide.command("next", "chorus init FOLDER", "looks at a folder of recordings and writes a configuration");
        guide.command("next", "chorus run -c FILE", "makes tables and a report");
        guide.command("next", "chorus query \"SELECT * FROM species_by_site\"", "asks them");
    }
}

impl Found {
    fn here(folder: &Path) -> Self {
        let mut found = Self { run: newest_run(&inside(folder, RUNS)), ..Self::default() };
        let mut left = ENTRIES;
        found.look_for_recordings(folder, None, LEVELS, &mut left);
        found.is_cut = left == 0;
        for place in [folder.to_owned(), inside(folder, CONFIGS)] {
            let mut files: Vec<PathBuf> = entries(&place).filter(|path| is_configuration(path)).collect();
            files.sort();
            found.configs.extend(files);
        }
        found
    }

    /// Counts recordings below a folder, each for the folder of the first level that it is in.
    fn look_for_recordings(&mut self, folder: &Path, first: Option<&Path>, levels: usize, left: &mut usize) {
        for path in entries(folder) {
            if *left == 0 {
                return;
            }
            *left -= 1;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let is_link = path.is_symlink();
            if is_audio_name(&name) && path.is_file() {
                *self.recordings.entry(first.unwrap_or(folder).to_owned()).or_default() += 1;
            } else if levels > 0 && !is_link && path.is_dir() && !is_none_of_ours(&path, &name) {
                self.look_for_recordings(&path, Some(first.unwrap_or(&path)), levels - 1, left);
            }
        }
    }
}

/// Folders whose sounds are no archive: hidden ones, runs, and clips to listen to.
fn is_none_of_ours(path: &Path, name: &str) -> bool {
    name.starts_with('.') || name == RUNS || RunDir::new(path).has_log() || path.join("review.html").exists()
}

/// A folder within another one, without a dot in front.
fn inside(folder: &Path, name: impl AsRef<Path>) -> PathBuf {
    if folder == Path::new(".") { name.as_ref().to_owned() } else { folder.join(name) }
}

/// The entries of a folder, in order; none where it cannot be read.
fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let names = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.file_name());
    let mut names: Vec<_> = names.take(ENTRIES).collect();
    names.sort();
    let folder = folder.to_owned();
    names.into_iter().map(move |name| inside(&folder, name))
}

/// Whether a file is a configuration of an archive: one with the section that names it.
fn is_configuration(path: &Path) -> bool {
    use std::io::Read;
    let is_yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    let mut head = Vec::new();
    let read = |file: fs::File| file.take(HEAD as u64).read_to_end(&mut head);
    is_yaml
        && path.is_file()
        && fs::File::open(path).and_then(read).is_ok()
        && String::from_utf8_lossy(&head).lines().any(|line| line.starts_with("archive:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(folder: &Path, path: &str, text: &str) {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn what_is_there_decides_what_comes_next() {
        let folder = tempfile::tempdir().unwrap();
        let next = || {
            let lines = page(&Found::here(folder.path())).lines();
            assert!(lines.len() <= 13, "{lines:#?}");
            lines.join("\n")
        };
        assert!(next().contains("chorus demo demo"), "{}", next());
        put(folder.path(), "ponds/A/1.WAV", "");
        put(folder.path(), "ponds/B/2.flac", "");
        put(folder.path(), "ponds/notes.txt", "");
        // Neither clips nor what a run made are an archive.
        put(folder.path(), "listen/review.html", "");
        put(folder.path(), "listen/clips/1.wav", "");
        assert!(next().contains("2 recordings in") && next().contains("chorus init"), "{}", next());
        assert!(!next().contains("listen"), "{}", next());
        put(folder.path(), "configs/ponds.yaml", "archive:\n  path: ponds\n");
        put(folder.path(), "configs/schema.yaml", "type: object\n");
        assert!(next().contains("a configuration: ") && next().contains("chorus run -c"), "{}", next());
        put(folder.path(), "runs/ponds/log.jsonl", "");
        put(folder.path(), "runs/ponds/report/index.html", "");
        let with_run = next();
        for wanted in ["a run: ", "report: ", "chorus query --run", "chorus clips"] {
            assert!(with_run.contains(wanted), "{wanted}: {with_run}");
        }
    }

    #[test]
    fn a_large_folder_is_looked_at_in_part() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..ENTRIES + 5 {
            put(folder.path(), &format!("{number}.wav"), "");
        }
        let found = Found::here(folder.path());
        assert!(found.is_cut && found.recordings.values().sum::<usize>() == ENTRIES);
        assert!(page(&found).lines()[0].contains(&format!("{ENTRIES} or more recordings")));
    }
}
