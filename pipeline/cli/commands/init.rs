//! `chorus init`: a starting configuration, from the names and headers of an archive's files.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use chorus_archive::{Archive, Kind, is_url};
use chorus_audio::names::NamePattern;
use chorus_audio::{Glance, glance};
use chorus_engine::{Config, Console, bytes, counted};
use chorus_labels::layout::Proposal;
use chorus_labels::look::{ArchiveLook, RecordingsSeen};
use chorus_model::given;

use super::estimate;
use super::guide::{Guide, missing_workers, typed};
use crate::args::{InitArgs, UsageError};
use crate::declarations::declarations;
use crate::output;

pub(crate) fn run(args: &InitArgs) -> anyhow::Result<ExitCode> {
    let archive = chorus_store::archive(&args.archive.to_string_lossy(), &chorus_store::StoreSettings::default())?;
    let found = match archive.kind_of("")? {
        Some(Kind::Folder) => None,
        Some(Kind::File) => Some("this is not a folder"),
        None => Some("this folder does not exist"),
    };
    if let Some(found) = found {
        return Err(UsageError(format!("{}: {found}; give the folder of the recordings", args.archive.display())).into());
    }
    // A model that cannot be applied is refused here rather than by the first run.
    let card = args.model.as_ref().map(|folder| given::card(folder)).transpose()?;
    let look = ArchiveLook::new(&*archive);
    let mut layout = Layout::of(&*archive, &look);
    let found = glance(&*archive, layout.audio, &layout.clip_folders)?;
    let recordings = RecordingsSeen { folders: found.folders.len(), have_times: !found.patterns.is_empty() };
    let look = look.with_recordings(recordings);
    layout.annotations = layout.annotations.or_else(|| chorus_labels::glance(&look));
    // A model is not judged by labels that are only a guess, such as folders for classes.
    layout.annotations = layout.annotations.filter(|found| card.is_none() || found.note.is_none());
    let unread = chorus_labels::unread(&look, layout.annotations.as_ref());
    let path = args.output.clone().unwrap_or_else(|| default_output(&*archive));
    let to_stdout = path == Path::new("-");
    if path.exists() && !to_stdout {
        return Err(UsageError(format!("{}: this file exists already; name another file with -o", path.display())).into());
    }
    let text = configuration(args, &path, &layout, &found, &unread);
    if to_stdout {
        // stdout is for the configuration alone.
        output::notes(&found.doubts.iter().chain(&unread).collect::<Vec<_>>());
        output::line(text.trim_end())?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    }
    std::fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
    output::line(&format!(
        "{}: {}, {}, in {}",
        args.archive.display(),
        counted(found.files, "recording"),
        bytes(found.bytes),
        counted(found.folders.len(), "folder")
    ))?;
    for remark in found.doubts.iter().chain(&unread) {
        output::line(&format!("note: {remark}"))?;
    }
    if let Some(card) = card {
        output::line(&format!("the model has {} classes: {}", card.classes.len(), shortened(card.classes.iter().cloned())))?;
    }
    let next = match (layout.annotations.is_some(), &args.model) {
        (false, None) => "set model.path in it, then: ",
        _ => "check it, then: ",
    };
    output::line(&format!("wrote {}; {next}chorus run -c {}", path.display(), path.display()))?;
    guide(args, &path, &layout, &found).say(&Console::new().quiet(args.quiet));
    Ok(ExitCode::SUCCESS)
}

/// What was found, what is missing, and what comes next.
fn guide(args: &InitArgs, path: &Path, layout: &Layout, found: &Glance) -> Guide {
    let mut guide = Guide::default();
    let facts = [
        Some(counted(found.files, "recording")),
        found.hours.map(|hours| format!("about {}", estimate::recorded_time(hours))),
        layout.annotations.as_ref().map(|labels| format!("labels ({})", labels.format)),
        args.model.as_ref().map(|_| "a model".to_owned()),
        layout.sites.then(|| "a site sheet (sites.csv)".to_owned()),
        layout.subset.filter(|_| args.model.is_none()).map(|file| format!("a split ({file})")),
    ];
    guide.add("found", facts.into_iter().flatten().collect::<Vec<_>>().join(", "));
    let has_purpose = layout.annotations.is_some() || args.model.is_some();
    if !has_purpose {
        guide.add("missing", "labels or a model: set annotate.format if there are labels, else model.path");
    }
    if !layout.sites {
        if found.header_offsets_min.is_empty() && !found.offsets {
            guide.add("missing", "the time zone of the recorders' clocks (archive.timezone): without it no time is certain");
        }
        guide.add("missing", "a site sheet (ingest.site_sheet): without places no sunset, no map, and not every export");
    }
    let config = Config::load(path, &[], declarations()).ok();
    config.iter().flat_map(missing_workers).for_each(|lack| guide.add("missing", lack));
    let file = typed(path);
    guide.command("next", &format!("chorus check -c {file}"), "after you have read and corrected the file");
    if !has_purpose {
        guide.command("next", &format!("chorus run ingest -c {file}"), "reads the recordings; needs neither labels nor a model");
        return guide;
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let time = config.zip(found.hours).map(|(config, hours)| estimate::told(&config, hours, threads));
    guide.command(
        "next",
        &format!("chorus run -c {file}"),
        time.as_deref().unwrap_or("all stages; ^C stops it, and it goes on where it was"),
    );
    guide
}

/// The JSON Schema of configuration files, which is in configs/ of the repository.
const SCHEMA: &str = "schema.json";

fn default_output(archive: &dyn Archive) -> PathBuf {
    Path::new("configs").join(format!("{}.yaml", archive.name().unwrap_or_else(|| "archive".into())))
}

/// Where recordings and tables are in an archive.
struct Layout {
    annotations: Option<Proposal>,
    audio: &'static str,
    /// Folders of clips that `chorus clips` wrote. Clips are no recordings of the survey.
    clip_folders: Vec<String>,
    code_table: bool,
    subset: Option<&'static str>,
    sites: bool,
}

impl Layout {
    fn of(archive: &dyn Archive, look: &ArchiveLook<'_>) -> Self {
        let annotations = chorus_labels::glance(look);
        let is = |name: &str, kind| matches!(archive.kind_of(name), Ok(Some(found)) if found == kind);
        let file = |name: &str| is(name, Kind::File);
        let usual_audio = if is("raw_data", Kind::Folder) { "raw_data" } else { "." };
        let split_file = annotations.as_ref().and_then(|found| found.split_file);
        Self {
            audio: annotations.as_ref().and_then(|found| found.audio).unwrap_or(usual_audio),
            annotations,
            clip_folders: look.clip_folders().to_vec(),
            code_table: file("species.csv"),
            subset: if file("subset.csv") { Some("subset.csv") } else { split_file },
            sites: file("sites.csv"),
        }
    }
}

/// Where sites are taken from: folders, or prefixes of file names when all recordings are in one folder.
fn site_from(found: &Glance) -> &'static str {
    if found.folders.len() == 1 && found.prefixes.len() > 1 { "prefix" } else { "folder" }
}

fn list(counts: &std::collections::BTreeMap<String, usize>) -> String {
    shortened(counts.iter().map(|(name, n)| format!("{name} ({n})")))
}

/// The first few names, and how many more there are.
fn shortened(names: impl ExactSizeIterator<Item = String>) -> String {
    const SHOWN: usize = 6;
    let more = names.len().saturating_sub(SHOWN);
    let mut shown: Vec<String> = names.take(SHOWN).collect();
    if more > 0 {
        shown.push(format!("and {more} more"));
    }
    shown.join(", ")
}

/// A text as a comment of one line. YAML takes no control characters, and a name of a folder may hold some.
fn comment(text: &str) -> String {
    format!("  # {}", chorus_text::shown(text))
}

/// An offset from UTC, such as +10:00.
fn offset(minutes: i32) -> String {
    let (sign, minutes) = (if minutes < 0 { '-' } else { '+' }, minutes.abs());
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

/// A text as YAML.
fn quoted(text: &str) -> String {
    serde_yaml::to_string(text).unwrap_or_default().trim_end().to_owned()
}

fn configuration(args: &InitArgs, path: &Path, layout: &Layout, found: &Glance, unread: &[String]) -> String {
    let mut text = String::new();
    // Editors check and complete the file by the schema that the sources bring in configs/.
    if path.with_file_name(SCHEMA).is_file() {
        text.push_str("# yaml-language-server: $schema=schema.json\n");
    }
    text.push_str(
        "# Written by `chorus init`. Correct what is wrong, then run `chorus check -c` on this file.\n\
         # `chorus config` prints all keys.\n\n",
    );
    let mut add = |line: &str| writeln!(text, "{line}").expect("a String takes all text");
    let is_remote = is_url(&args.archive.to_string_lossy());
    let absolute = std::path::absolute(&args.archive).ok().filter(|_| !is_remote);
    let archive = absolute.unwrap_or_else(|| args.archive.clone());
    add("archive:");
    add(&format!("  path: {}", quoted(&archive.to_string_lossy())));
    add(&format!("  audio: {}", layout.audio));
    if !layout.clip_folders.is_empty() {
        add("  # Clips of `chorus clips`, which are no recordings of the survey:");
        add("  exclude:");
        layout.clip_folders.iter().for_each(|folder| add(&format!("    - {}", quoted(folder))));
    }
    if layout.sites {
        add("  # Time zone of sites for which the site sheet (below) has no time zone.");
    }
    add("  # Time zone of the recorders' clocks (IANA name), such as America/Sao_Paulo. Without it, start_utc is null");
    add("  # unless the file states its offset from UTC.");
    if !found.header_offsets_min.is_empty() {
        let offsets = found.header_offsets_min.iter().map(|minutes| offset(*minutes));
        add(&format!("  # Headers that were looked at state the offset from UTC {}.", shortened(offsets)));
    }
    add("  timezone: null");
    add("");
    add("ingest:");
    add(&comment(&format!("Folders that hold recordings: {}", list(&found.folders))));
    if !found.prefixes.is_empty() {
        add(&comment(&format!("Prefixes of file names that hold a time: {}", list(&found.prefixes))));
    }
    if !found.recorders.is_empty() {
        add(&comment(&format!("Recorders by their headers: {}", shortened(found.recorders.iter().cloned()))));
    }
    found.doubts.iter().for_each(|doubt| add(&comment(doubt)));
    let site_from = site_from(found);
    add(&format!("  site_from: {site_from}"));
    if let Some(level) = found.site_folder.filter(|_| site_from == "folder") {
        add("  # The level of the sites' folders below archive.audio:");
        add(&format!("  site_folder: {level}"));
    }
    if layout.sites {
        add("  site_sheet: sites.csv");
    }
    let timed: usize = found.patterns.values().sum();
    if timed < found.files {
        add(&format!(
            "  # {} of {} file names hold no time. Unless the header has the time, these recordings have no date.",
            found.files - timed,
            found.files
        ));
    }
    if found.patterns.contains_key(&NamePattern::AudioMoth) && !found.offsets {
        add("  # Clock of file names without a prefix, as AudioMoth writes them: utc unless the recorder was set to local time.");
        match found.bare_names_are_local {
            Some(true) => add("  # Headers show that these names are in local time.\n  bare_name_clock: local"),
            Some(false) => add("  # Headers show that these names are in UTC.\n  bare_name_clock: utc"),
            None => add("  bare_name_clock: utc"),
        }
    }
    let rates: Vec<String> = found.rates_hz.iter().map(u32::to_string).collect();
    add(&format!("  # Sample rates found: {} Hz. All recordings are resampled to featurize.sample_rate_hz.", rates.join(", ")));
    add("");
    if !unread.is_empty() {
        add("# Tables that look like labels and are not read:");
        unread.iter().for_each(|remark| add(&comment(remark)));
    }
    if let Some(annotations) = &layout.annotations {
        add("annotate:");
        if let Some(note) = annotations.note {
            add(&format!("  # {note}"));
        }
        add(&format!("  format: {}", annotations.format));
        if let Some(folder) = &annotations.folder {
            add(&format!("  folder: {}", quoted(folder)));
        }
        if layout.code_table {
            add("  code_table: species.csv");
        }
        add("");
        add("split:");
        match (layout.subset, &args.model) {
            (Some(file), None) => add(&format!("  source: file\n  file: {file}")),
            (None, None) => add("  source: grouped\n  group: recording"),
            (subset, Some(_)) => {
                add(
                    "  # All labelled recordings judge the model. With a threshold_fraction such as 0.5, so many of them choose new",
                );
                add("  # thresholds, and the others judge.");
                add("  source: grouped\n  group: recording\n  threshold_fraction: 0");
                if let Some(file) = subset {
                    add(&format!("  # If the model learnt from this archive, only the test recordings of {file} can judge it:"));
                    add(&format!("  # source: file\n  # file: {file}"));
                }
            }
        }
        add("");
    }
    if layout.annotations.is_none() || args.model.is_some() {
        add(match layout.annotations {
            Some(_) => {
                "# This run does not train: it applies the model of another run and says how good it is by the labels here. The"
            }
            None => "# This run does not train: it applies the model of another run. The",
        });
        add("# settings of featurize and segment.window_s and the thresholds come from the model.");
        add("model:");
        match &args.model {
            Some(model) => {
                let model = std::path::absolute(model).unwrap_or_else(|_| model.clone());
                add(&format!("  path: {}", quoted(&model.to_string_lossy())));
            }
            None => add("  # path: runs/NAME/model"),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_control_characters_is_a_comment_that_can_be_read_back() {
        let text = format!("a: 1{}\nb: 2\n", comment("Folders: \u{1b}[31m (2), x\u{7}\ny (1)"));
        assert_eq!(text, "a: 1  # Folders: \\u{1b}[31m (2), x\\u{7}\\ny (1)\nb: 2\n");
        let read: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
        assert_eq!((read["a"].as_u64(), read["b"].as_u64()), (Some(1), Some(2)));
        let name: String = serde_yaml::from_str(&quoted("\u{1b}\u{7}x")).unwrap();
        assert_eq!(name, "\u{1b}\u{7}x");
    }
}
