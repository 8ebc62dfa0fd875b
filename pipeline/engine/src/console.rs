//! Messages and progress. On a terminal, progress is one line that is painted anew; elsewhere it is a plain line from time to time. All of
//! it goes to stderr, because stdout is for data.

use std::fmt;
use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chorus_platform::memory;
use chorus_text::{shown, shown_lines};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::sync::locked;

/// The variable by which a process is quiet from its start: set to anything but nothing. `chorus run --quiet` sets it for workers.
pub(crate) const QUIET: &str = "CHORUS_QUIET";
/// How long nothing is said of progress where it is not on a terminal: at first, and at most. Each pause is twice as long as the one before.
const PAUSES: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(300));

/// Where messages and progress go.
#[derive(Clone)]
pub struct Console {
    bars: MultiProgress,
    terminal: bool,
    quiet: bool,
    /// Whether nothing is said at all, not even a warning.
    silent: bool,
    /// The memory to show: that of all processes that work on the run, bytes.
    memory: fn() -> Option<u64>,
}

impl Default for Console {
    fn default() -> Self {
        Self::new()
    }
}

impl Console {
    /// A console on stderr. It is quiet where the variable CHORUS_QUIET is set.
    pub fn new() -> Self {
        let quiet = std::env::var_os(QUIET).is_some_and(|value| !value.is_empty());
        let terminal = std::io::stderr().is_terminal();
        let target = if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bars = MultiProgress::with_draw_target(target);
        Self { bars, terminal, quiet, silent: false, memory: memory::peak }
    }

    /// A console on which nothing is said.
    #[cfg(test)]
    pub(crate) fn silent() -> Self {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        Self { bars, terminal: false, quiet: true, silent: true, memory: memory::peak }
    }

    /// The same, saying nothing but warnings where `quiet` is true.
    #[must_use]
    pub fn quiet(self, quiet: bool) -> Self {
        Self { quiet: self.quiet || quiet, ..self }
    }

    /// The same in a worker: the process that started it holds memory for the run too.
    #[must_use]
    pub fn of_worker(self) -> Self {
        Self { memory: memory::peak_with_parent, ..self }
    }

    /// Whether nothing is said but warnings.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Prints one line, above any progress. A quiet console prints none.
    pub fn say(&self, line: &str) {
        if !self.quiet {
            self.print(line);
        }
    }

    /// Prints a warning, which is one line whatever the names in it hold.
    pub fn warn(&self, line: &str) {
        self.print(&format!("warning: {}", shown(line)));
    }

    /// The same with more lines below it, each of which is one, too.
    pub fn warn_lines(&self, line: &str, more: &[String]) {
        let more: String = more.iter().map(|line| format!("\n{}", shown(line))).collect();
        self.print(&format!("warning: {}{more}", shown(line)));
    }

    fn print(&self, line: &str) {
        if self.terminal {
            self.bars.suspend(|| put(line));
        } else if !self.silent {
            put(line);
        }
    }

    /// Starts to show the progress of something that consists of `total` pieces. `piece` is the singular of what they are called, such as
    /// `unit` or `epoch`; see [`counted`].
    pub fn progress(&self, what: &str, total: u64, piece: &str) -> Progress {
        let meter = Arc::new(Meter {
            piece: piece.to_owned(),
            total,
            start: Instant::now(),
            memory: self.memory,
            counts: Mutex::default(),
        });
        let bar = (self.terminal && !self.quiet).then(|| {
            // Added before it is painted, so that two bars never write over each other.
            let bar = self.bars.add(ProgressBar::new(total));
            paint(&bar, what, &meter);
            bar
        });
        let next = Mutex::new((Instant::now() + PAUSES.0, PAUSES.0));
        Progress { console: self.clone(), bar, what: what.to_owned(), meter, next }
    }
}

/// Paints the line on a terminal, again and again.
fn paint(bar: &ProgressBar, what: &str, meter: &Arc<Meter>) {
    let meter = Arc::clone(meter);
    let style = ProgressStyle::with_template("{prefix:17} {wide_bar} {facts}").unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style.with_key("facts", move |_: &ProgressState, out: &mut dyn fmt::Write| {
        // The line lacks what cannot be written into it.
        let _ = out.write_str(&meter.facts());
    }));
    bar.set_prefix(what.to_owned());
    // The time that is left and the memory change between two pieces.
    bar.enable_steady_tick(Duration::from_secs(1));
}

/// `1 file`, `2 files`, `2 classes`, `2 copies`: a number of things. `noun` is the singular of a word with a regular plural.
pub fn counted<N: fmt::Display + PartialEq + From<u8>>(n: N, noun: &str) -> String {
    let stem = noun.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'o', 'u']));
    match stem {
        _ if n == N::from(1) => format!("1 {noun}"),
        Some(stem) => format!("{n} {stem}ies"),
        None => format!("{n} {noun}{}", if noun.ends_with('s') { "es" } else { "s" }),
    }
}

/// What is counted besides pieces, since pieces differ in size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Recorded seconds.
    Sound,
    /// Windows.
    Windows,
}

/// What is done and what is left.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    /// Pieces that are done.
    done: u64,
    /// Pieces that were done before this process began.
    before: u64,
    /// What is counted besides, how much of it was done here, and how much is left.
    measured: Option<(Measure, f64, f64)>,
}

/// What a line of progress tells.
struct Meter {
    piece: String,
    total: u64,
    start: Instant,
    memory: fn() -> Option<u64>,
    counts: Mutex<Counts>,
}

impl Meter {
    fn facts(&self) -> String {
        let counts = *locked(&self.counts);
        let memory = (self.memory)().map(|held| format!(", {}", bytes(held)));
        let seconds = self.start.elapsed().as_secs_f64();
        format!("{}{}", counts.told(self.total, &self.piece, seconds), memory.unwrap_or_default())
    }
}

impl Counts {
    /// What is done of so many pieces, how fast, and the time left, after these seconds.
    fn told(&self, total: u64, piece: &str, seconds: f64) -> String {
        let done = format!("{} of {}", self.done, counted(total, piece));
        let of_pieces = (self.done.saturating_sub(self.before) as f64, total.saturating_sub(self.done) as f64);
        let (more, left) = self.measured.map_or(of_pieces, |(_, more, left)| (more, left));
        if more <= 0.0 || seconds <= 0.0 {
            return done;
        }
        let rate = more / seconds;
        let digits = if rate < 1.0 { 2 } else { usize::from(rate < 10.0) };
        let unit = match self.measured {
            Some((Measure::Sound, ..)) => " times real time".to_owned(),
            Some((Measure::Windows, ..)) => " windows/s".to_owned(),
            None => format!(" {piece}s/s"),
        };
        format!("{done}, {rate:.digits$}{unit}, {} left", duration(left / rate))
    }
}

/// The progress of one piece of work, such as a stage or a training.
pub struct Progress {
    console: Console,
    bar: Option<ProgressBar>,
    what: String,
    meter: Arc<Meter>,
    /// When the next line is due where no bar is shown, and the pause before it.
    next: Mutex<(Instant, Duration)>,
}

impl Progress {
    /// The same where so many pieces were done earlier, so that the time left follows from the others.
    #[must_use]
    pub fn after(self, before: u64) -> Self {
        {
            let mut counts = locked(&self.meter.counts);
            (counts.done, counts.before) = (before, before);
        }
        self.bar.iter().for_each(|bar| bar.set_position(before));
        self
    }

    /// Sets how many pieces are done. `line` tells of the last one, where no bar is shown.
    pub fn done(&self, position: u64, line: &str) {
        locked(&self.meter.counts).done = position;
        match &self.bar {
            Some(bar) => bar.set_position(position),
            None => self.say_if_due(line),
        }
    }

    /// Counts what was done besides whole pieces: so much `more` since the last time, and so much that is `left`. Rate and time left then
    /// follow from this and not from the number of pieces.
    pub fn count(&self, measure: Measure, more: f64, left: f64) {
        {
            let mut counts = locked(&self.meter.counts);
            let before = counts.measured.map_or(0.0, |(_, before, _)| before);
            counts.measured = Some((measure, before + more, left));
        }
        if self.bar.is_none() {
            self.say_if_due("");
        }
    }

    fn say_if_due(&self, line: &str) {
        {
            let mut next = locked(&self.next);
            if Instant::now() < next.0 {
                return;
            }
            next.1 = (next.1 * 2).min(PAUSES.1);
            next.0 = Instant::now() + next.1;
        }
        let line = if line.is_empty() { String::new() } else { format!("; {line}") };
        self.console.say(&format!("{:17} {}{line}", self.what, self.meter.facts()));
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
pub fn bytes(n: u64) -> String {
    const GIB: f64 = (1u64 << 30) as f64;
    match n as f64 {
        b if b >= GIB => format!("{:.1} GiB", b / GIB),
        b => format!("{:.1} MiB", b / (1 << 20) as f64),
    }
}

fn put(line: &str) {
    // A closed stderr is no reason to stop the work.
    let _ = writeln!(std::io::stderr().lock(), "{}", shown_lines(line));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_tells_rate_and_time_left() {
        let told = |counts: Counts| counts.told(40, "unit", 10.0);
        let half = Counts { done: 20, ..Counts::default() };
        assert_eq!(told(half), "20 of 40 units, 2.0 units/s, 10 s left");
        assert_eq!(told(Counts { before: 15, ..half }), "20 of 40 units, 0.50 units/s, 40 s left");
        assert_eq!(told(Counts { before: 20, ..half }), "20 of 40 units", "nothing was done here yet");
        // Half of the units, and a tenth of the sound: 1 hour in 10 s, and 9 hours are left.
        let sound = Counts { measured: Some((Measure::Sound, 3600.0, 32_400.0)), ..half };
        assert_eq!(told(sound), "20 of 40 units, 360 times real time, 90 s left");
        let windows = Counts { measured: Some((Measure::Windows, 50.0, 5000.0)), ..half };
        assert_eq!(told(windows), "20 of 40 units, 5.0 windows/s, 17 min left");
    }

    #[test]
    fn numbers_of_things_have_their_plural() {
        let told = |noun: &str| [0_u64, 1, 2].map(|n| counted(n, noun)).join(", ");
        assert_eq!(told("site-day"), "0 site-days, 1 site-day, 2 site-days");
        assert_eq!(told("class"), "0 classes, 1 class, 2 classes");
        assert_eq!(told("copy"), "0 copies, 1 copy, 2 copies");
    }

    #[test]
    fn what_is_counted_adds_up() {
        let progress = Console::new().quiet(true).progress("train", 3, "epoch").after(1);
        progress.count(Measure::Windows, 10.0, 90.0);
        progress.count(Measure::Windows, 15.0, 75.0);
        progress.done(2, "");
        let counts = *locked(&progress.meter.counts);
        assert_eq!((counts.done, counts.before, counts.measured), (2, 1, Some((Measure::Windows, 25.0, 75.0))));
        assert!(progress.bar.is_none(), "a quiet console shows none");
        assert!(progress.meter.facts().starts_with("2 of 3 epochs, "));
    }
}
