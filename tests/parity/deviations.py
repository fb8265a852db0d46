"""What optax accepts and liblars deliberately refuses, as data. cases.DEVIATIONS has what it computes better."""

import math
from typing import Any

from case import MODEL, Case
from cases import RATE, schedule
from schedules import Schedule

# LARS_ERR_VALUE in lars_set; optax.lars takes any number.
REJECTED_VALUES: tuple[tuple[str, float], ...] = (
    ("learning_rate", -0.1),
    ("learning_rate", math.inf),
    ("learning_rate", math.nan),
    ("weight_decay", -1e-4),
    ("trust_coefficient", -0.001),
    ("eps", -1e-8),
    ("momentum", -0.1),
    ("momentum", 1.1),
)

# LARS_ERR_VALUE in the constructor; optax computes on.
REJECTED_SCHEDULES: tuple[Schedule, ...] = (
    schedule("polynomial_schedule", init_value=1.0, end_value=0.5, power=-1.0, transition_steps=5),
    schedule("exponential_decay", init_value=1.0, transition_steps=5, decay_rate=-0.5),
    schedule("cosine_decay_schedule", init_value=1.0, decay_steps=5, exponent=-1.0),
    schedule("linear_onecycle_schedule", transition_steps=5, peak_value=1.0, pct_final=1.5),
    schedule("cosine_onecycle_schedule", transition_steps=5, peak_value=1.0, pct_start=1.5),
    schedule(
        "join_schedules",
        schedules=[schedule("constant_schedule", value=value) for value in (0.1, 0.2, 0.3)],
        boundaries=[5, 5],
    ),
)

# LARS_ERR_VALUE at the step: a schedule that leaves the key's range.
REJECTED_AT_STEP = Case(
    "rejected_at_step",
    {"learning_rate": schedule("linear_schedule", init_value=0.1, end_value=-0.1, transition_steps=4)},
    tensors=MODEL,
    steps=5,
)
FIRST_REJECTED_STEP = 3  # counted from 0: 0.1, 0.05, 0, -0.05


def rejected_value_cases() -> tuple[Case, ...]:
    return tuple(Case(f"rejected/{key}/{value}", RATE | {key: value}) for key, value in REJECTED_VALUES)


def to_json() -> dict[str, Any]:
    """For deviations_test.cpp."""
    return {
        "values": [{"key": key, "value": value} for key, value in REJECTED_VALUES],
        "schedules": [rejected.to_json() for rejected in REJECTED_SCHEDULES],
        "at_step": {
            "settings": REJECTED_AT_STEP.settings(),
            "first_rejected_step": FIRST_REJECTED_STEP,
        },
    }
