//! Job objects of Windows: limits that hold for the processes within.
#![allow(unsafe_code, reason = "calls into C")]

use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr;

use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOBOBJECT_EXTENDED_LIMIT_INFORMATION, JobObjectExtendedLimitInformation,
    SetInformationJobObject,
};

/// A job.
#[derive(Debug)]
pub(crate) struct Job(OwnedHandle);

impl Job {
    /// A job with these limits and no processes.
    pub(crate) fn new(limits: &JOBOBJECT_EXTENDED_LIMIT_INFORMATION) -> io::Result<Self> {
        // SAFETY: null stands for the usual rights and for no name.
        let handle = unsafe { CreateJobObjectW(ptr::null(), ptr::null()) };
        if handle.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the handle is new, and nobody else closes it.
        let job = Self(unsafe { OwnedHandle::from_raw_handle(handle) });
        let size = size_of::<JOBOBJECT_EXTENDED_LIMIT_INFORMATION>() as u32;
        let (kind, limits) = (JobObjectExtendedLimitInformation, ptr::from_ref(limits).cast());
        // SAFETY: the job is open, and the pointer is to a struct of this kind and size.
        let done = unsafe { SetInformationJobObject(job.0.as_raw_handle(), kind, limits, size) };
        if done == 0 { Err(io::Error::last_os_error()) } else { Ok(job) }
    }

    /// Puts a process into the job, by a handle of it that is open.
    pub(crate) fn add(&self, process: HANDLE) -> io::Result<()> {
        // SAFETY: both handles are open.
        let done = unsafe { AssignProcessToJobObject(self.0.as_raw_handle(), process) };
        if done == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}
