//! Small operations on tensors that tch has no name for.

use tch::Tensor;

use crate::{Result, device};

/// The same values with the channel varying fastest in memory. tch has no argument for it, and a tensor of one channel
/// is only recognised by its strides. Tensors of other than four dimensions stay as they are.
pub(crate) fn channels_last(input: &Tensor) -> Result<Tensor> {
    let &[batch, channels, height, width] = input.size().as_slice() else { return Ok(input.shallow_clone()) };
    let moved = input.f_permute([0, 2, 3, 1])?.f_contiguous()?;
    let strides = [channels * height * width, 1, channels * width, channels];
    Ok(moved.f_as_strided([batch, channels, height, width], strides, None)?)
}

/// Values in one dimension with the number type and on the device of `like`.
pub(crate) fn beside(values: &[f64], like: &Tensor) -> Result<Tensor> {
    device::send(&Tensor::f_from_slice(values)?.f_to_kind(like.kind())?, like.device())
}

/// 1 - x.
pub(crate) fn complement(x: &Tensor) -> Result<Tensor> {
    Ok(x.f_neg()?.f_add_scalar(1.0)?)
}

#[cfg(test)]
mod tests {
    use tch::Kind;

    use super::*;
    use crate::device::HOST;

    #[test]
    fn layout_in_memory_does_not_change_the_values() {
        for channels in [1, 3] {
            let plain = Tensor::arange(2 * channels * 20, (Kind::Double, HOST)).view([2, channels, 4, 5]);
            let moved = channels_last(&plain).unwrap();
            assert_eq!(moved, plain);
            assert_eq!(moved.stride(), [channels * 20, 1, channels * 5, channels]);
        }
    }
}
