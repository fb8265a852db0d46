//! Parameters.

use std::ptr;

use super::Optimizer;
use crate::callbacks::parameter_of;
use crate::error::{Error, Result, c_text};
use crate::{DType, Status, sys};

/// A parameter, as [`Optimizer::parameter`] and predicates tell of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parameter<'a> {
    /// Its place in the arrays that steps take.
    pub index: u32,
    /// Its name.
    pub name: &'a str,
    /// The type of its elements.
    pub dtype: DType,
    /// Its extents; none for a scalar.
    pub shape: &'a [i64],
}

impl Optimizer {
    /// Registers a tensor; its index: 0, 1, and so on. For [`DType::F16`] and [`DType::Bf16`] the library keeps
    /// a binary32 master copy and binary32 momentum.
    ///
    /// # Errors
    ///
    /// [`Status::Name`], [`Status::Type`], [`Status::Shape`], or, after the first step, [`Status::State`].
    pub fn add_parameter(&mut self, name: &str, dtype: DType, shape: &[i64]) -> Result<u32> {
        let name = c_text(name)?;
        let ndim = u32::try_from(shape.len()).unwrap_or(u32::MAX); // more than are allowed
        let mut index = 0;
        self.done(unsafe {
            sys::lars_add_parameter(
                self.as_ptr(),
                name.as_ptr(),
                dtype.number(),
                ndim,
                shape.as_ptr(),
                &raw mut index,
            )
        })?;
        Ok(index)
    }

    /// The number of parameters.
    ///
    /// # Panics
    ///
    /// While another call on this optimizer runs: in a schedule's function, if that has a way to it.
    #[must_use]
    pub fn parameter_count(&self) -> u32 {
        let mut count = 0;
        self.certain(unsafe { sys::lars_parameter_count(self.as_ptr(), &raw mut count) });
        count
    }

    /// The index of the parameter of that name.
    ///
    /// # Errors
    ///
    /// [`Status::Name`] if there is none.
    pub fn parameter_index(&self, name: &str) -> Result<u32> {
        let name = c_text(name)?;
        let mut index = 0;
        self.done(unsafe { sys::lars_parameter_index(self.as_ptr(), name.as_ptr(), &raw mut index) })?;
        Ok(index)
    }

    /// Name, type and shape of a parameter.
    ///
    /// ```
    /// use liblars::{DType, Optimizer};
    ///
    /// let mut optimizer = Optimizer::new()?;
    /// let index = optimizer.add_parameter("weight", DType::F64, &[3, 2])?;
    /// let parameter = optimizer.parameter(index)?;
    /// assert_eq!((parameter.name, parameter.shape), ("weight", [3, 2].as_slice()));
    /// # Ok::<(), liblars::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Status::Index`].
    pub fn parameter(&self, index: u32) -> Result<Parameter<'_>> {
        let (mut name, mut dtype, mut ndim, mut shape) = (ptr::null(), 0, 0, ptr::null());
        self.done(unsafe {
            sys::lars_parameter_info(
                self.as_ptr(),
                index,
                &raw mut name,
                &raw mut dtype,
                &raw mut ndim,
                &raw mut shape,
            )
        })?;
        // SAFETY: name and shape belong to the handle, and never change.
        unsafe { parameter_of(index, name, dtype, ndim, shape) }
            .ok_or_else(|| Error::new(Status::Name, "the parameter's name is not UTF-8"))
    }

    /// Sets the element type of all gradients: that of their parameters (the default), [`DType::F32`] for a
    /// 16-bit parameter, a 16-bit type for an [`DType::F32`] parameter.
    ///
    /// # Errors
    ///
    /// [`Status::Type`], naming the parameter that cannot have it; [`Status::State`] while micro-batches are
    /// accumulated.
    pub fn set_gradient_dtype(&mut self, dtype: DType) -> Result<()> {
        self.done(unsafe { sys::lars_set_gradient_dtype(self.as_ptr(), ptr::null(), dtype.number()) })
    }

    /// As [`set_gradient_dtype`](Self::set_gradient_dtype), for the parameters whose names match a glob.
    ///
    /// # Errors
    ///
    /// Likewise, and [`Status::Selector`] if the glob matches no parameter.
    pub fn set_gradient_dtype_for(&mut self, glob: &str, dtype: DType) -> Result<()> {
        let glob = c_text(glob)?;
        self.done(unsafe { sys::lars_set_gradient_dtype(self.as_ptr(), glob.as_ptr(), dtype.number()) })
    }

    /// The element type of a parameter's gradient.
    ///
    /// # Errors
    ///
    /// [`Status::Index`].
    pub fn gradient_dtype(&self, index: u32) -> Result<DType> {
        let mut dtype = 0;
        self.done(unsafe { sys::lars_gradient_dtype(self.as_ptr(), index, &raw mut dtype) })?;
        DType::from_number(dtype)
            .ok_or_else(|| Error::new(Status::Type, "a type that this crate does not know"))
    }
}
