//! Arguments of `chorus export`, with the options of single formats.

use chorus_report::export::{EXPORTS, ExportOption, Options};
use clap::Args as ClapArgs;

use super::shared::{ConfigArgs, DestinationArgs, FilterArgs, FreshArgs};
use crate::help;

/// The options of single export formats.
#[derive(Debug, Clone)]
pub(crate) struct FormatArgs(pub(crate) Options);

impl FormatArgs {
    /// Every option once, with the names of the formats that take it.
    fn all() -> Vec<(ExportOption, String)> {
        let mut all: Vec<(ExportOption, Vec<&str>)> = Vec::new();
        for format in EXPORTS {
            for option in format.options() {
                match all.iter_mut().find(|(known, _)| known.name == option.name) {
                    Some((_, formats)) => formats.push(format.name()),
                    None => all.push((*option, vec![format.name()])),
                }
            }
        }
        all.into_iter().map(|(option, formats)| (option, formats.join(", "))).collect()
    }
}

impl ClapArgs for FormatArgs {
    fn augment_args(command: clap::Command) -> clap::Command {
        Self::all().into_iter().fold(command, |command, (option, formats)| {
            let help = format!("With {formats}: {}", option.about);
            let arg = clap::Arg::new(option.name).long(option.name).help(help);
            let is_switch = option.value.is_empty();
            command.arg(if is_switch { arg.action(clap::ArgAction::SetTrue) } else { arg.value_name(option.value) })
        })
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for FormatArgs {
    fn from_arg_matches(matches: &clap::ArgMatches) -> Result<Self, clap::Error> {
        let value = |option: &ExportOption| {
            let is_switch = option.value.is_empty();
            let value = if is_switch {
                matches.get_flag(option.name).then(|| true.to_string())
            } else {
                matches.get_one::<String>(option.name).cloned()
            };
            value.map(|value| (option.name.to_owned(), value))
        };
        Ok(Self(Options::new(Self::all().iter().filter_map(|(option, _)| value(option)))))
    }

    fn update_from_arg_matches(&mut self, matches: &clap::ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[derive(Debug, ClapArgs)]
#[command(after_help = help::export())]
pub(crate) struct ExportArgs {
    /// Format; see below
    pub(crate) format: String,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    #[command(flatten)]
    pub(crate) destination: DestinationArgs,
    /// Write texts as they are. Without it, a text that a spreadsheet would take for a formula gets an apostrophe before it
    #[arg(long)]
    pub(crate) raw: bool,
    #[command(flatten)]
    pub(crate) fresh: FreshArgs,
    #[command(flatten)]
    pub(crate) options: FormatArgs,
}
