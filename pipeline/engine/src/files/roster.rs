//! The roster of a run: which units the last look at the archive found, and how many hours were recorded in each.
//!
//! Shares of the run are cut by it, so that all processes cut alike, and none of them has to list the archive for that.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::{EngineError, RunDir, Unit};

/// Reads the roster; `None` where there is none, or one that makes no sense.
///
/// # Errors
/// [`EngineError::Io`] where it cannot be read: shares that cut without it might leave a unit out.
pub(crate) fn read(run: &RunDir) -> Result<Option<BTreeMap<Unit, f64>>, EngineError> {
    let bytes = run.disk().read_if_there(&run.roster())?;
    Ok(bytes.and_then(|bytes| parse(std::str::from_utf8(&bytes).ok()?)))
}

fn parse(text: &str) -> Option<BTreeMap<Unit, f64>> {
    text.lines()
        .map(|line| line.split_once(' ').and_then(|(hours, unit)| Some((Unit::parse(unit)?, hours.parse().ok()?))))
        .collect()
}

/// Writes the roster, unless it is the same already.
///
/// # Errors
/// [`EngineError::Io`].
pub(crate) fn write(run: &RunDir, hours: &BTreeMap<Unit, f64>) -> Result<(), EngineError> {
    let mut text = String::new();
    for (unit, hours) in hours {
        writeln!(text, "{hours} {unit}").expect("a text can always be written to");
    }
    if run.disk().read_if_there(&run.roster())?.is_some_and(|old| old == text.as_bytes()) {
        return Ok(());
    }
    run.write(&run.roster(), text.as_bytes()).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roster_comes_back_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::new(dir.path());
        assert_eq!(read(&run).unwrap(), None);
        let unit = |site: &str, date| Unit::SiteDay { site: site.into(), date, part: 3 };
        let hours = [(unit("a b", None), 0.1), (unit("É", Some(jiff::civil::date(2020, 3, 1))), 1.0 / 3.0)].into();
        write(&run, &hours).unwrap();
        write(&run, &hours).unwrap();
        assert_eq!(read(&run).unwrap(), Some(hours));
        std::fs::write(run.roster(), "half a line").unwrap();
        assert_eq!(read(&run).unwrap(), None);
    }
}
