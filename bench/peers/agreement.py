"""Whether a contender computes what liblars computes, before its time counts."""

import array
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contenders import LIBLARS, Agreement, Contender
from process import LiblarsFailure, Surroundings, WorkerFailure, WorkerProcess

STEPS = 4
# Of the largest change of a tensor: each step rounds parameters and momentum to binary32, and the peers sum their norms
# in it too.
TOLERANCE = 1e-5


@dataclass(frozen=True)
class Verdict:
    """The largest difference between the changes that peer and liblars made to a tensor, over its largest change."""

    error: float

    def agrees(self) -> bool:
        return self.error <= TOLERANCE  # False for NaN

    def to_json(self) -> dict[str, Any]:
        return {"max_relative_error": self.error, "tolerance": TOLERANCE, "steps": STEPS, "agrees": self.agrees()}


@dataclass(frozen=True)
class Problem:
    """What both are given."""

    agreement: Agreement
    shapes: list[list[int]]
    surroundings: Surroundings
    seed: int

    def changes(self, contender: Contender) -> "array.array[float]":
        """By how much a few steps of the contender change every element."""
        with tempfile.TemporaryDirectory() as folder, WorkerProcess(contender, self.surroundings) as worker:
            file = Path(folder) / "changes"
            hyperparameters = self.agreement.hyperparameters()
            worker.ask("setup", shapes=self.shapes, hyperparameters=hyperparameters, seed=self.seed)
            worker.ask("check", steps=STEPS, file=str(file), constant_ratio=self.agreement.constant_ratio)
            values = array.array("d")
            values.frombytes(file.read_bytes())
            return values


def largest_error(shapes: list[list[int]], expected: Any, found: Any) -> float:
    """Over all tensors; NaN or infinite if anything is not finite."""
    worst, start = 0.0, 0
    for shape in shapes:
        end = start + math.prod(shape)
        pairs = list(zip(expected[start:end], found[start:end], strict=True))
        scale = max(abs(one) for one, _ in pairs)
        error = max(abs(one - other) for one, other in pairs) / scale
        if not math.isfinite(sum(other for _, other in pairs)):
            return math.nan
        worst, start = max(worst, error), end
    return worst


def compare(peer: Contender, shapes: list[list[int]], surroundings: Surroundings, seed: int) -> Verdict:
    """Steps liblars and the peer from the same parameters with the same gradients."""
    errors = []
    for agreement in peer.agreements:
        problem = Problem(agreement, shapes, surroundings, seed)
        try:
            expected = problem.changes(LIBLARS)
        except WorkerFailure as error:
            raise LiblarsFailure(str(error)) from error
        errors.append(largest_error(shapes, expected, problem.changes(peer)))
    return Verdict(math.nan if any(map(math.isnan, errors)) else max(errors))
