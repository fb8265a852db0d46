//! lars.h beside what the crate calls.

use std::fs;
use std::path::Path;

/// The text of all files in a folder.
fn sources(folder: &Path) -> String {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files.map(|path| if path.is_dir() { sources(&path) } else { fs::read_to_string(path).unwrap() }).collect()
}

#[test]
fn every_function_is_bound() {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let header = fs::read_to_string(crate_folder.join("../../../include/lars/lars.h")).unwrap();
    let source = sources(&crate_folder.join("src"));
    let functions: Vec<_> = header
        .lines()
        .filter(|line| line.starts_with("LARS_API "))
        .map(|line| line.split('(').next().unwrap().rsplit([' ', '*']).next().unwrap())
        .collect();
    assert!(functions.len() > 70, "{functions:?}");
    let missing: Vec<_> =
        functions.into_iter().filter(|name| !source.contains(&format!("sys::{name}("))).collect();
    // lars_version says in a number what lars_version_string says.
    assert_eq!(missing, ["lars_version"]);
}
