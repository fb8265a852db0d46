//! Plays the cases that every binding plays: tests/conformance/README.md of the repository says what they are.
//! `LARS_CASES` names another file of cases.

mod player;

use std::path::PathBuf;
use std::{env, fs};

use player::Player;
use serde_json::{Map, Value};

fn cases() -> Vec<Value> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../tests/conformance/cases.json");
    let file = env::var_os("LARS_CASES").map_or_else(|| PathBuf::from(default), PathBuf::from);
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut content: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(content["format"], 1);
    serde_json::from_value(content["cases"].take()).expect("a list of cases")
}

fn expected(call: &Value) -> Value {
    let parts = ["returns", "error", "arrays"].iter();
    let given = parts.filter_map(|&part| call.get(part).map(|value| (part.to_owned(), value.clone())));
    Value::Object(given.collect::<Map<_, _>>())
}

/// The calls of a case that did not go as recorded.
fn play(case: &Value) -> Vec<String> {
    let mut player = Player::new(&case["arrays"]);
    let mut failures = Vec::new();
    for (number, call) in case["calls"].as_array().expect("calls").iter().enumerate() {
        // As many answers as machines, but for the kernels that the cases were recorded with.
        if call["call"] == "kernels" && env::var("LARS_KERNELS").as_deref() != Ok("reference") {
            continue;
        }
        let (got, wanted) = (player.play(call), expected(call));
        if got != wanted {
            failures
                .push(format!("{}, call {number}: {call}\n  got    {got}\n  wanted {wanted}", case["name"]));
        }
    }
    failures
}

#[test]
fn every_case_plays_as_recorded() {
    let (mut played, mut skipped, mut failures) = (0, 0, Vec::new());
    for case in &cases() {
        if case["needs"].as_array().expect("needs").iter().any(|need| need == "aliasing") {
            skipped += 1;
        } else {
            failures.extend(play(case));
            played += 1;
        }
    }
    println!("{played} cases played, {skipped} skipped: they need aliasing, which Rust rules out");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(played > 0);
}
