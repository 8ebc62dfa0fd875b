//! How much room a file system has left.

use std::io;
use std::path::Path;

/// Bytes that this user may still write to the file system of a folder that exists.
///
/// # Errors
/// What the system says when it does not report it.
#[cfg(unix)]
pub fn free_bytes(folder: &Path) -> io::Result<u64> {
    let stat = rustix::fs::statvfs(folder)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Bytes that this user may still write to the file system of a folder that exists.
///
/// # Errors
/// What the system says when it does not report it.
#[cfg(windows)]
#[allow(unsafe_code, reason = "a call into C")]
pub fn free_bytes(folder: &Path) -> io::Result<u64> {
    use std::os::windows::ffi::OsStrExt;
    use std::ptr;
    use windows_sys::Win32::Storage::FileSystem::GetDiskFreeSpaceExW;
    let name: Vec<u16> = folder.as_os_str().encode_wide().chain([0]).collect();
    let mut free = 0_u64;
    // SAFETY: the name ends with a zero, the number outlives the call, and null stands for numbers that are not wanted.
    let done = unsafe { GetDiskFreeSpaceExW(name.as_ptr(), &raw mut free, ptr::null_mut(), ptr::null_mut()) };
    if done == 0 { Err(io::Error::last_os_error()) } else { Ok(free) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_room_and_one_that_is_not_there_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        assert!(free_bytes(dir.path()).unwrap() > 0);
        assert!(free_bytes(&dir.path().join("none")).is_err());
    }
}
