//! Writes libtorch's folder into the binaries and tests as a run path, so that they start without LD_LIBRARY_PATH.

fn main() {
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    // Programs of Windows have no run path: there PATH names the folder.
    if let Ok(libtorch) = std::env::var("LIBTORCH")
        && std::env::var_os("CARGO_CFG_UNIX").is_some()
    {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{libtorch}/lib");
    }
}
