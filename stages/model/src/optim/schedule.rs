//! The learning rate of each epoch.

/// The learning rate of an epoch, counted from 0: `warmup` epochs of a straight rise to `peak`, then half a cosine down to 0.
pub fn scheduled(peak: f64, epoch: usize, warmup: usize, epochs: usize) -> f64 {
    if epoch < warmup {
        return peak * (epoch + 1) as f64 / (warmup + 1) as f64;
    }
    cosine(peak, epoch - warmup, epochs.saturating_sub(warmup).max(1))
}

/// The learning rate of an epoch, counted from 0: half a cosine from `first` to 0 over all `epochs`.
pub fn cosine(first: f64, epoch: usize, epochs: usize) -> f64 {
    first * (1.0 + (std::f64::consts::PI * epoch as f64 / epochs as f64).cos()) / 2.0
}
