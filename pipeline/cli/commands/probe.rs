//! `chorus probe`: format, level and damage of audio files, as `ingest` finds them.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use chorus_audio::container::levels::Levels;
use chorus_audio::container::{Facts, Reader, channels, measure};
use chorus_audio::error::AudioError;
use serde_json::{Value, json};

use crate::args::{ProbeArgs, UsageError};
use crate::output::{self, aligned};

/// Number of frames to decode at a time.
const FRAMES: usize = 16_384;

pub(crate) fn run(args: &ProbeArgs) -> anyhow::Result<ExitCode> {
    if args.samples {
        let [file] = args.files.as_slice() else {
            return Err(UsageError(format!("--samples: expected one file, found {}", args.files.len())).into());
        };
        return samples(file);
    }
    let found: Vec<_> = args.files.iter().map(|file| (file.as_path(), reader(file).and_then(measure))).collect();
    if args.json {
        for (path, found) in &found {
            output::json(&object(path, found).to_string())?;
        }
    } else {
        let mut rows = vec![["file", "status", "codec", "Hz", "channels", "s", "dBFS", "what is wrong"].map(str::to_owned)];
        rows.extend(found.iter().map(|(path, found)| row(path, found)));
        output::line(aligned(&rows).trim_end())?;
    }
    Ok(if found.iter().any(|(_, found)| found.is_err()) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn reader(path: &Path) -> Result<Reader, AudioError> {
    Reader::new(chorus_archive::open_file(path)?, path.display().to_string())
}

/// Writes the decoded samples to stdout.
fn samples(path: &Path) -> anyhow::Result<ExitCode> {
    let (mut reader, mut frames) = (reader(path)?, Vec::new());
    let mut stdout = std::io::BufWriter::new(std::io::stdout().lock());
    while reader.read(FRAMES, &mut frames)? > 0 {
        for sample in &frames {
            stdout.write_all(&sample.to_le_bytes())?;
        }
    }
    stdout.flush()?;
    Ok(ExitCode::SUCCESS)
}

type Found = Result<(Facts, Levels), AudioError>;

/// Status, reason code and reason, as in the table `recordings`.
fn outcome(found: &Found) -> (&'static str, Option<String>, Option<String>) {
    match found {
        Ok((facts, _)) => match &facts.repair {
            None => ("ok", None, None),
            Some(repair) => ("repaired", Some(repair.code.to_string()), Some(repair.detail.clone())),
        },
        Err(AudioError::Rejected { code, detail, .. }) => ("rejected", Some(code.to_string()), Some(detail.clone())),
        Err(error) => ("rejected", Some("unreadable".to_owned()), Some(error.to_string())),
    }
}

/// The columns of `recordings` that follow from the file alone.
fn object(path: &Path, found: &Found) -> Value {
    let (status, code, reason) = outcome(found);
    let mut object = json!({"path": path.display().to_string(), "status": status, "reason_code": code, "reason": reason});
    if let Ok((facts, levels)) = found {
        object["lost_s"] = json!(facts.repair.as_ref().and_then(|repair| repair.lost_s));
        object["container"] = json!(facts.container);
        object["codec"] = json!(facts.codec);
        object["sample_rate_hz"] = json!(facts.sample_rate_hz);
        object["channels"] = json!(facts.channels);
        object["bits_per_sample"] = json!(Some(facts.bits_per_sample).filter(|&bits| bits > 0));
        object["frames"] = json!(facts.frames);
        object["duration_s"] = json!(facts.duration_s());
        object["level_dbfs"] = json!(levels.level_dbfs);
        object["peak_dbfs"] = json!(levels.peak_dbfs);
        object["clipped_fraction"] = json!(levels.clipped_fraction);
        object["dc_offset"] = json!(levels.dc_offset);
        object["dead_channels"] = json!(channels::listed(&levels.dead_channels));
    }
    object
}

fn row(path: &Path, found: &Found) -> [String; 8] {
    let (status, code, reason) = outcome(found);
    let damage = code.zip(reason).map(|(code, reason)| format!("{code}: {reason}"));
    let facts = match found {
        Ok((facts, levels)) => [
            facts.codec.clone(),
            facts.sample_rate_hz.to_string(),
            facts.channels.to_string(),
            format!("{:.3}", facts.duration_s()),
            levels.level_dbfs.map_or_else(|| "-inf".to_owned(), |level| format!("{level:.1}")),
        ],
        Err(_) => std::array::from_fn(|_| String::new()),
    };
    let dead = found.as_ref().ok().and_then(|(_, levels)| channels::listed(&levels.dead_channels));
    let dead = dead.map(|numbers| format!("nothing recorded on channel {numbers}"));
    let wrong: Vec<String> = damage.into_iter().chain(dead).collect();
    let [codec, rate, channels, seconds, level] = facts;
    [path.display().to_string(), status.to_owned(), codec, rate, channels, seconds, level, wrong.join("; ")]
}
