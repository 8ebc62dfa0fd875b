//! Where ONNX Runtime's library is: named by a variable, beside this program, where pip puts it, or in the cache where `make setup` does.

use std::path::{Path, PathBuf};

use chorus_engine::user_cache;
use chorus_platform::libraries::{self, library_file};

/// The variable that names the file of the library.
pub const VARIABLE: &str = "CHORUS_ONNXRUNTIME";
/// The library by its name, without what systems put around it.
const LIBRARY: &str = "onnxruntime";

/// The library.
///
/// # Errors
/// In words, where it was looked for, and what to do.
pub fn find() -> Result<PathBuf, String> {
    if let Some(named) = std::env::var_os(VARIABLE).map(PathBuf::from) {
        if named.is_file() {
            return Ok(named);
        }
        let wanted = library_file(LIBRARY);
        return Err(format!("{VARIABLE}={}: there is no such file; name {wanted} there, or unset it", named.display()));
    }
    let own = std::env::current_exe().ok();
    let own = own.as_deref().and_then(Path::parent);
    let beside = own.and_then(library_in).or_else(|| installed(own?.parent()?));
    let cached = || newest(&user_cache()?);
    beside.or_else(cached).ok_or_else(|| {
        let place = user_cache().map_or_else(|| "the user's cache".to_owned(), |cache| cache.display().to_string());
        format!(
            "found no ONNX Runtime, neither beside chorus-onnx nor in {place}; `pip install onnxruntime` gets it, with a clone \
             `make setup`, or name {} in {VARIABLE}",
            library_file(LIBRARY)
        )
    })
}

/// The library of the package onnxruntime in the Python environment of a folder; that of the newest Python, where there are several.
fn installed(environment: &Path) -> Option<PathBuf> {
    let capi = |packages: PathBuf| library_in(&packages.join("onnxruntime/capi"));
    // pip's --target puts packages beside the programs' folder; Debian has a name of its own for what is installed system-wide.
    let of_python = |python: &PathBuf| ["site-packages", "dist-packages"].into_iter().find_map(|name| capi(python.join(name)));
    let folders =
        std::fs::read_dir(environment.join("lib")).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
    let minor = |path: &PathBuf| path.file_name()?.to_str()?.strip_prefix("python3.")?.parse::<u32>().ok();
    let mut pythons: Vec<PathBuf> = folders.filter(|path| minor(path).is_some()).collect();
    pythons.sort_by_key(minor);
    // Windows has one Python in an environment, and no folder of its version.
    let of_windows = || of_python(&environment.join("lib"));
    capi(environment.to_owned()).or_else(|| pythons.iter().rev().find_map(of_python)).or_else(of_windows)
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
    files
        .into_iter()
        .find(|path| path.file_name().is_some_and(|name| libraries::version(&name.to_string_lossy(), LIBRARY).is_some()))
}

/// Whether the library can compute on NVIDIA's cards: a file for them lies beside it.
pub fn has_cuda() -> bool {
    find().is_ok_and(|library| library.with_file_name(library_file("onnxruntime_providers_cuda")).exists())
}

/// The version in the name of the library's file, such as libonnxruntime.so.1.30.0; the name where it has none.
pub fn version(library: &Path) -> String {
    let name = library.file_name().unwrap_or_default().to_string_lossy().into_owned();
    libraries::version(&name, LIBRARY).filter(|version| !version.is_empty()).unwrap_or(&name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_found_where_pip_puts_it() {
        let environment = tempfile::tempdir().unwrap();
        let put = |folder: &str| {
            let folder = environment.path().join(folder).join("onnxruntime/capi");
            std::fs::create_dir_all(&folder).unwrap();
            let library =
                folder.join(if cfg!(target_os = "linux") { "libonnxruntime.so.1.31.1".into() } else { library_file(LIBRARY) });
            std::fs::write(&library, "").unwrap();
            library
        };
        assert_eq!(installed(environment.path()), None);
        put("lib/python3.9/site-packages");
        let of_newer = put("lib/python3.12/dist-packages");
        assert_eq!(installed(environment.path()), Some(of_newer));
        let below_target = put("");
        assert_eq!(installed(environment.path()), Some(below_target));
    }
}
