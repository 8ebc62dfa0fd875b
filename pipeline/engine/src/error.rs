//! Errors of planning and execution.

use std::path::PathBuf;

use crate::config::ConfigError;

/// The error of a stage's own work: each stage crate has its own type.
pub type WorkError = Box<dyn std::error::Error + Send + Sync>;

/// An error of the engine. Each ends with what to do next.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A file of the run or of the archive cannot be read, written or listed.
    #[error("{}: {action}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The archive is not there, or holds nothing.
    #[error("{}: {found}; {next}", .path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What was found.
        found: String,
        /// What to do.
        next: String,
    },
    /// A key that names other runs names no usable one.
    #[error("{key} {}: {found}; name the folder of another run, or leave {key} out", .path.display())]
    OtherRun {
        /// The key.
        key: &'static str,
        /// The folder that it names.
        path: PathBuf,
        /// What was found.
        found: String,
    },
    /// A stage that does not exist was named.
    #[error("this run has no stage `{name}`; its stages are: {known}")]
    UnknownStage {
        /// The name.
        name: String,
        /// The stages of this run.
        known: String,
    },
    /// No unit matches a `--unit` filter.
    #[error(
        "no unit matches `{filter}`; `chorus status --units {config}` lists the units of this run, such as site=SITE/date=DATE"
    )]
    UnknownUnit {
        /// The filter.
        filter: String,
        /// The arguments that name the configuration.
        config: String,
    },
    /// A stage's inputs are not fresh.
    #[error("{stage} cannot run: {input} is not fresh ({reason}); run `{command}`")]
    StaleInputs {
        /// The stage.
        stage: String,
        /// The stage that is not fresh.
        input: String,
        /// Why.
        reason: String,
        /// The command that mends it.
        command: String,
    },
    /// Nothing is to be made, and units are missing that no base has.
    #[error(
        "--take-only: {pass} lacks {units} that no run in run.base has (the first is {first}); make them there, or here without --take-only"
    )]
    NotInBase {
        /// The pass.
        pass: String,
        /// How many units.
        units: String,
        /// The first of them.
        first: String,
    },
    /// Another process makes this share of the run.
    #[error(
        "{}: another process works on share {share}; give each process its own share, such as --units 1/4 to \
         --units 4/4",
        .path.display()
    )]
    ShareTaken {
        /// The run.
        path: PathBuf,
        /// The share.
        share: String,
    },
    /// `--unit` or `--units` was given for work that has no units.
    #[error("{stage} works on the whole run at once; run it without --unit and --units")]
    WholeRun {
        /// The stage.
        stage: String,
    },
    /// A stage used what it does not declare: a fault of the program.
    #[error("stage {pass} used {kind} `{name}`, which it does not declare")]
    Undeclared {
        /// The pass of the stage.
        pass: String,
        /// An input, an output, a key.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// A stage ended without an output that it declares: a fault of the program.
    #[error("stage {pass} ended without its output {output}")]
    MissingOutput {
        /// The pass of the stage.
        pass: String,
        /// The output.
        output: String,
    },
    /// A stage's own work failed.
    #[error("{pass}, {unit}: {source}")]
    Work {
        /// The pass of the stage.
        pass: String,
        /// The unit.
        unit: String,
        /// Why.
        source: WorkError,
    },
    /// A table could not be written or read.
    #[error(transparent)]
    Table(#[from] chorus_tables::TableError),
    /// A file that describes a model cannot be used.
    #[error(transparent)]
    Card(#[from] chorus_card::CardError),
    /// The model cannot be used by this configuration.
    #[error("{}: {found}; {next}", .path.display())]
    Model {
        /// The model's folder or file.
        path: PathBuf,
        /// What was found, and what was expected.
        found: String,
        /// What to do.
        next: String,
    },
    /// The disk is too small.
    #[error(
        "{}: {stage} needs about {needed}, and {free} are free, of which units.keep_free_gib keeps {reserve}; \
         free some space, or put the run elsewhere with --set run.path=FOLDER",
        .path.display()
    )]
    Disk {
        /// The run.
        path: PathBuf,
        /// The stage.
        stage: String,
        /// Bytes needed, as text.
        needed: String,
        /// Bytes free, as text.
        free: String,
        /// Bytes kept free, as text.
        reserve: String,
    },
    /// What has to be held at once does not fit the run's memory.
    #[error(
        "{what}: about {needed} have to be in memory at once, and {most} may be, which are three quarters of the {all} that the run may take; \
         set run.memory_gib to more where the machine has it, or {next}"
    )]
    Memory {
        /// What would be held, and by whom.
        what: String,
        /// Bytes needed, as text.
        needed: String,
        /// Bytes allowed, as text.
        most: String,
        /// Bytes that the run may take, as text.
        all: String,
        /// What else can be done.
        next: String,
    },
    /// Another process works on this run.
    #[error(
        "{}: another chorus process works on this run; wait for it, or name another folder with --set run.path=FOLDER",
        .path.display()
    )]
    Locked {
        /// The run.
        path: PathBuf,
    },
    /// The file system has no locks.
    #[error(
        "{}: this file system has no locks ({reason}): mount it with them (Lustre: -o flock; NFS: with its lock service), or set run.lock: \
         none where something else sees to it that one process works on the run",
        .path.display()
    )]
    NoLocks {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The folders of two sites would be one folder.
    #[error(
        "{}: the sites `{site}` and `{other}` differ in upper and lower case alone, and this file system does not tell such names apart; \
         give one of them another name (ingest.site_sheet, columns site and folder), or put the run on another file system with --set run.path=FOLDER",
        .path.display()
    )]
    SitesAlike {
        /// The run.
        path: PathBuf,
        /// One site.
        site: String,
        /// The other.
        other: String,
    },
    /// Most of the archive is gone.
    #[error(
        "{path}: found recordings of {found} site-days, and the run has {known}; is a disk missing? If the others are gone for good, remove \
         what was made from them with: {command}",
        path = .path.display()
    )]
    FewLeft {
        /// The run.
        path: PathBuf,
        /// Site-days of the archive.
        found: usize,
        /// Site-days of the run.
        known: usize,
        /// The command that removes what was made of them.
        command: String,
    },
    /// Whole sites are gone.
    #[error(
        "{path}: the archive has no recordings of {sites} any more; is a disk missing? If they are gone for good, remove what was made from \
         them with: {command}",
        path = .path.display()
    )]
    SitesGone {
        /// The run.
        path: PathBuf,
        /// The sites.
        sites: String,
        /// The command that removes what was made of them.
        command: String,
    },
    /// Recordings are gone, and links lead nowhere behind which they may be.
    #[error(
        "{path}: recordings are gone, and these links in the archive lead nowhere: {links}; is a disk missing? Mount it, or remove the \
         links. If the recordings are gone for good, remove what was made from them with: {command}",
        path = .path.display()
    )]
    LinksLost {
        /// The run.
        path: PathBuf,
        /// The links, each with where it leads.
        links: String,
        /// The command that removes what was made of them.
        command: String,
    },
    /// The worker program is missing or failed.
    #[error("{stage}: the worker {worker} {detail}")]
    Worker {
        /// The stages it was to run.
        stage: String,
        /// The program.
        worker: &'static str,
        /// What happened and what to do.
        detail: String,
    },
    /// A stop was asked for.
    #[error("stopped; finished units are kept, and the same command continues from there")]
    Stopped,
}

/// An error and its causes in one text. A cause that is already part of the text before it is left out.
pub fn message(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    for cause in std::iter::successors(error.source(), |cause| cause.source()).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

impl EngineError {
    /// Whether the user has to change the command or the configuration.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Archive { .. }
            | Self::OtherRun { .. }
            | Self::Card(_)
            | Self::Config(_)
            | Self::Model { .. }
            | Self::SitesAlike { .. }
            | Self::UnknownStage { .. }
            | Self::UnknownUnit { .. } => true,
            Self::Disk { .. }
            | Self::FewLeft { .. }
            | Self::SitesGone { .. }
            | Self::LinksLost { .. }
            | Self::Io { .. }
            | Self::Locked { .. }
            | Self::Memory { .. }
            | Self::NoLocks { .. }
            | Self::MissingOutput { .. }
            | Self::NotInBase { .. }
            | Self::ShareTaken { .. }
            | Self::StaleInputs { .. }
            | Self::Stopped
            | Self::Table(_)
            | Self::Undeclared { .. }
            | Self::WholeRun { .. }
            | Self::Work { .. }
            | Self::Worker { .. } => false,
        }
    }

    /// Wraps an I/O error with the file and what was tried.
    pub fn io(path: impl Into<PathBuf>, action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, action, source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let source = "no space".into();
        let work = EngineError::Work { pass: "predict".into(), unit: "run".into(), source };
        assert_eq!(message(&work), "predict, run: no space");
        let nested = EngineError::Work { pass: "predict".into(), unit: "run".into(), source: work.into() };
        assert_eq!(message(&nested), "predict, run: predict, run: no space");
    }
}
