//! Signal processing on slices of samples: one rate, a high-pass, windows, log-mel and power spectrograms.

pub mod high_pass;
pub mod instructions;
pub mod logmel;
pub(crate) mod powers;
pub mod resample;
pub mod windows;
