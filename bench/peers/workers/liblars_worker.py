"""liblars through its C interface."""

import ctypes
from ctypes import POINTER, byref, c_char_p, c_double, c_int32, c_int64, c_uint32, c_void_p
from typing import Any

from contender import Contender, Hyperparameters
from data import Arrays

# The numbers of lars.h.
OK = 0
FLOAT32 = 544
LEARNING_RATE, WEIGHT_DECAY, WEIGHT_DECAY_MASK, TRUST_COEFFICIENT, TRUST_RATIO_MASK, MOMENTUM = 1, 2, 3, 4, 6, 7


class LarsError(Exception):
    """A call that returned something else than LARS_OK; holds liblars's own message."""


class Library:
    """The shared library."""

    def __init__(self, path: str) -> None:
        self.functions = ctypes.CDLL(path)
        for name, arguments in {
            "lars_version_string": [],
            "lars_status_name": [c_int32],
            "lars_error_message": [c_void_p],
            "lars_kernels": [c_void_p],
        }.items():
            function = getattr(self.functions, name)
            function.restype, function.argtypes = c_char_p, arguments
        self.functions.lars_set.argtypes = [c_void_p, c_char_p, c_int32, c_double]
        self.functions.lars_step.argtypes = [c_void_p, POINTER(c_void_p), POINTER(c_void_p)]

    def has(self, name: str) -> bool:
        return hasattr(self.functions, name)

    def text(self, name: str, *arguments: Any) -> str:
        return getattr(self.functions, name)(*arguments).decode()


def addresses(arrays: Arrays) -> Any:
    return (c_void_p * len(arrays))(*[array.ctypes.data for array in arrays])


class Liblars(Contender):
    """The measure of the others. Options: "library", a path; "kernels", as lars_set_kernels takes them; "policy", as
    lars_set_nonfinite_policy does."""

    def __init__(
        self,
        parameters: Arrays,
        gradients: Arrays,
        hyperparameters: Hyperparameters,
        threads: int,
        options: dict[str, Any],
    ) -> None:
        self.arrays, self.gradients = parameters, gradients
        self.library = Library(options["library"])
        self.handle = c_void_p()
        if self.library.functions.lars_create(byref(self.handle)) != OK:
            raise LarsError("lars_create: out of memory")
        for index, array in enumerate(parameters):
            shape = (c_int64 * array.ndim)(*array.shape)
            self.call("lars_add_parameter", self.name_of(index), FLOAT32, c_uint32(array.ndim), shape, None)
        self.configure(hyperparameters)
        self.call("lars_set_kernels", options["kernels"].encode())
        self.call("lars_set_nonfinite_policy", options.get("policy", 0))
        if self.library.has("lars_set_threads"):
            self.call("lars_set_threads", c_uint32(threads))
        self.pointers = addresses(self.arrays), addresses(self.gradients)

    @staticmethod
    def name_of(index: int) -> bytes:
        return f"tensor {index}".encode()

    def call(self, function: str, *arguments: Any) -> None:
        status = getattr(self.library.functions, function)(self.handle, *arguments)
        if status != OK:
            name = self.library.text("lars_status_name", status)
            raise LarsError(f"{function}: {name}: {self.library.text('lars_error_message', self.handle)}")

    def configure(self, hyperparameters: Hyperparameters) -> None:
        values = {
            LEARNING_RATE: hyperparameters.learning_rate,
            WEIGHT_DECAY: hyperparameters.weight_decay,
            TRUST_COEFFICIENT: hyperparameters.trust_coefficient,
            MOMENTUM: hyperparameters.momentum,
            TRUST_RATIO_MASK: hyperparameters.adapt != "none",
        }
        for key, value in values.items():
            self.call("lars_set", None, key, value)
        if hyperparameters.adapt == "matrices":
            for index, array in enumerate(self.arrays):
                if array.ndim <= 1:
                    self.call("lars_set", self.name_of(index), TRUST_RATIO_MASK, 0)
                    self.call("lars_set", self.name_of(index), WEIGHT_DECAY_MASK, 0)

    def step(self) -> None:
        self.call("lars_step", *self.pointers)

    def set_gradients(self, gradients: Arrays) -> None:
        for own, new in zip(self.gradients, gradients, strict=True):
            own[...] = new

    def parameters(self) -> Arrays:
        return self.arrays

    def about(self) -> dict[str, str]:
        about = {
            "liblars": self.library.text("lars_version_string"),
            "kernels": self.library.text("lars_kernels", self.handle),
        }
        if self.library.has("lars_threads"):
            threads = c_uint32()
            self.call("lars_threads", byref(threads))
            about["threads in use"] = str(threads.value)
        return about
