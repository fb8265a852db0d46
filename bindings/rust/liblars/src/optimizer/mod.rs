//! The optimizer.
//!
//! Unsafe blocks in this module that have no reason of their own call a function of lars.h with this object's
//! handle, which is alive, with numbers, and with pointers to what outlives the call: lars.h keeps none of them.

mod arguments;
mod hyperparameters;
mod parameters;
mod records;
mod steps;

use std::collections::HashMap;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use crate::callbacks::Kept;
use crate::error::{Error, Result};
use crate::{Key, Status, panics, sys};
use arguments::Arguments;

pub use hyperparameters::Value;
pub use parameters::Parameter;
pub use records::{Nonfinite, Norms, Skips};
pub use steps::{Accumulated, Outcome};

/// An optimizer: parameters, their hyper-parameters and their momentum.
///
/// Parameters are added once, by name; every step then gets their arrays and gradients, in that order, and
/// updates the arrays in place. It can be sent to another thread; several cannot use it at once.
///
/// ```
/// use liblars::{DType, Key, Optimizer, Outcome};
///
/// let (mut weight, mut bias) = (vec![1.0_f32; 6], vec![0.5_f32; 2]);
/// let mut optimizer = Optimizer::new()?;
/// optimizer.add_parameter("dense.weight", DType::F32, &[3, 2])?;
/// optimizer.add_parameter("dense.bias", DType::F32, &[2])?;
/// optimizer.set(Key::LearningRate, 1.0)?;
/// optimizer.set_for("*.bias", Key::TrustRatioMask, false)?;
/// optimizer.set_for("*.bias", Key::LearningRate, 0.1)?;
///
/// let gradients = [vec![0.1_f32; 6], vec![0.0; 2]];
/// assert_eq!(optimizer.step([&mut weight, &mut bias], &gradients)?, Outcome::Taken);
/// assert!(weight[0] < 1.0 && bias[0] == 0.5);
/// # Ok::<(), liblars::Error>(())
/// ```
#[derive(Debug)]
pub struct Optimizer {
    handle: NonNull<sys::lars_optimizer>,
    arguments: Arguments,
    // What the handle's callbacks point to; `drop` releases the handle first.
    functions: HashMap<Key, Vec<Arc<Kept>>>, // of schedules
    observer: Option<Kept>,
    parallel_for: Option<Kept>,
}

// SAFETY: a handle is bound to no thread, and all functions that it holds are Send. Not Sync: the message of an
// error that one thread gets could be that of another's.
unsafe impl Send for Optimizer {}

impl Optimizer {
    /// An optimizer without parameters.
    ///
    /// # Errors
    ///
    /// [`Status::Memory`].
    pub fn new() -> Result<Self> {
        let mut handle = ptr::null_mut();
        let status = unsafe { sys::lars_create(&raw mut handle) };
        let handle = NonNull::new(handle)
            .ok_or_else(|| Error::new(Status::from_number(status), "out of memory for an optimizer"))?;
        Ok(Self {
            handle,
            arguments: Arguments::default(),
            functions: HashMap::new(),
            observer: None,
            parallel_for: None,
        })
    }

    /// For functions of [`sys`]; it stays this object's.
    #[must_use]
    pub fn as_ptr(&self) -> *mut sys::lars_optimizer {
        self.handle.as_ptr()
    }

    /// The end of every call that can fail. If a callback panicked in it, that goes on here.
    fn done(&self, status: i32) -> Result<()> {
        panics::resume();
        if status >= 0 {
            return Ok(());
        }
        // SAFETY: the message is the handle's, which is not used meanwhile.
        Err(unsafe { Error::from_c(status, sys::lars_error_message(self.as_ptr())) })
    }

    /// The end of a call that fails only with a handle that is wrong, which this object's never is, or in use. It is
    /// in use for a schedule's function that has a way to this object, say by a thread-local `RefCell`, while
    /// [`get`](Self::get) runs: calls by shared reference may then meet.
    fn certain(&self, status: i32) {
        self.done(status).expect("no other call on this optimizer runs");
    }
}

impl Drop for Optimizer {
    fn drop(&mut self) {
        // It cannot be in use: every call borrows this object until it returns.
        unsafe { sys::lars_destroy(self.as_ptr()) };
    }
}
