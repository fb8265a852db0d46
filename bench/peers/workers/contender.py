"""What a worker asks of the optimizer that it runs."""

import abc
import statistics
import time
from dataclasses import dataclass
from typing import Any

from data import Arrays


@dataclass(frozen=True)
class Hyperparameters:
    """What all contenders have in common; the rest is off: no Nesterov, no dampening, no clipping, eps 0."""

    learning_rate: float
    momentum: float
    weight_decay: float
    trust_coefficient: float
    # What liblars adapts and decays: "all"; "matrices", leaving out tensors of at most one dimension; or "none", which
    # still decays. The others do what they always do.
    adapt: str = "all"


@dataclass(frozen=True)
class Operation:
    """One kind of what a step consists of: how often in a step, the time of all calls together, and the bytes that they
    read and write, in memory or in caches; None where that is not known of the kind."""

    name: str
    calls: int
    seconds: float
    bytes: float | None


@dataclass(frozen=True)
class Profile:
    """What a step consists of."""

    seconds: float  # of a step by itself
    profiled_seconds: float  # of one under the profiler: what the operations' times are parts of
    operations: list[Operation]
    bytes: float | None  # of all operations
    facts: dict[str, Any]  # whatever else the profiler of this package says


@dataclass(frozen=True)
class Task:
    """What a contender is to step, and how. It may keep the arrays and work in them, or copy them."""

    parameters: Arrays
    gradients: Arrays
    hyperparameters: Hyperparameters
    threads: int
    options: dict[str, Any]


class Contender(abc.ABC):
    """One optimizer over one list of tensors."""

    @abc.abstractmethod
    def __init__(self, task: Task) -> None:
        """Ready to step."""

    def prepare(self) -> None:  # noqa: B027  (most have nothing to prepare)
        """Whatever must happen before a step but is not part of it. Not timed."""

    @abc.abstractmethod
    def step(self) -> None:
        """One step over all tensors; returns when it is done."""

    @abc.abstractmethod
    def set_gradients(self, gradients: Arrays) -> None:
        """Copies gradients for the next step in."""

    @abc.abstractmethod
    def parameters(self) -> Arrays:
        """The parameters as they are now; the caller changes nothing in them."""

    @abc.abstractmethod
    def profile(self, steps: int) -> Profile:
        """What a step consists of, from as many steps under a profiler and as many without."""

    def timed(self) -> float:
        """The seconds of a step, and of nothing besides."""
        self.prepare()
        start = time.perf_counter()
        self.step()
        return time.perf_counter() - start

    def median_seconds(self, steps: int) -> float:
        return statistics.median(self.timed() for _ in range(steps))

    @abc.abstractmethod
    def about(self) -> dict[str, str]:
        """Versions, and whatever was chosen by the package itself."""
