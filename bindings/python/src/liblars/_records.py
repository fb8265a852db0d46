"""What an optimizer tells of parameters and steps."""

from __future__ import annotations

from typing import NamedTuple

import numpy


class Parameter(NamedTuple):
    """A parameter, as predicates and `Optimizer.parameter` tell of it."""

    index: int
    name: str
    dtype: str
    shape: tuple[int, ...]


class Norms(NamedTuple):
    """Of a parameter's last step."""

    weight_norm: float
    update_norm: float
    trust_ratio: float


class Nonfinite(NamedTuple):
    """Where the last step that was refused or skipped found NaN or Inf."""

    index: int
    parameter_elements: int
    gradient_elements: int


class StepReport(NamedTuple):
    """What an observer is told; `quantities` by name, as from `Optimizer.telemetry`."""

    skipped: bool
    steps: int
    quantities: dict[str, numpy.ndarray]
