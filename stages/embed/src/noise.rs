//! A backbone, tried out on noise: its inputs and outputs, its speed, and what its contract lacks.

use std::time::Instant;

use rayon::prelude::*;
use serde::Serialize;

use crate::error::BackboneError;
use crate::opened::Opened;

/// What was found.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    name: String,
    id: String,
    inputs: Vec<String>,
    outputs: Vec<String>,
    /// Values of an embedding; none where the contract names none.
    embedding: Option<usize>,
    windows_per_s: f64,
    times_real_time: f64,
    notes: Vec<String>,
}

/// Seconds of trying.
const LONG_ENOUGH_S: f64 = 3.0;

/// Runs the backbone on batches of noise, one in each thread of the pool at a time.
///
/// # Errors
/// Those of [`Opened::hear`].
pub(crate) fn report(opened: &Opened, batch: usize) -> Result<Report, BackboneError> {
    let contract = opened.contract();
    let mut noise = Noise(0x9E37_79B9_7F4A_7C15);
    let sound: Vec<f32> = (0..batch * contract.samples()).map(|_| noise.next()).collect();
    let mut notes = Vec::new();
    let (mut embedding, mut windows_per_s) = (None, 0.0);
    if contract.outputs.embedding.is_some() {
        let first = opened.hear(&sound)?;
        embedding = first.first().map(|heard| heard.embedding.len());
        if opened.hear(&sound)? != first {
            notes.push("the same sound gives other embeddings each time: the backbone draws random numbers".to_owned());
        }
        if first.windows(2).any(|pair| pair[0].embedding == pair[1].embedding) {
            notes.push("different windows give the same embedding: check input.shape and the names of the outputs".to_owned());
        }
        let (start, mut done) = (Instant::now(), 0);
        while start.elapsed().as_secs_f64() < LONG_ENOUGH_S {
            let made: Result<Vec<_>, _> =
                (0..rayon::current_num_threads()).into_par_iter().map(|_| opened.hear(&sound)).collect();
            done += made?.iter().map(Vec::len).sum::<usize>();
        }
        windows_per_s = done as f64 / start.elapsed().as_secs_f64();
    } else {
        notes.push("the contract names no embedding: the stage embed cannot use this backbone".to_owned());
    }
    for (key, is_given) in
        [("license", contract.license.is_some()), ("source", contract.source.is_some()), ("hash", contract.hash.is_some())]
    {
        if !is_given {
            notes.push(format!("the contract lacks {key}"));
        }
    }
    if contract.forbids_commercial_use() {
        notes.push("the licence forbids commercial use: so will that of each head on its embeddings".to_owned());
    }
    let ports = |ports: &[crate::Port]| ports.iter().map(|port| format!("{} {}", port.name, port.kind)).collect();
    Ok(Report {
        name: contract.name.clone(),
        id: opened.id().to_owned(),
        inputs: ports(opened.backbone().inputs()),
        outputs: ports(opened.backbone().outputs()),
        embedding,
        windows_per_s,
        times_real_time: windows_per_s * contract.window_s,
        notes,
    })
}

/// White noise at a tenth of full scale.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f32 {
        // xorshift64 (Marsaglia 2003): any sound does that is not regular.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 40) as f32 / (1u32 << 23) as f32 - 1.0) * 0.1
    }
}
