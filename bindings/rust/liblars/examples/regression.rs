//! Fits a line with LARS: `y = 3x + 1`.

use liblars::{DType, Error, Key, Optimizer, Schedule};

fn main() -> Result<(), Error> {
    let (mut slope, mut intercept) = (0.5_f32, 0.5_f32);
    let mut optimizer = Optimizer::new()?;
    optimizer.add_parameter("slope", DType::F32, &[])?;
    optimizer.add_parameter("intercept", DType::F32, &[])?;
    optimizer.set(Key::TrustCoefficient, 1.0)?;
    optimizer.set(Key::LearningRate, &Schedule::cosine_decay(0.03, 500, 0.0, 1.0)?)?;

    for step in 0..=500 {
        let (mut loss, mut slope_gradient, mut intercept_gradient) = (0.0, 0.0, 0.0);
        for x in [-1.0_f32, -0.5, 0.0, 0.5, 1.0] {
            let error = slope * x + intercept - (3.0 * x + 1.0);
            loss += error * error / 5.0;
            slope_gradient += 2.0 * error * x / 5.0;
            intercept_gradient += 2.0 * error / 5.0;
        }
        if step % 100 == 0 {
            println!("step {step}: loss {loss:.6}, y = {slope:.3}x + {intercept:.3}");
        }
        optimizer.step([&mut slope, &mut intercept], [&slope_gradient, &intercept_gradient])?;
    }
    Ok(())
}
