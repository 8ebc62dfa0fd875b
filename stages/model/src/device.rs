//! The one place that names devices: which one to use, and what libtorch offers on this machine.
//!
//! A linker drops `libtorch_cuda` from a cargo build because no symbol of it is used, and libtorch then reports no CUDA
//! at all. So the library is opened here at run time, and always before the first CUDA query: libtorch remembers the
//! answer of the first one for good.
#![allow(unsafe_code, reason = "asking libtorch's version and a GPU's capability are calls into C")]

use std::fmt;
use std::path::PathBuf;
use std::sync::{LazyLock, OnceLock};

#[cfg(target_arch = "x86_64")]
use chorus_audio::dsp::instructions;
use chorus_engine::Console;
use chorus_platform::libraries::library_file;
#[cfg(target_arch = "x86_64")]
use chorus_platform::machine;
use serde::Serialize;
use tch::{Cuda, Device, Tensor};

use crate::libraries::{function, libtorch_folder, open_beside_libtorch};
use crate::precision::Precision;
use crate::{Error, Result};

/// The processor's memory, where features are read, weights are written and results are handed over.
pub const HOST: Device = Device::Cpu;

/// What became of libtorch's CUDA library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum CudaLibrary {
    /// There is none beside libtorch.
    Absent,
    /// It is there, but cannot be opened: usually one of the libraries it needs is missing.
    Incomplete {
        /// Where it lies.
        path: PathBuf,
        /// The dynamic linker's message.
        reason: String,
    },
    /// It is open.
    Loaded {
        /// Where it lies.
        path: PathBuf,
    },
}

/// What libtorch offers here; its `Display` is what `chorus device` prints.
#[derive(Debug, Clone, Serialize)]
pub struct DeviceReport {
    /// libtorch's version, asked of the library in use.
    pub libtorch_version: String,
    /// libtorch's CUDA library.
    pub cuda_library: CudaLibrary,
    /// cuDNN's version number, 92000 for 9.20; none without the CUDA library.
    pub cudnn_version: Option<i64>,
    /// How many CUDA devices can be used.
    pub cuda_devices: i64,
    /// What `auto` means here.
    pub auto: String,
    /// What the device that `auto` means lacks to compute in bfloat16, in words; none where it lacks nothing.
    pub lacks_bfloat16: Option<String>,
}

impl fmt::Display for DeviceReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "libtorch      {}", self.libtorch_version)?;
        match &self.cuda_library {
            CudaLibrary::Absent => writeln!(f, "CUDA library  none beside libtorch")?,
            CudaLibrary::Incomplete { reason, .. } => {
                writeln!(f, "CUDA library  CUDA libraries not complete: {reason}")?;
            }
            CudaLibrary::Loaded { path } => writeln!(f, "CUDA library  {}", path.display())?,
        }
        match self.cudnn_version {
            Some(version) => writeln!(f, "cuDNN         {version}")?,
            None => writeln!(f, "cuDNN         none")?,
        }
        writeln!(f, "CUDA devices  {}", self.cuda_devices)?;
        writeln!(f, "auto          {}", self.auto)?;
        write!(f, "bfloat16      {}", self.lacks_bfloat16.as_ref().map_or("yes".to_owned(), |lack| format!("no: {lack}")))
    }
}

/// Decides the device from `auto`, `cpu` or `cuda:N`.
///
/// # Errors
/// An unknown name, or a CUDA device that is not there: only `auto` falls back to the processor.
pub fn resolve(name: &str) -> Result<Device> {
    match name {
        "cpu" => Ok(Device::Cpu),
        "auto" if cuda_devices() > 0 => Ok(Device::Cuda(0)),
        "auto" => Ok(Device::Cpu),
        _ => {
            let index = name
                .strip_prefix("cuda:")
                .and_then(|index| index.parse::<u16>().ok())
                .ok_or_else(|| Error::DeviceName { found: name.to_owned() })?;
            if i64::from(index) < cuda_devices() {
                return Ok(Device::Cuda(index.into()));
            }
            Err(Error::DeviceMissing { requested: name.to_owned(), reason: why_missing() })
        }
    }
}

/// The name that [`resolve`] takes, for records.
pub fn name(device: Device) -> String {
    match device {
        Device::Cuda(index) => format!("cuda:{index}"),
        _ => "cpu".to_owned(),
    }
}

/// Whether a device has memory of its own, to which everything is copied first.
pub fn has_own_memory(device: Device) -> bool {
    device != HOST
}

/// The kind of a device: results agree within one, not between two.
pub fn kind(device: Device) -> &'static str {
    if device.is_cuda() { "cuda" } else { "cpu" }
}

/// What libtorch offers on this machine.
pub fn describe() -> DeviceReport {
    let cuda_devices = cuda_devices();
    let cudnn_version = match cuda_library() {
        // Without the library the query panics.
        CudaLibrary::Loaded { .. } => Some(tch::utils::version_cudnn()),
        _ => None,
    };
    let auto = if cuda_devices > 0 { Device::Cuda(0) } else { Device::Cpu };
    DeviceReport {
        libtorch_version: libtorch_version(),
        cuda_library: cuda_library().clone(),
        cudnn_version,
        cuda_devices,
        auto: name(auto),
        lacks_bfloat16: lacks_bfloat16(auto),
    }
}

/// In words, what a device lacks to compute in bfloat16; `None` where it lacks nothing. Where it does, libtorch converts each number to
/// float32 and back.
pub fn lacks_bfloat16(device: Device) -> Option<String> {
    let Device::Cuda(index) = device else {
        static PROCESSOR: LazyLock<bool> = LazyLock::new(processor_has_bfloat16);
        return (!*PROCESSOR).then(|| "this processor has neither AVX-512 BF16 nor AMX BF16".to_owned());
    };
    match compute_capability(index) {
        Some(major) if major >= FIRST_WITH_BFLOAT16 => None,
        Some(major) => {
            Some(format!("this GPU has compute capability {major}.x, and bfloat16 begins with {FIRST_WITH_BFLOAT16}.0"))
        }
        None => Some("CUDA does not tell the compute capability of this GPU".to_owned()),
    }
}

/// Warns where bfloat16 was asked for, by a key, on a device that does not compute in it.
pub(crate) fn warn_of_bfloat16(console: &Console, key: &str, asked: Precision, device: Device) {
    if let (Precision::Bfloat16, Some(lack)) = (asked, lacks_bfloat16(device)) {
        console.warn(&format!("{key}: bfloat16 is up to 20 times slower than float32 here, since {lack}; take auto or float32"));
    }
}

/// Major number of the first compute capability with bfloat16 (Ampere).
const FIRST_WITH_BFLOAT16: i32 = 8;

#[cfg(target_arch = "x86_64")]
fn processor_has_bfloat16() -> bool {
    instructions::allowed() == instructions::Instructions::Newest
        && (is_x86_feature_detected!("avx512bf16") || machine::has_processor_flag("amx_bf16"))
}

#[cfg(target_arch = "aarch64")]
fn processor_has_bfloat16() -> bool {
    std::arch::is_aarch64_feature_detected!("bf16")
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn processor_has_bfloat16() -> bool {
    false
}

/// The major number of a GPU's compute capability. tch has no name for it, and libtorch's CUDA library has CUDA's runtime opened.
fn compute_capability(index: usize) -> Option<i32> {
    type Attribute = unsafe extern "C" fn(value: *mut i32, attribute: i32, device: i32) -> i32;
    /// `cudaDevAttrComputeCapabilityMajor` in CUDA's `driver_types.h`.
    const MAJOR: i32 = 75;
    if !matches!(cuda_library(), CudaLibrary::Loaded { .. }) {
        return None;
    }
    let (index, mut major) = (i32::try_from(index).ok()?, 0);
    // SAFETY: the type is that of `cudaDeviceGetAttribute` in CUDA's `cuda_runtime_api.h`, and the pointer is to a value that outlives the
    // call.
    let status = unsafe { function::<Attribute>(b"cudaDeviceGetAttribute")?(&raw mut major, MAJOR, index) };
    (status == 0).then_some(major)
}

/// Sets libtorch's thread count for work started on the calling thread. The count changes the order of sums, so it is a
/// part of the configuration and not of the machine.
pub fn set_threads(threads: usize) {
    tch::set_num_threads(i32::try_from(threads).unwrap_or(i32::MAX));
}

/// Copies to a device; from the processor's memory to CUDA through pinned memory and without waiting.
pub(crate) fn send(tensor: &Tensor, device: Device) -> Result<Tensor> {
    if device.is_cuda() && tensor.device() == HOST {
        let pinned = if tensor.f_is_pinned(device)? { tensor.shallow_clone() } else { tensor.f_pin_memory(device)? };
        return Ok(pinned.f_to_device_(device, tensor.f_kind()?, true, false)?);
    }
    Ok(tensor.f_to_device(device)?)
}

/// What is to be sent to CUDA, in pinned memory; everything else as it is.
pub(crate) fn pin(tensor: Tensor, device: Device) -> Result<Tensor> {
    if device.is_cuda() && tensor.device() == HOST { Ok(tensor.f_pin_memory(device)?) } else { Ok(tensor) }
}

fn cuda_devices() -> i64 {
    match cuda_library() {
        CudaLibrary::Loaded { .. } => Cuda::device_count(),
        _ => 0,
    }
}

fn why_missing() -> String {
    match cuda_library() {
        CudaLibrary::Absent => "this libtorch is built without CUDA".to_owned(),
        CudaLibrary::Incomplete { reason, .. } => format!("CUDA libraries not complete: {reason}"),
        CudaLibrary::Loaded { .. } => format!("{} CUDA devices found", Cuda::device_count()),
    }
}

/// Opens the CUDA library once per process, and never closes it.
fn cuda_library() -> &'static CudaLibrary {
    static LIBRARY: OnceLock<CudaLibrary> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let Some(path) = libtorch_folder().map(|folder| folder.join(library_file("torch_cuda"))) else {
            return CudaLibrary::Absent;
        };
        if !path.exists() {
            return CudaLibrary::Absent;
        }
        match open_beside_libtorch(&path) {
            Ok(()) => CudaLibrary::Loaded { path },
            Err(reason) => CudaLibrary::Incomplete { path, reason },
        }
    })
}

fn libtorch_version() -> String {
    type Version = unsafe extern "C" fn() -> u64;
    // SAFETY: libtorch declares `uint64_t aoti_torch_abi_version()` in its stable C interface.
    let version = unsafe { function::<Version>(b"aoti_torch_abi_version").map(|version| version()) };
    match version.map(u64::to_be_bytes) {
        Some([major, minor, patch, ..]) => format!("{major}.{minor}.{patch}"),
        None => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_resolved_or_refused() {
        assert_eq!(resolve("cpu").unwrap(), Device::Cpu);
        for name in ["", "gpu", "cuda", "cuda:", "cuda:-1", "cuda:x", "CPU"] {
            assert!(matches!(resolve(name), Err(Error::DeviceName { .. })), "{name}");
        }
        assert!(matches!(resolve("cuda:4096"), Err(Error::DeviceMissing { .. })));
    }

    #[test]
    fn a_device_that_cannot_be_asked_is_said_to_lack_bfloat16() {
        assert!(lacks_bfloat16(Device::Cuda(4096)).is_some_and(|lack| lack.contains("compute capability")));
    }

    #[test]
    fn the_report_knows_the_version_and_agrees_with_auto() {
        let report = describe();
        assert!(report.libtorch_version.starts_with("2."), "{report}");
        assert_eq!(report.auto, name(resolve("auto").unwrap()));
        assert_eq!(report.cudnn_version.is_some(), matches!(report.cuda_library, CudaLibrary::Loaded { .. }));
    }
}
