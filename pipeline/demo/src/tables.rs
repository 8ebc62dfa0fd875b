//! The text files of a survey.

use crate::scene::Bout;
use crate::species::Species;
use crate::survey::{Recording, Site};

/// `README.txt`.
pub(crate) const README: &str = "\
This is a SYNTHETIC acoustic survey, written by `chorus demo`. No animal was recorded: species, sites, nights and every
sound are made up by a program, and the coordinates only look plausible. Do not use it for anything but trying software.

raw_data/SITE/SITE_YYYYMMDD_HHMMSS.wav  recordings; the time in the name is local (see sites.csv)
strong_labels/SITE/NAME.txt             one line per call group: start, end (seconds), CODE_Q with Q for the level:
                                        H high, M medium, L low. An empty file: reviewed, and nothing calls.
species.csv                             code and (invented) scientific name, most frequent species first
sites.csv                               coordinates in degrees, IANA time zone
subset.csv                              train or test. Whole nights belong to one of them, and so do individuals: nobody
                                        heard in train is heard in test. The rarest species calls in train only; of ten
                                        or more species, the second rarest calls in test only.
truth.csv                               every label with its individual, the band of its fundamental and its peak level

If the survey was made with troubles, some files in raw_data are damaged or are no recordings, and at the last site
nothing ever calls. The same options and seed give the same bytes.
";

/// An Audacity label track.
pub(crate) fn labels(bouts: &[Bout], species: &[Species], rate_hz: u32) -> String {
    lines("", bouts, |bout| {
        let (start_s, end_s) = times_s(bout, rate_hz);
        format!("{start_s:.6}\t{end_s:.6}\t{}_{}", species[bout.species].code, bout.quality())
    })
}

/// `species.csv`.
pub(crate) fn species(species: &[Species]) -> String {
    lines("code,scientific_name\n", species, |Species { code, scientific_name, .. }| format!("{code},{scientific_name}"))
}

/// `sites.csv`.
pub(crate) fn sites(sites: &[Site]) -> String {
    lines("site,latitude,longitude,timezone\n", sites, |Site { name, latitude, longitude, timezone, .. }| {
        format!("{name},{latitude:.5},{longitude:.5},{timezone}")
    })
}

/// `subset.csv`.
pub(crate) fn subsets(recordings: &[Recording], sites: &[Site]) -> String {
    lines("recording,site,subset\n", recordings, |recording| {
        format!("{},{},{}", recording.name, sites[recording.site].name, recording.subset.name())
    })
}

/// `truth.csv`; `scenes` holds the bouts of each of `recordings`.
pub(crate) fn truth(recordings: &[Recording], sites: &[Site], scenes: &[Vec<Bout>], species: &[Species], rate_hz: u32) -> String {
    let mut table = String::from("recording,start_s,end_s,code,quality,individual,low_hz,high_hz,level_dbfs\n");
    for (recording, bouts) in recordings.iter().zip(scenes) {
        table += &lines("", bouts, |bout| {
            let (start_s, end_s) = times_s(bout, rate_hz);
            let (low_hz, high_hz) = bout.band_hz();
            let (site, subset) = (&sites[recording.site].name, recording.subset.name());
            let code = &species[bout.species].code;
            format!(
                "{},{start_s:.6},{end_s:.6},{code},{},{code}-{site}-{subset}-{},{low_hz:.1},{high_hz:.1},{:.1}",
                recording.name,
                bout.quality(),
                bout.individual + 1,
                bout.level_dbfs(),
            )
        });
    }
    table
}

fn times_s(bout: &Bout, rate_hz: u32) -> (f64, f64) {
    (bout.start as f64 / f64::from(rate_hz), bout.end() as f64 / f64::from(rate_hz))
}

fn lines<T>(header: &str, rows: &[T], line: impl Fn(&T) -> String) -> String {
    rows.iter().fold(header.to_owned(), |table, row| table + &line(row) + "\n")
}
