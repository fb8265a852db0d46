//! Times a step through this crate, of the tensors of a model and of as many with 64 elements, where what is left is what
//! calls cost; prints a line of JSON for each.
//!
//!     cargo run --release --example overhead -- [MODEL [SECONDS]]
//!
//! MODEL is one of the repository's bench/models (default: resnet50.json); SECONDS: 2. `LARS_NUM_THREADS` sets the
//! threads.

use std::error::Error;
use std::time::{Duration, Instant};
use std::{env, fs};

use liblars::{DType, Key, Optimizer};
use serde_json::Value;

const TINY: i64 = 64;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../bench/models/resnet50.json");
    let model = arguments.next().unwrap_or_else(|| default.to_owned());
    let time = Duration::from_secs_f64(arguments.next().map_or(Ok(2.0), |seconds| seconds.parse())?);
    let model: Value = serde_json::from_str(&fs::read_to_string(model)?)?;
    let parameters = model["parameters"].as_array().ok_or("a model has parameters")?;
    let shapes = parameters.iter().map(|parameter| serde_json::from_value(parameter["shape"].clone()));
    let shapes: Vec<Vec<i64>> = shapes.collect::<Result<_, _>>()?;
    measure(&shapes, time)?;
    measure(&vec![vec![TINY]; shapes.len()], time)
}

fn measure(shapes: &[Vec<i64>], time: Duration) -> Result<(), Box<dyn Error>> {
    let mut optimizer = Optimizer::new()?;
    optimizer.set(Key::LearningRate, 0.1)?;
    optimizer.set(Key::WeightDecay, 1e-4)?;
    let mut parameters = Vec::new();
    for (number, shape) in shapes.iter().enumerate() {
        optimizer.add_parameter(&number.to_string(), DType::F32, shape)?;
        parameters.push(vec![0.5_f32; usize::try_from(shape.iter().product::<i64>())?]);
    }
    let gradients: Vec<_> = parameters.iter().map(|parameter| vec![1e-3_f32; parameter.len()]).collect();
    let median = median_step(&mut optimizer, &mut parameters, &gradients, time)?;
    let elements: usize = gradients.iter().map(Vec::len).sum();
    let (tensors, nanoseconds) = (gradients.len(), median.as_nanos());
    println!(r#"{{"tensors":{tensors},"elements":{elements},"ns_per_step":{nanoseconds}}}"#);
    Ok(())
}

/// The median of as many steps as fit in the time, after some to warm up.
fn median_step(
    optimizer: &mut Optimizer,
    parameters: &mut [Vec<f32>],
    gradients: &[Vec<f32>],
    time: Duration,
) -> Result<Duration, liblars::Error> {
    for _ in 0..20 {
        optimizer.step(&mut *parameters, gradients)?;
    }
    let (begin, mut times) = (Instant::now(), Vec::new());
    while begin.elapsed() < time {
        let step = Instant::now();
        optimizer.step(&mut *parameters, gradients)?;
        times.push(step.elapsed());
    }
    times.sort_unstable();
    Ok(times[times.len() / 2])
}
