//! What Linux, macOS and Windows do in different ways, one module for each kind of thing. The rest of Chorus calls these modules and names
//! no operating system.
//!
//! Linux is where Chorus is developed and tested. The code for macOS and Windows is written for them, is type-checked on Linux
//! (`tests/platforms.sh`), and was never run there: see `docs/platforms.md`.
//!
//! - [`at`]: reading and writing a file at a place. [`sync`]: waiting until data are on the disk. [`space`]: how much room is left.
//! - [`identity`]: whether two paths lead to the same file. [`stamp`]: what tells that a file was changed.
//! - [`lock`]: locks on files. [`names`]: names and paths as text. [`folders`]: the user's folders.
//! - [`children`]: programs that this one starts. [`signals`]: being asked to stop. [`memory`]: how much is used, and limits.
//! - [`machine`]: the name of the host, its processors, and the driver of its graphics card.
//! - [`libraries`]: names of programs and shared libraries.

pub mod at;
pub mod children;
pub mod folders;
pub mod identity;
#[cfg(windows)]
mod job;
pub mod libraries;
pub mod lock;
pub mod machine;
pub mod memory;
pub mod names;
pub mod signals;
pub mod space;
pub mod stamp;
pub mod sync;
