//! What the steps did, and checkpoints.

use std::path::Path;

use super::Optimizer;
use crate::callbacks::{Kept, StepReport, call_observer};
use crate::error::{Error, Result};
use crate::paths::c_path;
use crate::{Status, Telemetry, sys};

#[cfg(doc)]
use crate::NonfinitePolicy;

/// Of a parameter's last step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Norms {
    /// |w|.
    pub weight_norm: f64,
    /// |u|.
    pub update_norm: f64,
    /// The trust ratio; 1 outside the mask.
    pub trust_ratio: f64,
}

/// How many steps [`NonfinitePolicy::Skip`] has skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skips {
    /// In a row, up to now.
    pub consecutive: u64,
    /// In all.
    pub total: u64,
}

/// Where the last step that was refused or skipped found NaN or Inf.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Nonfinite {
    /// The first such parameter.
    pub index: u32,
    /// How many of its elements are not finite.
    pub parameter_elements: u64,
    /// How many of its gradient's.
    pub gradient_elements: u64,
}

impl Optimizer {
    /// The number of steps that every parameter has taken. Skipped steps do not count.
    ///
    /// # Panics
    ///
    /// While another call on this optimizer runs: in a schedule's function, if that has a way to it.
    #[must_use]
    pub fn step_count(&self) -> u64 {
        let mut steps = 0;
        self.certain(unsafe { sys::lars_step_count(self.as_ptr(), &raw mut steps) });
        steps
    }

    /// The number of steps that one parameter has taken.
    ///
    /// # Errors
    ///
    /// [`Status::Index`].
    pub fn parameter_step_count(&self, index: u32) -> Result<u64> {
        let mut steps = 0;
        self.done(unsafe { sys::lars_parameter_step_count(self.as_ptr(), index, &raw mut steps) })?;
        Ok(steps)
    }

    /// Sets the number of steps that the parameter has taken, for a run that others began: schedules go on from
    /// there.
    ///
    /// # Errors
    ///
    /// [`Status::Index`].
    pub fn set_parameter_step_count(&mut self, index: u32, steps: u64) -> Result<()> {
        self.done(unsafe { sys::lars_set_parameter_step_count(self.as_ptr(), index, steps) })
    }

    /// Norms and trust ratio of the parameter's last step.
    ///
    /// # Errors
    ///
    /// [`Status::Index`]; [`Status::State`] before the first step.
    pub fn norms(&self, index: u32) -> Result<Norms> {
        let mut norms = Norms::default();
        self.done(unsafe {
            sys::lars_norms(
                self.as_ptr(),
                index,
                &raw mut norms.weight_norm,
                &raw mut norms.update_norm,
                &raw mut norms.trust_ratio,
            )
        })?;
        Ok(norms)
    }

    /// How many steps were skipped.
    ///
    /// # Panics
    ///
    /// While another call on this optimizer runs: in a schedule's function, if that has a way to it.
    #[must_use]
    pub fn skip_count(&self) -> Skips {
        let mut skips = Skips::default();
        let (consecutive, total) = (&raw mut skips.consecutive, &raw mut skips.total);
        self.certain(unsafe { sys::lars_skip_count(self.as_ptr(), consecutive, total) });
        skips
    }

    /// Where the last step that was refused or skipped found NaN or Inf.
    ///
    /// # Errors
    ///
    /// [`Status::State`] if there was no such step.
    pub fn nonfinite(&self) -> Result<Nonfinite> {
        let mut found = Nonfinite::default();
        self.done(unsafe {
            sys::lars_nonfinite(
                self.as_ptr(),
                &raw mut found.index,
                &raw mut found.parameter_elements,
                &raw mut found.gradient_elements,
            )
        })?;
        Ok(found)
    }

    /// One quantity of every parameter's last step; 0 before its first.
    ///
    /// # Panics
    ///
    /// While another call on this optimizer runs: in a schedule's function, if that has a way to it.
    #[must_use]
    pub fn telemetry(&self, quantity: Telemetry) -> Vec<f64> {
        let mut values = vec![0.0; self.parameter_count() as usize];
        self.certain(unsafe { sys::lars_telemetry(self.as_ptr(), quantity.number(), values.as_mut_ptr()) });
        values
    }

    /// Has steps gather |g| also where weight decay makes the denominator another norm. Default: there
    /// [`Telemetry::GradientNorm`] is NaN.
    ///
    /// # Errors
    ///
    /// None that a program can bring about.
    pub fn set_gradient_norms(&mut self, wanted: bool) -> Result<()> {
        self.done(unsafe { sys::lars_set_gradient_norms(self.as_ptr(), wanted.into()) })
    }

    /// Whether steps gather |g| in any case.
    ///
    /// # Panics
    ///
    /// While another call on this optimizer runs: in a schedule's function, if that has a way to it.
    #[must_use]
    pub fn gradient_norms(&self) -> bool {
        let mut wanted = 0;
        self.certain(unsafe { sys::lars_gradient_norms(self.as_ptr(), &raw mut wanted) });
        wanted != 0
    }

    /// Has the observer called at the end of every call that took a step or skipped one, on the calling thread.
    /// If it panics, so does that call, whose step is done.
    ///
    /// ```
    /// use liblars::{Optimizer, Telemetry};
    ///
    /// # let mut optimizer = Optimizer::new()?;
    /// optimizer.set_observer(|report| {
    ///     println!("step {}: trust ratios {:?}", report.steps(), report.quantity(Telemetry::TrustRatio));
    /// })?;
    /// # Ok::<(), liblars::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// None that a program can bring about.
    pub fn set_observer<F>(&mut self, observer: F) -> Result<()>
    where
        F: FnMut(&StepReport<'_>) + Send + 'static,
    {
        let kept = Kept::new(observer);
        let status =
            unsafe { sys::lars_set_observer(self.as_ptr(), Some(call_observer::<F>), kept.pointer()) };
        if status >= 0 {
            drop(self.observer.replace(kept)); // in place before anything can unwind: the library has it
        }
        self.done(status)
    }

    /// Has no observer called any more.
    pub fn remove_observer(&mut self) {
        self.certain(unsafe { sys::lars_set_observer(self.as_ptr(), None, std::ptr::null_mut()) });
        self.observer = None;
    }
}

/// Checkpoints: safetensors files with all that the next steps depend on but the parameters themselves.
impl Optimizer {
    /// Saves to a file, which is replaced whole or not at all.
    ///
    /// # Errors
    ///
    /// [`Status::Io`], which tells which file is there; [`Status::State`] if there is nothing to save.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = c_path(path.as_ref())?;
        self.done(unsafe { sys::lars_save(self.as_ptr(), path.as_ptr()) })
    }

    /// Loads what [`save`](Self::save) has saved. The optimizer must have the same parameters, in any order.
    /// Where the file had a callback as schedule, the optimizer's own schedule stays if it is one.
    ///
    /// # Errors
    ///
    /// [`Status::Io`], [`Status::Format`] or [`Status::Mismatch`].
    pub fn load(&mut self, path: impl AsRef<Path>) -> Result<()> {
        let path = c_path(path.as_ref())?;
        self.done(unsafe { sys::lars_load(self.as_ptr(), path.as_ptr()) })
    }

    /// As [`save`](Self::save), to memory.
    ///
    /// ```
    /// use liblars::{DType, Key, Optimizer};
    ///
    /// let model = |optimizer: &mut Optimizer| optimizer.add_parameter("weight", DType::F32, &[2]);
    /// let (mut optimizer, mut resumed) = (Optimizer::new()?, Optimizer::new()?);
    /// model(&mut optimizer)?;
    /// optimizer.set(Key::LearningRate, 0.5)?;
    /// optimizer.step([&mut [1.0_f32, 2.0]], [&[0.1_f32, 0.2]])?;
    ///
    /// model(&mut resumed)?;
    /// resumed.load_bytes(&optimizer.to_bytes()?)?;
    /// assert_eq!(resumed.step_count(), 1);
    /// # Ok::<(), liblars::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Status::State`] if there is nothing to save.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut bytes = 0;
        self.done(unsafe { sys::lars_save_size(self.as_ptr(), &raw mut bytes) })?;
        let size = usize::try_from(bytes).map_err(|error| Error::new(Status::Memory, &error.to_string()))?;
        let mut checkpoint = vec![0; size];
        self.done(unsafe { sys::lars_save_to(self.as_ptr(), checkpoint.as_mut_ptr().cast(), bytes) })?;
        Ok(checkpoint)
    }

    /// As [`load`](Self::load), from memory.
    ///
    /// # Errors
    ///
    /// [`Status::Format`] or [`Status::Mismatch`].
    pub fn load_bytes(&mut self, checkpoint: &[u8]) -> Result<()> {
        let (buffer, bytes) = (checkpoint.as_ptr().cast(), checkpoint.len() as u64);
        self.done(unsafe { sys::lars_load_from(self.as_ptr(), buffer, bytes) })
    }
}
