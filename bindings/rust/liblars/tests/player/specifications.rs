//! Numbers, choices, schedules and predicates as cases write them.

use std::fmt::Debug;
use std::panic::resume_unwind;

use liblars::{Cycle, DType, Error, Interpolation, Parameter, Schedule};
use serde_json::{Value, json};

/// What a predicate panics with that is told to.
pub(super) struct ToldToFail;

pub(super) fn bits_of(value: f64) -> Value {
    json!(format!("{:016x}", value.to_bits()))
}

pub(super) fn number(value: &Value) -> f64 {
    match value.as_str() {
        Some(text) => text.parse().expect("nan, inf or -inf"),
        None => value.as_f64().expect("a number"),
    }
}

/// The variant of an enum whose name, in snake case, is the word.
pub(super) fn named<T: Copy + Debug>(all: &[T], word: &str) -> T {
    let camel: String = word.split('_').map(|part| part[..1].to_uppercase() + &part[1..]).collect();
    *all.iter().find(|one| format!("{one:?}") == camel).unwrap_or_else(|| panic!("no such choice: {word}"))
}

const DTYPES: [(DType, &str); 5] = [
    (DType::F16, "float16"),
    (DType::F32, "float32"),
    (DType::F64, "float64"),
    (DType::Bf16, "bfloat16"),
    (DType::I16, "int16"),
];

pub(super) fn dtype_of(word: &str) -> DType {
    DTYPES.iter().find(|(_, known)| *known == word).expect("a type").0
}

pub(super) fn word_of(dtype: DType) -> &'static str {
    DTYPES.iter().find(|(known, _)| *known == dtype).expect("a type").1
}

/// The only member of an object.
fn member(specification: &Value) -> (&str, &Value) {
    let (kind, value) = specification.as_object().expect("an object").iter().next().expect("a member");
    (kind, value)
}

pub(super) fn selects(predicate: &Value, parameter: &Parameter<'_>) -> bool {
    let (kind, value) = member(predicate);
    match kind {
        "ndim_at_most" => parameter.shape.len() as u64 <= value.as_u64().expect("a number"),
        "name_ends_with" => parameter.name.ends_with(value.as_str().expect("an end")),
        "dtype" => word_of(parameter.dtype) == value,
        "index" => value == parameter.index,
        "first_extent" => parameter.shape.first().is_some_and(|extent| value == *extent),
        "fails" => resume_unwind(Box::new(ToldToFail)),
        other => panic!("no such predicate: {other}"),
    }
}

pub(super) fn schedule_of(specification: &Value) -> Result<Schedule, Error> {
    let (kind, arguments) = member(specification);
    let real = |name: &str| number(&arguments[name]);
    let whole = |name: &str| arguments[name].as_u64().expect("a whole number");
    let end = || (!arguments["end_value"].is_null()).then(|| real("end_value"));
    let staircase = || arguments["staircase"].as_bool().expect("a truth value");
    match kind {
        "constant" => Schedule::constant(real("value")),
        "linear" => Schedule::linear(
            real("init_value"),
            real("end_value"),
            whole("transition_steps"),
            whole("transition_begin"),
        ),
        "polynomial" => Schedule::polynomial(
            real("init_value"),
            real("end_value"),
            real("power"),
            whole("transition_steps"),
            whole("transition_begin"),
        ),
        "piecewise_constant" => Schedule::piecewise_constant(real("init_value"), &boundaries(arguments)),
        "piecewise_interpolate" => {
            let kind = named(Interpolation::ALL, arguments["interpolate_type"].as_str().expect("a kind"));
            Schedule::piecewise_interpolate(kind, real("init_value"), &boundaries(arguments))
        }
        "exponential_decay" => Schedule::exponential_decay(
            real("init_value"),
            whole("transition_steps"),
            real("decay_rate"),
            whole("transition_begin"),
            staircase(),
            end(),
        ),
        "cosine_decay" => {
            Schedule::cosine_decay(real("init_value"), whole("decay_steps"), real("alpha"), real("exponent"))
        }
        "linear_onecycle" => Schedule::linear_onecycle(
            whole("transition_steps"),
            real("peak_value"),
            real("pct_start"),
            real("pct_final"),
            real("div_factor"),
            real("final_div_factor"),
        ),
        "cosine_onecycle" => Schedule::cosine_onecycle(
            whole("transition_steps"),
            real("peak_value"),
            real("pct_start"),
            real("div_factor"),
            real("final_div_factor"),
        ),
        "warmup_exponential_decay" => Schedule::warmup_exponential_decay(
            real("init_value"),
            real("peak_value"),
            whole("warmup_steps"),
            whole("transition_steps"),
            real("decay_rate"),
            whole("transition_begin"),
            staircase(),
            end(),
        ),
        _ => other_schedule_of(kind, arguments),
    }
}

fn other_schedule_of(kind: &str, arguments: &Value) -> Result<Schedule, Error> {
    match kind {
        "warmup_constant" => {
            let cycle = cycle(arguments);
            Schedule::warmup_constant(cycle.init_value, cycle.peak_value, cycle.warmup_steps)
        }
        "warmup_cosine_decay" => {
            let Cycle { init_value, peak_value, warmup_steps, decay_steps, end_value, exponent } =
                cycle(arguments);
            Schedule::warmup_cosine_decay(
                init_value,
                peak_value,
                warmup_steps,
                decay_steps,
                end_value,
                exponent,
            )
        }
        "sgdr" => {
            let cycles = arguments["cycles"].as_array().expect("cycles").iter();
            Schedule::sgdr(&cycles.map(cycle).collect::<Vec<_>>())
        }
        "join" => {
            let schedules = arguments["schedules"].as_array().expect("schedules").iter();
            let parts = schedules.map(schedule_of).collect::<Result<Vec<_>, _>>()?;
            let boundaries = arguments["boundaries"].as_array().expect("boundaries").iter();
            let boundaries = boundaries.map(|boundary| boundary.as_u64().expect("a step"));
            Schedule::join(&parts[0], &boundaries.zip(&parts[1..]).collect::<Vec<_>>())
        }
        // This one fails by its value, the predicate by a panic: both must be told apart from a success.
        "callback" if arguments == "fails" => Schedule::callback(|_| f64::NAN),
        "callback" => Schedule::callback(|step| 1.0 / (1.0 + step as f64)),
        other => panic!("no such schedule: {other}"),
    }
}

/// What the arguments do not have is not used.
fn cycle(arguments: &Value) -> Cycle {
    let real = |name: &str| arguments.get(name).map_or(0.0, number);
    let whole = |name: &str| arguments[name].as_u64().unwrap_or(0);
    Cycle {
        init_value: real("init_value"),
        peak_value: real("peak_value"),
        warmup_steps: whole("warmup_steps"),
        decay_steps: whole("decay_steps"),
        end_value: real("end_value"),
        exponent: real("exponent"),
    }
}

fn boundaries(arguments: &Value) -> Vec<(u64, f64)> {
    let pairs = arguments["boundaries"].as_array().expect("boundaries").iter();
    pairs.map(|pair| (pair[0].as_u64().expect("a step"), number(&pair[1]))).collect()
}
