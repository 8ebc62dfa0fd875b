//! Signal processing on slices of samples: one rate, windows, log-mel spectrograms.

pub mod logmel;
pub mod resample;
pub mod windows;
