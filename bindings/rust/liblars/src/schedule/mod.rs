//! Schedules.

mod constructors;

use std::ptr::{self, NonNull};
use std::sync::Arc;

use crate::callbacks::Kept;
use crate::error::{Error, Result};
use crate::{Status, panics, sys};

/// A hyper-parameter's value as a function of the step number, which begins at 0. Constructors have optax's
/// names and definitions. Immutable; clones share it, and so may threads.
///
/// ```
/// use liblars::{Key, Optimizer, Schedule};
///
/// let rate = Schedule::warmup_cosine_decay(0.0, 1.0, 100, 1000, 0.0, 1.0)?;
/// assert_eq!(rate.value(50)?, 0.5);
/// Optimizer::new()?.set(Key::LearningRate, &rate)?;
/// # Ok::<(), liblars::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Schedule {
    handle: Arc<Handle>,
    functions: Vec<Arc<Kept>>, // its own or of its parts
}

#[derive(Debug)]
struct Handle(NonNull<sys::lars_schedule>);

// SAFETY: lars.h: schedules never change after creation and may be shared between threads. The functions that
// they call are Send and Sync.
unsafe impl Send for Handle {}
// SAFETY: as above.
unsafe impl Sync for Handle {}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: made by a constructor, and released once.
        unsafe { sys::lars_schedule_destroy(self.0.as_ptr()) }
    }
}

/// One cycle of [`Schedule::sgdr`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cycle {
    /// Where the warm-up begins.
    pub init_value: f64,
    /// Where it ends.
    pub peak_value: f64,
    /// Steps of warm-up.
    pub warmup_steps: u64,
    /// Steps of the cycle, those of the warm-up among them.
    pub decay_steps: u64,
    /// Where the cycle ends.
    pub end_value: f64,
    /// Of the decay; 1 for plain cosine.
    pub exponent: f64,
}

impl Schedule {
    /// The value at a step.
    ///
    /// # Errors
    ///
    /// [`Status::Value`] if it overflows,
    /// [`Status::Callback`] if the caller's own function gave what is not finite.
    pub fn value(&self, step: u64) -> Result<f64> {
        let mut value = 0.0;
        // SAFETY: the schedule is alive, and value is written during the call.
        let status = unsafe { sys::lars_schedule_value(self.as_ptr(), step, &raw mut value) };
        panics::resume();
        if status < 0 {
            // The schedule holds no message: it never changes, so what fails at one step leaves none.
            let message = format!("the schedule has no value at step {step}");
            return Err(Error::new(Status::from_number(status), &message));
        }
        Ok(value)
    }

    /// For functions of [`sys`].
    #[must_use]
    pub fn as_ptr(&self) -> *const sys::lars_schedule {
        self.handle.0.as_ptr()
    }

    /// What the schedule calls; it must outlive the schedule's copies in optimizers.
    pub(crate) fn functions(&self) -> &[Arc<Kept>] {
        &self.functions
    }

    /// Of what a constructor of lars.h makes, which is a schedule or, if that failed, holds the reason.
    fn make(constructor: impl FnOnce(*mut *mut sys::lars_schedule) -> i32) -> Result<Self> {
        let mut made = ptr::null_mut();
        let status = constructor(&raw mut made);
        let handle =
            NonNull::new(made).ok_or_else(|| Error::new(Status::from_number(status), "out of memory"))?;
        let schedule = Self { handle: Arc::new(Handle(handle)), functions: Vec::new() };
        if status < 0 {
            // SAFETY: the message belongs to the schedule.
            return Err(unsafe {
                Error::from_c(status, sys::lars_schedule_error_message(schedule.as_ptr()))
            });
        }
        Ok(schedule)
    }
}
