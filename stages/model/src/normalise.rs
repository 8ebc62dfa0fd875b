//! Min-max normalisation of decibel features to 0..1, per clip.
//!
//! Per clip, as the method says; the authors' code takes the whole batch, where a clip's score depends on its
//! neighbours. At n_fft 512 the lowest HTK band is empty and always -100 dB, so that is every clip's minimum.

use tch::Tensor;

use crate::Result;
use crate::onnx::{Attribute, Graph, Value};

/// The name of [`min_max`] on a model's card.
pub const NORMALISATION: &str = "min_max_per_window";

/// Maps each clip of `[batch, channel, mel, frame]` linearly to 0..1; a clip of one value becomes 0.
///
/// # Errors
/// libtorch's only.
pub fn min_max(features: &Tensor) -> Result<Tensor> {
    let dims = [1, 2, 3];
    let minimum = features.f_amin(dims, true)?;
    let range = features.f_amax(dims, true)?.f_sub(&minimum)?.f_clamp_min(f64::from(f32::MIN_POSITIVE))?;
    Ok(features.f_sub(&minimum)?.f_div(&range)?)
}

/// [`min_max`] in an ONNX graph.
pub fn export_min_max(graph: &mut Graph, features: &Value) -> Value {
    let over_window = |graph: &mut Graph, operator: &str| {
        graph.add(operator, &[features], &[("axes", Attribute::Integers(vec![1, 2, 3])), ("keepdims", Attribute::Integer(1))])
    };
    let (minimum, maximum) = (over_window(graph, "ReduceMin"), over_window(graph, "ReduceMax"));
    let range = graph.add("Sub", &[&maximum, &minimum], &[]);
    let least = graph.floats(&[], &[f32::MIN_POSITIVE]);
    let range = graph.add("Max", &[&range, &least], &[]);
    let above = graph.add("Sub", &[features, &minimum], &[]);
    graph.add("Div", &[&above, &range], &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_clip_fills_zero_to_one_by_itself() {
        let clips =
            Tensor::from_slice(&[-100f32, -50.0, 0.0, -75.0, -100.0, -99.0, -98.0, -98.5, 5.0, 5.0, 5.0, 5.0]).view([3, 1, 2, 2]);
        let normalised: Vec<f32> = min_max(&clips).unwrap().view(-1).try_into().unwrap();
        assert_eq!(normalised, [0.0, 0.5, 1.0, 0.25, 0.0, 0.5, 1.0, 0.75, 0.0, 0.0, 0.0, 0.0]);
    }
}
