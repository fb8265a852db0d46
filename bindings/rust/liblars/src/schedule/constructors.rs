//! Constructors of schedules.

use std::ptr;
use std::sync::Arc;

use super::{Cycle, Schedule};
#[cfg(doc)]
use crate::Status;
use crate::callbacks::{Kept, call_schedule};
use crate::error::Result;
use crate::{Interpolation, sys};

// The unsafe blocks of the constructors call functions of lars.h that read the arrays given to them during the
// call, and write the handle; `make` does the rest.
impl Schedule {
    /// `value` at every step.
    ///
    /// # Errors
    ///
    /// [`Status::Value`], here and below, for an argument outside its range or not finite.
    pub fn constant(value: f64) -> Result<Self> {
        Self::make(|made| unsafe { sys::lars_schedule_constant(value, made) })
    }

    /// From `init_value` to `end_value` in a straight line over `transition_steps`, starting at
    /// `transition_begin`; `init_value` for good if `transition_steps` is 0.
    ///
    /// # Errors
    ///
    /// See [`constant`](Self::constant).
    pub fn linear(
        init_value: f64,
        end_value: f64,
        transition_steps: u64,
        transition_begin: u64,
    ) -> Result<Self> {
        Self::make(|made| unsafe {
            sys::lars_schedule_linear(init_value, end_value, transition_steps, transition_begin, made)
        })
    }

    /// `(init - end) * (1 - p)^power + end`, p the part of `transition_steps` that has passed since
    /// `transition_begin`; `power` >= 0.
    ///
    /// # Errors
    ///
    /// See [`constant`](Self::constant).
    pub fn polynomial(
        init_value: f64,
        end_value: f64,
        power: f64,
        transition_steps: u64,
        transition_begin: u64,
    ) -> Result<Self> {
        Self::make(|made| unsafe {
            sys::lars_schedule_polynomial(
                init_value,
                end_value,
                power,
                transition_steps,
                transition_begin,
                made,
            )
        })
    }

    /// `init_value` times all scales whose boundaries have been reached. Boundaries strictly increasing,
    /// scales >= 0.
    ///
    /// ```
    /// let rate = liblars::Schedule::piecewise_constant(1.0, &[(30, 0.5), (60, 0.5)])?;
    /// assert_eq!((rate.value(29)?, rate.value(30)?, rate.value(60)?), (1.0, 0.5, 0.25));
    /// # Ok::<(), liblars::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [`constant`](Self::constant).
    pub fn piecewise_constant(init_value: f64, boundaries_and_scales: &[(u64, f64)]) -> Result<Self> {
        let (boundaries, scales): (Vec<_>, Vec<_>) = boundaries_and_scales.iter().copied().unzip();
        let (count, boundaries, scales) = (count(&scales), boundaries.as_ptr(), scales.as_ptr());
        Self::make(|made| unsafe {
            sys::lars_schedule_piecewise_constant(init_value, count, boundaries, scales, made)
        })
    }

    /// Interpolates between the points of [`piecewise_constant`](Self::piecewise_constant).
    ///
    /// # Errors
    ///
    /// See [`constant`](Self::constant).
    pub fn piecewise_interpolate(
        interpolation: Interpolation,
        init_value: f64,
        boundaries_and_scales: &[(u64, f64)],
    ) -> Result<Self> {
        let (boundaries, scales): (Vec<_>, Vec<_>) = boundaries_and_scales.iter().copied().unzip();
        let (count, boundaries, scales) = (count(&scales), boundaries.as_ptr(), scales.as_ptr());
        let interpolation = interpolation.number();
        Self::make(|made| unsafe {
            sys::lars_schedule_piecewise_interpolate(
                interpolation,
                init_value,
                count,
                boundaries,
                scales,
                made,
            )
        })
    }

    /// `init_value * decay_rate^((t - transition_begin) / transition_steps)`, the exponent rounded down if
    /// `staircase`; bounded by `end_value`, from below if `decay_rate` < 1, else from above.
    ///
    /// # Errors
    ///
    /// See [`constant`](Self::constant).
    pub fn exponential_decay(
        init_value: f64,
        transition_steps: u64,
        decay_rate: f64,
        transition_begin: u64,
        staircase: bool,
        end_value: Option<f64>,
    ) -> Result<Self> {
        let (staircase, bound) = (i32::from(staircase), pointer(end_value.as_ref()));
        Self::make(|made| unsafe {
            sys::lars_schedule_exponential_decay(
                init_value,
                transition_steps,
                decay_rate,
                transition_begin,
                staircase,
                bound,
                made,
            )
        })
    }

    /// `init * ((1 - alpha) * (0.5 * (1 + cos(pi * min(t, T) / T)))^exponent + alpha)`, T = `decay_steps` > 0.
    ///
    /// # Errors
    ///
    /// See [`constant`](Self::constant).
    pub fn cosine_decay(init_value: f64, decay_steps: u64, alpha: f64, exponent: f64) -> Result<Self> {
        Self::make(|made| unsafe {
            sys::lars_schedule_cosine_decay(init_value, decay_steps, alpha, exponent, made)
        })
    }

    /// Straight lines: `peak / div_factor`, the peak at `pct_start`, `peak / div_factor` at `pct_final`,
    /// `peak / div_factor / final_div_factor` at the end. optax's defaults: 0.3, 0.85, 25, 1e4.
    ///
    /// # Errors
    ///
    /// See [`constant`](Self::constant).
    pub fn linear_onecycle(
        transition_steps: u64,
        peak_value: f64,
        pct_start: f64,
        pct_final: f64,
        div_factor: f64,
        final_div_factor: f64,
    ) -> Result<Self> {
        Self::make(|made| unsafe {
            sys::lars_schedule_linear_onecycle(
                transition_steps,
                peak_value,
                pct_start,
                pct_final,
                div_factor,
                final_div_factor,
                made,
            )
        })
    }

    /// Arcs of cosine: `peak / div_factor`, the peak at `pct_start`, `peak / div_factor / final_div_factor` at
    /// the end. optax's defaults: 0.3, 25, 1e4.
    ///
    /// # Errors
    ///
    /// See [`constant`](Self::constant).
    pub fn cosine_onecycle(
        transition_steps: u64,
        peak_value: f64,
        pct_start: f64,
        div_factor: f64,
        final_div_factor: f64,
    ) -> Result<Self> {
        Self::make(|made| unsafe {
            sys::lars_schedule_cosine_onecycle(
                transition_steps,
                peak_value,
                pct_start,
                div_factor,
                final_div_factor,
                made,
            )
        })
    }

    /// Linear from `init_value` to `peak_value` over `warmup_steps`, then `peak_value`.
    ///
    /// # Errors
    ///
    /// See [`constant`](Self::constant).
    pub fn warmup_constant(init_value: f64, peak_value: f64, warmup_steps: u64) -> Result<Self> {
        Self::make(|made| unsafe {
            sys::lars_schedule_warmup_constant(init_value, peak_value, warmup_steps, made)
        })
    }

    /// Linear warm-up, then cosine decay to `end_value`, reached at step `decay_steps` (which counts the
    /// warm-up).
    ///
    /// # Errors
    ///
    /// See [`constant`](Self::constant).
    pub fn warmup_cosine_decay(
        init_value: f64,
        peak_value: f64,
        warmup_steps: u64,
        decay_steps: u64,
        end_value: f64,
        exponent: f64,
    ) -> Result<Self> {
        Self::make(|made| unsafe {
            sys::lars_schedule_warmup_cosine_decay(
                init_value,
                peak_value,
                warmup_steps,
                decay_steps,
                end_value,
                exponent,
                made,
            )
        })
    }

    /// Linear warm-up, then [`exponential_decay`](Self::exponential_decay) from `peak_value`, counted from the
    /// end of the warm-up.
    ///
    /// # Errors
    ///
    /// See [`constant`](Self::constant).
    #[allow(clippy::too_many_arguments)] // optax's
    pub fn warmup_exponential_decay(
        init_value: f64,
        peak_value: f64,
        warmup_steps: u64,
        transition_steps: u64,
        decay_rate: f64,
        transition_begin: u64,
        staircase: bool,
        end_value: Option<f64>,
    ) -> Result<Self> {
        let (staircase, bound) = (i32::from(staircase), pointer(end_value.as_ref()));
        Self::make(|made| unsafe {
            sys::lars_schedule_warmup_exponential_decay(
                init_value,
                peak_value,
                warmup_steps,
                transition_steps,
                decay_rate,
                transition_begin,
                staircase,
                bound,
                made,
            )
        })
    }

    /// Warm restarts (Loshchilov and Hutter 2017): cycles of
    /// [`warmup_cosine_decay`](Self::warmup_cosine_decay), one after the other.
    ///
    /// # Errors
    ///
    /// See [`constant`](Self::constant); [`Status::Argument`] without cycles.
    pub fn sgdr(cycles: &[Cycle]) -> Result<Self> {
        let numbers = |of: fn(&Cycle) -> f64| cycles.iter().map(of).collect::<Vec<_>>();
        let counts = |of: fn(&Cycle) -> u64| cycles.iter().map(of).collect::<Vec<_>>();
        let (init, peak) = (numbers(|cycle| cycle.init_value), numbers(|cycle| cycle.peak_value));
        let (warmup, decay) = (counts(|cycle| cycle.warmup_steps), counts(|cycle| cycle.decay_steps));
        let (end, exponent) = (numbers(|cycle| cycle.end_value), numbers(|cycle| cycle.exponent));
        Self::make(|made| unsafe {
            sys::lars_schedule_sgdr(
                count(cycles),
                init.as_ptr(),
                peak.as_ptr(),
                warmup.as_ptr(),
                decay.as_ptr(),
                end.as_ptr(),
                exponent.as_ptr(),
                made,
            )
        })
    }

    /// `first`, and from each boundary on the schedule that comes with it, counted from there. Boundaries
    /// strictly increasing.
    ///
    /// ```
    /// use liblars::Schedule;
    ///
    /// let joined = Schedule::join(&Schedule::constant(0.1)?, &[(5, &Schedule::linear(1.0, 0.0, 10, 0)?)])?;
    /// assert_eq!((joined.value(4)?, joined.value(10)?), (0.1, 0.5));
    /// # Ok::<(), liblars::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [`constant`](Self::constant).
    pub fn join(first: &Self, others: &[(u64, &Self)]) -> Result<Self> {
        let parts = || std::iter::once(first).chain(others.iter().map(|&(_, schedule)| schedule));
        let handles: Vec<_> = parts().map(Self::as_ptr).collect();
        let boundaries: Vec<_> = others.iter().map(|&(boundary, _)| boundary).collect();
        let mut joined = Self::make(|made| unsafe {
            sys::lars_schedule_join(count(&handles), handles.as_ptr(), boundaries.as_ptr(), made)
        })?;
        joined.functions = parts().flat_map(|schedule| schedule.functions.iter().cloned()).collect();
        Ok(joined)
    }

    /// The caller's own function of the step. It must not count its calls, and lives as long as a join or an
    /// optimizer (see [`Optimizer::set`](crate::Optimizer::set)) that uses the schedule. If it panics, so does the
    /// call that asked for the value, with nothing changed; a value that is not finite is an error there.
    ///
    /// ```
    /// let decay = liblars::Schedule::callback(|step| 1.0 / (step + 1) as f64)?;
    /// assert_eq!(decay.value(3)?, 0.25);
    /// # Ok::<(), liblars::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Status::Memory`].
    pub fn callback<F: Fn(u64) -> f64 + Send + Sync + 'static>(function: F) -> Result<Self> {
        let kept = Kept::new(function);
        let mut schedule = Self::make(|made| unsafe {
            sys::lars_schedule_callback(Some(call_schedule::<F>), kept.pointer(), made)
        })?;
        schedule.functions.push(Arc::new(kept));
        Ok(schedule)
    }
}

/// Saturated: the library reads no more than it is told of.
fn count<T>(values: &[T]) -> u32 {
    u32::try_from(values.len()).unwrap_or(u32::MAX)
}

/// Into an option that outlives the use of the pointer; NULL for none.
fn pointer(value: Option<&f64>) -> *const f64 {
    value.map_or(ptr::null(), ptr::from_ref)
}
