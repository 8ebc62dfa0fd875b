//! Programs that this one starts.

use std::io;
use std::process::{Child, ExitStatus};

/// What holds a program to this process; see [`tie`]. To be kept until the program has ended.
#[derive(Debug)]
pub struct Tied {
    #[cfg(windows)]
    _job: crate::job::Job,
}

/// Sees to it that nobody takes what this process has locked while a program that it started goes on after its end.
///
/// On Unix the program inherits the lock (see [`crate::lock::hand_on`]), and there is nothing to do. On Windows it cannot, and the system
/// ends it together with this process.
///
/// # Errors
/// What the system says.
pub fn tie(child: &Child) -> io::Result<Tied> {
    #[cfg(unix)]
    {
        let _ = child;
        Ok(Tied {})
    }
    #[cfg(windows)]
    {
        use std::os::windows::io::AsRawHandle;
        use windows_sys::Win32::System::JobObjects::{JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE, JOBOBJECT_EXTENDED_LIMIT_INFORMATION};
        let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
        limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
        let job = crate::job::Job::new(&limits)?;
        job.add(child.as_raw_handle())?;
        Ok(Tied { _job: job })
    }
}

/// Asks a program to end when it has finished what it has in work.
///
/// On Windows there is no such request. There ctrl-C is the only way to stop this process gently, and the console tells all its programs.
pub fn ask_to_end(child: &Child) {
    #[cfg(unix)]
    {
        // It may have ended by itself in between.
        let _ = rustix::process::kill_process(rustix::process::Pid::from_child(child), rustix::process::Signal::TERM);
    }
    #[cfg(windows)]
    let _ = child;
}

/// Whether a program ended because the system did not find a library that it is linked to.
pub fn lacks_library(status: ExitStatus) -> bool {
    #[cfg(target_os = "macos")]
    {
        /// `SIGABRT`, by which dyld ends a program. Others end in this way too; dyld's message tells.
        const ABORTED: i32 = 6;
        use std::os::unix::process::ExitStatusExt;
        status.signal() == Some(ABORTED)
    }
    #[cfg(all(unix, not(target_os = "macos")))]
    {
        /// What the dynamic linker ends a program with whose libraries it does not find.
        const NO_LIBRARIES: i32 = 127;
        status.code() == Some(NO_LIBRARIES)
    }
    #[cfg(windows)]
    {
        /// `STATUS_DLL_NOT_FOUND` and `STATUS_ENTRYPOINT_NOT_FOUND`.
        const NOT_FOUND: [u32; 2] = [0xC000_0135, 0xC000_0139];
        status.code().is_some_and(|code| NOT_FOUND.contains(&code.cast_unsigned()))
    }
}

#[cfg(test)]
mod tests {
    #[cfg(unix)]
    #[test]
    fn a_program_is_asked_to_end_and_does() {
        use super::*;
        use std::os::unix::process::ExitStatusExt;
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let _tied = tie(&child).unwrap();
        ask_to_end(&child);
        let status = child.wait().unwrap();
        assert_eq!(status.signal(), Some(15));
        assert!(!lacks_library(status));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_linker_s_status_is_known() {
        use super::*;
        let ended = |status: &str| std::process::Command::new("sh").args(["-c", &format!("exit {status}")]).status().unwrap();
        assert!(lacks_library(ended("127")) && !lacks_library(ended("1")) && !lacks_library(ended("0")));
    }
}
