//! The log of a run. A log that has grown large gets the name `log.1.jsonl`, and the one that had it `log.2.jsonl`, and so on; the oldest
//! goes. So a run that is made again and again for years keeps a log of a bounded size.
//!
//! Only a process that has the run for itself gives logs other names: of two at the same time, one would put its few lines in the place of
//! what the other has just put aside.

use std::io::{BufRead, BufReader, ErrorKind};

use super::appended;
use crate::{EngineError, RunDir};

/// A log of so many bytes is put aside before more is written.
const LARGE: u64 = 64 << 20;
/// So many logs that were put aside are kept.
const KEPT: u32 = 4;

/// Appends whole lines to the log of a run.
///
/// # Errors
/// [`EngineError::Io`].
pub(crate) fn append(run: &RunDir, lines: &str) -> Result<(), EngineError> {
    put_aside(run, LARGE)?;
    appended::append(run.disk(), &run.log(), lines)
}

/// Gives a log of at least so many bytes another name.
fn put_aside(run: &RunDir, large: u64) -> Result<(), EngineError> {
    let disk = run.disk();
    if run.share().is_some() || disk.find(&run.log())?.is_none_or(|found| found.bytes < large) {
        return Ok(());
    }
    for number in (0..KEPT).rev() {
        let from = run.older_log(number);
        match disk.rename(&from, &run.older_log(number + 1)) {
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            renamed => renamed.map_err(EngineError::io(&from, "cannot be given another name"))?,
        }
    }
    Ok(())
}

/// Gives each line of the log of a run and of those that were put aside, the oldest first. What cannot be read is passed over: the log is
/// for people, and for estimates of time.
pub(crate) fn each_line(run: &RunDir, mut take: impl FnMut(&[u8])) {
    for number in (0..=KEPT).rev() {
        let Ok(file) = run.disk().open(&run.older_log(number)) else { continue };
        let (mut file, mut line) = (BufReader::new(file), Vec::new());
        while file.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
            take(&line);
            line.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(run: &RunDir) -> Vec<String> {
        let mut lines = Vec::new();
        each_line(run, |line| lines.push(String::from_utf8_lossy(line).trim_end().to_owned()));
        lines
    }

    #[test]
    fn a_large_log_is_put_aside_and_still_read_until_it_is_the_oldest() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::new(dir.path());
        assert!(lines(&run).is_empty() && !run.has_log());
        for number in 0..7 {
            put_aside(&run, 7).unwrap();
            append(&run, &format!("line {number}\n")).unwrap();
            // A line has seven bytes.
            put_aside(&run, 8).unwrap();
            assert_eq!(std::fs::read_to_string(run.log()).unwrap(), format!("line {number}\n"));
        }
        assert_eq!(lines(&run), (2..7).map(|number| format!("line {number}")).collect::<Vec<_>>());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1 + KEPT as usize);
        // A crash between two names leaves a gap.
        std::fs::rename(run.log(), run.older_log(1)).unwrap();
        assert!(run.has_log());
        assert_eq!(lines(&run).last().unwrap(), "line 6");
    }

    #[test]
    fn a_share_leaves_the_log_where_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::new(dir.path()).shared(Some("1/2".parse().unwrap()));
        append(&run, "a line of a share\n").unwrap();
        put_aside(&run, 1).unwrap();
        assert!(run.log().exists() && !run.older_log(1).exists());
    }
}
