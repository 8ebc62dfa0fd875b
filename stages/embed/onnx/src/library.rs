//! Where ONNX Runtime's library is: named by a variable, beside this program, or in the cache where `make setup` puts it.

use std::path::{Path, PathBuf};

/// The variable that names the file of the library.
pub const VARIABLE: &str = "CHORUS_ONNXRUNTIME";
const PREFIX: &str = "libonnxruntime.so";

/// The library.
///
/// # Errors
/// In words, where it was looked for, and what to do.
pub fn find() -> Result<PathBuf, String> {
    if let Some(named) = std::env::var_os(VARIABLE).map(PathBuf::from) {
        if named.is_file() {
            return Ok(named);
        }
        return Err(format!("{VARIABLE}={}: there is no such file; name libonnxruntime.so there, or unset it", named.display()));
    }
    let beside = std::env::current_exe().ok().and_then(|exe| library_in(exe.parent()?));
    let cached = || newest(&cache()?);
    beside.or_else(cached).ok_or_else(|| {
        let place = cache().map_or_else(|| "the user's cache".to_owned(), |cache| cache.display().to_string());
        format!(
            "found no ONNX Runtime, neither beside chorus-onnx nor in {place}; `make setup` gets it from PyPI, or name libonnxruntime.so in \
             {VARIABLE}"
        )
    })
}

/// Chorus's part of the user's cache.
fn cache() -> Option<PathBuf> {
    let named = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = named.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
    Some(cache.join("chorus"))
}

/// The library in the cache's folder of the highest name, such as onnxruntime-1.30.0.
fn newest(cache: &Path) -> Option<PathBuf> {
    let folders = std::fs::read_dir(cache).ok()?.filter_map(Result::ok).map(|entry| entry.path());
    let is_one = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("onnxruntime-"));
    let mut folders: Vec<PathBuf> = folders.filter(is_one).collect();
    folders.sort();
    folders.iter().rev().find_map(|folder| library_in(&folder.join("onnxruntime/capi")))
}

fn library_in(folder: &Path) -> Option<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).ok()?.filter_map(Result::ok).map(|entry| entry.path()).collect();
    files.sort();
    files.into_iter().find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX)))
}

/// Whether the library can compute on NVIDIA's cards: a file for them lies beside it.
pub fn has_cuda() -> bool {
    find().is_ok_and(|library| library.with_file_name("libonnxruntime_providers_cuda.so").exists())
}

/// The version in the name of the library's file, such as libonnxruntime.so.1.30.0.
pub fn version(library: &Path) -> String {
    let name = library.file_name().unwrap_or_default().to_string_lossy().into_owned();
    name.strip_prefix("libonnxruntime.so.").unwrap_or(&name).to_owned()
}
