//! Arrays as lars.h takes them.

use std::ffi::c_void;

use super::Optimizer;
use crate::error::Result;
use crate::tensor::Memory;
use crate::{Tensor, TensorMut, sys};

/// The arrays of one role, in columns.
#[derive(Debug, Default)]
pub(super) struct Columns {
    pointers: Vec<*mut c_void>,
    dtypes: Vec<i32>,
    elements: Vec<u64>,
}

/// Room for the arrays of a call, so that steps allocate nothing after the first. What it points to is valid
/// only during the call.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    pub(super) parameters: Columns,
    pub(super) gradients: Columns,
    pub(super) momentum: Columns,
    pub(super) masters: Columns,
    pub(super) updates: Columns,
}

impl Columns {
    pub(super) fn fill<'a>(&mut self, tensors: impl IntoIterator<Item = impl Into<Tensor<'a>>>) {
        self.fill_with(tensors.into_iter().map(|tensor| tensor.into().memory()));
    }

    pub(super) fn fill_mut<'a>(&mut self, tensors: impl IntoIterator<Item = impl Into<TensorMut<'a>>>) {
        self.fill_with(tensors.into_iter().map(|tensor| tensor.into().memory()));
    }

    fn fill_with(&mut self, memories: impl Iterator<Item = Memory>) {
        self.pointers.clear();
        self.dtypes.clear();
        self.elements.clear();
        for memory in memories {
            self.pointers.push(memory.data);
            self.dtypes.push(memory.dtype.number());
            self.elements.push(memory.elements as u64);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pointers.is_empty()
    }

    pub(super) fn as_ptr(&self) -> *const *mut c_void {
        self.pointers.as_ptr()
    }

    pub(super) fn as_const_ptr(&self) -> *const *const c_void {
        self.pointers.as_ptr().cast()
    }
}

/// The safety of every call with arrays rests on these: afterwards the arrays are as many, of the type and as
/// long as the library takes them to be.
impl Optimizer {
    pub(super) fn check(&self, role: i32, columns: &Columns) -> Result<()> {
        let count = u32::try_from(columns.pointers.len()).unwrap_or(u32::MAX); // more than there can be parameters
        let (dtypes, elements) = (columns.dtypes.as_ptr(), columns.elements.as_ptr());
        self.done(unsafe { sys::lars_check_arrays(self.as_ptr(), role, count, dtypes, elements) })
    }

    pub(super) fn check_flat(&self, role: i32, memory: Memory) -> Result<()> {
        let (dtype, elements) = (memory.dtype.number(), memory.elements as u64);
        self.done(unsafe { sys::lars_check_flat(self.as_ptr(), role, dtype, elements) })
    }

    pub(super) fn check_one(&self, role: i32, index: u32, memory: Memory) -> Result<()> {
        let (dtype, elements) = (memory.dtype.number(), memory.elements as u64);
        self.done(unsafe { sys::lars_check_array(self.as_ptr(), role, index, dtype, elements) })
    }
}
