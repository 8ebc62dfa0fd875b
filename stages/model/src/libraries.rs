//! The shared libraries of the libtorch that this process runs: functions that tch has no name for, and libraries that a linker leaves out.
#![allow(unsafe_code, reason = "opening a library of libtorch is a call into C")]

use std::path::{Path, PathBuf};

use libloading::Library;

/// A function of libtorch's C interface, which is copied out: libtorch is never unloaded. None where this libtorch lacks it.
///
/// # Safety
/// `T` is the type of the function in libtorch's header.
pub(crate) unsafe fn function<T: Copy>(name: &[u8]) -> Option<T> {
    let library = own()?;
    // SAFETY: the caller knows the type.
    let function = unsafe { library.get::<T>(name) };
    function.ok().map(|function| *function)
}

/// Where libtorch's functions are found: among all that this program is linked to.
#[cfg(unix)]
fn own() -> Option<Library> {
    Some(libloading::os::unix::Library::this().into())
}

/// Where libtorch's functions are found. On Windows each library is asked for its own.
#[cfg(windows)]
fn own() -> Option<Library> {
    libloading::os::windows::Library::open_already_loaded("torch_cpu.dll").ok().map(Into::into)
}

/// Opens a library that lies beside libtorch, for good, and for all that asks for its functions later.
///
/// # Errors
/// The system's message, usually about a library that it needs and that is missing.
pub(crate) fn open_beside_libtorch(path: &Path) -> Result<(), String> {
    // SAFETY: the file is part of the libtorch that is running; its initialisers are libtorch's own.
    #[cfg(unix)]
    let opened = unsafe {
        use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
        Library::open(Some(path), RTLD_NOW | RTLD_GLOBAL)
    };
    // SAFETY: as above.
    #[cfg(windows)]
    let opened = unsafe { libloading::os::windows::Library::new(path) };
    opened.map(std::mem::forget).map_err(|error| innermost(&error))
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// The folder of the libtorch that this process runs, from the list of its mapped files.
#[cfg(target_os = "linux")]
pub(crate) fn libtorch_folder() -> Option<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let line = maps.lines().find(|line| line.ends_with("/libtorch_cpu.so"))?;
    let path = &line[line.find('/')?..];
    Path::new(path).parent().map(Path::to_path_buf)
}

/// The folder of the libtorch that this process runs.
#[cfg(windows)]
pub(crate) fn libtorch_folder() -> Option<PathBuf> {
    use std::os::windows::ffi::OsStringExt;
    use windows_sys::Win32::System::LibraryLoader::{GetModuleFileNameW, GetModuleHandleW};
    let name: Vec<u16> = "torch_cpu.dll\0".encode_utf16().collect();
    // SAFETY: the name ends with a zero and outlives the call.
    let module = unsafe { GetModuleHandleW(name.as_ptr()) };
    if module.is_null() {
        return None;
    }
    // The longest path there is.
    let mut path = vec![0_u16; 1 << 15];
    // SAFETY: the call writes at most so many characters.
    let length = unsafe { GetModuleFileNameW(module, path.as_mut_ptr(), 1 << 15) } as usize;
    let path = PathBuf::from(std::ffi::OsString::from_wide(path.get(..length).filter(|path| !path.is_empty())?));
    path.parent().map(Path::to_path_buf)
}

/// None elsewhere: there is no CUDA on macOS, and nothing else is looked for beside libtorch.
#[cfg(not(any(target_os = "linux", windows)))]
pub(crate) fn libtorch_folder() -> Option<PathBuf> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_found_in_libtorch_and_one_that_is_not_there_is_not() {
        type Version = unsafe extern "C" fn() -> u64;
        // SAFETY: libtorch declares `uint64_t aoti_torch_abi_version()`.
        assert!(unsafe { function::<Version>(b"aoti_torch_abi_version") }.is_some());
        // SAFETY: there is none.
        assert!(unsafe { function::<Version>(b"chorus_has_no_such_function") }.is_none());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn libtorch_lies_where_its_files_are_and_what_is_not_there_is_told() {
        let folder = libtorch_folder().unwrap();
        assert!(folder.join(chorus_platform::libraries::library_file("torch_cpu")).is_file());
        let error = open_beside_libtorch(&folder.join("libnone.so")).unwrap_err();
        assert!(error.contains("libnone.so"), "{error}");
    }
}
