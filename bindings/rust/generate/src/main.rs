//! Writes liblars-sys/src/bindings.rs from include/lars/lars.h; with `--check`, only says whether it is up to
//! date. Needs libclang (Debian's libclang1-14 will do) and rustfmt.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let header = root.join("../../../include/lars/lars.h");
    let file = root.join("../liblars-sys/src/bindings.rs");
    let bindings = bindgen::Builder::default()
        .header(header.to_string_lossy())
        .allowlist_item("(lars|LARS)_.*")
        .blocklist_item("LARS_LARS_H|LARS_API|LARS_NOEXCEPT")
        .default_macro_constant_type(bindgen::MacroTypeVariation::Signed)
        .use_core()
        .merge_extern_blocks(true)
        .generate_comments(false)
        .layout_tests(false)
        .rust_edition(bindgen::RustEdition::Edition2024)
        .rust_target("1.85".parse()?)
        .disable_header_comment()
        .raw_line("// Made from lars.h by `cargo run -p generate`; do not edit.")
        .formatter(bindgen::Formatter::Rustfmt)
        .rustfmt_configuration_file(Some(root.join("../rustfmt.toml")))
        .generate()?
        .to_string();
    if !env::args().any(|argument| argument == "--check") {
        fs::write(file, bindings)?;
    } else if fs::read_to_string(file)? != bindings {
        return Err("bindings.rs is not what bindgen makes of lars.h; run `cargo run -p generate`".into());
    } else {
        println!("bindings.rs is what bindgen makes of lars.h");
    }
    Ok(())
}
