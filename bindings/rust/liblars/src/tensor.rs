//! Views of the caller's arrays.

use std::ffi::c_void;
use std::marker::PhantomData;

use half::{bf16, f16};

use crate::DType;

/// Types of elements: `f32`, `f64`, [`half::f16`], [`half::bf16`], and `i16` for masters.
pub trait Element: sealed::Sealed + Copy + Send + Sync + 'static {
    /// The type as a value.
    const DTYPE: DType;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! elements {
    ($($element:ty => $dtype:ident),+) => {$(
        impl sealed::Sealed for $element {}
        impl Element for $element {
            const DTYPE: DType = DType::$dtype;
        }
    )+};
}

elements!(f32 => F32, f64 => F64, f16 => F16, bf16 => Bf16, i16 => I16);

/// Where an array is, how long, and of which type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    pub(crate) data: *mut c_void,
    pub(crate) elements: usize,
    pub(crate) dtype: DType,
}

/// A tensor that a call only reads. Made of anything that is a slice of an [`Element`]; tensors of different
/// types can be in one list.
///
/// ```
/// use liblars::{DType, Tensor};
///
/// let (weight, bias) = (vec![0.5_f32; 6], [0.5_f64; 2]);
/// let tensors: [Tensor<'_>; 2] = [(&weight).into(), (&bias).into()];
/// assert_eq!((tensors[0].len(), tensors[0].dtype()), (6, DType::F32));
/// assert_eq!((tensors[1].len(), tensors[1].dtype()), (2, DType::F64));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Tensor<'a> {
    memory: Memory,
    borrowed: PhantomData<&'a [f32]>,
}

/// A tensor that a call writes: parameters, updates, momentum. As [`Tensor`], but borrowed mutably.
#[derive(Debug)]
pub struct TensorMut<'a> {
    memory: Memory,
    borrowed: PhantomData<&'a mut [f32]>,
}

// SAFETY: they are what `&[T]` and `&mut [T]` are, and every Element is Send and Sync.
unsafe impl Send for Tensor<'_> {}
// SAFETY: as above.
unsafe impl Sync for Tensor<'_> {}
// SAFETY: as above.
unsafe impl Send for TensorMut<'_> {}
// SAFETY: as above.
unsafe impl Sync for TensorMut<'_> {}

macro_rules! queries {
    ($view:ident) => {
        impl $view<'_> {
            /// The number of elements.
            #[must_use]
            pub fn len(&self) -> usize {
                self.memory.elements
            }

            /// Whether there are none.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// The elements' type.
            #[must_use]
            pub fn dtype(&self) -> DType {
                self.memory.dtype
            }

            pub(crate) fn memory(&self) -> Memory {
                self.memory
            }
        }
    };
}

queries!(Tensor);
queries!(TensorMut);

impl<'a, T: Element> From<&'a [T]> for Tensor<'a> {
    fn from(slice: &'a [T]) -> Self {
        let data = slice.as_ptr().cast_mut().cast();
        Self { memory: Memory { data, elements: slice.len(), dtype: T::DTYPE }, borrowed: PhantomData }
    }
}

impl<'a, T: Element> From<&'a mut [T]> for TensorMut<'a> {
    fn from(slice: &'a mut [T]) -> Self {
        let (data, elements) = (slice.as_mut_ptr().cast(), slice.len());
        Self { memory: Memory { data, elements, dtype: T::DTYPE }, borrowed: PhantomData }
    }
}

macro_rules! of_slices {
    ($([$($generics:tt)*] $owner:ty, $slice:ident => $expression:expr;)+) => {$(
        impl<'a, $($generics)*> From<&'a $owner> for Tensor<'a> {
            fn from($slice: &'a $owner) -> Self {
                Self::from($expression)
            }
        }
    )+};
}

macro_rules! of_mut_slices {
    ($([$($generics:tt)*] $owner:ty, $slice:ident => $expression:expr;)+) => {$(
        impl<'a, $($generics)*> From<&'a mut $owner> for TensorMut<'a> {
            fn from($slice: &'a mut $owner) -> Self {
                Self::from($expression)
            }
        }
    )+};
}

// The last of each is a scalar.
of_slices! {
    [T: Element] Vec<T>, owner => owner.as_slice();
    [T: Element] Box<[T]>, owner => &**owner;
    [T: Element, const N: usize] [T; N], owner => owner.as_slice();
    [T: Element] T, scalar => std::slice::from_ref(scalar);
}
of_mut_slices! {
    [T: Element] Vec<T>, owner => owner.as_mut_slice();
    [T: Element] Box<[T]>, owner => &mut **owner;
    [T: Element, const N: usize] [T; N], owner => owner.as_mut_slice();
    [T: Element] T, scalar => std::slice::from_mut(scalar);
}

impl<'short> From<&'short Tensor<'_>> for Tensor<'short> {
    fn from(tensor: &'short Tensor<'_>) -> Self {
        *tensor
    }
}

impl<'a> From<TensorMut<'a>> for Tensor<'a> {
    fn from(tensor: TensorMut<'a>) -> Self {
        Self { memory: tensor.memory, borrowed: PhantomData }
    }
}

impl<'short> From<&'short TensorMut<'_>> for Tensor<'short> {
    fn from(tensor: &'short TensorMut<'_>) -> Self {
        Self { memory: tensor.memory, borrowed: PhantomData }
    }
}

impl<'short> From<&'short mut TensorMut<'_>> for TensorMut<'short> {
    fn from(tensor: &'short mut TensorMut<'_>) -> Self {
        Self { memory: tensor.memory, borrowed: PhantomData }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the library does to an array, under the rules of Rust's memory model.
    #[allow(clippy::needless_pass_by_value)] // a borrow that ends
    fn write(tensor: TensorMut<'_>, value: f32) {
        let memory = tensor.memory();
        for i in 0..memory.elements {
            // SAFETY: tensor has so many elements of this type, and is borrowed mutably.
            unsafe { memory.data.cast::<f32>().add(i).write(value) };
        }
    }

    fn first(tensor: Tensor<'_>) -> f32 {
        // SAFETY: the tensors below are not empty, and are of this type.
        unsafe { tensor.memory().data.cast::<f32>().read() }
    }

    #[test]
    fn every_owner_is_written_in_place() {
        let (mut vector, mut array, mut scalar) = (vec![0.0_f32; 3], [0.0_f32; 4], 0.0_f32);
        let mut boxed: Box<[f32]> = [0.0; 2].into();
        write(TensorMut::from(&mut vector), 1.0);
        write(TensorMut::from(&mut boxed), 2.0);
        write(TensorMut::from(&mut array[1..]), 3.0);
        write(TensorMut::from(&mut scalar), 4.0);
        assert_eq!((vector, &*boxed), (vec![1.0; 3], [2.0; 2].as_slice()));
        assert_eq!((array, scalar), ([0.0, 3.0, 3.0, 3.0], 4.0));
    }

    #[test]
    fn a_view_of_a_view_leaves_the_first_usable() {
        let mut array = [0.0_f32; 2];
        let mut view = TensorMut::from(&mut array);
        write(TensorMut::from(&mut view), 1.0);
        assert_eq!(first(Tensor::from(&view)), 1.0);
        write(view, 2.0);
        assert_eq!(first(Tensor::from(&array)), 2.0);
    }

    #[test]
    fn lengths_and_types() {
        let types = [
            Tensor::from(&[0.0_f32]).dtype(),
            Tensor::from(&[0.0_f64]).dtype(),
            Tensor::from(&[f16::ZERO]).dtype(),
            Tensor::from(&[bf16::ZERO]).dtype(),
            Tensor::from(&[0_i16]).dtype(),
        ];
        assert_eq!(types, [DType::F32, DType::F64, DType::F16, DType::Bf16, DType::I16]);
        assert_eq!(Tensor::from(&[0.0_f32; 0]).len(), 0);
        assert!(Tensor::from(&Vec::<f32>::new()).is_empty());
    }
}
