//! What goes wrong in real archives: damaged files, and files that are no recordings.

use std::path::{Path, PathBuf};

use crate::background::background;
use crate::files::save;
use crate::options::NIGHT_S;
use crate::survey::{Site, recording_name};
use crate::{DemoError, Options, wav};

/// A file that is not as it should be. None has labels or a subset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Path relative to the survey.
    pub path: PathBuf,
    /// What is the matter.
    pub what: &'static str,
}

/// What a web server sends for a file that it lost, and a careless download keeps as a recording.
const HTML: &str = "<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head>\n\
    <body><h1>Not Found</h1><p>The requested recording is not here.</p></body></html>\n";

/// Writes the troubles, each at another site where there are enough, after the last recording of the first night.
pub(crate) fn write(dir: &Path, options: &Options, sites: &[Site]) -> Result<Vec<Trouble>, DemoError> {
    let recordings = options.sites * options.nights * options.recordings_per_night;
    let mut truncated = wav::bytes(&background(options, 1, recordings as usize), options.sample_rate_hz);
    // An odd cut: the last sample is half there.
    truncated.truncate(((wav::HEADER_BYTES + truncated.len()) / 2) | 1);
    let log = "DATE,TIME,LAT,LON,POWER(V),TEMP(C),#FILES\n2025-Jan-30,18:30:00,,,12.4,24.25,0\n";
    let third = 2 % sites.len();
    let files: [(usize, String, Vec<u8>, &str); 4] = [
        (0, late(&sites[0], 0), Vec::new(), "empty file: the card was full"),
        (1, late(&sites[1], 1), truncated, "cut off: the header promises twice the samples that are there"),
        (third, late(&sites[third], 2), HTML.into(), "an HTML error page saved as .wav"),
        (0, format!("{}_Summary.txt", sites[0].name), log.into(), "the recorder's log: not a recording"),
    ];
    files
        .into_iter()
        .map(|(site, name, bytes, what)| {
            let path = Path::new("raw_data").join(&sites[site].name).join(name);
            save(&dir.join(&path), &bytes)?;
            Ok(Trouble { path, what })
        })
        .collect()
}

/// Name of a file from half an hour after the first night's last recording, and `minutes` more.
fn late(site: &Site, minutes: i64) -> String {
    format!("{}.wav", recording_name(&site.name, 0, NIGHT_S + 1800 + 60 * minutes))
}
