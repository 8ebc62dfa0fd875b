//! `chorus demo`.

use std::process::ExitCode;

use chorus_demo::Options;

use crate::args::DemoArgs;
use crate::output::{self, aligned};

pub(crate) fn run(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    let base = if args.tiny { Options::tiny() } else { Options::default() };
    let options = Options {
        seed: args.seed.unwrap_or(base.seed),
        sites: args.sites.unwrap_or(base.sites),
        nights: args.nights.unwrap_or(base.nights),
        recordings_per_night: args.recordings_per_night.unwrap_or(base.recordings_per_night),
        recording_s: args.recording_s.unwrap_or(base.recording_s),
        species: args.species.unwrap_or(base.species),
        sample_rate_hz: args.sample_rate_hz.unwrap_or(base.sample_rate_hz),
        max_polyphony: args.max_polyphony.unwrap_or(base.max_polyphony),
        troubles: base.troubles && !args.no_troubles,
    };
    let summary = chorus_demo::write(&args.folder, &options)?;
    output::line(&format!(
        "{}: {} recordings ({:.0} min) at {} sites; {} recordings are for testing",
        args.folder.display(),
        summary.recordings,
        summary.audio_s / 60.0,
        summary.sites,
        summary.test_recordings
    ))?;
    let mut rows = vec![["code", "species (invented)", "labels in train", "labels in test"].map(str::to_owned)];
    rows.extend(
        summary
            .species
            .iter()
            .map(|s| [s.code.clone(), s.scientific_name.clone(), s.train_labels.to_string(), s.test_labels.to_string()]),
    );
    output::line(aligned(&rows).trim_end())?;
    if let Some(site) = &summary.silent_site {
        output::line(&format!("{site}: a site without calls"))?;
    }
    for trouble in &summary.troubles {
        output::line(&format!("{}: {}", trouble.path.display(), trouble.what))?;
    }
    Ok(ExitCode::SUCCESS)
}
