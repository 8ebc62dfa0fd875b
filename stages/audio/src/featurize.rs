//! Stage `featurize`: audio into log-mel spectrograms, the table `features`, one row per window: `[mel, frame]` in dB as float16.
//!
//! Recordings are decoded, mixed to mono and resampled in a stream, several at once, while those before are written.

use std::sync::Arc;

use arrow::array::{ArrayRef, FixedSizeBinaryArray};
use arrow::buffer::Buffer;
use chorus_engine::graph::{Input, Output, Pass, Per, learns_from_embeddings, predicts_from_features};
use chorus_engine::{Config, Scan, ScanContext, Unit, UnitContext, Work, WorkError};

use crate::dsp::logmel::MelConfig;
use crate::extract::{Extractor, for_each_group, jobs};

/// The stage.
pub struct Featurize;

impl Featurize {
    /// What the stage declares of itself. Without a model from elsewhere one is trained, and training reads features.
    pub fn declare(config: &Config) -> Option<Pass> {
        let trains = config.text("model.path").is_none() && !learns_from_embeddings(config);
        let is_needed = trains || predicts_from_features(config);
        is_needed.then(|| Pass {
            code_version: 3,
            inputs: vec![Input::Archive, Input::Table("recordings"), Input::Table("segments")],
            outputs: vec![Output::Table("features")],
            keys: vec!["archive.channel", "featurize.*", "segment.window_s"],
            exploratory: true,
            ..Pass::new("featurize", Per::SiteDay)
        })
    }
}

impl Work for Featurize {
    type Found = ();

    fn scan(&self, _: &ScanContext<'_>) -> Result<Scan<()>, WorkError> {
        Ok(Scan::default())
    }

    fn bytes_needed(&self, cx: &ScanContext<'_>, units: &[&Unit]) -> Result<u64, WorkError> {
        let featurize = cx.settings::<MelConfig>()?;
        let extractor = Extractor::new(&featurize, cx.value("segment.window_s")?)?;
        let mut rows = 0;
        for partition in cx.partitions("segments")?.iter().filter(|p| units.contains(&&p.unit)) {
            rows += cx.read_partition("segments", partition, &["index"])?.rows();
        }
        Ok((rows * 2 * extractor.len()) as u64)
    }

    fn run(&self, cx: &UnitContext<'_>, (): &()) -> Result<(), WorkError> {
        let featurize = cx.settings::<MelConfig>()?;
        let extractor = Extractor::new(&featurize, cx.value("segment.window_s")?)?;
        let width = 2 * extractor.len();
        let mut sink = cx.sink("features", &extractor.shape())?;
        for_each_group(cx, &extractor, &jobs(cx, cx.value("archive.channel")?)?, |segment_ids, bytes| {
            let arrays = FixedSizeBinaryArray::try_new(i32::try_from(width)?, Buffer::from_vec(bytes), None)?;
            let batch = sink.builder().column("segment_id", segment_ids).array("logmel", Arc::new(arrays) as ArrayRef).build()?;
            Ok(sink.write(&batch)?)
        })?;
        sink.finish()?;
        Ok(())
    }
}
