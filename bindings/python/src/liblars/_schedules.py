"""Schedules: hyper-parameters as functions of the step, with optax's names and definitions (see lars.h)."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from . import _capi
from ._errors import error_of, number_of, raised


class Schedule:
    """The value of a hyper-parameter at every step; made by the functions below. Immutable."""

    def __init__(self, make: Callable[..., int], *arguments: Any, kept: tuple[Any, ...] = ()) -> None:
        self.handle = ctypes.c_void_p()
        self.kept = kept  # functions that the library calls
        status = make(*arguments, ctypes.byref(self.handle))
        if status < 0:
            raise error_of(status, _capi.text(_capi.library.lars_schedule_error_message(self.handle)))

    def __del__(self) -> None:
        handle, self.handle = getattr(self, "handle", None), None
        if handle:
            _capi.library.lars_schedule_destroy(handle)

    def __call__(self, step: int) -> float:
        """The value at `step`, from 0."""
        value = ctypes.c_double()
        status = _capi.library.lars_schedule_value(self.handle, step, ctypes.byref(value))
        if status < 0:
            raise error_of(status, f"the schedule has no value at step {step}") from raised.take()
        return value.value


def _doubles(values: Sequence[float]) -> Any:
    return (ctypes.c_double * len(values))(*values)


def _counts(values: Sequence[int]) -> Any:
    return (ctypes.c_uint64 * len(values))(*map(_capi.u64.checked, values))


def _optional(value: float | None) -> Any:
    return None if value is None else ctypes.byref(ctypes.c_double(value))


def constant(value: float) -> Schedule:
    return Schedule(_capi.library.lars_schedule_constant, value)


def linear(init_value: float, end_value: float, transition_steps: int, transition_begin: int = 0) -> Schedule:
    return Schedule(_capi.library.lars_schedule_linear, init_value, end_value, transition_steps, transition_begin)


def polynomial(
    init_value: float, end_value: float, power: float, transition_steps: int, transition_begin: int = 0
) -> Schedule:
    make = _capi.library.lars_schedule_polynomial
    return Schedule(make, init_value, end_value, power, transition_steps, transition_begin)


def piecewise_constant(init_value: float, boundaries_and_scales: Mapping[int, float] | None = None) -> Schedule:
    items = sorted((boundaries_and_scales or {}).items())
    steps, scales = _counts([step for step, _ in items]), _doubles([scale for _, scale in items])
    return Schedule(_capi.library.lars_schedule_piecewise_constant, init_value, len(items), steps, scales)


def piecewise_interpolate(
    interpolate_type: str, init_value: float, boundaries_and_scales: Mapping[int, float] | None = None
) -> Schedule:
    kind = number_of(_capi.INTERPOLATIONS, interpolate_type, "interpolate_type")
    items = sorted((boundaries_and_scales or {}).items())
    steps, scales = _counts([step for step, _ in items]), _doubles([scale for _, scale in items])
    return Schedule(_capi.library.lars_schedule_piecewise_interpolate, kind, init_value, len(items), steps, scales)


def exponential_decay(
    init_value: float,
    transition_steps: int,
    decay_rate: float,
    transition_begin: int = 0,
    staircase: bool = False,
    end_value: float | None = None,
) -> Schedule:
    make = _capi.library.lars_schedule_exponential_decay
    return Schedule(
        make, init_value, transition_steps, decay_rate, transition_begin, int(staircase), _optional(end_value)
    )


def cosine_decay(init_value: float, decay_steps: int, alpha: float = 0.0, exponent: float = 1.0) -> Schedule:
    return Schedule(_capi.library.lars_schedule_cosine_decay, init_value, decay_steps, alpha, exponent)


def linear_onecycle(
    transition_steps: int,
    peak_value: float,
    pct_start: float = 0.3,
    pct_final: float = 0.85,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
) -> Schedule:
    make = _capi.library.lars_schedule_linear_onecycle
    return Schedule(make, transition_steps, peak_value, pct_start, pct_final, div_factor, final_div_factor)


def cosine_onecycle(
    transition_steps: int,
    peak_value: float,
    pct_start: float = 0.3,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
) -> Schedule:
    make = _capi.library.lars_schedule_cosine_onecycle
    return Schedule(make, transition_steps, peak_value, pct_start, div_factor, final_div_factor)


def warmup_constant(init_value: float, peak_value: float, warmup_steps: int) -> Schedule:
    return Schedule(_capi.library.lars_schedule_warmup_constant, init_value, peak_value, warmup_steps)


def warmup_cosine_decay(
    init_value: float,
    peak_value: float,
    warmup_steps: int,
    decay_steps: int,
    end_value: float = 0.0,
    exponent: float = 1.0,
) -> Schedule:
    make = _capi.library.lars_schedule_warmup_cosine_decay
    return Schedule(make, init_value, peak_value, warmup_steps, decay_steps, end_value, exponent)


def warmup_exponential_decay(
    init_value: float,
    peak_value: float,
    warmup_steps: int,
    transition_steps: int,
    decay_rate: float,
    transition_begin: int = 0,
    staircase: bool = False,
    end_value: float | None = None,
) -> Schedule:
    return Schedule(
        _capi.library.lars_schedule_warmup_exponential_decay,
        init_value,
        peak_value,
        warmup_steps,
        transition_steps,
        decay_rate,
        transition_begin,
        int(staircase),
        _optional(end_value),
    )


def sgdr(cosine_kwargs: Sequence[Mapping[str, float]]) -> Schedule:
    """As optax.sgdr_schedule: one mapping a cycle, with the arguments of warmup_cosine_decay."""
    names = ("init_value", "peak_value", "warmup_steps", "decay_steps", "end_value", "exponent")
    defaults = {"end_value": 0.0, "exponent": 1.0}
    for cycle in cosine_kwargs:
        unknown = set(cycle) - set(names)
        if unknown:
            raise TypeError(f"sgdr: {', '.join(sorted(unknown))} is none of {', '.join(names)}")
    init, peak, warmup, decay, end, exponent = (
        [cycle[name] if name in cycle else defaults[name] for cycle in cosine_kwargs] for name in names
    )
    return Schedule(
        _capi.library.lars_schedule_sgdr,
        len(cosine_kwargs),
        _doubles(init),
        _doubles(peak),
        _counts(warmup),
        _counts(decay),
        _doubles(end),
        _doubles(exponent),
    )


def join(schedules: Sequence[Schedule], boundaries: Sequence[int]) -> Schedule:
    """As optax.join_schedules: schedules[i + 1] begins at boundaries[i]."""
    if len(boundaries) != len(schedules) - 1:
        raise ValueError(f"join: {len(schedules)} schedules need one boundary less, not {len(boundaries)}")
    handles = (ctypes.c_void_p * len(schedules))(*(one.handle.value for one in schedules))
    kept = tuple(function for one in schedules for function in one.kept)
    return Schedule(_capi.library.lars_schedule_join, len(schedules), handles, _counts(boundaries), kept=kept)


def callback(function: Callable[[int], float]) -> Schedule:
    """`function` of the step. If it raises, the call that asked fails (LARS_ERR_CALLBACK)."""

    def answer(_user: int, step: int, value: Any) -> int:
        try:
            value[0] = function(step)
        except BaseException as error:  # noqa: BLE001: it must not pass through C
            raised.errors.append(error)
            return 1
        return 0

    kept = _capi.ScheduleFunction(answer)
    return Schedule(_capi.library.lars_schedule_callback, kept, None, kept=(kept,))


def schedule_of(value: Schedule | Callable[[int], float] | float) -> Schedule | float:
    """What may stand for a hyper-parameter: a number, a schedule, or a function of the step."""
    if isinstance(value, Schedule) or not callable(value):
        return value
    return callback(value)
