//! Functions of the program that the library calls.

use std::ffi::{CStr, c_char, c_void};
use std::marker::PhantomData;
use std::slice;

use crate::{DType, Parameter, Telemetry, panics, sys};

/// A function that the library may call for longer than one call, at an address that stays.
#[derive(Debug)]
pub(crate) struct Kept {
    function: *mut c_void,
    release: unsafe fn(*mut c_void),
}

// SAFETY: the function is Send, and a shared Kept gives nothing but an address.
unsafe impl Send for Kept {}
// SAFETY: as above.
unsafe impl Sync for Kept {}

impl Kept {
    pub(crate) fn new<F: Send + 'static>(function: F) -> Self {
        /// # Safety
        ///
        /// `function` is an F that was boxed, and is not used again.
        unsafe fn release<F>(function: *mut c_void) {
            // SAFETY: by contract.
            drop(unsafe { Box::from_raw(function.cast::<F>()) });
        }
        Self { function: Box::into_raw(Box::new(function)).cast(), release: release::<F> }
    }

    pub(crate) fn pointer(&self) -> *mut c_void {
        self.function
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // SAFETY: boxed by `new`, and released once.
        unsafe { (self.release)(self.function) }
    }
}

/// What an observer is told of a step.
#[derive(Debug)]
pub struct StepReport<'a> {
    status: i32,
    steps: u64,
    count: u32,
    quantity_count: u32,
    quantities: *const *const f64,
    borrowed: PhantomData<&'a [f64]>,
}

impl<'a> StepReport<'a> {
    /// Whether the step was skipped because of NaN or Inf.
    #[must_use]
    pub fn skipped(&self) -> bool {
        self.status == sys::LARS_SKIPPED
    }

    /// As [`Optimizer::step_count`](crate::Optimizer::step_count).
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// One quantity of every parameter's last step.
    ///
    /// # Panics
    ///
    /// If the liblars that runs does not know the quantity.
    #[must_use]
    pub fn quantity(&self, quantity: Telemetry) -> &'a [f64] {
        assert!(
            i64::from(quantity.number()) < i64::from(self.quantity_count),
            "this liblars has no {quantity:?}"
        );
        // SAFETY: lars.h: there is a row of so many values for each quantity, borrowed for the callback.
        unsafe { slice_of(*self.quantities.offset(quantity.number() as isize), self.count) }
    }
}

/// A step's work, in pieces, for the threads of the program: see
/// [`Optimizer::set_parallel_for`](crate::Optimizer::set_parallel_for).
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    call: sys::lars_task,
    context: *mut c_void,
    borrowed: PhantomData<&'a ()>,
}

// SAFETY: lars.h: tasks run on any threads, at the same time.
unsafe impl Send for Task<'_> {}
// SAFETY: as above.
unsafe impl Sync for Task<'_> {}

impl Task<'_> {
    /// Runs a piece. To be called once for each index below the count; the library makes good what a program
    /// leaves out or does twice.
    pub fn run(self, index: u32) {
        if let Some(call) = self.call {
            // SAFETY: the context is alive as long as self is borrowed, which ends with the parallel_for.
            unsafe { call(self.context, index) }
        }
    }
}

/// # Safety
///
/// There are `count` values, if any, that live as long as 'a.
pub(crate) unsafe fn slice_of<'a, T>(values: *const T, count: u32) -> &'a [T] {
    // C may have NULL for no values, a slice may not.
    // SAFETY: by contract.
    if count == 0 { &[] } else { unsafe { slice::from_raw_parts(values, count as usize) } }
}

/// A parameter as lars.h describes it; `None` if its name is not UTF-8, which only others than this crate bring
/// about.
///
/// # Safety
///
/// `name` and `shape` live as long as 'a.
pub(crate) unsafe fn parameter_of<'a>(
    index: u32,
    name: *const c_char,
    dtype: i32,
    ndim: u32,
    shape: *const i64,
) -> Option<Parameter<'a>> {
    // SAFETY: by contract.
    let (name, shape) = unsafe { (CStr::from_ptr(name), slice_of(shape, ndim)) };
    Some(Parameter { index, name: name.to_str().ok()?, dtype: DType::from_number(dtype)?, shape })
}

/// # Safety
///
/// In this function and those below: `user` is an F, and the rest is as lars.h says.
pub(crate) unsafe extern "C" fn call_predicate<F: FnMut(&Parameter<'_>) -> bool>(
    user: *mut c_void,
    index: u32,
    name: *const c_char,
    dtype: i32,
    ndim: u32,
    shape: *const i64,
) -> i32 {
    // SAFETY: by contract.
    let (predicate, parameter) =
        unsafe { (&mut *user.cast::<F>(), parameter_of(index, name, dtype, ndim, shape)) };
    let selected = panics::catch(|| parameter.as_ref().map(predicate)).flatten();
    selected.map_or(-1, i32::from)
}

/// # Safety
///
/// See [`call_predicate`].
pub(crate) unsafe extern "C" fn call_schedule<F: Fn(u64) -> f64>(
    user: *mut c_void,
    step: u64,
    value: *mut f64,
) -> i32 {
    // SAFETY: by contract; other threads may be in the same function, so the reference is shared.
    let function = unsafe { &*user.cast::<F>() };
    panics::catch(|| function(step)).map_or(-1, |at_step| {
        // SAFETY: by contract.
        unsafe { value.write(at_step) };
        0
    })
}

/// # Safety
///
/// See [`call_predicate`].
pub(crate) unsafe extern "C" fn call_observer<F: FnMut(&StepReport<'_>)>(
    user: *mut c_void,
    status: i32,
    steps: u64,
    count: u32,
    quantity_count: u32,
    quantities: *const *const f64,
) {
    // SAFETY: by contract.
    let observer = unsafe { &mut *user.cast::<F>() };
    panics::catch(|| {
        observer(&StepReport { status, steps, count, quantity_count, quantities, borrowed: PhantomData });
    });
}

/// # Safety
///
/// See [`call_predicate`].
pub(crate) unsafe extern "C" fn call_parallel_for<F: FnMut(u32, Task<'_>)>(
    user: *mut c_void,
    count: u32,
    task: sys::lars_task,
    context: *mut c_void,
) -> i32 {
    // SAFETY: by contract.
    let run = unsafe { &mut *user.cast::<F>() };
    panics::catch(|| run(count, Task { call: task, context, borrowed: PhantomData })).map_or(-1, |()| 0)
}
