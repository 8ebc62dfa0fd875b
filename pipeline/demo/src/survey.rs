//! The plan of the field work: sites, and recordings with their local times and subsets.

use jiff::ToSpan;
use jiff::civil::{Date, DateTime, date};
use rand::RngExt;

use crate::Options;
use crate::options::NIGHT_S;
use crate::rng::{Stream, keyed};

/// Evening of the first night; the second night crosses a month's end.
const FIRST_NIGHT: Date = date(2025, 1, 30);

/// Habitats that sites are named after.
const HABITATS: [&str; 5] = ["POND", "MARSH", "CREEK", "SWAMP", "LAGOON"];

/// Where sites lie, with their zones, which differ by an hour: latitude, longitude (degrees), IANA zone.
const REGIONS: [(f64, f64, &str); 2] = [(-22.92, -45.46, "America/Sao_Paulo"), (-15.46, -55.75, "America/Cuiaba")];

/// A recorder's place.
pub(crate) struct Site {
    pub name: String,
    pub latitude: f64,
    pub longitude: f64,
    pub timezone: &'static str,
    /// Nothing ever calls here.
    pub silent: bool,
}

/// The side of the split that a recording belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subset {
    Train,
    Test,
}

impl Subset {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Test => "test",
        }
    }
}

/// One planned recording.
pub(crate) struct Recording {
    /// Position in `sites`.
    pub site: usize,
    /// File name without extension, unique in the survey.
    pub name: String,
    /// Seconds since the first recording of the night.
    pub evening_s: i64,
    pub subset: Subset,
}

/// The sites of a survey.
pub(crate) fn sites(options: &Options) -> Vec<Site> {
    (0..options.sites as usize)
        .map(|index| {
            let (latitude, longitude, timezone) = REGIONS[index % REGIONS.len()];
            let mut rng = keyed(options.seed, Stream::Site, index, 0);
            Site {
                name: format!("{}{:02}", HABITATS[index % HABITATS.len()], index + 1),
                latitude: latitude + rng.random_range(-0.2..0.2),
                longitude: longitude + rng.random_range(-0.2..0.2),
                timezone,
                silent: options.troubles && index + 1 == options.sites as usize,
            }
        })
        .collect()
}

/// The recordings of a survey, by site and time.
///
/// Whole nights go to one subset: every third night of a site (every second of a two-night survey) is for testing,
/// and sites take turns, so that each evening of the survey is in both subsets.
pub(crate) fn recordings(options: &Options, sites: &[Site]) -> Vec<Recording> {
    let cycle = options.nights.min(3) as usize;
    let mut recordings = Vec::new();
    for (site, Site { name, .. }) in sites.iter().enumerate() {
        for night in 0..options.nights as usize {
            let subset = if (site + night) % cycle == cycle - 1 { Subset::Test } else { Subset::Train };
            recordings.extend((0..options.recordings_per_night).map(|turn| {
                let evening_s = i64::from(turn) * step_s(options.recordings_per_night);
                Recording { site, name: recording_name(name, night, evening_s), evening_s, subset }
            }));
        }
    }
    recordings
}

/// Seconds between the starts of neighbouring recordings of a night.
fn step_s(recordings_per_night: u32) -> i64 {
    NIGHT_S / i64::from(recordings_per_night.max(2) - 1)
}

/// Song Meter name, `SITE_YYYYMMDD_HHMMSS`, of the recording `evening_s` seconds into a night.
pub(crate) fn recording_name(site: &str, night: usize, evening_s: i64) -> String {
    let evening: DateTime = FIRST_NIGHT.at(18, 30, 0, 0);
    let start = evening + (night as i64).days() + evening_s.seconds();
    format!("{site}_{}", start.strftime("%Y%m%d_%H%M%S"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_night_spans_two_dates() {
        let options = Options::default();
        let recordings = recordings(&options, &sites(&options));
        let names: Vec<_> = recordings[..5].iter().map(|recording| recording.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "POND01_20250130_183000",
                "POND01_20250130_205000",
                "POND01_20250130_231000",
                "POND01_20250131_013000",
                "POND01_20250131_183000",
            ]
        );
        assert_eq!(recording_name("POND01", 1, NIGHT_S), "POND01_20250201_013000");
    }

    #[test]
    fn both_subsets_hear_every_site() {
        for options in [Options::default(), Options::tiny()] {
            let sites = sites(&options);
            let recordings = recordings(&options, &sites);
            for site in 0..sites.len() {
                for subset in [Subset::Train, Subset::Test] {
                    assert!(recordings.iter().any(|r| r.site == site && r.subset == subset));
                }
            }
        }
    }
}
