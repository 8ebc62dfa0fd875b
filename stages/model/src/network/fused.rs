//! Convolution, bias and activation in one pass over memory, for prediction on a processor.
//!
//! oneDNN applies the activation to what is still in its registers. libtorch has it as `mkldnn::_convolution_pointwise`, which tch does not
//! know, in its stable C interface (`torch/csrc/inductor/aoti_torch/c/shim_cpu.h`); where a libtorch lacks it, the layers do one thing after
//! the other.
#![allow(unsafe_code, reason = "a function of libtorch's C interface that tch has no name for")]

use std::ffi::{CStr, c_char, c_void};
use std::ptr;
use std::sync::OnceLock;

use tch::{Device, Kind, TchError, Tensor};

use super::geometry::{Activation, Geometry};
use crate::device::HOST;
use crate::libraries;

/// An `at::Tensor*`, which is also what tch's tensors hold.
type Handle = *mut c_void;

type Pointwise = unsafe extern "C" fn(
    input: Handle,
    weight: Handle,
    bias: *const Handle,
    padding: *const i64,
    padding_len: i64,
    stride: *const i64,
    stride_len: i64,
    dilation: *const i64,
    dilation_len: i64,
    groups: i64,
    activation: *const c_char,
    scalars: *const *const f64,
    scalars_len: i64,
    algorithm: *const *const c_char,
    output: *mut Handle,
) -> i32;

/// The function, where it can be used.
#[derive(Debug, Clone, Copy)]
pub struct Fused(Pointwise);

impl Fused {
    /// For tensors of this kind on this device; none where the device, the processor or libtorch lacks it.
    pub(crate) fn new(kind: Kind, device: Device) -> Option<Self> {
        static FUNCTION: OnceLock<Option<Pointwise>> = OnceLock::new();
        if device != HOST || !computes(kind) {
            return None;
        }
        let function = *FUNCTION.get_or_init(|| {
            // SAFETY: the type is that of libtorch's header, and libtorch, which this program is linked to, stays loaded.
            unsafe { libraries::function::<Pointwise>(b"aoti_torch_cpu_mkldnn__convolution_pointwise") }
        });
        function.map(Self)
    }

    /// `activation(convolution(input) + bias)`, padded so that stride 1 keeps the size.
    pub(crate) fn convolve(
        self,
        input: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        geometry: Geometry,
        activation: Activation,
    ) -> Result<Tensor, TchError> {
        let Geometry { kernel, stride, groups, .. } = geometry;
        let (padding, stride, dilation) = ([kernel / 2; 2], [stride; 2], [1; 2]);
        let bias = handle(bias);
        let mut output: Handle = ptr::null_mut();
        // SAFETY: all pointers are to values that outlive the call, the lengths are theirs, and null is none where the header says so.
        let status = unsafe {
            self.0(
                handle(input),
                handle(weight),
                &raw const bias,
                padding.as_ptr(),
                2,
                stride.as_ptr(),
                2,
                dilation.as_ptr(),
                2,
                groups,
                name(activation).as_ptr(),
                ptr::null(),
                0,
                ptr::null(),
                &raw mut output,
            )
        };
        if status != 0 || output.is_null() {
            return Err(TchError::Torch("the fused convolution failed; libtorch's message stands above".to_owned()));
        }
        // SAFETY: the function gives a new `at::Tensor` to its caller.
        Ok(unsafe { Tensor::from_ptr(output.cast()) })
    }
}

/// Whether oneDNN computes in this kind of number: bfloat16 takes AVX-512.
fn computes(kind: Kind) -> bool {
    #[cfg(target_arch = "x86_64")]
    use chorus_audio::dsp::instructions;
    #[cfg(target_arch = "x86_64")]
    match kind {
        Kind::Float => true,
        Kind::BFloat16 => {
            let has_avx512 = is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512dq");
            has_avx512 && instructions::allowed() == instructions::Instructions::Newest
        }
        _ => false,
    }
    #[cfg(not(target_arch = "x86_64"))]
    false
}

fn handle(tensor: &Tensor) -> Handle {
    tensor.as_ptr().cast_mut().cast()
}

fn name(activation: Activation) -> &'static CStr {
    match activation {
        Activation::None => c"none",
        Activation::Relu => c"relu",
        Activation::Hardswish => c"hardswish",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensors::channels_last;

    #[test]
    fn it_equals_one_thing_after_the_other() {
        let geometry = |groups, kernel, stride| Geometry { input: 8, output: 8, kernel, stride, groups };
        let fused = Fused::new(Kind::Float, HOST).expect("this libtorch has it");
        for geometry in [geometry(1, 1, 1), geometry(8, 3, 1), geometry(8, 5, 2), geometry(1, 3, 2)] {
            for activation in [Activation::None, Activation::Relu, Activation::Hardswish] {
                let input = channels_last(&Tensor::randn([3, 8, 12, 9], (Kind::Float, HOST))).unwrap();
                let Geometry { kernel, stride, groups, .. } = geometry;
                let weight = Tensor::randn([8, 8 / groups, kernel, kernel], (Kind::Float, HOST));
                let bias = Tensor::randn([8], (Kind::Float, HOST));
                let plain = input.conv2d(&weight, Some(&bias), [stride, stride], [kernel / 2, kernel / 2], [1, 1], groups);
                let plain = match activation {
                    Activation::None => plain,
                    Activation::Relu => plain.relu(),
                    Activation::Hardswish => plain.hardswish(),
                };
                let found = fused.convolve(&input, &weight, &bias, geometry, activation).unwrap();
                assert!(found.allclose(&plain, 1e-5, 1e-5, false), "{geometry:?} {activation:?}");
            }
        }
    }

    #[test]
    fn what_libtorch_refuses_is_an_error() {
        let fused = Fused::new(Kind::Float, HOST).unwrap();
        let geometry = Geometry { input: 4, output: 4, kernel: 1, stride: 1, groups: 1 };
        let (input, weight) =
            (Tensor::zeros([1, 4, 2, 2], (Kind::Float, HOST)), Tensor::zeros([4, 3, 1, 1], (Kind::Float, HOST)));
        let bias = Tensor::zeros([4], (Kind::Float, HOST));
        assert!(fused.convolve(&input, &weight, &bias, geometry, Activation::Relu).is_err());
    }

    #[test]
    fn double_precision_is_left_to_libtorch() {
        assert!(Fused::new(Kind::Double, HOST).is_none());
    }
}
