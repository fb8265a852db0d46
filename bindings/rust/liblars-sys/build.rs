//! Finds liblars with pkg-config, or builds it from `vendor/` (feature `vendored`), and says how to link it.
//!
//! Dependent build scripts get `DEP_LARS_INCLUDE`, the folder of `lars/lars.h`.

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=DOCS_RS");
    if env::var_os("DOCS_RS").is_some() {
        return ExitCode::SUCCESS; // documentation is made without linking
    }
    match library() {
        Ok(library) => {
            for folder in library.include_paths {
                println!("cargo::metadata=INCLUDE={}", folder.display());
            }
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(not(feature = "vendored"))]
fn library() -> Result<pkg_config::Library, String> {
    let version = env!("CARGO_PKG_VERSION");
    let next = next_interface();
    pkg_config::Config::new().range_version(version..next.as_str()).probe("liblars").map_err(|error| {
        format!(
            "{error}\n\nliblars {version} or newer, but older than {next}, was not found. Install it and add the \
             lib/pkgconfig of its prefix to PKG_CONFIG_PATH, or enable the feature `vendored` of liblars-sys, \
             which builds it."
        )
    })
}

/// The first version that may have another soname: the next minor one of 0.x, else the next major one.
#[cfg(not(feature = "vendored"))]
fn next_interface() -> String {
    let number = |text: &str| text.parse::<u64>().expect("cargo gives numbers");
    match (number(env!("CARGO_PKG_VERSION_MAJOR")), number(env!("CARGO_PKG_VERSION_MINOR"))) {
        (0, minor) => format!("0.{}", minor + 1),
        (major, _) => (major + 1).to_string(),
    }
}

/// Static, so that programs need nothing of it when they run but the libraries that it uses.
#[cfg(feature = "vendored")]
fn library() -> Result<pkg_config::Library, String> {
    println!("cargo::rerun-if-changed=vendor");
    let prefix = cmake::Config::new("vendor")
        .profile("Release") // also for debug builds: nobody wants to wait for unoptimized kernels
        .define("LARS_WITH_OPENBLAS", if cfg!(feature = "openblas") { "ON" } else { "OFF" })
        .define("LARS_WITH_TBB", if cfg!(feature = "tbb") { "ON" } else { "OFF" })
        .define("LARS_BUILD_TESTS", "OFF")
        .define("LARS_BUILD_BENCH", "OFF")
        .define("LARS_INSTALL", "ON")
        .define("CMAKE_INSTALL_LIBDIR", "lib")
        .build();
    let description = prefix.join("lib/pkgconfig/liblars.pc");
    pkg_config::Config::new().statik(true).env_metadata(false).probe(&description.to_string_lossy()).map_err(
        |error| format!("{error}\n\nliblars was built in {}, but cannot be linked", prefix.display()),
    )
}
