//! Arguments that several commands share: which configuration or runs, which detections, how and where an answer is written, and whether
//! stale tables are an error.

use std::path::{Path, PathBuf};

use chorus_archive::is_url;
use chorus_engine::{Config, RunDir, user_cache};
use chorus_report::export::Filter;
use chorus_store::published::Copy;
use clap::Args as ClapArgs;

use super::values::{composed_name, share};
use crate::declarations::declarations;

/// Wrong usage that clap cannot detect.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(pub(crate) String);

/// The arguments that choose a configuration.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct ConfigArgs {
    /// Configuration file
    #[arg(long, short, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Folder of a run; its recorded configuration is used
    #[arg(long, value_name = "FOLDER", conflicts_with = "config")]
    pub(crate) run: Option<PathBuf>,
    /// Override a key of the configuration, such as featurize.n_mels=64; can be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
}

impl ConfigArgs {
    /// The configuration file that was chosen.
    pub(crate) fn file(&self) -> Result<PathBuf, UsageError> {
        match (&self.config, &self.run) {
            (Some(config), _) => Ok(config.clone()),
            (None, Some(run)) => Ok(RunDir::new(run).resolved_config()),
            (None, None) => {
                let next = "no configuration was given: name a file with -c FILE (`chorus init ARCHIVE` writes one, and a \
                            clone has some in configs/), or a run with --run FOLDER";
                Err(UsageError(next.into()))
            }
        }
    }

    /// The checked configuration.
    pub(crate) fn load(&self) -> anyhow::Result<Config> {
        let path = self.file()?;
        // The recorded path is wrong when the run was moved: the folder on the command line wins.
        let run = self.run.iter().map(|run| format!("run.path={}", run.display()));
        Ok(Config::load(&path, &run.chain(self.set.iter().cloned()).collect::<Vec<_>>(), declarations())?)
    }

    /// The arguments that give a command the configuration of a file, to be pasted into a shell; `None` where no file was named.
    pub(crate) fn typed(&self) -> Option<String> {
        self.config.as_ref()?;
        Some(self.load().ok()?.typed())
    }

    /// The run's folder; without any argument the newest in `runs/`.
    pub(crate) fn run_dir(&self) -> anyhow::Result<PathBuf> {
        match (&self.config, &self.run) {
            (Some(_), _) => Ok(self.load()?.run_path()),
            (None, Some(run)) => Ok(run.clone()),
            (None, None) => newest_run(Path::new("runs")).ok_or_else(|| {
                UsageError("found no run in runs/; make one with `chorus run -c FILE`, or name another with --run FOLDER".into())
                    .into()
            }),
        }
    }
}

/// The run that was worked on last.
pub(crate) fn newest_run(runs: &Path) -> Option<PathBuf> {
    let folders = std::fs::read_dir(runs).ok()?.flatten().map(|entry| entry.path());
    let dated = folders.filter_map(|run| {
        let log = RunDir::new(&run).newest_log()?;
        Some((std::fs::metadata(log).ok()?.modified().ok()?, run))
    });
    dated.max().map(|(_, run)| run)
}

/// The runs whose tables are read.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct RunsArgs {
    /// Configuration file; its run is read
    #[arg(long, short, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Folder of the run to read, or URL of a run that `chorus publish` put on an object store; can be repeated, and tables then hold
    /// the rows of all runs and a column `run` [default: the newest run in runs/]
    #[arg(long, value_name = "FOLDER", conflicts_with = "config")]
    pub(crate) run: Vec<PathBuf>,
    /// With -c: override a key of the configuration, such as run.path=runs/other; can be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
}

impl RunsArgs {
    /// The folders of the runs.
    pub(crate) fn folders(&self) -> anyhow::Result<Vec<PathBuf>> {
        if let Some(url) = self.run.iter().filter_map(|run| run.to_str()).find(|run| is_url(run)) {
            let next = "only `chorus query` reads published runs; copy the run to a folder first";
            return Err(UsageError(format!("--run {url}: {next}")).into());
        }
        if !self.run.is_empty() {
            return Ok(self.run.clone());
        }
        Ok(vec![self.by_file().run_dir()?])
    }

    /// As [`ConfigArgs::typed`].
    pub(crate) fn typed(&self) -> Option<String> {
        self.by_file().typed()
    }

    /// The arguments that choose a configuration by its file.
    fn by_file(&self) -> ConfigArgs {
        ConfigArgs { config: self.config.clone(), run: None, set: self.set.clone() }
    }

    /// The folders of the runs, and the local copies of those that were published; of these copies no table is there yet.
    pub(crate) fn copies(&self) -> anyhow::Result<(Vec<PathBuf>, Vec<Copy>)> {
        let (mut folders, mut copies) = (Vec::new(), Vec::new());
        for run in &self.run {
            match run.to_str().filter(|run| is_url(run)) {
                Some(url) => {
                    let copy = Copy::open(url, &cache()?.join("published"))?;
                    folders.push(copy.folder().to_owned());
                    copies.push(copy);
                }
                None => folders.push(run.clone()),
            }
        }
        if folders.is_empty() {
            folders = self.folders()?;
        }
        Ok((folders, copies))
    }
}

/// The folder for what can be fetched again.
fn cache() -> Result<PathBuf, UsageError> {
    user_cache().ok_or_else(|| UsageError("found no folder for copies of published runs: set XDG_CACHE_HOME to one".to_owned()))
}

/// How an answer is written, and where to.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct AnswerArgs {
    /// Format of the answer: table, csv, json (one object per line), parquet or arrow [default: from the extension of -o, else
    /// table]
    #[arg(long)]
    pub(crate) format: Option<String>,
    /// Write to a file instead of stdout
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Write texts as they are. Without it, a text that a spreadsheet would take for a formula gets an apostrophe before it in CSV
    #[arg(long)]
    pub(crate) raw: bool,
}

/// Whether stale tables are an error.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct FreshArgs {
    /// Fail if a table is stale or incomplete, or if that is not known [default: a warning]
    #[arg(long)]
    pub(crate) fresh: bool,
}

/// Where files are written.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct DestinationArgs {
    /// Folder to write; it must be new or empty
    #[arg(long, short, value_name = "FOLDER")]
    pub(crate) output: PathBuf,
    /// Write to a folder that is not empty: replace files of the same name, keep others
    #[arg(long)]
    pub(crate) force: bool,
}

/// Which detections are wanted.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct FilterArgs {
    /// Only this class; can be repeated
    #[arg(long, value_name = "CLASS", value_parser = composed_name)]
    pub(crate) class: Vec<String>,
    /// Only this site; can be repeated
    #[arg(long, value_name = "SITE", value_parser = composed_name)]
    pub(crate) site: Vec<String>,
    /// Minimum of a detection's highest score (of a window's score), from 0 to 1
    #[arg(long, value_name = "SCORE", value_parser = share)]
    pub(crate) min_score: Option<f64>,
    /// Minimum of a detection's (a window's) calibrated probability, from 0 to 1
    #[arg(long, value_name = "PROBABILITY", value_parser = share)]
    pub(crate) min_probability: Option<f64>,
}

impl FilterArgs {
    /// The filter.
    pub(crate) fn filter(&self) -> Filter {
        Filter {
            classes: self.class.iter().cloned().collect(),
            sites: self.site.iter().cloned().collect(),
            min_score: self.min_score,
            min_probability: self.min_probability,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{File, create_dir, rename};
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn the_newest_run_is_found_also_where_its_log_was_just_put_aside() {
        let runs = tempfile::tempdir().unwrap();
        assert_eq!(newest_run(runs.path()), None);
        for (seconds, name) in (1..).zip(["a", "b", "c"]) {
            let run = runs.path().join(name);
            create_dir(&run).unwrap();
            let log = File::create(RunDir::new(&run).log()).unwrap();
            log.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
        }
        create_dir(runs.path().join("d")).unwrap();
        assert_eq!(newest_run(runs.path()), Some(runs.path().join("c")));
        let newest = runs.path().join("c");
        rename(newest.join("log.jsonl"), newest.join("log.1.jsonl")).unwrap();
        assert_eq!(newest_run(runs.path()), Some(newest));
    }
}
