//! What files of programs and of shared libraries are called.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX, EXE_SUFFIX};

/// What Python is called.
pub const PYTHON: &str = if cfg!(windows) { "python" } else { "python3" };

/// The file of a program: `chorus-torch`, or `chorus-torch.exe`.
pub fn program_file(name: &str) -> String {
    format!("{name}{EXE_SUFFIX}")
}

/// The file of a shared library: `libtorch_cuda.so`, `libtorch_cuda.dylib` or `torch_cuda.dll`.
pub fn library_file(name: &str) -> String {
    format!("{DLL_PREFIX}{name}{DLL_SUFFIX}")
}

/// The version in the name of a shared library's file: of `libonnxruntime.so.1.30.0` and of `libonnxruntime.1.30.0.dylib` it is `1.30.0`, of
/// a name without one it is empty. `None` where the file is not that library.
pub fn version<'f>(file: &'f str, library: &str) -> Option<&'f str> {
    version_of(file, library, DLL_PREFIX, DLL_SUFFIX)
}

fn version_of<'f>(file: &'f str, library: &str, prefix: &str, suffix: &str) -> Option<&'f str> {
    let rest = file.strip_prefix(prefix)?.strip_prefix(library)?;
    let version = match suffix {
        // macOS writes the version before the suffix, Linux behind it.
        ".dylib" => rest.strip_suffix(suffix)?,
        _ => rest.strip_prefix(suffix)?,
    };
    if version.is_empty() { Some(version) } else { version.strip_prefix('.') }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_system() {
        #[cfg(target_os = "linux")]
        assert_eq!((program_file("a"), library_file("a")), ("a".to_owned(), "liba.so".to_owned()));
        assert_eq!(version(&library_file("onnxruntime"), "onnxruntime"), Some(""));
    }

    #[test]
    fn versions_are_read_from_names_of_all_systems() {
        let of = |file, prefix, suffix| version_of(file, "onnxruntime", prefix, suffix);
        assert_eq!(of("libonnxruntime.so.1.30.0", "lib", ".so"), Some("1.30.0"));
        assert_eq!(of("libonnxruntime.so", "lib", ".so"), Some(""));
        assert_eq!(of("libonnxruntime_providers_cuda.so", "lib", ".so"), None);
        assert_eq!(of("libonnxruntime.1.30.0.dylib", "lib", ".dylib"), Some("1.30.0"));
        assert_eq!(of("libonnxruntime_providers_shared.dylib", "lib", ".dylib"), None);
        assert_eq!(of("onnxruntime.dll", "", ".dll"), Some(""));
        assert_eq!(of("onnxruntime_providers_shared.dll", "", ".dll"), None);
    }
}
