//! Hyper-parameters, and what steps run on.

use std::ffi::{c_char, c_void};
use std::sync::Arc;
use std::{mem, ptr};

use super::Optimizer;
use crate::callbacks::{Kept, call_parallel_for, call_predicate};
use crate::error::{Result, c_text, static_text};
use crate::{Denominator, Key, NonfinitePolicy, Outside, Parameter, Schedule, Task, Variant, sys};
#[cfg(doc)]
use crate::{Outcome, Status};

/// What a hyper-parameter is set to: a number, or a schedule. Made of `f64`, `bool` (for masks), [`Denominator`],
/// [`Outside`] or `&`[`Schedule`].
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// The same at every step.
    Number(f64),
    /// Evaluated at every step, from the parameter's own step count.
    Schedule(&'a Schedule),
}

impl From<f64> for Value<'_> {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<f32> for Value<'_> {
    fn from(number: f32) -> Self {
        Self::Number(number.into())
    }
}

impl From<i32> for Value<'_> {
    fn from(number: i32) -> Self {
        Self::Number(number.into())
    }
}

impl From<bool> for Value<'_> {
    fn from(mask: bool) -> Self {
        Self::Number(mask.into())
    }
}

impl From<Denominator> for Value<'_> {
    fn from(denominator: Denominator) -> Self {
        Self::Number(denominator.number().into())
    }
}

impl From<Outside> for Value<'_> {
    fn from(outside: Outside) -> Self {
        Self::Number(outside.number().into())
    }
}

impl<'a> From<&'a Schedule> for Value<'a> {
    fn from(schedule: &'a Schedule) -> Self {
        Self::Schedule(schedule)
    }
}

impl Optimizer {
    /// Sets a hyper-parameter of all parameters, also of those added later. Later calls override earlier ones;
    /// they take effect at the next step. The functions of a schedule live until [`set`](Self::set) sets the same
    /// key again, or as long as the optimizer.
    ///
    /// # Errors
    ///
    /// [`Status::Value`] outside the key's range, [`Status::Key`] for a schedule of a mask or choice. Values of
    /// schedules are checked at the step.
    pub fn set<'v>(&mut self, key: Key, value: impl Into<Value<'v>>) -> Result<()> {
        self.set_where(ptr::null(), key, value.into())
    }

    /// As [`set`](Self::set), for the parameters added so far whose names match a glob: `*` any text, `?` one
    /// byte, `\` takes the next character literally.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set), and [`Status::Selector`] if the glob matches no parameter.
    pub fn set_for<'v>(&mut self, glob: &str, key: Key, value: impl Into<Value<'v>>) -> Result<()> {
        let glob = c_text(glob)?;
        self.set_where(glob.as_ptr(), key, value.into())
    }

    fn set_where(&mut self, selector: *const c_char, key: Key, value: Value<'_>) -> Result<()> {
        let number_of = key.number();
        let status = match value {
            Value::Number(number) => unsafe { sys::lars_set(self.as_ptr(), selector, number_of, number) },
            Value::Schedule(schedule) => unsafe {
                sys::lars_set_schedule(self.as_ptr(), selector, number_of, schedule.as_ptr())
            },
        };
        if status >= 0 {
            self.keep(key, value, selector.is_null());
        }
        self.done(status)
    }

    /// As [`set`](Self::set), for the parameters added so far for which the predicate holds.
    ///
    /// ```
    /// use liblars::{DType, Key, Optimizer};
    ///
    /// let mut optimizer = Optimizer::new()?;
    /// optimizer.add_parameter("weight", DType::F32, &[3, 2])?;
    /// optimizer.add_parameter("bias", DType::F32, &[2])?;
    /// optimizer.set_if(|parameter| parameter.shape.len() < 2, Key::TrustRatioMask, false)?;
    /// assert_eq!(optimizer.get(1, Key::TrustRatioMask)?, 0.0);
    /// # Ok::<(), liblars::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set), and [`Status::Selector`] if it holds for none.
    ///
    /// # Panics
    ///
    /// If the predicate does, with nothing changed.
    pub fn set_if<'v, F>(&mut self, predicate: F, key: Key, value: impl Into<Value<'v>>) -> Result<()>
    where
        F: FnMut(&Parameter<'_>) -> bool,
    {
        let mut predicate = predicate;
        let user = (&raw mut predicate).cast::<c_void>();
        let (call, number_of, value) = (Some(call_predicate::<F> as _), key.number(), value.into());
        let status = match value {
            Value::Number(number) => unsafe {
                sys::lars_set_if(self.as_ptr(), call, user, number_of, number)
            },
            Value::Schedule(schedule) => unsafe {
                sys::lars_set_schedule_if(self.as_ptr(), call, user, number_of, schedule.as_ptr())
            },
        };
        if status >= 0 {
            self.keep(key, value, false);
        }
        self.done(status)
    }

    /// Keeps the functions of what the key has been set to: the handle has copied the schedule. If it was set for
    /// everyone, no parameter, present or to come, has an earlier schedule for the key any more; nor does a
    /// checkpoint bring one back, since loading only leaves functions where they are.
    fn keep(&mut self, key: Key, value: Value<'_>, everyone: bool) {
        let kept = self.functions.entry(key).or_default();
        let earlier = if everyone { mem::take(kept) } else { Vec::new() };
        if let Value::Schedule(schedule) = value {
            for function in schedule.functions() {
                if !kept.iter().any(|one| Arc::ptr_eq(one, function)) {
                    kept.push(Arc::clone(function));
                }
            }
        }
        drop(earlier); // last, because what the functions own may panic when it is dropped
    }

    /// The value that the parameter's next step will use.
    ///
    /// # Errors
    ///
    /// [`Status::Index`]; [`Status::State`] for a learning rate that was never set; what a schedule's value may
    /// bring about.
    pub fn get(&self, index: u32, key: Key) -> Result<f64> {
        let mut value = 0.0;
        self.done(unsafe { sys::lars_get(self.as_ptr(), index, key.number(), &raw mut value) })?;
        Ok(value)
    }

    /// Sets the keys that distinguish the LARS of another library. Learning rate, trust coefficient, eps,
    /// momentum and masks stay.
    ///
    /// # Errors
    ///
    /// None that a program can bring about.
    pub fn set_variant(&mut self, variant: Variant) -> Result<()> {
        self.done(unsafe { sys::lars_set_variant(self.as_ptr(), variant.number()) })
    }

    /// Sets MLPerf's recipe for ResNet-50 on ImageNet. Parameters added so far that have one dimension or
    /// none are neither decayed nor adapted. Single keys may be set afterwards.
    ///
    /// # Errors
    ///
    /// [`Status::Value`] if an argument is 0.
    pub fn set_mlperf_resnet50(&mut self, batch: u64, steps_per_epoch: u64) -> Result<()> {
        self.done(unsafe { sys::lars_set_mlperf_resnet50(self.as_ptr(), batch, steps_per_epoch) })
    }

    /// Clips gradients by the norm of all of them together; infinity (the default) clips nothing. Not for
    /// [`step_parameter`](Self::step_parameter).
    ///
    /// # Errors
    ///
    /// [`Status::Value`] unless `max_norm` > 0.
    pub fn set_gradient_clip(&mut self, max_norm: f64) -> Result<()> {
        self.done(unsafe { sys::lars_set_gradient_clip(self.as_ptr(), max_norm) })
    }

    /// The norm to which gradients are clipped; infinity if they are not.
    ///
    /// # Panics
    ///
    /// While another call on this optimizer runs: in a schedule's function, if that has a way to it.
    #[must_use]
    pub fn gradient_clip(&self) -> f64 {
        let mut max_norm = 0.0;
        self.certain(unsafe { sys::lars_gradient_clip(self.as_ptr(), &raw mut max_norm) });
        max_norm
    }

    /// Chooses what a step does about NaN and Inf.
    ///
    /// # Errors
    ///
    /// None that a program can bring about.
    pub fn set_nonfinite_policy(&mut self, policy: NonfinitePolicy) -> Result<()> {
        self.done(unsafe { sys::lars_set_nonfinite_policy(self.as_ptr(), policy.number()) })
    }

    /// What a step does about NaN and Inf.
    ///
    /// # Panics
    ///
    /// While another call on this optimizer runs: in a schedule's function, if that has a way to it.
    #[must_use]
    pub fn nonfinite_policy(&self) -> NonfinitePolicy {
        let mut policy = 0;
        self.certain(unsafe { sys::lars_nonfinite_policy(self.as_ptr(), &raw mut policy) });
        let known = NonfinitePolicy::ALL.iter().find(|one| one.number() == policy);
        *known.expect("lars.h has no other policy")
    }

    /// Makes the step after `most` skipped ones in a row an error; 0 (the default): no limit.
    ///
    /// # Errors
    ///
    /// None that a program can bring about.
    pub fn set_max_consecutive_skips(&mut self, most: u64) -> Result<()> {
        self.done(unsafe { sys::lars_set_max_consecutive_skips(self.as_ptr(), most) })
    }

    /// How many skipped steps in a row are allowed; 0: any number.
    ///
    /// # Panics
    ///
    /// While another call on this optimizer runs: in a schedule's function, if that has a way to it.
    #[must_use]
    pub fn max_consecutive_skips(&self) -> u64 {
        let mut most = 0;
        self.certain(unsafe { sys::lars_max_consecutive_skips(self.as_ptr(), &raw mut most) });
        most
    }

    /// Chooses the kernels: "auto", "simd", `"simd/TARGET"`, "reference" or "blas". All but "blas" give the
    /// same bits.
    ///
    /// # Errors
    ///
    /// Says what the choices are on this machine.
    pub fn set_kernels(&mut self, kernels: &str) -> Result<()> {
        let kernels = c_text(kernels)?;
        self.done(unsafe { sys::lars_set_kernels(self.as_ptr(), kernels.as_ptr()) })
    }

    /// The kernels in use: `"simd/TARGET"`, "reference" or "blas".
    #[must_use]
    pub fn kernels(&self) -> &'static str {
        // SAFETY: a text in static storage.
        unsafe { static_text(sys::lars_kernels(self.as_ptr())) }
    }

    /// Sets how many threads a step may use, the caller's among them; 0 (the default): as many as help. No
    /// result depends on it. Replaces the pool of [`set_parallel_for`](Self::set_parallel_for).
    ///
    /// # Errors
    ///
    /// [`Status::Value`] for more than 1024.
    pub fn set_threads(&mut self, threads: u32) -> Result<()> {
        self.done(unsafe { sys::lars_set_threads(self.as_ptr(), threads) })?;
        self.parallel_for = None;
        Ok(())
    }

    /// The number of threads that a step of all parameters will use at most, the caller's among them.
    ///
    /// # Panics
    ///
    /// While another call on this optimizer runs: in a schedule's function, if that has a way to it.
    #[must_use]
    pub fn threads(&self) -> u32 {
        let mut threads = 0;
        self.certain(unsafe { sys::lars_threads(self.as_ptr(), &raw mut threads) });
        threads
    }

    /// Lets the program's own pool run the steps: `run(count, task)` is called on the calling thread, about
    /// twice a step, with count <= `threads` (0: as many as there are processors). It calls `task.run(i)` for
    /// each i below count, on any threads.
    ///
    /// ```
    /// # let mut optimizer = liblars::Optimizer::new()?;
    /// optimizer.set_parallel_for(2, |count, task| {
    ///     std::thread::scope(|scope| {
    ///         for index in 0..count {
    ///             scope.spawn(move || task.run(index));
    ///         }
    ///     });
    /// })?;
    /// # Ok::<(), liblars::Error>(())
    /// ```
    ///
    /// If it panics, so does the step: with nothing written, or else completed.
    ///
    /// # Errors
    ///
    /// [`Status::Value`] for more than 1024 threads.
    pub fn set_parallel_for<F>(&mut self, threads: u32, run: F) -> Result<()>
    where
        F: FnMut(u32, Task<'_>) + Send + 'static,
    {
        let kept = Kept::new(run);
        let status = unsafe {
            sys::lars_set_parallel_for(self.as_ptr(), Some(call_parallel_for::<F>), kept.pointer(), threads)
        };
        if status >= 0 {
            drop(self.parallel_for.replace(kept)); // in place before anything can unwind: the library has it
        }
        self.done(status)
    }
}
