//! Decoding ahead: a thread makes the next part of a recording while the one before is taken.

use std::sync::mpsc::{SyncSender, sync_channel};

use chorus_engine::WorkError;

use crate::error::AudioError;

/// Why the thread that makes parts ended early.
#[derive(Debug)]
pub enum Ended {
    /// The recording cannot be decoded.
    Audio(AudioError),
    /// Nobody takes parts any more.
    Left,
}

impl From<AudioError> for Ended {
    fn from(error: AudioError) -> Self {
        Self::Audio(error)
    }
}

/// Where parts are handed over.
#[derive(Debug)]
pub struct Hand<T>(SyncSender<T>);

impl<T> Hand<T> {
    /// Hands a part over; waits while as many wait as may.
    ///
    /// # Errors
    /// [`Ended::Left`].
    pub fn over(&self, part: T) -> Result<(), Ended> {
        self.0.send(part).map_err(|_| Ended::Left)
    }
}

/// Makes parts of the recording at `path` on a thread of its own and takes them here, in order. At most `waiting` parts wait, besides the one
/// that is taken and the one in the making.
///
/// # Errors
/// Those of `take`, after which no more is made; else those of `make`.
pub fn ahead<T: Send>(
    path: &str,
    waiting: usize,
    make: impl FnOnce(&Hand<T>) -> Result<(), Ended> + Send,
    take: impl FnMut(T) -> Result<(), WorkError>,
) -> Result<(), WorkError> {
    let (send, parts) = sync_channel(waiting);
    std::thread::scope(|scope| {
        let making = scope.spawn(move || make(&Hand(send)));
        // Leaving early drops the receiving end, and with that ends the making.
        let taken = parts.into_iter().try_for_each(take);
        let made = making.join().unwrap_or(Err(Ended::Left));
        match (taken, made) {
            (Err(error), _) => Err(error),
            (Ok(()), Err(Ended::Audio(error))) => Err(error.into()),
            (Ok(()), Err(Ended::Left)) => Err(format!("{path}: decoding ended without a reason").into()),
            (Ok(()), Ok(())) => Ok(()),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(hand: &Hand<u32>) -> Result<(), Ended> {
        (0..100).try_for_each(|n| hand.over(n))
    }

    #[test]
    fn parts_come_in_order_and_an_early_end_of_either_side_ends_the_other() {
        for waiting in [0, 1, 200] {
            let mut taken = Vec::new();
            ahead("a", waiting, count, |n| {
                taken.push(n);
                Ok(())
            })
            .unwrap();
            assert_eq!(taken, (0..100).collect::<Vec<_>>());
            let error = ahead("a", waiting, count, |n| if n < 3 { Ok(()) } else { Err("enough".into()) }).unwrap_err();
            assert_eq!(error.to_string(), "enough");
            let error = ahead("a.wav", waiting, |hand: &Hand<u32>| hand.over(1).and(Err(Ended::Left)), |_| Ok(())).unwrap_err();
            assert_eq!(error.to_string(), "a.wav: decoding ended without a reason");
        }
    }
}
