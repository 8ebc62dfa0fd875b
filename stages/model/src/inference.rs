//! From inputs to embeddings and logits.

use tch::Tensor;

use crate::dataset::Dataset;
use crate::device::{self, HOST};
use crate::network::Frozen;
use crate::{Error, Result};

/// What a network makes of some windows, in the processor's memory.
#[derive(Debug)]
pub struct Prediction {
    /// `[batch, embedding]`
    pub embeddings: Tensor,
    /// `[batch, class]`
    pub logits: Tensor,
}

/// Predicts one batch of inputs, as the network takes them before they are normalised.
///
/// # Errors
/// Inputs of another shape than the network's.
pub fn predict_batch(network: &Frozen, inputs: &Tensor) -> Result<Prediction> {
    let _no_grad = tch::no_grad_guard();
    let inputs = device::send(inputs, network.device())?.f_to_kind(network.kind())?;
    let embeddings = network.embed(&network.options().architecture.normalisation().apply(&inputs)?)?;
    let logits = network.head(&embeddings)?;
    Ok(Prediction { embeddings: embeddings.f_to_device(HOST)?, logits: logits.f_to_device(HOST)? })
}

/// Embeddings and logits of some rows, batch by batch.
///
/// # Errors
/// No rows, or rows that cannot be read.
pub fn predict(network: &Frozen, data: &dyn Dataset, rows: &[usize], batch_size: usize) -> Result<Prediction> {
    if rows.is_empty() {
        return Err(Error::Empty);
    }
    let batches = rows.chunks(batch_size).map(|rows| predict_batch(network, &data.inputs(rows)?)).collect::<Result<Vec<_>>>()?;
    let all = |part: fn(&Prediction) -> &Tensor| Tensor::f_cat(&batches.iter().map(part).collect::<Vec<_>>(), 0);
    Ok(Prediction { embeddings: all(|batch| &batch.embeddings)?, logits: all(|batch| &batch.logits)? })
}
