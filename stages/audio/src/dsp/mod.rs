//! Signal processing on slices of samples: one rate, a high-pass, windows, log-mel spectrograms.

pub mod high_pass;
pub mod instructions;
pub mod logmel;
pub mod resample;
pub mod windows;
