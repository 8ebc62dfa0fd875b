//! Weights of heads as safetensors.

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use crate::HeadError;

/// Numbers with a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// The name.
    pub name: &'static str,
    /// Lengths of the dimensions.
    pub shape: Vec<usize>,
    /// The numbers.
    pub values: Vec<f32>,
}

/// The bytes of a file of weights.
///
/// # Errors
/// [`HeadError::Weights`], when shapes and numbers do not fit: a fault of the program.
pub(crate) fn to_bytes(tensors: &[Tensor]) -> Result<Vec<u8>, HeadError> {
    let bytes: Vec<Vec<u8>> = tensors.iter().map(|t| t.values.iter().flat_map(|value| value.to_le_bytes()).collect()).collect();
    let failed =
        |e: safetensors::SafeTensorError| HeadError::Weights { found: e.to_string(), expected: "tensors that fit".into() };
    let views = tensors
        .iter()
        .zip(&bytes)
        .map(|(tensor, bytes)| Ok((tensor.name, TensorView::new(Dtype::F32, tensor.shape.clone(), bytes).map_err(failed)?)));
    let views = views.collect::<Result<Vec<_>, HeadError>>()?;
    safetensors::serialize(views, None).map_err(failed)
}

/// One tensor of a file; `shape` is the expected one, 0 standing for any length.
///
/// # Errors
/// [`HeadError::Weights`] with the tensor's name.
pub(crate) fn tensor(tensors: &SafeTensors<'_>, name: &str, shape: &[usize]) -> Result<(Vec<usize>, Vec<f32>), HeadError> {
    let expected = || format!("{name} with shape {shape:?} of float32");
    let found = tensors.tensor(name).map_err(|e| HeadError::Weights { found: e.to_string(), expected: expected() })?;
    let fits = found.shape().len() == shape.len() && found.shape().iter().zip(shape).all(|(a, b)| a == b || *b == 0);
    if !fits || found.dtype() != Dtype::F32 {
        let found = format!("{name} with shape {:?} of {:?}", found.shape(), found.dtype());
        return Err(HeadError::Weights { found, expected: expected() });
    }
    let values = found.data().chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect();
    Ok((found.shape().to_vec(), values))
}

/// Opens the bytes of a file of weights.
///
/// # Errors
/// [`HeadError::Weights`].
pub(crate) fn open(bytes: &[u8]) -> Result<SafeTensors<'_>, HeadError> {
    let expected = "a safetensors file".to_owned();
    SafeTensors::deserialize(bytes).map_err(|e| HeadError::Weights { found: e.to_string(), expected })
}
