"""liblars through its C ABI, with ctypes and NumPy: only what the differential test needs."""

import ctypes
from ctypes import (
    CFUNCTYPE,
    POINTER,
    byref,
    c_char_p,
    c_double,
    c_int32,
    c_int64,
    c_uint32,
    c_uint64,
    c_void_p,
)
from pathlib import Path
from types import TracebackType
from typing import Any, Callable

import numpy as np

from case import Tensor
from environment import SetupError
from schedules import CONSTRUCTORS

# The numbers of lars.h.
OK = 0
DTYPES = {"float32": 544, "float64": 576}
KEYS = {
    "learning_rate": 1,
    "weight_decay": 2,
    "weight_decay_mask": 3,
    "trust_coefficient": 4,
    "eps": 5,
    "trust_ratio_mask": 6,
    "momentum": 7,
    "nesterov": 8,
    "gradient_scale": 9,
}
INTERPOLATIONS = {"linear": 0, "cosine": 1}
PROPAGATE = 2

PREDICATE = CFUNCTYPE(c_int32, c_void_p, c_uint32, c_char_p, c_int32, c_uint32, POINTER(c_int64))
SCHEDULE_FUNCTION = CFUNCTYPE(c_int32, c_void_p, c_uint64, POINTER(c_double))


class LarsError(Exception):
    """A call that returned something else than LARS_OK; holds liblars's own message."""


def doubles(values: list[float]) -> Any:
    return (c_double * len(values))(*values)


def steps(values: list[int]) -> Any:
    return (c_uint64 * len(values))(*values)


class Library:
    """The shared library."""

    def __init__(self, path: Path) -> None:
        try:
            self.functions = ctypes.CDLL(str(path))
        except OSError as error:
            raise SetupError(
                f"cannot load {path} ({error}).\n"
                "Build it by `cmake --preset release && cmake --build --preset release`, or name it by --library."
            ) from error
        for name in (
            "lars_status_name",
            "lars_error_message",
            "lars_schedule_error_message",
            "lars_version_string",
        ):
            getattr(self.functions, name).restype = c_char_p
        self.callbacks: list[Any] = []  # liblars keeps their addresses, so Python must keep them alive

    def text(self, function: str, *arguments: Any) -> str:
        return getattr(self.functions, function)(*arguments).decode()

    def schedule(self, description: dict[str, Any]) -> c_void_p:
        """A liblars schedule from Schedule.to_json()."""
        function, arguments = c_schedule(self, description)
        handle = c_void_p()
        status = getattr(self.functions, f"lars_schedule_{function}")(*arguments, byref(handle))
        if status != OK:
            message = self.text("lars_schedule_error_message", handle)
            self.functions.lars_schedule_destroy(handle)
            raise LarsError(f"{self.text('lars_status_name', status)}: {message}")
        return handle

    def schedule_value(self, handle: c_void_p, step: int) -> float:
        value = c_double()
        status = self.functions.lars_schedule_value(handle, c_uint64(step), byref(value))
        if status != OK:
            raise LarsError(f"lars_schedule_value: {self.text('lars_status_name', status)}")
        return value.value

    def inverse_time(self, value: float, decay: float) -> Any:
        """schedules.inverse_time as a C callback."""

        def compute(_user: int, step: int, result: Any) -> int:
            result[0] = value / (1.0 + decay * step)
            return 0

        self.callbacks.append(SCHEDULE_FUNCTION(compute))
        return self.callbacks[-1]


def c_schedule(library: Library, description: dict[str, Any]) -> tuple[str, list[Any]]:
    """The lars.h constructor and its arguments, without the last one that receives the schedule."""
    constructor = CONSTRUCTORS[description["schedule"]]
    arguments = description["arguments"]
    if constructor.liblars == "callback":
        return "callback", [library.inverse_time(**arguments), None]
    if constructor.liblars == "join":
        parts = [library.schedule(part) for part in arguments["schedules"]]
        handles = (c_void_p * len(parts))(*parts)
        return "join", [c_uint32(len(parts)), handles, steps(arguments["boundaries"])]
    converted: list[Any] = []
    for name, kind in constructor.arguments.items():
        converted += C_ARGUMENTS[kind](arguments[name])
    return constructor.liblars, converted


def boundaries(pairs: list[list[float]]) -> list[Any]:
    ordered = sorted(pairs)
    return [
        c_uint32(len(ordered)),
        steps([int(step) for step, _ in ordered]),
        doubles([scale for _, scale in ordered]),
    ]


def cycles(content: list[dict[str, float]]) -> list[Any]:
    def column(name: str, convert: Callable[[list[Any]], Any]) -> Any:
        return convert([cycle[name] for cycle in content])

    return [
        c_uint32(len(content)),
        column("init_value", doubles),
        column("peak_value", doubles),
        column("warmup_steps", steps),
        column("decay_steps", steps),
        column("end_value", doubles),
        column("exponent", doubles),
    ]


C_ARGUMENTS: dict[str, Callable[[Any], list[Any]]] = {
    "real": lambda value: [c_double(value)],
    "steps": lambda value: [c_uint64(value)],
    "flag": lambda value: [c_int32(value)],
    "optional real": lambda value: [None if value is None else byref(c_double(value))],
    "interpolation": lambda value: [c_int32(INTERPOLATIONS[value])],
    "boundaries": boundaries,
    "cycles": cycles,
}


@PREDICATE
def is_vector(_user: Any, _index: int, _name: bytes, _dtype: int, ndim: int, _shape: Any) -> int:
    return int(ndim <= 1)


def addresses(arrays: list[np.ndarray]) -> Any:
    """Pointers for lars_step; NULL for tensors without elements."""
    return (c_void_p * len(arrays))(*[array.ctypes.data if array.size else None for array in arrays])


class Optimizer:
    """One lars_optimizer with a case's tensors and settings; use as a context."""

    def __init__(self, library: Library, tensors: tuple[Tensor, ...], dtype: str) -> None:
        self.library, self.tensors, self.dtype = library, tensors, dtype
        self.handle = c_void_p()
        if library.functions.lars_create(byref(self.handle)) != OK:
            raise LarsError("lars_create: out of memory")
        for tensor in tensors:
            shape = (c_int64 * len(tensor.shape))(*tensor.shape)
            self.call(
                "lars_add_parameter",
                tensor.name.encode(),
                DTYPES[dtype],
                c_uint32(len(tensor.shape)),
                shape,
                None,
            )
        self.call("lars_set_nonfinite_policy", PROPAGATE)

    def __enter__(self) -> "Optimizer":
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.library.functions.lars_destroy(self.handle)

    def call(self, function: str, *arguments: Any) -> None:
        """Calls a function on the handle; anything but LARS_OK becomes a LarsError."""
        status = getattr(self.library.functions, function)(self.handle, *arguments)
        if status != OK:
            name = self.library.text("lars_status_name", status)
            raise LarsError(f"{function}: {name}: {self.library.text('lars_error_message', self.handle)}")

    def use_kernels(self, kernels: str) -> None:
        self.call("lars_set_kernels", kernels.encode())

    def configure(self, settings: list[dict[str, Any]]) -> None:
        """Applies Case.settings()."""
        for setting in settings:
            self.apply(setting)

    def apply(self, setting: dict[str, Any]) -> None:
        key = KEYS[setting["key"]]
        selector = setting["selector"].encode() if "selector" in setting else None
        if "max_ndim" in setting:
            self.call("lars_set_if", is_vector, None, key, c_double(setting["value"]))
        elif "schedule" in setting:
            schedule = self.library.schedule(setting)
            try:
                self.call("lars_set_schedule", selector, key, schedule)
            finally:
                self.library.functions.lars_schedule_destroy(schedule)
        else:
            self.call("lars_set", selector, key, c_double(setting["value"]))

    def step(self, parameters: list[np.ndarray], gradients: list[np.ndarray]) -> None:
        """In place; the arrays must be contiguous and of the optimizer's dtype."""
        self.call("lars_step", addresses(parameters), addresses(gradients))

    def update(self, parameters: list[np.ndarray], gradients: list[np.ndarray]) -> list[np.ndarray]:
        updates = [np.empty_like(array) for array in parameters]
        self.call("lars_update", addresses(parameters), addresses(gradients), addresses(updates))
        return updates
