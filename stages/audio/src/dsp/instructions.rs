//! Which of the processor's instructions the vectorised functions of this crate use.
//!
//! Each such function is compiled several times and the best version for the processor is chosen at run time. The environment variable
//! `CHORUS_INSTRUCTIONS` lowers that choice, so that a machine with new instructions can test what a machine without them computes.

use std::sync::{Arc, LazyLock};

use rustfft::{Fft, FftDirection, FftPlanner, FftPlannerScalar};

/// The newest instructions that may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Instructions {
    /// Those that every processor of the architecture has.
    Baseline,
    /// Up to AVX2 and FMA.
    Avx2,
    /// All that the processor has.
    Newest,
}

/// What `CHORUS_INSTRUCTIONS` allows: `baseline`, `avx2`, or everything where it is not set. It is read once.
pub fn allowed() -> Instructions {
    static ALLOWED: LazyLock<Instructions> = LazyLock::new(|| match std::env::var("CHORUS_INSTRUCTIONS").as_deref() {
        Ok("baseline") => Instructions::Baseline,
        Ok("avx2") => Instructions::Avx2,
        _ => Instructions::Newest,
    });
    *ALLOWED
}

/// The forward complex transform of this length.
pub(crate) fn forward_fft(length: usize) -> Arc<dyn Fft<f32>> {
    fft(length, FftDirection::Forward)
}

/// The inverse complex transform of this length, without division by it.
pub(crate) fn inverse_fft(length: usize) -> Arc<dyn Fft<f32>> {
    fft(length, FftDirection::Inverse)
}

fn fft(length: usize, direction: FftDirection) -> Arc<dyn Fft<f32>> {
    match allowed() {
        Instructions::Baseline => FftPlannerScalar::new().plan_fft(length, direction),
        _ => FftPlanner::new().plan_fft(length, direction),
    }
}

/// Compiles a function for several processors and calls the version that [`allowed`] and the processor allow. All versions round alike,
/// since the compiler neither fuses nor reorders operations on floats.
macro_rules! vectorised {
    ($(#[$attribute:meta])* $visibility:vis fn $name:ident($($argument:ident: $type:ty),* $(,)?) $body:block) => {
        $(#[$attribute])*
        $visibility fn $name($($argument: $type),*) {
            #[inline(always)]
            fn baseline($($argument: $type),*) $body
            #[multiversion::multiversion(targets("x86_64+avx2+fma", "aarch64+neon"))]
            fn avx2($($argument: $type),*) {
                baseline($($argument),*);
            }
            #[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2+fma", "aarch64+neon"))]
            fn newest($($argument: $type),*) {
                baseline($($argument),*);
            }
            match $crate::dsp::instructions::allowed() {
                $crate::dsp::instructions::Instructions::Baseline => baseline($($argument),*),
                $crate::dsp::instructions::Instructions::Avx2 => avx2($($argument),*),
                $crate::dsp::instructions::Instructions::Newest => newest($($argument),*),
            }
        }
    };
}

pub(crate) use vectorised;
