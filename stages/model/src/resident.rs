//! A dataset whose features lie on the device that computes, where they fit: on CUDA, no step then waits for a copy.

use std::sync::{Mutex, PoisonError};

use tch::{Device, Tensor};

use crate::dataset::Dataset;
use crate::{Error, Result, device};

/// Rows that are copied at once while the dataset is moved.
const CHUNK: usize = 1024;

/// Features on the device; labels where they were.
pub struct Resident<'a> {
    data: &'a dyn Dataset,
    /// `[row, channel, …]`; libtorch's handles are not made to be shared between threads.
    features: Mutex<Tensor>,
}

impl<'a> Resident<'a> {
    /// Moves all features to a device, piece by piece.
    ///
    /// # Errors
    /// An empty dataset, rows that cannot be read, or a device without room for them.
    pub fn new(data: &'a dyn Dataset, device: Device) -> Result<Self> {
        let rows: Vec<usize> = (0..data.len()).collect();
        let mut all: Option<Tensor> = None;
        for rows in rows.chunks(CHUNK) {
            let part = device::send(&data.inputs(rows)?, device)?;
            let all = match &all {
                Some(all) => all,
                None => {
                    let mut shape = part.size();
                    shape[0] = data.len() as i64;
                    all.insert(Tensor::f_empty(shape, (part.f_kind()?, device))?)
                }
            };
            all.f_narrow(0, rows[0] as i64, rows.len() as i64)?.f_copy_(&part)?;
        }
        Ok(Self { data, features: Mutex::new(all.ok_or(Error::Empty)?) })
    }
}

impl Dataset for Resident<'_> {
    fn len(&self) -> usize {
        self.data.len()
    }

    fn supposed(&self) -> usize {
        self.data.supposed()
    }

    fn inputs(&self, rows: &[usize]) -> Result<Tensor> {
        let features = self.features.lock().unwrap_or_else(PoisonError::into_inner);
        let rows: Vec<i64> = rows.iter().map(|&row| row as i64).collect();
        Ok(features.f_index_select(0, &device::send(&Tensor::f_from_slice(&rows)?, features.device())?)?)
    }

    fn labels(&self, rows: &[usize]) -> Result<(Tensor, Tensor)> {
        self.data.labels(rows)
    }
}
