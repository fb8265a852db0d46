//! The arrays of a case.

use half::{bf16, f16};
use liblars::{DType, Tensor, TensorMut};
use serde_json::Value;

use super::specifications::dtype_of;

#[derive(Clone)]
pub(super) enum Array {
    F16(Vec<f16>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    Bf16(Vec<bf16>),
    I16(Vec<i16>),
}

/// The same expression for the elements of any type.
macro_rules! any {
    ($array:expr, $elements:ident => $expression:expr) => {
        match $array {
            Array::F16($elements) => $expression,
            Array::F32($elements) => $expression,
            Array::F64($elements) => $expression,
            Array::Bf16($elements) => $expression,
            Array::I16($elements) => $expression,
        }
    };
}

/// Numbers of bytes in groups of N.
fn elements<const N: usize, T>(bytes: &[u8], of: fn([u8; N]) -> T) -> Vec<T> {
    bytes.chunks_exact(N).map(|chunk| of(chunk.try_into().expect("N bytes"))).collect()
}

impl Array {
    pub(super) fn new(array: &Value) -> Self {
        let bytes = bytes_of(array["bytes"].as_str().expect("bytes"));
        match dtype_of(array["dtype"].as_str().expect("dtype")) {
            DType::F16 => Self::F16(elements(&bytes, f16::from_le_bytes)),
            DType::F32 => Self::F32(elements(&bytes, f32::from_le_bytes)),
            DType::F64 => Self::F64(elements(&bytes, f64::from_le_bytes)),
            DType::Bf16 => Self::Bf16(elements(&bytes, bf16::from_le_bytes)),
            _ => Self::I16(elements(&bytes, i16::from_le_bytes)),
        }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        any!(self, elements => elements.iter().flat_map(|element| element.to_le_bytes()).collect())
    }
}

impl<'a> From<&'a Array> for Tensor<'a> {
    fn from(array: &'a Array) -> Self {
        any!(array, elements => elements.into())
    }
}

impl<'a> From<&'a mut Array> for TensorMut<'a> {
    fn from(array: &'a mut Array) -> Self {
        any!(array, elements => elements.into())
    }
}

pub(super) fn bytes_of(digits: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal digits");
    (0..digits.len()).step_by(2).map(byte).collect()
}

pub(super) fn digits_of(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"))
}
