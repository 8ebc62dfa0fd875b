//! The one place that names devices: which one to use, and what libtorch offers on this machine.
//!
//! A linker drops `libtorch_cuda` from a cargo build because no symbol of it is used, and libtorch then reports no CUDA
//! at all. So the library is opened here at run time, and always before the first CUDA query: libtorch remembers the
//! answer of the first one for good.
#![allow(unsafe_code, reason = "opening the CUDA library and asking libtorch's version are calls into C")]

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
use serde::Serialize;
use tch::{Cuda, Device, Tensor};

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
        write!(f, "auto          {}", self.auto)
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
    DeviceReport {
        libtorch_version: libtorch_version(),
        cuda_library: cuda_library().clone(),
        cudnn_version,
        cuda_devices,
        auto: name(if cuda_devices > 0 { Device::Cuda(0) } else { Device::Cpu }),
    }
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
        let Some(path) = libtorch_folder().map(|folder| folder.join("libtorch_cuda.so")) else {
            return CudaLibrary::Absent;
        };
        if !path.exists() {
            return CudaLibrary::Absent;
        }
        // SAFETY: the file is part of the libtorch that is running; its initialisers are libtorch's own.
        match unsafe { Library::open(Some(&path), RTLD_NOW | RTLD_GLOBAL) } {
            Ok(library) => {
                std::mem::forget(library);
                CudaLibrary::Loaded { path }
            }
            Err(error) => CudaLibrary::Incomplete { path, reason: innermost(&error) },
        }
    })
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// The folder of the libtorch that this process runs, from the list of its mapped files.
fn libtorch_folder() -> Option<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let line = maps.lines().find(|line| line.ends_with("/libtorch_cpu.so"))?;
    let path = &line[line.find('/')?..];
    Path::new(path).parent().map(Path::to_path_buf)
}

fn libtorch_version() -> String {
    type Version = unsafe extern "C" fn() -> u64;
    // SAFETY: libtorch declares `uint64_t aoti_torch_abi_version()` in its stable C interface.
    let version = unsafe { Library::this().get::<Version>(b"aoti_torch_abi_version").map(|version| version()) };
    match version.map(u64::to_be_bytes) {
        Ok([major, minor, patch, ..]) => format!("{major}.{minor}.{patch}"),
        Err(_) => "unknown".to_owned(),
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
    fn the_report_knows_the_version_and_agrees_with_auto() {
        let report = describe();
        assert!(report.libtorch_version.starts_with("2."), "{report}");
        assert_eq!(report.auto, name(resolve("auto").unwrap()));
        assert_eq!(report.cudnn_version.is_some(), matches!(report.cuda_library, CudaLibrary::Loaded { .. }));
    }
}
