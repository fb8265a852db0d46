"""Schedules: hyper-parameters as functions of the step, with optax's names and definitions (see lars.h)."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from . import _capi
from ._arguments import count, for_c, function_of, listed, not_allowed, real
from ._errors import error_of, number_of, raised, refused


class Schedule:
    """The value of a hyper-parameter at every step; made by the functions below. Immutable."""

    def __init__(self, make: Callable[..., int], kept: tuple[Any, ...] = (), **arguments: Any) -> None:
        """Arguments by the names that messages give them, in C's order; `kept`, functions that the library calls."""
        self.handle = ctypes.c_void_p()
        self.kept = kept
        status = make(*for_c(make, 0, arguments), ctypes.byref(self.handle))
        if status < 0:
            raise error_of(status, _capi.text(_capi.library.lars_schedule_error_message(self.handle)))

    def __del__(self) -> None:
        handle, self.handle = getattr(self, "handle", None), None
        if handle:
            _capi.library.lars_schedule_destroy(handle)

    def __reduce__(self) -> Any:
        """For copy, deepcopy and pickle: two with one handle would release it twice."""
        raise refused("TYPE", "a Schedule cannot be copied or pickled; use the same one, which never changes, or make another")

    def __call__(self, step: int) -> float:
        """The value at `step`, from 0."""
        step, value = count(step, "step"), ctypes.c_double()
        status = _capi.library.lars_schedule_value(self.handle, step, ctypes.byref(value))
        if status < 0:
            raise error_of(status, f"the schedule has no value at step {step}") from raised.take()
        return value.value


def _doubles(values: Iterable[float], what: str) -> Any:
    numbers = [real(value, what) for value in values]
    return (ctypes.c_double * len(numbers))(*numbers)


def _counts(values: Iterable[int], what: str) -> Any:
    numbers = [count(value, what) for value in values]
    return (ctypes.c_uint64 * len(numbers))(*numbers)


def _optional(value: float | None, what: str) -> Any:
    return None if value is None else ctypes.byref(ctypes.c_double(real(value, what, "a number or None")))


def _points(boundaries_and_scales: Mapping[int, float] | None) -> dict[str, Any]:
    name = "boundaries_and_scales"
    if boundaries_and_scales is not None and not isinstance(boundaries_and_scales, Mapping):
        raise not_allowed("TYPE", name, boundaries_and_scales, "a mapping from steps to scales, or None")
    items = sorted((count(step, name), real(scale, name)) for step, scale in (boundaries_and_scales or {}).items())
    steps, scales = (_counts((step for step, _ in items), name), _doubles((scale for _, scale in items), name))
    return {"count": len(items), "boundaries": steps, "scales": scales}


def constant(value: float) -> Schedule:
    return Schedule(_capi.library.lars_schedule_constant, value=value)


def linear(init_value: float, end_value: float, transition_steps: int, transition_begin: int = 0) -> Schedule:
    return Schedule(
        _capi.library.lars_schedule_linear,
        init_value=init_value,
        end_value=end_value,
        transition_steps=transition_steps,
        transition_begin=transition_begin,
    )


def polynomial(
    init_value: float, end_value: float, power: float, transition_steps: int, transition_begin: int = 0
) -> Schedule:
    return Schedule(
        _capi.library.lars_schedule_polynomial,
        init_value=init_value,
        end_value=end_value,
        power=power,
        transition_steps=transition_steps,
        transition_begin=transition_begin,
    )


def piecewise_constant(init_value: float, boundaries_and_scales: Mapping[int, float] | None = None) -> Schedule:
    points = _points(boundaries_and_scales)
    return Schedule(_capi.library.lars_schedule_piecewise_constant, init_value=init_value, **points)


def piecewise_interpolate(
    interpolate_type: str, init_value: float, boundaries_and_scales: Mapping[int, float] | None = None
) -> Schedule:
    kind = number_of(_capi.INTERPOLATIONS, interpolate_type, "interpolate_type")
    make, points = _capi.library.lars_schedule_piecewise_interpolate, _points(boundaries_and_scales)
    return Schedule(make, interpolate_type=kind, init_value=init_value, **points)


def exponential_decay(
    init_value: float,
    transition_steps: int,
    decay_rate: float,
    transition_begin: int = 0,
    staircase: bool = False,
    end_value: float | None = None,
) -> Schedule:
    return Schedule(
        _capi.library.lars_schedule_exponential_decay,
        init_value=init_value,
        transition_steps=transition_steps,
        decay_rate=decay_rate,
        transition_begin=transition_begin,
        staircase=staircase,
        end_value=_optional(end_value, "end_value"),
    )


def cosine_decay(init_value: float, decay_steps: int, alpha: float = 0.0, exponent: float = 1.0) -> Schedule:
    return Schedule(
        _capi.library.lars_schedule_cosine_decay,
        init_value=init_value,
        decay_steps=decay_steps,
        alpha=alpha,
        exponent=exponent,
    )


def linear_onecycle(
    transition_steps: int,
    peak_value: float,
    pct_start: float = 0.3,
    pct_final: float = 0.85,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
) -> Schedule:
    return Schedule(
        _capi.library.lars_schedule_linear_onecycle,
        transition_steps=transition_steps,
        peak_value=peak_value,
        pct_start=pct_start,
        pct_final=pct_final,
        div_factor=div_factor,
        final_div_factor=final_div_factor,
    )


def cosine_onecycle(
    transition_steps: int,
    peak_value: float,
    pct_start: float = 0.3,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
) -> Schedule:
    return Schedule(
        _capi.library.lars_schedule_cosine_onecycle,
        transition_steps=transition_steps,
        peak_value=peak_value,
        pct_start=pct_start,
        div_factor=div_factor,
        final_div_factor=final_div_factor,
    )


def warmup_constant(init_value: float, peak_value: float, warmup_steps: int) -> Schedule:
    return Schedule(
        _capi.library.lars_schedule_warmup_constant,
        init_value=init_value,
        peak_value=peak_value,
        warmup_steps=warmup_steps,
    )


def warmup_cosine_decay(
    init_value: float,
    peak_value: float,
    warmup_steps: int,
    decay_steps: int,
    end_value: float = 0.0,
    exponent: float = 1.0,
) -> Schedule:
    return Schedule(
        _capi.library.lars_schedule_warmup_cosine_decay,
        init_value=init_value,
        peak_value=peak_value,
        warmup_steps=warmup_steps,
        decay_steps=decay_steps,
        end_value=end_value,
        exponent=exponent,
    )


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
        init_value=init_value,
        peak_value=peak_value,
        warmup_steps=warmup_steps,
        transition_steps=transition_steps,
        decay_rate=decay_rate,
        transition_begin=transition_begin,
        staircase=staircase,
        end_value=_optional(end_value, "end_value"),
    )


def sgdr(cosine_kwargs: Sequence[Mapping[str, float]]) -> Schedule:
    """As optax.sgdr_schedule: one mapping a cycle, with the arguments of warmup_cosine_decay."""
    names = ("init_value", "peak_value", "warmup_steps", "decay_steps", "end_value", "exponent")
    defaults = {"end_value": 0.0, "exponent": 1.0}
    wanted = "a sequence of mappings, one a cycle"
    cycles = listed(cosine_kwargs, "cosine_kwargs", wanted)
    for i, cycle in enumerate(cycles):
        if not isinstance(cycle, Mapping):
            raise not_allowed("TYPE", "cosine_kwargs", cosine_kwargs, wanted)
        unknown = [str(name) for name in cycle if name not in names]
        if unknown:
            raise refused("TYPE", f"sgdr: {', '.join(sorted(unknown))} is none of {', '.join(names)}")
        missing = [name for name in names if name not in cycle and name not in defaults]
        if missing:
            raise refused("TYPE", f"sgdr: cosine_kwargs[{i}] has no {', '.join(missing)}; it must have {', '.join(names[:4])}")
    values = {name: [{**defaults, **cycle}[name] for cycle in cycles] for name in names}
    arrays = {
        name: (_counts if name in ("warmup_steps", "decay_steps") else _doubles)(values[name], name) for name in names
    }
    return Schedule(_capi.library.lars_schedule_sgdr, count=len(cycles), **arrays)


def join(schedules: Sequence[Schedule | Callable[[int], float] | float], boundaries: Sequence[int]) -> Schedule:
    """As optax.join_schedules: schedules[i + 1] begins at boundaries[i]. Numbers and functions of the step are schedules."""
    parts = listed(schedules, "schedules", "a sequence of schedules, numbers and functions of the step")
    steps = _counts(listed(boundaries, "boundaries", "a sequence of integers"), "boundaries")
    if len(steps) != len(parts) - 1:
        raise refused("ARGUMENT", f"boundaries: {len(parts)} schedules need one boundary less, not {len(steps)}")
    found = [schedule_of(part, f"schedules[{i}]") for i, part in enumerate(parts)]
    made = [one if isinstance(one, Schedule) else constant(one) for one in found]
    handles = (ctypes.c_void_p * len(made))(*(one.handle.value for one in made))
    kept = tuple(function for one in made for function in one.kept)
    return Schedule(_capi.library.lars_schedule_join, kept, count=len(made), schedules=handles, boundaries=steps)


def callback(function: Callable[[int], float]) -> Schedule:
    """`function` of the step. If it raises, the call that asked fails (LARS_ERR_CALLBACK)."""
    function_of(function, "function", "a function of the step")

    def answer(_user: int, step: int, value: Any) -> int:
        try:
            value[0] = function(step)
        except BaseException as error:  # noqa: BLE001: it must not pass through C
            raised.errors.append(error)
            return 1
        return 0

    kept = _capi.ScheduleFunction(answer)
    return Schedule(_capi.library.lars_schedule_callback, (kept,), function=kept, user=None)


def schedule_of(value: Schedule | Callable[[int], float] | float, what: str) -> Schedule | float:
    """What may stand for a hyper-parameter: a number, a schedule, or a function of the step. `what` names it in messages."""
    if isinstance(value, Schedule):
        return value
    return callback(value) if callable(value) else real(value, what, "a number, a schedule or a function of the step")
