//! A synthetic acoustic survey in AnuraSet's raw layout: invented species call at invented sites, and every call's
//! label is known to be true. It stands in for an archive in demonstrations and tests.
//!
//! [`write`] makes, in an empty directory:
//!
//! | file | content |
//! |---|---|
//! | `raw_data/SITE/SITE_YYYYMMDD_HHMMSS.wav` | recordings, 16-bit PCM, mono; local time in the name |
//! | `strong_labels/SITE/NAME.txt` | start TAB end TAB CODE_Q in seconds, Q of H, M or L; empty where nothing calls |
//! | `species.csv`, `sites.csv` | code and scientific name; coordinates (degrees) and time zone |
//! | `subset.csv` | train or test for each labelled recording |
//! | `truth.csv` | each label with its individual, band (Hz) and peak level (dBFS) |
//! | `README.txt` | says that all of it is synthetic |

mod background;
mod chorus;
mod error;
mod files;
mod options;
mod rng;
mod scene;
mod species;
mod survey;
mod synth;
mod tables;
mod troubles;
mod wav;

use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

pub use crate::error::DemoError;
pub use crate::options::Options;
pub use crate::troubles::Trouble;

use crate::files::{create_dir, save};
use crate::scene::Bout;
use crate::survey::Subset;

/// What was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Sites, with the silent one.
    pub sites: u32,
    /// Readable and labelled recordings.
    pub recordings: u32,
    /// Those of them that are for testing.
    pub test_recordings: u32,
    /// Length of the labelled recordings together, in seconds.
    pub audio_s: f64,
    /// The species, most frequent first.
    pub species: Vec<SpeciesSummary>,
    /// Site where nothing calls.
    pub silent_site: Option<String>,
    /// Files that are not as they should be.
    pub troubles: Vec<Trouble>,
    /// Each label with its individual, band and level.
    pub truth: PathBuf,
}

/// How often a species calls.
#[derive(Clone, Debug, PartialEq)]
pub struct SpeciesSummary {
    /// Label code.
    pub code: String,
    /// Invented name.
    pub scientific_name: String,
    /// Labels in train recordings.
    pub train_labels: u32,
    /// Labels in test recordings.
    pub test_labels: u32,
}

/// Writes a survey of `options` into `dir`, which is new or empty.
///
/// # Errors
/// [`DemoError`]: `dir` is not empty, an option is outside its range, or the disk refuses.
pub fn write(dir: &Path, options: &Options) -> Result<Summary, DemoError> {
    options.check()?;
    claim(dir)?;
    let species = species::all(options.seed, options.species);
    let sites = survey::sites(options);
    let recordings = survey::recordings(options, &sites);
    let present = chorus::presence(options, &sites, &recordings);
    for site in &sites {
        create_dir(&dir.join("raw_data").join(&site.name))?;
        create_dir(&dir.join("strong_labels").join(&site.name))?;
    }

    let scenes: Vec<Vec<Bout>> = recordings
        .par_iter()
        .enumerate()
        .map(|(index, recording)| {
            let bouts = scene::bouts(options, &species, recording, index, &present[index]);
            let mut sound = background::background(options, recording.site, index);
            for bout in &bouts {
                synth::add(&mut sound, bout, f64::from(options.sample_rate_hz));
            }
            let path = Path::new(&sites[recording.site].name).join(&recording.name);
            let wav = wav::bytes(&sound, options.sample_rate_hz);
            save(&dir.join("raw_data").join(&path).with_extension("wav"), &wav)?;
            let labels = tables::labels(&bouts, &species, options.sample_rate_hz);
            save(&dir.join("strong_labels").join(&path).with_extension("txt"), labels.as_bytes())?;
            Ok(bouts)
        })
        .collect::<Result<_, DemoError>>()?;

    let troubles = if options.troubles { troubles::write(dir, options, &sites)? } else { Vec::new() };
    let truth = dir.join("truth.csv");
    let rate_hz = options.sample_rate_hz;
    save(&dir.join("species.csv"), tables::species(&species).as_bytes())?;
    save(&dir.join("sites.csv"), tables::sites(&sites).as_bytes())?;
    save(&dir.join("subset.csv"), tables::subsets(&recordings, &sites).as_bytes())?;
    save(&truth, tables::truth(&recordings, &sites, &scenes, &species, rate_hz).as_bytes())?;
    save(&dir.join("README.txt"), tables::README.as_bytes())?;

    let labels = |rank: usize, subset: Subset| {
        let side = recordings.iter().zip(&scenes).filter(|(recording, _)| recording.subset == subset);
        side.flat_map(|(_, bouts)| bouts).filter(|bout| bout.species == rank).count() as u32
    };
    Ok(Summary {
        sites: options.sites,
        recordings: recordings.len() as u32,
        test_recordings: recordings.iter().filter(|recording| recording.subset == Subset::Test).count() as u32,
        audio_s: recordings.len() as f64 * options.recording_s,
        species: species
            .iter()
            .enumerate()
            .map(|(rank, species)| SpeciesSummary {
                code: species.code.clone(),
                scientific_name: species.scientific_name.clone(),
                train_labels: labels(rank, Subset::Train),
                test_labels: labels(rank, Subset::Test),
            })
            .collect(),
        silent_site: sites.iter().find(|site| site.silent).map(|site| site.name.clone()),
        troubles,
        truth,
    })
}

/// Makes `dir` where it is missing, and refuses it where it holds anything.
fn claim(dir: &Path) -> Result<(), DemoError> {
    create_dir(dir)?;
    let fail = |source| DemoError::Io { path: dir.to_owned(), source };
    match fs::read_dir(dir).map_err(fail)?.next() {
        None => Ok(()),
        Some(entry) => {
            let found = entry.map_err(fail)?.file_name().to_string_lossy().into_owned();
            Err(DemoError::NotEmpty { path: dir.to_owned(), found })
        }
    }
}
