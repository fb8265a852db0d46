//! Steps and accumulation.

use std::ptr;

use super::Optimizer;
use crate::error::Result;
#[cfg(doc)]
use crate::{NonfinitePolicy, Status};
use crate::{Tensor, TensorMut, sys};

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was taken.
    Taken,
    /// [`NonfinitePolicy::Skip`] skipped it because of NaN or Inf: nothing was written.
    Skipped,
}

/// The micro-batches of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accumulated {
    /// So many have been added.
    pub accumulated: u32,
    /// So many make a batch.
    pub micro_batches: u32,
}

/// Steps. Arrays are one per parameter, in order of index, each with as many elements as the shape says: any
/// iterable of what becomes a [`Tensor`] or [`TensorMut`]. The first step allocates the momentum; later ones that
/// succeed allocate nothing, here or in the library.
impl Optimizer {
    /// Steps all parameters in place.
    ///
    /// ```
    /// use liblars::{DType, Key, Optimizer, Tensor, TensorMut};
    ///
    /// let mut optimizer = Optimizer::new()?;
    /// optimizer.add_parameter("weight", DType::F32, &[2])?;
    /// optimizer.add_parameter("scale", DType::F64, &[])?;
    /// optimizer.set(Key::LearningRate, 0.5)?;
    ///
    /// let (mut weight, mut scale) = ([1.0_f32, 2.0], 3.0_f64);
    /// let gradients = [Tensor::from(&[0.1_f32, 0.2]), Tensor::from(&0.3_f64)];
    /// optimizer.step([TensorMut::from(&mut weight), TensorMut::from(&mut scale)], &gradients)?;
    /// # Ok::<(), liblars::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Status::Argument`], [`Status::Type`] or [`Status::Shape`] for arrays that do not fit, [`Status::Alias`] for
    /// gradients in memory that the step writes, [`Status::State`] without a learning rate,
    /// [`Status::Nonfinite`] for NaN and Inf unless the policy is another, [`Status::Value`] and
    /// [`Status::Callback`] by schedules. All forms of a step have these.
    ///
    /// # Panics
    ///
    /// If a callback did.
    pub fn step<'p, 'g>(
        &mut self,
        parameters: impl IntoIterator<Item = impl Into<TensorMut<'p>>>,
        gradients: impl IntoIterator<Item = impl Into<Tensor<'g>>>,
    ) -> Result<Outcome> {
        self.arguments.parameters.fill_mut(parameters);
        self.arguments.gradients.fill(gradients);
        self.check(sys::LARS_ROLE_PARAMETER, &self.arguments.parameters)?;
        self.check(sys::LARS_ROLE_GRADIENT, &self.arguments.gradients)?;
        let (parameters, gradients) = (&self.arguments.parameters, &self.arguments.gradients);
        self.stepped(unsafe { sys::lars_step(self.as_ptr(), parameters.as_ptr(), gradients.as_const_ptr()) })
    }

    /// Steps all parameters, which lie end to end in one array, in order of index, and likewise the gradients.
    ///
    /// # Errors
    ///
    /// As [`step`](Self::step).
    pub fn step_flat<'p, 'g>(
        &mut self,
        parameters: impl Into<TensorMut<'p>>,
        gradients: impl Into<Tensor<'g>>,
    ) -> Result<Outcome> {
        let (parameters, gradients) = (parameters.into().memory(), gradients.into().memory());
        self.check_flat(sys::LARS_ROLE_PARAMETER, parameters)?;
        self.check_flat(sys::LARS_ROLE_GRADIENT, gradients)?;
        self.stepped(unsafe { sys::lars_step_flat(self.as_ptr(), parameters.data, gradients.data) })
    }

    /// Steps one parameter; its own step count selects the values of schedules.
    ///
    /// # Errors
    ///
    /// As [`step`](Self::step).
    pub fn step_parameter<'p, 'g>(
        &mut self,
        index: u32,
        parameter: impl Into<TensorMut<'p>>,
        gradient: impl Into<Tensor<'g>>,
    ) -> Result<Outcome> {
        let (parameter, gradient) = (parameter.into().memory(), gradient.into().memory());
        self.check_one(sys::LARS_ROLE_PARAMETER, index, parameter)?;
        self.check_one(sys::LARS_ROLE_GRADIENT, index, gradient)?;
        self.stepped(unsafe { sys::lars_step_parameter(self.as_ptr(), index, parameter.data, gradient.data) })
    }

    /// optax's form of a step: writes the increments and leaves the parameters alone. Not for 16-bit
    /// parameters.
    ///
    /// # Errors
    ///
    /// As [`step`](Self::step).
    pub fn update<'p, 'g, 'u>(
        &mut self,
        parameters: impl IntoIterator<Item = impl Into<Tensor<'p>>>,
        gradients: impl IntoIterator<Item = impl Into<Tensor<'g>>>,
        updates: impl IntoIterator<Item = impl Into<TensorMut<'u>>>,
    ) -> Result<Outcome> {
        self.arguments.parameters.fill(parameters);
        self.arguments.gradients.fill(gradients);
        self.arguments.updates.fill_mut(updates);
        self.check(sys::LARS_ROLE_PARAMETER, &self.arguments.parameters)?;
        self.check(sys::LARS_ROLE_GRADIENT, &self.arguments.gradients)?;
        self.check(sys::LARS_ROLE_PARAMETER, &self.arguments.updates)?;
        let (parameters, gradients) = (&self.arguments.parameters, &self.arguments.gradients);
        let updates = &self.arguments.updates;
        self.stepped(unsafe {
            sys::lars_update(
                self.as_ptr(),
                parameters.as_const_ptr(),
                gradients.as_const_ptr(),
                updates.as_ptr(),
            )
        })
    }

    /// As [`step`](Self::step), with a state that the program keeps, zeros before the first step. momentum:
    /// `f64` for [`f64`] parameters, else `f32`. masters: `f32` for F16 parameters, `i16` for BF16 ones, empty for
    /// others; `None::<TensorMut>` if there are only others. The first step decides whose state an optimizer
    /// has.
    ///
    /// # Errors
    ///
    /// As [`step`](Self::step).
    pub fn step_external<'p, 'g, 'v, 'm>(
        &mut self,
        parameters: impl IntoIterator<Item = impl Into<TensorMut<'p>>>,
        gradients: impl IntoIterator<Item = impl Into<Tensor<'g>>>,
        momentum: impl IntoIterator<Item = impl Into<TensorMut<'v>>>,
        masters: impl IntoIterator<Item = impl Into<TensorMut<'m>>>,
    ) -> Result<Outcome> {
        self.arguments.parameters.fill_mut(parameters);
        self.arguments.gradients.fill(gradients);
        self.arguments.momentum.fill_mut(momentum);
        self.arguments.masters.fill_mut(masters);
        self.check(sys::LARS_ROLE_PARAMETER, &self.arguments.parameters)?;
        self.check(sys::LARS_ROLE_GRADIENT, &self.arguments.gradients)?;
        self.check(sys::LARS_ROLE_MOMENTUM, &self.arguments.momentum)?;
        let masters = if self.arguments.masters.is_empty() {
            ptr::null()
        } else {
            self.check(sys::LARS_ROLE_MASTER, &self.arguments.masters)?;
            self.arguments.masters.as_ptr()
        };
        let (parameters, gradients) = (&self.arguments.parameters, &self.arguments.gradients);
        let momentum = &self.arguments.momentum;
        self.stepped(unsafe {
            sys::lars_step_external(
                self.as_ptr(),
                parameters.as_ptr(),
                gradients.as_const_ptr(),
                momentum.as_ptr(),
                masters,
            )
        })
    }

    /// As [`update`](Self::update), with a momentum that the program keeps.
    ///
    /// # Errors
    ///
    /// As [`step`](Self::step).
    pub fn update_external<'p, 'g, 'v, 'u>(
        &mut self,
        parameters: impl IntoIterator<Item = impl Into<Tensor<'p>>>,
        gradients: impl IntoIterator<Item = impl Into<Tensor<'g>>>,
        momentum: impl IntoIterator<Item = impl Into<TensorMut<'v>>>,
        updates: impl IntoIterator<Item = impl Into<TensorMut<'u>>>,
    ) -> Result<Outcome> {
        self.arguments.parameters.fill(parameters);
        self.arguments.gradients.fill(gradients);
        self.arguments.momentum.fill_mut(momentum);
        self.arguments.updates.fill_mut(updates);
        self.check(sys::LARS_ROLE_PARAMETER, &self.arguments.parameters)?;
        self.check(sys::LARS_ROLE_GRADIENT, &self.arguments.gradients)?;
        self.check(sys::LARS_ROLE_MOMENTUM, &self.arguments.momentum)?;
        self.check(sys::LARS_ROLE_PARAMETER, &self.arguments.updates)?;
        let (parameters, gradients) = (&self.arguments.parameters, &self.arguments.gradients);
        let (momentum, updates) = (&self.arguments.momentum, &self.arguments.updates);
        self.stepped(unsafe {
            sys::lars_update_external(
                self.as_ptr(),
                parameters.as_const_ptr(),
                gradients.as_const_ptr(),
                momentum.as_ptr(),
                updates.as_ptr(),
            )
        })
    }

    fn stepped(&self, status: i32) -> Result<Outcome> {
        self.done(status)?;
        Ok(if status == sys::LARS_SKIPPED { Outcome::Skipped } else { Outcome::Taken })
    }
}

/// Accumulation: a large batch in micro-batches, whose step makes one pass over memory instead of two.
impl Optimizer {
    /// Sets the number of micro-batches in a batch; the step uses their mean.
    ///
    /// ```
    /// use liblars::{DType, Key, Optimizer};
    ///
    /// let mut optimizer = Optimizer::new()?;
    /// optimizer.add_parameter("weight", DType::F32, &[2])?;
    /// optimizer.set(Key::LearningRate, 0.5)?;
    /// optimizer.set_accumulation(2)?;
    ///
    /// let mut weight = [1.0_f32, 2.0];
    /// optimizer.accumulate([&[0.1_f32, 0.2]])?;
    /// optimizer.accumulate_with([&weight], [&[0.3_f32, 0.1]])?;
    /// optimizer.step_accumulated([&mut weight])?;
    /// # Ok::<(), liblars::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Status::Value`] for 0; [`Status::State`] while micro-batches are accumulated.
    pub fn set_accumulation(&mut self, micro_batches: u32) -> Result<()> {
        self.done(unsafe { sys::lars_set_accumulation(self.as_ptr(), micro_batches) })
    }

    /// Adds the gradients of a micro-batch that does not complete the batch.
    ///
    /// # Errors
    ///
    /// [`Status::Argument`], [`Status::Type`] or [`Status::Shape`] for arrays that do not fit;
    /// [`Status::Argument`] if the batch needs [`accumulate_with`](Self::accumulate_with) to be complete;
    /// [`Status::State`] if it is complete already.
    pub fn accumulate<'g>(
        &mut self,
        gradients: impl IntoIterator<Item = impl Into<Tensor<'g>>>,
    ) -> Result<()> {
        self.arguments.gradients.fill(gradients);
        self.check(sys::LARS_ROLE_GRADIENT, &self.arguments.gradients)?;
        let gradients = self.arguments.gradients.as_const_ptr();
        self.done(unsafe { sys::lars_accumulate(self.as_ptr(), ptr::null(), gradients) })
    }

    /// As [`accumulate`](Self::accumulate), with the parameters, which the micro-batch that completes the batch
    /// needs.
    ///
    /// # Errors
    ///
    /// As [`accumulate`](Self::accumulate).
    pub fn accumulate_with<'p, 'g>(
        &mut self,
        parameters: impl IntoIterator<Item = impl Into<Tensor<'p>>>,
        gradients: impl IntoIterator<Item = impl Into<Tensor<'g>>>,
    ) -> Result<()> {
        self.arguments.parameters.fill(parameters);
        self.arguments.gradients.fill(gradients);
        self.check(sys::LARS_ROLE_PARAMETER, &self.arguments.parameters)?;
        self.check(sys::LARS_ROLE_GRADIENT, &self.arguments.gradients)?;
        let (parameters, gradients) = (&self.arguments.parameters, &self.arguments.gradients);
        self.done(unsafe {
            sys::lars_accumulate(self.as_ptr(), parameters.as_const_ptr(), gradients.as_const_ptr())
        })
    }

    /// As [`step`](Self::step), with the mean of the accumulated micro-batches. The parameters must be as they
    /// were when the last micro-batch was added; see [`parameters_changed`](Self::parameters_changed).
    ///
    /// # Errors
    ///
    /// As [`step`](Self::step), and [`Status::State`] if the batch is not complete.
    pub fn step_accumulated<'p>(
        &mut self,
        parameters: impl IntoIterator<Item = impl Into<TensorMut<'p>>>,
    ) -> Result<Outcome> {
        self.arguments.parameters.fill_mut(parameters);
        self.check(sys::LARS_ROLE_PARAMETER, &self.arguments.parameters)?;
        let parameters = self.arguments.parameters.as_ptr();
        self.stepped(unsafe { sys::lars_step_accumulated(self.as_ptr(), parameters) })
    }

    /// Forgets the micro-batches accumulated so far.
    pub fn discard_accumulated(&mut self) {
        self.certain(unsafe { sys::lars_discard_accumulated(self.as_ptr()) });
    }

    /// How much of a batch is accumulated.
    ///
    /// # Panics
    ///
    /// While another call on this optimizer runs: in a schedule's function, if that has a way to it.
    #[must_use]
    pub fn accumulated(&self) -> Accumulated {
        let mut found = Accumulated { accumulated: 0, micro_batches: 0 };
        let (accumulated, micro_batches) = (&raw mut found.accumulated, &raw mut found.micro_batches);
        self.certain(unsafe { sys::lars_accumulated(self.as_ptr(), accumulated, micro_batches) });
        found
    }

    /// Has every step in place also gather the norms of the parameters that it writes, for the next. By this the
    /// program promises that nothing but this optimizer changes them between steps, or that
    /// [`parameters_changed`](Self::parameters_changed) tells. Default: no such promise.
    ///
    /// # Errors
    ///
    /// None that a program can bring about.
    pub fn set_carry_norms(&mut self, carry: bool) -> Result<()> {
        self.done(unsafe { sys::lars_set_carry_norms(self.as_ptr(), carry.into()) })
    }

    /// Whether norms are carried.
    ///
    /// # Panics
    ///
    /// While another call on this optimizer runs: in a schedule's function, if that has a way to it.
    #[must_use]
    pub fn carry_norms(&self) -> bool {
        let mut carry = 0;
        self.certain(unsafe { sys::lars_carry_norms(self.as_ptr(), &raw mut carry) });
        carry != 0
    }

    /// Tells that parameters were changed from outside. Needed only with
    /// [`set_carry_norms`](Self::set_carry_norms), and between the last micro-batch and its step.
    pub fn parameters_changed(&mut self) {
        self.certain(unsafe { sys::lars_parameters_changed(self.as_ptr()) });
    }
}
