"""liblars through its C ABI, with ctypes and NumPy: only what the comparison of variants needs."""

import ctypes
import os
from ctypes import byref, c_char_p, c_double, c_int64, c_uint32, c_void_p
from typing import Any

import numpy as np

# The numbers of lars.h.
F16, F32, F64, BF16 = 528, 544, 576, 1040
DTYPES = {np.float16: F16, np.float32: F32, np.float64: F64, np.uint16: BF16}  # NumPy has no bfloat16: its bits
KEYS = {
    "learning_rate": 1, "weight_decay": 2, "weight_decay_mask": 3, "trust_coefficient": 4, "eps": 5,
    "trust_ratio_mask": 6, "momentum": 7, "nesterov": 8, "gradient_scale": 9, "denominator": 10,
    "outside_momentum": 11, "trust_clip": 12, "dampening": 13, "decay_in_update": 14, "zero_norm_decay": 15,
    "clip_value": 16,
}  # fmt: skip
VARIANTS = {"optax": 0, "paper": 1, "torch": 2, "larc": 3, "barlow": 4, "tf": 5}

library = ctypes.CDLL(os.environ["LARS_LIBRARY"])
library.lars_error_message.restype = c_char_p


class Optimizer:
    """One handle with its parameters, "p0", "p1" and so on, which it steps in place."""

    def __init__(self, parameters: list[np.ndarray]):
        self.parameters = parameters
        self.handle = c_void_p()
        if library.lars_create(byref(self.handle)) != 0:
            raise MemoryError("lars_create")
        for index, array in enumerate(parameters):
            shape = (c_int64 * array.ndim)(*array.shape)
            name = f"p{index}".encode()
            self.call("lars_add_parameter", name, DTYPES[array.dtype.type], c_uint32(array.ndim), shape, None)

    def __del__(self) -> None:
        library.lars_destroy(self.handle)

    def call(self, function: str, *arguments: Any) -> None:
        status = getattr(library, function)(self.handle, *arguments)
        if status != 0:
            raise RuntimeError(f"{function}: {status}: {library.lars_error_message(self.handle).decode()}")

    def variant(self, name: str) -> None:
        self.call("lars_set_variant", VARIANTS[name])

    def set(self, selector: str | None = None, **values: float) -> None:
        for key, value in values.items():
            self.call("lars_set", selector and selector.encode(), KEYS[key], c_double(value))

    def step(self, gradients: list[np.ndarray]) -> None:
        for array in (*self.parameters, *gradients):
            assert array.flags.c_contiguous
        pointers = [
            (c_void_p * len(arrays))(*[array.ctypes.data for array in arrays])
            for arrays in (self.parameters, gradients)
        ]
        self.call("lars_step", *pointers)

    def norms(self, index: int) -> tuple[float, float, float]:
        """‖w‖, the denominator without ε, and r of the parameter's last step."""
        values = (c_double(), c_double(), c_double())
        self.call("lars_norms", c_uint32(index), *[byref(value) for value in values])
        return tuple(value.value for value in values)
