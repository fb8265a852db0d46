"""lars.h for ctypes: its functions with their full signatures, its numbers, and where the library is."""

from __future__ import annotations

import ctypes
import ctypes.util
import operator
import os
import pathlib
from collections.abc import Iterator
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_double, c_int32, c_int64, c_uint32, c_uint64, c_void_p
from typing import Any

OK, SKIPPED = 0, 1
STATUSES = {
    "ARGUMENT": -1, "KEY": -2, "VALUE": -3, "TYPE": -4, "INDEX": -5, "NAME": -6, "SHAPE": -7, "SELECTOR": -8,
    "ALIAS": -9, "ALIGNMENT": -10, "STATE": -20, "BUSY": -21, "CALLBACK": -22, "NONFINITE": -23, "MEMORY": -30,
    "INTERNAL": -31, "IO": -40, "FORMAT": -41, "MISMATCH": -42,
}  # fmt: skip
KEYS = {
    "learning_rate": 1, "weight_decay": 2, "weight_decay_mask": 3, "trust_coefficient": 4, "eps": 5,
    "trust_ratio_mask": 6, "momentum": 7, "nesterov": 8, "gradient_scale": 9, "denominator": 10,
    "outside_momentum": 11, "trust_clip": 12, "dampening": 13, "decay_in_update": 14, "zero_norm_decay": 15,
    "clip_value": 16,
}  # fmt: skip
DTYPES = {"float16": 528, "float32": 544, "float64": 576, "bfloat16": 1040, "int16": 16}
FLOATS = {name: number for name, number in DTYPES.items() if name != "int16"}  # int16 is of masters only
VARIANTS = {"optax": 0, "paper": 1, "torch": 2, "larc": 3, "barlow": 4, "tf": 5}
POLICIES = {"refuse": 0, "skip": 1, "propagate": 2}
ROLES = {"parameter": 0, "gradient": 1, "momentum": 2, "master": 3}
INTERPOLATIONS = {"linear": 0, "cosine": 1}
DENOMINATORS = {"decayed": 0, "sum": 1, "gradient": 2}
OUTSIDE_MOMENTUM = {"nothing": 0, "learning_rate": 1, "trust_ratio": 2}
QUANTITIES = {
    "weight_norm": 0, "gradient_norm": 1, "update_norm": 2, "trust_ratio": 3, "effective_rate": 4,
    "limited_share": 5, "skipped_share": 6,
}  # fmt: skip

class _Unsigned:
    """An unsigned argument that is in range; ctypes alone would wrap what is not."""

    def __init__(self, kind: type) -> None:
        self.kind, self.limit = kind, 256 ** ctypes.sizeof(kind) - 1

    def checked(self, value: int) -> int:
        number = operator.index(value)
        if not 0 <= number <= self.limit:
            raise OverflowError(f"{number} is not allowed; it must be from 0 to {self.limit}")
        return number

    def from_param(self, value: int) -> Any:
        return self.kind(self.checked(value))


u32, u64 = _Unsigned(c_uint32), _Unsigned(c_uint64)

Predicate = CFUNCTYPE(c_int32, c_void_p, c_uint32, c_char_p, c_int32, c_uint32, POINTER(c_int64))
ScheduleFunction = CFUNCTYPE(c_int32, c_void_p, c_uint64, POINTER(c_double))
Task = CFUNCTYPE(None, c_void_p, c_uint32)
ParallelFor = CFUNCTYPE(c_int32, c_void_p, c_uint32, Task, c_void_p)
Observer = CFUNCTYPE(None, c_void_p, c_int32, c_uint64, c_uint32, c_uint32, POINTER(POINTER(c_double)))

_handle = c_void_p
_handle_out = POINTER(c_void_p)
_arrays = POINTER(c_void_p)

# Name: what it returns, what it takes.
SIGNATURES = {
    "lars_version": (c_uint32, []),
    "lars_version_string": (c_char_p, []),
    "lars_status_name": (c_char_p, [c_int32]),
    "lars_create": (c_int32, [_handle_out]),
    "lars_destroy": (c_int32, [_handle]),
    "lars_error_message": (c_char_p, [_handle]),
    "lars_add_parameter": (c_int32, [_handle, c_char_p, c_int32, u32, POINTER(c_int64), POINTER(c_uint32)]),
    "lars_parameter_count": (c_int32, [_handle, POINTER(c_uint32)]),
    "lars_parameter_index": (c_int32, [_handle, c_char_p, POINTER(c_uint32)]),
    "lars_parameter_info": (
        c_int32,
        [_handle, u32, POINTER(c_char_p), POINTER(c_int32), POINTER(c_uint32), POINTER(POINTER(c_int64))],
    ),
    "lars_set_gradient_dtype": (c_int32, [_handle, c_char_p, c_int32]),
    "lars_gradient_dtype": (c_int32, [_handle, u32, POINTER(c_int32)]),
    "lars_check_arrays": (c_int32, [_handle, c_int32, u32, POINTER(c_int32), POINTER(c_uint64)]),
    "lars_check_array": (c_int32, [_handle, c_int32, u32, c_int32, u64]),
    "lars_check_flat": (c_int32, [_handle, c_int32, c_int32, u64]),
    "lars_set": (c_int32, [_handle, c_char_p, c_int32, c_double]),
    "lars_set_if": (c_int32, [_handle, Predicate, c_void_p, c_int32, c_double]),
    "lars_set_schedule": (c_int32, [_handle, c_char_p, c_int32, c_void_p]),
    "lars_set_schedule_if": (c_int32, [_handle, Predicate, c_void_p, c_int32, c_void_p]),
    "lars_get": (c_int32, [_handle, u32, c_int32, POINTER(c_double)]),
    "lars_set_variant": (c_int32, [_handle, c_int32]),
    "lars_set_mlperf_resnet50": (c_int32, [_handle, u64, u64]),
    "lars_set_gradient_clip": (c_int32, [_handle, c_double]),
    "lars_gradient_clip": (c_int32, [_handle, POINTER(c_double)]),
    "lars_nonfinite_policy": (c_int32, [_handle, POINTER(c_int32)]),
    "lars_max_consecutive_skips": (c_int32, [_handle, POINTER(c_uint64)]),
    "lars_set_nonfinite_policy": (c_int32, [_handle, c_int32]),
    "lars_set_max_consecutive_skips": (c_int32, [_handle, u64]),
    "lars_set_kernels": (c_int32, [_handle, c_char_p]),
    "lars_kernels": (c_char_p, [_handle]),
    "lars_set_threads": (c_int32, [_handle, u32]),
    "lars_threads": (c_int32, [_handle, POINTER(c_uint32)]),
    "lars_set_parallel_for": (c_int32, [_handle, ParallelFor, c_void_p, u32]),
    "lars_step": (c_int32, [_handle, _arrays, _arrays]),
    "lars_step_flat": (c_int32, [_handle, c_void_p, c_void_p]),
    "lars_step_parameter": (c_int32, [_handle, u32, c_void_p, c_void_p]),
    "lars_update": (c_int32, [_handle, _arrays, _arrays, _arrays]),
    "lars_step_external": (c_int32, [_handle, _arrays, _arrays, _arrays, _arrays]),
    "lars_update_external": (c_int32, [_handle, _arrays, _arrays, _arrays, _arrays]),
    "lars_set_accumulation": (c_int32, [_handle, u32]),
    "lars_accumulate": (c_int32, [_handle, _arrays, _arrays]),
    "lars_step_accumulated": (c_int32, [_handle, _arrays]),
    "lars_discard_accumulated": (c_int32, [_handle]),
    "lars_accumulated": (c_int32, [_handle, POINTER(c_uint32), POINTER(c_uint32)]),
    "lars_set_carry_norms": (c_int32, [_handle, c_int32]),
    "lars_carry_norms": (c_int32, [_handle, POINTER(c_int32)]),
    "lars_parameters_changed": (c_int32, [_handle]),
    "lars_step_count": (c_int32, [_handle, POINTER(c_uint64)]),
    "lars_parameter_step_count": (c_int32, [_handle, u32, POINTER(c_uint64)]),
    "lars_set_parameter_step_count": (c_int32, [_handle, u32, u64]),
    "lars_norms": (c_int32, [_handle, u32, POINTER(c_double), POINTER(c_double), POINTER(c_double)]),
    "lars_skip_count": (c_int32, [_handle, POINTER(c_uint64), POINTER(c_uint64)]),
    "lars_telemetry": (c_int32, [_handle, c_int32, POINTER(c_double)]),
    "lars_set_gradient_norms": (c_int32, [_handle, c_int32]),
    "lars_gradient_norms": (c_int32, [_handle, POINTER(c_int32)]),
    "lars_set_observer": (c_int32, [_handle, Observer, c_void_p]),
    "lars_nonfinite": (c_int32, [_handle, POINTER(c_uint32), POINTER(c_uint64), POINTER(c_uint64)]),
    "lars_save": (c_int32, [_handle, c_char_p]),
    "lars_load": (c_int32, [_handle, c_char_p]),
    "lars_save_size": (c_int32, [_handle, POINTER(c_uint64)]),
    "lars_save_to": (c_int32, [_handle, c_void_p, u64]),
    "lars_load_from": (c_int32, [_handle, c_void_p, u64]),
    "lars_schedule_constant": (c_int32, [c_double, _handle_out]),
    "lars_schedule_linear": (c_int32, [c_double, c_double, u64, u64, _handle_out]),
    "lars_schedule_polynomial": (c_int32, [c_double, c_double, c_double, u64, u64, _handle_out]),
    "lars_schedule_piecewise_constant": (
        c_int32,
        [c_double, u32, POINTER(c_uint64), POINTER(c_double), _handle_out],
    ),
    "lars_schedule_piecewise_interpolate": (
        c_int32,
        [c_int32, c_double, u32, POINTER(c_uint64), POINTER(c_double), _handle_out],
    ),
    "lars_schedule_exponential_decay": (
        c_int32,
        [c_double, u64, c_double, u64, c_int32, POINTER(c_double), _handle_out],
    ),
    "lars_schedule_cosine_decay": (c_int32, [c_double, u64, c_double, c_double, _handle_out]),
    "lars_schedule_linear_onecycle": (
        c_int32,
        [u64, c_double, c_double, c_double, c_double, c_double, _handle_out],
    ),
    "lars_schedule_cosine_onecycle": (c_int32, [u64, c_double, c_double, c_double, c_double, _handle_out]),
    "lars_schedule_warmup_constant": (c_int32, [c_double, c_double, u64, _handle_out]),
    "lars_schedule_warmup_cosine_decay": (
        c_int32,
        [c_double, c_double, u64, u64, c_double, c_double, _handle_out],
    ),
    "lars_schedule_warmup_exponential_decay": (
        c_int32,
        [c_double, c_double, u64, u64, c_double, u64, c_int32, POINTER(c_double), _handle_out],
    ),
    "lars_schedule_sgdr": (
        c_int32,
        [
            u32, POINTER(c_double), POINTER(c_double), POINTER(c_uint64), POINTER(c_uint64), POINTER(c_double),
            POINTER(c_double), _handle_out,
        ],
    ),
    "lars_schedule_join": (c_int32, [u32, POINTER(c_void_p), POINTER(c_uint64), _handle_out]),
    "lars_schedule_callback": (c_int32, [ScheduleFunction, c_void_p, _handle_out]),
    "lars_schedule_value": (c_int32, [c_void_p, u64, POINTER(c_double)]),
    "lars_schedule_error_message": (c_char_p, [c_void_p]),
    "lars_schedule_destroy": (None, [c_void_p]),
}  # fmt: skip


def _candidates() -> Iterator[str]:
    """Where the library may be: LIBLARS_LIBRARY alone if it is set, else in the wheel, else where the system has it. It is
    asked last, and only if need be, as ctypes runs programs for it."""
    chosen = os.environ.get("LIBLARS_LIBRARY")
    if chosen:
        yield chosen
        return
    yield from map(str, sorted(pathlib.Path(__file__).parent.glob("lib/liblars.so*"))[:1])
    yield "liblars.so.0"
    found = ctypes.util.find_library("lars")
    if found:
        yield found


def _load() -> ctypes.CDLL:
    problems = []
    for candidate in _candidates():
        try:
            library = ctypes.CDLL(candidate)
        except OSError as error:
            problems.append(str(error))
            continue
        for name, (returned, arguments) in SIGNATURES.items():
            try:
                function = getattr(library, name)
            except AttributeError:
                raise ImportError(f"{candidate}, {_version_of(library)}, has no {name}: this package is for another") from None
            function.restype, function.argtypes = returned, arguments
        return library
    raise ImportError(
        "liblars.so.0 was not found: " + "; ".join(problems) + ". Install the wheel of liblars, which has it, or the "
        "library itself, or set LIBLARS_LIBRARY to its path"
    )


def _version_of(library: ctypes.CDLL) -> str:
    try:
        version = library.lars_version_string
    except AttributeError:
        return "which is no liblars"
    version.restype, version.argtypes = c_char_p, []
    return f"liblars {version().decode()}"


library = _load()


def text(value: bytes) -> str:
    """Names may be any bytes; messages name them."""
    return value.decode(errors="surrogateescape")


def status_name(status: int) -> str:
    return text(library.lars_status_name(status))
