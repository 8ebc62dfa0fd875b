//! Compiles what lets programs start with older versions of glibc than the one they are built with: `glibc/`.

use std::env::var;

const SOURCES: [&str; 2] = ["glibc/glibc.c", "glibc/libstdcxx.c"];

fn main() {
    let is = |name: &str, value: &str| var(name).is_ok_and(|found| found == value);
    println!("cargo:rerun-if-changed=build.rs");
    // The versions of functions are those of this processor; the others have a glibc that began later.
    if is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ARCH", "x86_64") && is("CARGO_CFG_TARGET_ENV", "gnu") {
        for source in SOURCES {
            println!("cargo:rerun-if-changed={source}");
        }
        // A compiler that knows `hypot` and the like would warn of other types here, or make a function call itself.
        cc::Build::new().files(SOURCES).flag("-fno-builtin").compile("chorus_glibc");
    }
}
