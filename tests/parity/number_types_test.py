"""16-bit numbers as liblars widens and rounds them, against NumPy's float16 and ml_dtypes' bfloat16: all of them.

Through lars.h alone: with learning rate 1, no momentum and no trust ratio, a parameter that was 0 becomes -g.
"""

import os
import unittest
from ctypes import byref, c_double, c_int32, c_int64, c_uint32, c_void_p
from pathlib import Path

import ml_dtypes
import numpy as np

from liblars import PROPAGATE, Library

F16, F32, BF16 = 528, 544, 1040
NUMPY = {F16: np.dtype(np.float16), F32: np.dtype(np.float32), BF16: np.dtype(ml_dtypes.bfloat16)}
KERNELS = ("simd", "simd/AVX2", "simd/SSE4", "reference")  # those that the processor lacks are left out
RANDOM_FLOATS = 1 << 20


def all_numbers(dtype: int) -> np.ndarray:
    """Every number of a 16-bit type, Inf and NaN among them."""
    return np.arange(1 << 16, dtype=np.uint16).view(NUMPY[dtype])


def decisive_floats(dtype: int) -> np.ndarray:
    """All numbers of the type, the middles between neighbours, what is next to either, and random bits."""
    numbers = all_numbers(dtype).astype(np.float32).view(np.uint32)
    half_step = np.uint32(1 << (12 if dtype == F16 else 15))
    around = [numbers + offset for offset in (0, 1, half_step - 1, half_step, half_step + 1)]
    around += [numbers - np.uint32(offset) for offset in (1, half_step - 1, half_step)]
    rng = np.random.default_rng(1)
    around.append(rng.integers(0, 1 << 32, RANDOM_FLOATS, dtype=np.uint32))
    if dtype == F16:  # subnormal numbers are coarser: the middles there
        around.append(np.ldexp(np.arange(1 << 12, dtype=np.float32) + np.float32(0.5), -24).view(np.uint32))
    return np.concatenate(around).view(np.float32)


class NumberTypes(unittest.TestCase):
    library = Library(Path(os.environ["LARS_LIBRARY"]))

    def step(self, kernels: str, parameter: np.ndarray, gradient: np.ndarray, dtypes: tuple[int, int]) -> bool:
        """One step in place; False if the processor has no such kernels."""
        functions, handle = self.library.functions, c_void_p()

        def call(name: str, *arguments: object) -> int:
            return getattr(functions, name)(handle, *arguments)

        self.assertEqual(functions.lars_create(byref(handle)), 0)
        try:
            if call("lars_set_kernels", kernels.encode()) != 0:
                return False
            shape = (c_int64 * 1)(parameter.size)
            status = call("lars_add_parameter", b"w", c_int32(dtypes[0]), c_uint32(1), shape, None)
            status |= call("lars_set_gradient_dtype", None, c_int32(dtypes[1]))
            status |= call("lars_set_nonfinite_policy", PROPAGATE)
            for key, value in ((1, 1.0), (7, 0.0), (6, 0.0)):  # learning rate, momentum, trust ratio mask
                status |= call("lars_set", None, c_int32(key), c_double(value))
            status |= call("lars_step_parameter", c_uint32(0), c_void_p(parameter.ctypes.data), c_void_p(gradient.ctypes.data))
            self.assertEqual(status, 0, self.library.text("lars_error_message", handle))
            return True
        finally:
            functions.lars_destroy(handle)

    def assert_same(self, ours: np.ndarray, theirs: np.ndarray) -> None:
        """Equal, or both NaN; zeros may differ in sign, because a sum of zeros loses it."""
        wide, expected = ours.astype(np.float64), theirs.astype(np.float64)
        different = ~((wide == expected) | (np.isnan(wide) & np.isnan(expected)))
        self.assertFalse(different.any(), f"{different.sum()} differ, e.g. {wide[different][:3]}, {expected[different][:3]}")

    def test_widening(self) -> None:
        for dtype in (F16, BF16):
            numbers = all_numbers(dtype)
            for kernels in KERNELS:
                with self.subTest(dtype=dtype, kernels=kernels):
                    parameter = np.zeros(numbers.size, np.float32)
                    if self.step(kernels, parameter, numbers, (F32, dtype)):
                        self.assert_same(-parameter, numbers.astype(np.float32))

    def test_rounding_of_float16(self) -> None:
        values = decisive_floats(F16)
        with np.errstate(over="ignore"):
            expected = (-values).astype(np.float16)
        for kernels in KERNELS:
            with self.subTest(kernels=kernels):
                parameter = np.zeros(values.size, np.float16)
                if self.step(kernels, parameter, values, (F16, F32)):
                    self.assert_same(parameter, expected)

    def test_rounding_of_bfloat16_differs_at_ties_alone(self) -> None:
        values = decisive_floats(BF16)
        bits = values.view(np.uint32)
        expected = (-values).astype(NUMPY[BF16])
        tie_to_even = ((bits & 0xFFFF) == 0x8000) & ((bits & 0x10000) == 0) & ~np.isnan(values)
        self.assertTrue(tie_to_even.any())
        # There liblars goes away from zero: to the next number of greater magnitude.
        away = (expected.view(np.uint16) + tie_to_even.astype(np.uint16)).view(NUMPY[BF16])
        for kernels in KERNELS:
            with self.subTest(kernels=kernels):
                parameter = np.zeros(values.size, NUMPY[BF16])
                if self.step(kernels, parameter, values, (BF16, F32)):
                    self.assert_same(parameter, away)


if __name__ == "__main__":
    unittest.main()
