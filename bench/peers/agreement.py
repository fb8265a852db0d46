"""Whether a contender computes what liblars computes, before its time counts."""

import array
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contenders import LIBLARS, Contender
from process import WorkerProcess

STEPS = 4
# Of the largest change of a tensor: each step rounds parameters and momentum to binary32, and the peers sum their norms
# in it too.
TOLERANCE = 1e-5


@dataclass(frozen=True)
class Verdict:
    """The largest difference between the changes that contender and liblars made to a tensor, over the largest change."""

    error: float

    def agrees(self) -> bool:
        return self.error <= TOLERANCE  # False for NaN

    def to_json(self) -> dict[str, Any]:
        return {"max_relative_error": self.error, "tolerance": TOLERANCE, "steps": STEPS, "agrees": self.agrees()}


def changes(contender: Contender, peer: Contender, shapes: list[list[int]], threads: int, options: Any, seed: int) -> Any:
    """By how much a few steps change every element, with the options under which `peer` matches liblars."""
    with tempfile.TemporaryDirectory() as folder, WorkerProcess(contender, threads, options) as worker:
        file = Path(folder) / "changes"
        worker.ask("setup", shapes=shapes, hyperparameters=peer.agreement.hyperparameters(), seed=seed)
        worker.ask("check", steps=STEPS, file=str(file))
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


def compare(peer: Contender, shapes: list[list[int]], threads: int, liblars_options: Any, seed: int) -> Verdict:
    """Steps liblars and the peer from the same parameters with the same gradients."""
    expected = changes(LIBLARS, peer, shapes, threads, liblars_options, seed)
    found = changes(peer, peer, shapes, threads, {}, seed)
    return Verdict(largest_error(shapes, expected, found))
