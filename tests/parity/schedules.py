"""Schedules as data: one description that becomes an optax schedule, a liblars schedule, or JSON."""

import functools
import inspect
import json
from dataclasses import dataclass
from typing import Any, Callable

import jax.numpy as jnp
import optax

OptaxSchedule = Callable[[Any], Any]


def inverse_time(value: float, decay: float) -> OptaxSchedule:
    """A schedule that is not optax's: stands for users' own functions, and for lars_schedule_callback."""
    return lambda count: value / (1.0 + decay * count)


# Arguments of these kinds are numbers in optax and double, uint64_t or int32_t in lars.h.
REAL, STEPS, FLAG, OPTIONAL_REAL, INTERPOLATION = "real", "steps", "flag", "optional real", "interpolation"
BOUNDARIES, CYCLES, PARTS, PART_BOUNDARIES = "boundaries", "cycles", "parts", "part boundaries"


@dataclass(frozen=True)
class Constructor:
    """How a schedule is made: the lars.h function, and the kinds of its arguments in order, by optax's names."""

    liblars: str
    arguments: dict[str, str]
    optax: Callable[..., OptaxSchedule]


ONECYCLE = {"transition_steps": STEPS, "peak_value": REAL, "pct_start": REAL}
FACTORS = {"div_factor": REAL, "final_div_factor": REAL}
DECAY = {
    "transition_steps": STEPS,
    "decay_rate": REAL,
    "transition_begin": STEPS,
    "staircase": FLAG,
    "end_value": OPTIONAL_REAL,
}
WARMUP = {"init_value": REAL, "peak_value": REAL, "warmup_steps": STEPS}
TRANSITION = {"transition_steps": STEPS, "transition_begin": STEPS}
ENDS = {"init_value": REAL, "end_value": REAL}
SCALES = {"init_value": REAL, "boundaries_and_scales": BOUNDARIES}
CYCLE = {**WARMUP, "decay_steps": STEPS, "end_value": REAL, "exponent": REAL}

CONSTRUCTORS = {
    "constant_schedule": Constructor("constant", {"value": REAL}, optax.constant_schedule),
    "linear_schedule": Constructor("linear", {**ENDS, **TRANSITION}, optax.linear_schedule),
    "polynomial_schedule": Constructor(
        "polynomial", {**ENDS, "power": REAL, **TRANSITION}, optax.polynomial_schedule
    ),
    "piecewise_constant_schedule": Constructor(
        "piecewise_constant", SCALES, optax.piecewise_constant_schedule
    ),
    "piecewise_interpolate_schedule": Constructor(
        "piecewise_interpolate",
        {"interpolate_type": INTERPOLATION, **SCALES},
        optax.piecewise_interpolate_schedule,
    ),
    "exponential_decay": Constructor(
        "exponential_decay", {"init_value": REAL, **DECAY}, optax.exponential_decay
    ),
    "cosine_decay_schedule": Constructor(
        "cosine_decay",
        {"init_value": REAL, "decay_steps": STEPS, "alpha": REAL, "exponent": REAL},
        optax.cosine_decay_schedule,
    ),
    "linear_onecycle_schedule": Constructor(
        "linear_onecycle",
        {**ONECYCLE, "pct_final": REAL, **FACTORS},
        optax.schedules.linear_onecycle_schedule,
    ),
    "cosine_onecycle_schedule": Constructor(
        "cosine_onecycle", {**ONECYCLE, **FACTORS}, optax.schedules.cosine_onecycle_schedule
    ),
    "warmup_constant_schedule": Constructor(
        "warmup_constant", WARMUP, optax.schedules.warmup_constant_schedule
    ),
    "warmup_cosine_decay_schedule": Constructor(
        "warmup_cosine_decay", CYCLE, optax.schedules.warmup_cosine_decay_schedule
    ),
    "warmup_exponential_decay_schedule": Constructor(
        "warmup_exponential_decay", {**WARMUP, **DECAY}, optax.schedules.warmup_exponential_decay_schedule
    ),
    "sgdr_schedule": Constructor("sgdr", {"cosine_kwargs": CYCLES}, optax.schedules.sgdr_schedule),
    "join_schedules": Constructor(
        "join", {"schedules": PARTS, "boundaries": PART_BOUNDARIES}, optax.schedules.join_schedules
    ),
    "inverse_time": Constructor("callback", {"value": REAL, "decay": REAL}, inverse_time),
}


def with_defaults(function: Callable[..., Any], arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments with optax's defaults filled in: lars.h has none."""
    bound = inspect.signature(function).bind(**arguments)
    bound.apply_defaults()
    return dict(bound.arguments)


@dataclass(frozen=True)
class Schedule:
    """A call of one of optax's schedule functions. boundaries_and_scales is written as pairs."""

    function: str
    arguments: dict[str, Any]

    def constructor(self) -> Constructor:
        return CONSTRUCTORS[self.function]

    def complete_arguments(self) -> dict[str, Any]:
        """All arguments in the order of lars.h, defaults included."""
        given = with_defaults(self.constructor().optax, self.arguments)
        if self.function == "sgdr_schedule":
            cycle = optax.schedules.warmup_cosine_decay_schedule
            given["cosine_kwargs"] = [with_defaults(cycle, kwargs) for kwargs in given["cosine_kwargs"]]
        return {name: given[name] for name in self.constructor().arguments}

    def optax(self) -> OptaxSchedule:
        """The real optax schedule."""
        arguments = dict(self.arguments)
        if "boundaries_and_scales" in arguments:
            arguments["boundaries_and_scales"] = dict(map(tuple, arguments["boundaries_and_scales"]))
        if "schedules" in arguments:
            arguments["schedules"] = [part.optax() for part in arguments["schedules"]]
        return self.constructor().optax(**arguments)

    def optax_float64(self) -> OptaxSchedule:
        """The real optax schedule, computed in float64.

        optax hands schedules an int32 count, with which jax computes most of them in float32 even where float64 is
        enabled; a float64 count makes the same code compute in float64.
        """
        schedule = self.optax()
        return lambda count: schedule(jnp.asarray(count, jnp.float64))

    def value(self, step: int) -> float:
        """optax's value at a step, computed in float64."""
        return value_at(json.dumps(self.to_json()), step)

    def to_json(self) -> dict[str, Any]:
        arguments = self.complete_arguments()
        if "schedules" in arguments:
            arguments["schedules"] = [part.to_json() for part in arguments["schedules"]]
        return {"schedule": self.function, "arguments": arguments}

    @staticmethod
    def from_json(content: dict[str, Any]) -> "Schedule":
        arguments = dict(content["arguments"])
        if "schedules" in arguments:
            arguments["schedules"] = [Schedule.from_json(part) for part in arguments["schedules"]]
        return Schedule(content["schedule"], arguments)


@functools.cache
def float64_schedule(description: str) -> OptaxSchedule:
    return Schedule.from_json(json.loads(description)).optax_float64()


@functools.cache
def value_at(description: str, step: int) -> float:
    """A schedule's value at a step; remembered, because computing it takes milliseconds."""
    return float(float64_schedule(description)(step))
