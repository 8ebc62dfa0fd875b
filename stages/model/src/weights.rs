//! State dicts to safetensors bytes and back. Equal tensors give equal bytes: names are sorted, and every tensor is
//! written row by row whatever its layout in memory.

use std::collections::{BTreeMap, HashMap};

use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};
use tch::{Kind, Tensor};

use crate::device::HOST;
use crate::{Error, Result};

/// A file's or a network's tensors by name.
pub type StateDict = BTreeMap<String, Tensor>;

/// The one entry of the file's metadata; several would be written in the order of a hash map.
const NOTE: &str = "chorus";

/// Serialises tensors, with a note in the file's header if there is one.
///
/// # Errors
/// A number type that is not bool, i64, f16, bf16, f32 or f64.
pub fn to_bytes(state: &StateDict, note: Option<String>) -> Result<Vec<u8>> {
    let mut tensors = Vec::with_capacity(state.len());
    for (name, tensor) in state {
        let kind = tensor.f_kind()?;
        let dtype = DTYPES.iter().find(|pair| pair.0 == kind).ok_or_else(|| unknown(name, format!("{kind:?}")))?.1;
        let mut bytes = vec![0; tensor.numel() * kind.elt_size_in_bytes()];
        tensor.f_to_device(HOST)?.f_contiguous()?.f_copy_data_u8(&mut bytes, tensor.numel())?;
        let shape: Vec<usize> = tensor.size().into_iter().map(|size| size as usize).collect();
        tensors.push((name, dtype, shape, bytes));
    }
    let views = (tensors.iter())
        .map(|(name, dtype, shape, bytes)| Ok((name.as_str(), TensorView::new(*dtype, shape.clone(), bytes)?)))
        .collect::<Result<Vec<_>>>()?;
    Ok(serialize(views, note.map(|note| HashMap::from([(NOTE.to_owned(), note)])))?)
}

/// The tensors of a safetensors file, in the processor's memory.
///
/// # Errors
/// Damaged bytes, or a number type that libtorch lacks.
pub fn from_bytes(bytes: &[u8]) -> Result<StateDict> {
    let mut state = StateDict::new();
    for (name, view) in SafeTensors::deserialize(bytes)?.tensors() {
        let dtype = view.dtype();
        let kind = DTYPES.iter().find(|pair| pair.1 == dtype).ok_or_else(|| unknown(&name, format!("{dtype:?}")))?.0;
        let shape: Vec<i64> = view.shape().iter().map(|&size| size as i64).collect();
        state.insert(name, Tensor::f_from_data_size(view.data(), &shape, kind)?);
    }
    Ok(state)
}

/// The tensor of a state dict that has this name.
///
/// # Errors
/// [`Error::Weights`] when there is none.
pub(crate) fn tensor<'a>(state: &'a StateDict, name: &str) -> Result<&'a Tensor> {
    state.get(name).ok_or_else(|| Error::Weights { expected: format!("a tensor `{name}`"), found: "none".to_owned() })
}

/// Refuses a tensor of another shape.
///
/// # Errors
/// [`Error::Weights`] with both shapes.
pub(crate) fn check_shape(name: &str, expected: &[i64], tensor: &Tensor) -> Result<()> {
    if tensor.size() == expected {
        return Ok(());
    }
    let expected = format!("a tensor `{name}` of shape {expected:?}");
    Err(Error::Weights { expected, found: format!("shape {:?}", tensor.size()) })
}

/// The note in a file's header.
///
/// # Errors
/// Damaged bytes.
pub fn note(bytes: &[u8]) -> Result<Option<String>> {
    let (_, header) = SafeTensors::read_metadata(bytes)?;
    Ok(header.metadata().as_ref().and_then(|notes| notes.get(NOTE).cloned()))
}

const DTYPES: [(Kind, Dtype); 6] = [
    (Kind::Bool, Dtype::BOOL),
    (Kind::Int64, Dtype::I64),
    (Kind::Half, Dtype::F16),
    (Kind::BFloat16, Dtype::BF16),
    (Kind::Float, Dtype::F32),
    (Kind::Double, Dtype::F64),
];

fn unknown(name: &str, found: String) -> Error {
    Error::Weights { expected: format!("bool, i64, f16, bf16, f32 or f64 in `{name}`"), found }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_come_back_whatever_their_layout() {
        let plain = Tensor::arange(24, (Kind::Float, HOST)).view([2, 3, 2, 2]);
        let channels_last = plain.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]);
        assert_ne!(plain.stride(), channels_last.stride());
        let state = StateDict::from([
            ("b.weight".to_owned(), channels_last),
            ("a.count".to_owned(), Tensor::from(7i64)),
            ("c.double".to_owned(), Tensor::from_slice(&[1e-300, f64::INFINITY])),
        ]);
        let bytes = to_bytes(&state, Some("{}".to_owned())).unwrap();
        assert_eq!(bytes, to_bytes(&state, Some("{}".to_owned())).unwrap());
        let back = from_bytes(&bytes).unwrap();
        assert_eq!(back["b.weight"], plain);
        assert_eq!(back["a.count"].int64_value(&[]), 7);
        assert_eq!(back["c.double"], state["c.double"]);
        assert_eq!(note(&bytes).unwrap().as_deref(), Some("{}"));
        assert_eq!(note(&to_bytes(&state, None).unwrap()).unwrap(), None);
    }

    #[test]
    fn damaged_bytes_are_refused() {
        let state = StateDict::from([("a".to_owned(), Tensor::from_slice(&[1f32, 2.0]))]);
        let bytes = to_bytes(&state, None).unwrap();
        for cut in [0, 4, 20, bytes.len() - 1] {
            assert!(matches!(from_bytes(&bytes[..cut]), Err(Error::Safetensors(_))), "{cut}");
        }
    }
}
