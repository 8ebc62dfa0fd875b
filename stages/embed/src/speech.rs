//! Stage `speech`: the probability of speech in each second of every recording, by a backbone for voices; the table `speech`.
//!
//! Such a backbone takes short frames in their order, and hands a state from one to the next.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;

use chorus_archive::Archive;
use chorus_audio::container;
use chorus_audio::dsp::windows::{Cut, for_each_window};
use chorus_audio::recordings::{Recording, recordings};
use chorus_engine::{EngineError, Scan, ScanContext, UnitContext, Work, WorkError};
use chorus_tables::UtcMicros;
use rayon::prelude::*;

use crate::backbone::{Array, Runtime};
use crate::declare::{VOICE, VOICE_CONTRACT};
use crate::embed::open;
use crate::opened::Opened;

/// The stage, with the runtime that opens the backbone.
pub struct FindSpeech<R>(pub R);

/// The backbone, opened with the first unit that is made.
#[derive(Default)]
pub struct Loaded(OnceLock<Result<Opened, String>>);

/// Frames that the backbone is given at once: the state goes on between them, so that their number changes nothing but the speed.
const AT_ONCE: usize = 512;
/// Memory that the program may take with the backbone in it, GiB. One for voices has some megabytes.
const MEMORY_GIB: f64 = 4.0;

impl<R: Runtime> Work for FindSpeech<R> {
    type Found = Loaded;

    fn scan(&self, _: &ScanContext<'_>) -> Result<Scan<Loaded>, WorkError> {
        Ok(Scan::default())
    }

    fn run(&self, cx: &UnitContext<'_>, loaded: &Loaded) -> Result<(), WorkError> {
        let opened = loaded.0.get_or_init(|| self.open(cx).map_err(|e| e.to_string())).as_ref().map_err(String::clone)?;
        let recordings = recordings(cx, cx.value("archive.channel")?)?;
        let archive = cx.archive()?;
        let hear = |recording: &Recording| -> Result<Vec<f32>, WorkError> {
            if cx.stopping() {
                return Err(EngineError::Stopped.into());
            }
            seconds(opened, archive, recording).map_err(|e| match e.downcast::<EngineError>() {
                Ok(error) => error.into(),
                Err(error) => format!("{}: {}", recording.path, chorus_engine::message(&*error)).into(),
            })
        };
        let heard: Vec<Vec<f32>> = recordings.par_iter().map(hear).collect::<Result<_, _>>()?;
        let mut rows: Vec<(&Recording, usize, f32)> = recordings
            .iter()
            .zip(&heard)
            .flat_map(|(recording, seconds)| seconds.iter().enumerate().map(move |(second, &p)| (recording, second, p)))
            .collect();
        rows.sort_by(|a, b| (&a.0.id, a.1).cmp(&(&b.0.id, b.1)));
        let utc = |(recording, second, _): &(&Recording, usize, f32)| {
            recording.start_utc.map(|start| UtcMicros(start + *second as i64 * 1_000_000))
        };
        cx.write("speech", |batch| {
            batch
                .column("recording_id", rows.iter().map(|row| &row.0.id))
                .column("second", rows.iter().map(|row| row.1 as u64))
                .column("start_utc", rows.iter().map(utc))
                .column("probability", rows.iter().map(|row| row.2))
        })?;
        Ok(())
    }
}

impl<R: Runtime> FindSpeech<R> {
    fn open(&self, cx: &UnitContext<'_>) -> Result<Opened, WorkError> {
        let path = cx.file(VOICE)?.ok_or("privacy.backbone names no file")?;
        let contract: PathBuf = cx.file(VOICE_CONTRACT)?.unwrap_or_else(|| chorus_card::Contract::beside(&path));
        let threads = rayon::current_num_threads().max(1);
        open(&self.0, &path, &contract, &cx.value::<String>("device")?, threads, cx.budget().backbone_gib(MEMORY_GIB))
    }
}

/// The highest probability of speech in each second of a recording.
fn seconds(opened: &Opened, archive: &dyn Archive, recording: &Recording) -> Result<Vec<f32>, WorkError> {
    let contract = opened.contract();
    let length_s = recording.frames as f64 / f64::from(recording.rate_hz);
    let count = (length_s / contract.window_s).floor() as usize;
    let rate = f64::from(recording.rate_hz);
    let starts: Vec<u64> = (0..count).map(|frame| (frame as f64 * contract.window_s * rate).round() as u64).collect();
    let mut found = vec![0.0_f32; length_s.ceil() as usize];
    let mut listener = Listener::new(opened);
    let mut heard = 0;
    let mut note = |probabilities: Vec<f32>| {
        for probability in probabilities {
            // A frame on the edge of two seconds tells of both. A microsecond off the end is no sample of any rate.
            let (start_s, end_s) = (heard as f64 * contract.window_s, (heard + 1) as f64 * contract.window_s - 1e-6);
            for highest in found.iter_mut().take(end_s as usize + 1).skip(start_s as usize) {
                *highest = highest.max(probability.clamp(0.0, 1.0));
            }
            heard += 1;
        }
    };
    let mut reader = container::open(archive, &recording.path)?;
    let cut = Cut {
        rate_hz: contract.sample_rate_hz,
        high_pass_hz: contract.input.high_pass_hz,
        window_s: contract.window_s,
        channels: &recording.channels,
        starts: &starts,
    };
    for_each_window(&mut reader, cut, |window| -> Result<(), WorkError> {
        note(listener.hear(window.samples)?);
        Ok(())
    })?;
    note(listener.finish()?);
    Ok(found)
}

/// Gives frames to the backbone in their order, each with the samples before it and the state so far.
struct Listener<'a> {
    opened: &'a Opened,
    states: BTreeMap<String, Array>,
    /// The last samples of the frame before.
    before: Vec<f32>,
    /// Frames that wait, each with the samples before it.
    waiting: Vec<f32>,
    frames: usize,
}

impl<'a> Listener<'a> {
    fn new(opened: &'a Opened) -> Self {
        let input = &opened.contract().input;
        let zeros = |shape: &Vec<usize>| Array { shape: shape.clone(), values: vec![0.0; shape.iter().product()] };
        let states = input.states.iter().map(|state| (state.input.clone(), zeros(&state.shape))).collect();
        Self { opened, states, before: vec![0.0; input.context_samples], waiting: Vec::new(), frames: 0 }
    }

    /// Takes the next frame; gives the probabilities of those that were given to the backbone.
    fn hear(&mut self, frame: &[f32]) -> Result<Vec<f32>, WorkError> {
        self.waiting.extend_from_slice(&self.before);
        self.waiting.extend_from_slice(frame);
        self.frames += 1;
        let context = self.before.len();
        self.before.clear();
        self.before.extend_from_slice(&frame[frame.len() - context.min(frame.len())..]);
        let most = if self.opened.contract().has_batches() { AT_ONCE } else { 1 };
        if self.frames == most { self.finish() } else { Ok(Vec::new()) }
    }

    fn finish(&mut self) -> Result<Vec<f32>, WorkError> {
        if self.frames == 0 {
            return Ok(Vec::new());
        }
        let sound = std::mem::take(&mut self.waiting);
        let frames = std::mem::take(&mut self.frames);
        Ok(self.opened.speech(sound, frames, &mut self.states)?)
    }
}
