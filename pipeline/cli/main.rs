//! The program `chorus`. It parses arguments, calls the libraries, and turns their errors into messages and an exit status: 0
//! when done, 1 when something failed (for `status`: when something is not fresh), 2 for wrong usage or a wrong configuration.
//!
//! Data goes to stdout, everything else to stderr. When a reader closes stdout early, as `head` does, that is not a failure.

mod args;
mod commands;
mod declarations;
mod help;
mod output;
mod stages;

use std::error::Error;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use chorus_audio::names::PatternError;
use chorus_card::CardError;
use chorus_engine::{ConfigError, EngineError, RunTablesError, message};
use chorus_frames::FramesError;
use chorus_query::QueryError;
use chorus_report::export::ExportError;
use chorus_search::SearchError;
use chorus_text::shown_lines;
use clap::Parser;

use args::{Args, Command};

fn main() -> ExitCode {
    let Some(command) = Args::parse().command else {
        return ended(commands::front::run());
    };
    ended(match command {
        Command::Run(args) => commands::run::run(&args),
        Command::Status(args) => commands::status::run(&args),
        Command::Plan(args) => commands::plan::run(&args),
        Command::Sweep(args) => commands::sweep::run(&args),
        Command::SelfTrain(args) => commands::self_train::run(&args),
        Command::Query(args) => commands::query::run(&args),
        Command::Publish(args) => commands::publish::run(&args),
        Command::Search(args) => commands::search::run(&args),
        Command::Enroll(args) => commands::enroll::run(&args),
        Command::Clusters(args) => commands::clusters::run(&args),
        Command::Export(args) => commands::export::run(&args),
        Command::Clips(args) => commands::clips::run(&args),
        Command::Next(args) => commands::next::run(&args),
        Command::Review(args) => commands::review::run(&args),
        Command::Prevalence(args) => commands::prevalence::run(&args),
        Command::Rounds(args) => commands::rounds::run(&args),
        Command::Init(args) => commands::init::run(&args),
        Command::Check(args) => commands::check::run(&args),
        Command::Config(args) => commands::config::run(&args),
        Command::Schema(args) => commands::schema::run(&args),
        Command::Device(args) => commands::device::run(&args),
        Command::Torch(args) => commands::torch::run(&args),
        Command::Doctor(args) => commands::doctor::run(&args),
        Command::Backbone(command) => commands::backbone::run(&command),
        Command::Model(command) => commands::model::run(&command),
        Command::Probe(args) => commands::probe::run(&args),
        Command::Demo(args) => commands::demo::run(&args),
        Command::Completions(args) => commands::completions::run(&args),
        Command::Man(args) => commands::man::run(&args),
    })
}

/// The exit status of a command; an error goes to stderr.
fn ended(result: anyhow::Result<ExitCode>) -> ExitCode {
    match result {
        Ok(status) => status,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // When stderr is closed, the message cannot be shown; the exit status remains.
            let _ = writeln!(std::io::stderr(), "error: {}", shown_lines(&message(&*error)));
            ExitCode::from(if is_usage(&error) { 2 } else { 1 })
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().filter_map(of_system).any(|e| e.kind() == ErrorKind::BrokenPipe)
}

/// What the system said. An error of csv holds it, and does not tell it as its source.
fn of_system<'a>(cause: &'a (dyn Error + 'static)) -> Option<&'a std::io::Error> {
    cause.downcast_ref().or_else(|| match cause.downcast_ref::<csv::Error>()?.kind() {
        csv::ErrorKind::Io(error) => Some(error),
        _ => None,
    })
}

/// Whether the user has to change the command or the configuration.
fn is_usage(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        // All errors of the last four types are about what the user wrote or named.
        holds(cause, EngineError::is_usage)
            || holds(cause, RunTablesError::is_usage)
            || holds(cause, QueryError::is_usage)
            || holds(cause, FramesError::is_usage)
            || holds(cause, ExportError::is_usage)
            || holds(cause, SearchError::is_usage)
            || cause.is::<CardError>()
            || cause.is::<ConfigError>()
            || cause.is::<PatternError>()
            || cause.is::<args::UsageError>()
    })
}

/// Whether an error has this type and passes this test.
fn holds<E: Error + 'static>(error: &(dyn Error + 'static), test: fn(&E) -> bool) -> bool {
    error.downcast_ref().is_some_and(test)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_went_away_is_known_from_all_that_write() {
        let closed = || std::io::Error::from(ErrorKind::BrokenPipe);
        assert!(is_broken_pipe(&closed().into()) && is_broken_pipe(&anyhow::Error::from(closed()).context("stdout")));
        assert!(is_broken_pipe(&csv::Error::from(closed()).into()) && is_broken_pipe(&QueryError::Write(closed()).into()));
        let full = csv::Error::from(std::io::Error::from(ErrorKind::StorageFull));
        assert!(!is_broken_pipe(&full.into()) && !is_broken_pipe(&anyhow::anyhow!("broken")));
    }
}
