#![doc = include_str!("../README.md")]

mod callbacks;
#[cfg(feature = "candle")]
pub mod candle;
#[cfg(doctest)]
mod compile_fail;
mod error;
mod numbers;
mod optimizer;
mod panics;
mod paths;
mod schedule;
mod tensor;

pub use half; // of which arrays may be
pub use liblars_sys as sys;

pub use callbacks::{StepReport, Task};
pub use error::{Error, Result};
pub use numbers::{
    DType, Denominator, Interpolation, Key, NonfinitePolicy, Outside, Status, Telemetry, Variant,
};
pub use optimizer::{Accumulated, Nonfinite, Norms, Optimizer, Outcome, Parameter, Skips, Value};
pub use schedule::{Cycle, Schedule};
pub use tensor::{Element, Tensor, TensorMut};

/// The version of the library that runs.
///
/// ```
/// assert!(liblars::version().starts_with("0.1."));
/// ```
#[must_use]
pub fn version() -> &'static str {
    // SAFETY: a text in static storage.
    unsafe { error::static_text(sys::lars_version_string()) }
}
