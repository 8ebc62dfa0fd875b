//! How often each class calls: what `chorus prevalence` estimated, where the configuration names its file. A count of detections is no such
//! estimate, since it has the false alarms of a threshold and lacks what lies below it.

use std::path::Path;

use chorus_engine::{Access, WorkError};
use jiff::civil::Date;
use serde::Deserialize;

/// The key that names the file.
pub(crate) const KEY: &str = "report.prevalence";

/// A class at a site, in a night: a line of `chorus prevalence --format csv`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct OfNight {
    pub(crate) class: String,
    pub(crate) site: String,
    /// The date on which the night began; `None` where nights are not told apart, or the time is not known.
    pub(crate) night: Option<Date>,
    /// Windows with a score.
    pub(crate) windows: u64,
    /// The estimated share of them with the class, and its interval of 95 %; `None` where nothing can be said.
    pub(crate) share: Option<f64>,
    pub(crate) ci_low: Option<f64>,
    pub(crate) ci_high: Option<f64>,
    /// The share of the windows of which the estimate speaks.
    pub(crate) covered: f64,
    /// Whether somebody heard windows of the site; if not, the interval does not know how far the estimate is off there.
    pub(crate) calibrated_here: bool,
}

/// The rows of the file in their order; `None` where the configuration names none.
///
/// # Errors
/// A file that cannot be read, or that holds something else.
pub(crate) fn read(cx: &Access<'_>) -> Result<Option<Vec<OfNight>>, WorkError> {
    Ok(cx.file(KEY)?.map(|path| rows(&path)).transpose()?)
}

fn rows(path: &Path) -> Result<Vec<OfNight>, String> {
    let wrong = |error: csv::Error| {
        format!(
            "{}: {error}; expected what `chorus prevalence --format csv` writes; make it again, or correct {KEY}",
            path.display()
        )
    };
    csv::Reader::from_path(path).map_err(wrong)?.deserialize().collect::<Result<_, _>>().map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_the_command_is_read_and_another_one_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prevalence.csv");
        let text = "class,site,night,windows,share,ci_low,ci_high,covered,heard,heard_here,calibrated_here\n\
                    FROG,A,2020-03-01,4800,0.0312,0.0121,0.0782,1.000,50,21,true\nFROG,B,,20,,,,0.000,50,0,false\n";
        std::fs::write(&path, text).unwrap();
        let found = rows(&path).unwrap();
        assert_eq!((found[0].night, found[0].share, found[0].windows), (Some(jiff::civil::date(2020, 3, 1)), Some(0.0312), 4800));
        assert_eq!((found[1].night, found[1].ci_high, found[1].calibrated_here), (None, None, false));
        std::fs::write(&path, text.replace("0.0312", "often")).unwrap();
        let error = rows(&path).unwrap_err();
        assert!(error.contains("prevalence.csv") && error.contains("line: 2") && error.contains("chorus prevalence"), "{error}");
        std::fs::remove_file(&path).unwrap();
        assert!(rows(&path).unwrap_err().contains(KEY));
    }
}
