//! Trains a small model with candle, and liblars as its optimizer; examples/README.md at the repository's root has the
//! task.
//!
//!     cargo run --release --features candle --example train -- IMAGES LABELS
//!
//! Both files are in IDX format, gzipped; `gzip` reads them.

use std::error::Error;
use std::process::Command;

use candle_core::{D, DType, Device, Tensor, Var};
use candle_nn::{Optimizer, loss, ops};
use liblars::candle::Lars;
use liblars::{Key, Schedule};

const IMAGES: usize = 4096;
const INPUTS: usize = 784;
const BATCH: usize = 64;
const EPOCHS: usize = 5;

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [images, labels] = arguments.as_slice() else {
        return Err("usage: train IMAGES LABELS".into());
    };
    let pixels = read_idx(images, 16, IMAGES * INPUTS)?;
    let pixels: Vec<f32> = pixels.into_iter().map(|pixel| f32::from(pixel) / 255.0).collect();
    let images = Tensor::from_vec(pixels, (IMAGES, INPUTS), &Device::Cpu)?;
    let labels: Vec<u32> = read_idx(labels, 8, IMAGES)?.into_iter().map(u32::from).collect();
    let labels = Tensor::from_vec(labels, IMAGES, &Device::Cpu)?;

    let model = Model::new()?;
    let mut optimizer = model.optimizer()?;
    for _ in 0..EPOCHS {
        for first in (0..IMAGES).step_by(BATCH) {
            let scores = model.scores(&images.narrow(0, first, BATCH)?)?;
            let loss = loss::cross_entropy(&scores, &labels.narrow(0, first, BATCH)?)?;
            optimizer.backward_step(&loss)?;
        }
    }
    report(&model.scores(&images)?, &labels)
}

/// The content of a gzipped IDX file behind its header.
fn read_idx(path: &str, header: usize, bytes: usize) -> Result<Vec<u8>, Failure> {
    let output = Command::new("gzip").args(["-dc", path]).output()?;
    let content = output.stdout.get(header..header + bytes);
    Ok(content
        .ok_or_else(|| format!("{path} is not there, or is no IDX file with {IMAGES} images or labels"))?
        .to_vec())
}

struct Model {
    weights: [Var; 2],
    biases: [Var; 2],
}

impl Model {
    fn new() -> Result<Self, Failure> {
        let mut state = 20_170_813_u64;
        let mut weight = |inputs: usize, outputs: usize| {
            let scale = 2.0 / (inputs as f64).sqrt();
            let values: Vec<f32> = (0..inputs * outputs)
                .map(|_| {
                    state =
                        state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    #[allow(clippy::cast_possible_truncation)]
                    let value = (((state >> 40) as f64 / 16_777_216.0 - 0.5) * scale) as f32;
                    value
                })
                .collect();
            Var::from_vec(values, (inputs, outputs), &Device::Cpu)
        };
        let weights = [weight(INPUTS, 100)?, weight(100, 10)?];
        let biases = [Var::zeros(100, DType::F32, &Device::Cpu)?, Var::zeros(10, DType::F32, &Device::Cpu)?];
        Ok(Self { weights, biases })
    }

    fn scores(&self, images: &Tensor) -> Result<Tensor, Failure> {
        let hidden = images.matmul(&self.weights[0])?.broadcast_add(&self.biases[0])?.relu()?;
        Ok(hidden.matmul(&self.weights[1])?.broadcast_add(&self.biases[1])?)
    }

    fn optimizer(&self) -> Result<Lars, Failure> {
        let names = ["layer1.weight", "layer1.bias", "layer2.weight", "layer2.bias"];
        let variables = [&self.weights[0], &self.biases[0], &self.weights[1], &self.biases[1]];
        let mut lars = Lars::named(names.into_iter().zip(variables.into_iter().cloned()), 2.0)?;
        let steps = (EPOCHS * IMAGES / BATCH) as u64;
        let optimizer = lars.optimizer_mut();
        optimizer.set(Key::WeightDecay, 1e-4)?;
        optimizer.set(Key::TrustCoefficient, 0.01)?;
        optimizer.set(Key::LearningRate, &Schedule::cosine_decay(2.0, steps, 0.0, 1.0)?)?;
        optimizer.set_for("*.bias", Key::WeightDecayMask, false)?;
        optimizer.set_for("*.bias", Key::TrustRatioMask, false)?;
        optimizer.set_for("*.bias", Key::LearningRate, &Schedule::cosine_decay(0.2, steps, 0.0, 1.0)?)?;
        Ok(lars)
    }
}

fn report(scores: &Tensor, labels: &Tensor) -> Result<(), Failure> {
    let loss = loss::cross_entropy(scores, labels)?.to_scalar::<f32>()?;
    let found = ops::softmax(scores, D::Minus1)?.argmax(D::Minus1)?;
    let right = found.eq(labels)?.to_dtype(DType::F32)?.mean_all()?.to_scalar::<f32>()?;
    println!("final loss {loss:.4}, accuracy {right:.4}");
    Ok(())
}
