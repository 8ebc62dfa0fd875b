//! Reads batches ahead of the training, on threads of its own.
//!
//! Which rows a batch holds is decided before any is read, and batches come in that order whatever the threads do: how many there
//! are changes nothing but the speed. At most [`AHEAD`] batches wait for each thread, so memory does not grow with the dataset.

use std::ops::ControlFlow;
use std::sync::mpsc::sync_channel;

use tch::{Device, Tensor};

use crate::dataset::Dataset;
use crate::{Error, Result, device};

/// Batches that wait for each thread, besides the one that it reads.
const AHEAD: usize = 2;

/// What to read for one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job<'a> {
    /// The batch.
    pub rows: &'a [usize],
    /// Rows whose sound is laid under examples of the batch, in the order of the examples.
    pub background: &'a [usize],
}

/// What was read for one step. Where the training computes on CUDA it lies in pinned memory, from which copies need no waiting.
#[derive(Debug)]
pub struct Batch {
    /// `[batch, channel, …]`, as the network takes them.
    pub inputs: Tensor,
    /// `[batch, class]`
    pub labels: Tensor,
    /// 1 where a label is known, `[batch, class]`.
    pub mask: Tensor,
    /// Inputs of the background rows, if there are any.
    pub background: Option<Tensor>,
}

impl Batch {
    fn read(data: &dyn Dataset, job: &Job<'_>, device: Device) -> Result<Self> {
        let (labels, mask) = data.labels(job.rows)?;
        let background = (!job.background.is_empty()).then(|| data.inputs(job.background)).transpose()?;
        let pin = |tensor: Tensor| device::pin(tensor, device);
        Ok(Self {
            inputs: pin(data.inputs(job.rows)?)?,
            labels: pin(labels)?,
            mask: pin(mask)?,
            background: background.map(pin).transpose()?,
        })
    }
}

/// Hands the batches to `consume`, in order, until one breaks off. They are read by `threads` threads; with none, by this one.
///
/// # Errors
/// Those of reading, and those of `consume`.
pub fn for_each_batch(
    data: &dyn Dataset,
    jobs: &[Job<'_>],
    threads: usize,
    device: Device,
    mut consume: impl FnMut(&Job<'_>, Batch) -> Result<ControlFlow<()>>,
) -> Result<ControlFlow<()>> {
    if threads == 0 {
        for job in jobs {
            if consume(job, Batch::read(data, job, device)?)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        return Ok(ControlFlow::Continue(()));
    }
    std::thread::scope(|scope| {
        let queues: Vec<_> = (0..threads.min(jobs.len()))
            .map(|thread| {
                let (filled, queue) = sync_channel(AHEAD);
                scope.spawn(move || {
                    for job in jobs.iter().skip(thread).step_by(threads) {
                        // Nobody listens any more once the training has broken off.
                        if filled.send(Batch::read(data, job, device)).is_err() {
                            return;
                        }
                    }
                });
                queue
            })
            .collect();
        for (index, job) in jobs.iter().enumerate() {
            let ended = |_| Error::Caller("a thread that reads batches ended early".into());
            let batch = queues[index % threads].recv().map_err(ended)??;
            if consume(job, batch)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::HOST;

    /// Row numbers as features; a row can be broken.
    struct Numbers {
        broken: Option<usize>,
    }

    impl Dataset for Numbers {
        fn len(&self) -> usize {
            100
        }

        fn inputs(&self, rows: &[usize]) -> Result<Tensor> {
            if let Some(row) = rows.iter().find(|row| Some(**row) == self.broken) {
                return Err(Error::Caller(format!("row {row} cannot be read").into()));
            }
            // Early batches take longest, so that a queue that were not in order would show.
            std::thread::sleep(std::time::Duration::from_micros(100 * (100 - rows[0] as u64)));
            Ok(Tensor::from_slice(&rows.iter().map(|&row| row as f32).collect::<Vec<_>>()).view([-1, 1, 1, 1]))
        }

        fn labels(&self, rows: &[usize]) -> Result<(Tensor, Tensor)> {
            let ones = Tensor::ones([rows.len() as i64, 1], (tch::Kind::Float, HOST));
            Ok((ones.copy(), ones))
        }
    }

    fn first_rows(data: &Numbers, threads: usize, stop_at: usize) -> Result<Vec<f64>> {
        let rows: Vec<usize> = (0..100).collect();
        let jobs: Vec<Job<'_>> = rows.chunks(5).map(|rows| Job { rows, background: &rows[..1] }).collect();
        let mut seen = Vec::new();
        let _ = for_each_batch(data, &jobs, threads, HOST, |job, batch| {
            assert_eq!(batch.inputs.size(), [5, 1, 1, 1]);
            assert_eq!(batch.background.unwrap().double_value(&[0, 0, 0, 0]), job.rows[0] as f64);
            seen.push(batch.inputs.double_value(&[0, 0, 0, 0]));
            Ok(if seen.len() == stop_at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        Ok(seen)
    }

    #[test]
    fn batches_come_in_order_whatever_the_number_of_threads() {
        let expected: Vec<f64> = (0..20).map(|batch| f64::from(batch) * 5.0).collect();
        for threads in [0, 1, 3, 50] {
            assert_eq!(first_rows(&Numbers { broken: None }, threads, 1000).unwrap(), expected, "{threads}");
        }
    }

    #[test]
    fn breaking_off_and_failing_end_all_threads() {
        for threads in [0, 2] {
            assert_eq!(first_rows(&Numbers { broken: None }, threads, 3).unwrap(), [0.0, 5.0, 10.0]);
            let failure = first_rows(&Numbers { broken: Some(17) }, threads, 1000).unwrap_err();
            assert!(failure.to_string().contains("row 17"), "{failure}");
        }
    }
}
