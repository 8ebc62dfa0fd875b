//! Stage `featurize`: audio into log-mel spectrograms, the table `features`, one row per window: `[mel, frame]` in dB as float16.
//!
//! Recordings are decoded, mixed to mono and resampled in a stream, several at once, while those before are written.

use std::sync::Arc;

use arrow::array::{ArrayRef, FixedSizeBinaryBuilder};
use chorus_engine::{ScanContext, Unit, UnitContext, Work, WorkError};

use crate::dsp::logmel::MelConfig;
use crate::extract::{Extractor, for_each_group, jobs};

/// The stage.
pub struct Featurize;

impl Work for Featurize {
    fn bytes_needed(&self, cx: &ScanContext<'_>, units: &[&Unit]) -> Result<u64, WorkError> {
        let extractor = Extractor::new(&cx.settings::<MelConfig>()?, cx.value("segment.window_s")?)?;
        let mut rows = 0;
        for partition in cx.partitions("segments")?.iter().filter(|p| units.contains(&&p.unit)) {
            rows += cx.read_partition("segments", partition, &["index"])?.rows();
        }
        Ok((rows * 2 * extractor.len()) as u64)
    }

    fn run(&self, cx: &UnitContext<'_>) -> Result<(), WorkError> {
        let extractor = Extractor::new(&cx.settings::<MelConfig>()?, cx.value("segment.window_s")?)?;
        let width = 2 * extractor.len();
        let mut sink = cx.sink("features", &extractor.shape())?;
        for_each_group(cx, &extractor, &jobs(cx, cx.value("archive.channel")?)?, |segment_ids, bytes| {
            let mut arrays = FixedSizeBinaryBuilder::with_capacity(segment_ids.len(), i32::try_from(width)?);
            for array in bytes.chunks_exact(width) {
                arrays.append_value(array)?;
            }
            let batch = sink
                .builder()
                .column("segment_id", segment_ids)
                .array("logmel", Arc::new(arrays.finish()) as ArrayRef)
                .build()?;
            Ok(sink.write(&batch)?)
        })?;
        sink.finish()?;
        Ok(())
    }
}
