//! Messages and progress: bars with rate and time left on a terminal, one line per unit elsewhere. All of it goes to
//! stderr, because stdout is for data.

use std::io::{IsTerminal, Write};
use std::time::Instant;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Where messages and progress go.
#[derive(Clone)]
pub struct Console {
    bars: MultiProgress,
    terminal: bool,
}

impl Default for Console {
    fn default() -> Self {
        Self::new()
    }
}

impl Console {
    /// A console on stderr.
    pub fn new() -> Self {
        let terminal = std::io::stderr().is_terminal();
        let target = if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Self { bars: MultiProgress::with_draw_target(target), terminal }
    }

    /// Prints one line, above any bar.
    pub fn say(&self, line: &str) {
        if self.terminal {
            self.bars.suspend(|| put(line));
        } else {
            put(line);
        }
    }

    /// Prints a warning.
    pub fn warn(&self, line: &str) {
        self.say(&format!("warning: {line}"));
    }

    /// Starts to show the progress of something that consists of `total` pieces, such as units or epochs.
    pub fn progress(&self, what: &str, total: u64, pieces: &str) -> Progress {
        let bar = if self.terminal {
            let style = ProgressStyle::with_template("{prefix:17} {wide_bar} {pos}/{len} {msg}  {per_sec}, {eta} left")
                .unwrap_or_else(|_| ProgressStyle::default_bar());
            let bar = self.bars.add(ProgressBar::new(total).with_style(style));
            bar.set_prefix(what.to_owned());
            bar.set_message(pieces.to_owned());
            Some(bar)
        } else {
            None
        };
        Progress { console: self.clone(), bar, what: what.to_owned(), total, start: Instant::now(), before: 0 }
    }
}

/// `1 file`, `2 files`: a number of things. `noun` is the singular of a word whose plural ends in `s`.
pub fn counted(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// The progress of one piece of work, such as a stage or a training.
pub struct Progress {
    console: Console,
    bar: Option<ProgressBar>,
    what: String,
    total: u64,
    start: Instant,
    /// Pieces that were done before this process began.
    before: u64,
}

impl Progress {
    /// The same where so many pieces were done earlier, so that the time left follows from the others.
    #[must_use]
    pub fn after(mut self, before: u64) -> Self {
        if let Some(bar) = &self.bar {
            bar.set_position(before);
            bar.reset_eta();
        }
        self.before = before;
        self
    }

    /// Sets how many pieces are done. `line` names the last one; it is printed where no bar is shown.
    pub fn done(&self, position: u64, line: &str) {
        match &self.bar {
            Some(bar) => bar.set_position(position),
            None if !line.is_empty() => {
                let done = position.saturating_sub(self.before).max(1);
                let left = self.start.elapsed().as_secs_f64() / done as f64 * self.total.saturating_sub(position) as f64;
                self.console.say(&format!("{:17} [{position}/{}] {line}, {} left", self.what, self.total, duration(left)));
            }
            None => {}
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Seconds as a person reads them.
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 10.0 => format!("{s:.1} s"),
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

/// Bytes as a person reads them.
pub(crate) fn bytes(n: u64) -> String {
    const GIB: f64 = (1u64 << 30) as f64;
    match n as f64 {
        b if b >= GIB => format!("{:.1} GiB", b / GIB),
        b => format!("{:.1} MiB", b / (1 << 20) as f64),
    }
}

fn put(line: &str) {
    // A closed stderr is no reason to stop the work.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
