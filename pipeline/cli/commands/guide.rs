//! What a command says at its end to lead on: what was found, what is missing, what comes next. It goes to stderr, and a quiet console says
//! none of it.

use std::path::Path;

use chorus_engine::graph::{Pass, Program};
use chorus_engine::{Config, Console, worker_program};
use chorus_text::in_shell;

use crate::stages::passes;

/// Lines below headings.
#[derive(Debug, Default)]
pub(super) struct Guide(Vec<(&'static str, String)>);

impl Guide {
    /// Adds a line below a heading. Lines of one heading are added one after the other.
    pub(super) fn add(&mut self, heading: &'static str, line: impl Into<String>) {
        self.0.push((heading, line.into()));
    }

    /// Adds a command and what it is for.
    pub(super) fn command(&mut self, heading: &'static str, command: &str, about: &str) {
        self.add(heading, format!("{command}   # {about}"));
    }

    /// The lines, each heading once.
    pub(super) fn lines(&self) -> Vec<String> {
        let width = self.0.iter().map(|(heading, _)| heading.len()).max().unwrap_or(0) + 2;
        let is_first = |at: usize| at == 0 || self.0[at - 1].0 != self.0[at].0;
        let line = |(at, (heading, line)): (usize, &(&str, String))| {
            format!("{:width$}{line}", if is_first(at) { *heading } else { "" })
        };
        self.0.iter().enumerate().map(line).collect()
    }

    /// Says the lines.
    pub(super) fn say(&self, console: &Console) {
        self.lines().iter().for_each(|line| console.say(line));
    }
}

/// A path as it is typed in a shell.
pub(super) fn typed(path: &Path) -> String {
    in_shell(&path.display().to_string())
}

/// The workers that a configuration needs and that are not installed, each with how to get it.
pub(super) fn missing_workers(config: &Config) -> Vec<String> {
    let needs = |program: Program| passes(config).iter().any(|pass: &Pass| pass.program == program);
    let lacks = |program: Program| Some(format!("the worker {} {}", program.file(), worker_program(program).err()?));
    [Program::Torch, Program::Onnx].into_iter().filter(|program| needs(*program)).filter_map(lacks).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_stand_once_and_lines_are_aligned() {
        let mut guide = Guide::default();
        guide.add("found", "43 recordings");
        guide.add("missing", "a site sheet");
        guide.command("missing", "chorus x", "why");
        assert_eq!(guide.lines(), ["found    43 recordings", "missing  a site sheet", "         chorus x   # why"]);
    }
}
