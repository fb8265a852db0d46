"""When liblars agrees with optax.

Distances are counted in units: a unit is the type's epsilon (one unit in the last place of 1) times the tensor's
scale. The scale of updates is the largest update, that of parameters the largest parameter or update, of all
elements and all steps so far: rounding errors live on in the momentum and in the parameters, and shrink with neither.

float64   Each value within FLOAT64_UNITS of optax's; of random configurations, one unit more for each step. A step
          rounds a parameter once in optax and once in liblars, by half a unit each, and where momentum is 1 and the
          rate 0, each step adds the same number and rounds it the same way: what one last place of that number
          decides is then decided as often as there are steps. A random configuration beyond that may differ by as much
          more as the order of docs/semantics.md changes it, beside norms whose sums are not rounded: model.py computes
          both. Inputs are exact in float32, and so may be u, k times a power of two for an integer k; k * k is 0 or 1
          modulo 4, and sums whose last place is 4 only ever lose. Seen were 8 units in 4096 elements.
float32   The oracle is optax in float64 on the same inputs, which are exact in both. No value further from it than
          optax's own float32 result plus FLOAT32_MARGIN. optax's result is that of the whole case: the largest
          distance over its tensors and over the steps so far. By tensor and step the rule would be a comparison of
          chances: where rounding errors happen to cancel, optax is exact, and liblars is so elsewhere.
          Golden cases meet this after any number of steps. Of random configurations about one in a thousand exceeds
          it after some steps, by the same chance: each step rounds anew, in optax and in liblars, and independent
          errors add as the root of their number. There the margin is RANDOM_FLOAT32_MARGIN * sqrt(steps), which
          leaves room for the one in ten thousand whose margin would have to be 1.07 times that root.
"""

from dataclasses import dataclass
from typing import Any, Iterable, Iterator

import numpy as np

import oracle  # before anything that imports jax: it chooses jax's settings
from case import Case

FLOAT64_UNITS = 4.0
FLOAT32_MARGIN = 1.0
RANDOM_FLOAT32_MARGIN = 1.5
EPSILON = {"float64": float(np.finfo(np.float64).eps), "float32": float(np.finfo(np.float32).eps)}

# Golden files hold all elements up to this many, else a strided sample and the end; golden_case.cpp does the same.
MOST_COMPLETE = 64
STRIDE_PARTS = 40
TAIL = 16


def sampled_indices(count: int) -> np.ndarray:
    if count <= MOST_COMPLETE:
        return np.arange(count)
    strided = np.arange(0, count - TAIL, count // STRIDE_PARTS)
    return np.concatenate((strided, np.arange(count - TAIL, count)))


def largest(values: np.ndarray) -> float:
    """The largest finite magnitude; 0 if there is none."""
    magnitudes = np.abs(values[np.isfinite(values)])
    return float(magnitudes.max()) if magnitudes.size else 0.0


def distance(actual: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference; infinite if the two differ in where they are NaN, Inf or -Inf."""
    actual = actual.astype(np.float64)
    finite = np.isfinite(expected)
    if (
        not np.array_equal(actual[~finite], expected[~finite], equal_nan=True)
        or not np.isfinite(actual[finite]).all()
    ):
        return float("inf")
    return float(np.abs(actual[finite] - expected[finite]).max(initial=0.0))


def norm_of(values: np.ndarray) -> float:
    """Summed more precisely than float64, so that only the values' own errors are in it."""
    return float(np.sqrt(np.sum(np.square(values, dtype=np.longdouble))))


def in_units(difference: float, dtype: str, scale: float) -> float:
    """A difference in units; where all is zero, only zero is right."""
    if difference == 0.0:
        return 0.0
    return difference / (EPSILON[dtype] * scale) if scale > 0.0 else float("inf")


@dataclass(frozen=True)
class Tolerance:
    """In units: of the distance from optax in float64, and beyond optax's own error in float32."""

    float64: float = FLOAT64_UNITS
    float32_margin: float = FLOAT32_MARGIN

    @staticmethod
    def of_random(steps: int, order: float = 0.0) -> "Tolerance":
        """For a random configuration after so many steps, in which the order of adding makes so many units."""
        return Tolerance(FLOAT64_UNITS + steps + order, RANDOM_FLOAT32_MARGIN * steps**0.5)


GOLDEN = Tolerance()


@dataclass(frozen=True)
class Expected:
    """What a tensor must hold after a step: float64 values and their norm; the scale; optax's float32 distance."""

    values: np.ndarray
    norm: float
    scale: float
    float32_error: float

    def allowed(self, dtype: str, tolerance: Tolerance) -> float:
        return tolerance.float64 if dtype == "float64" else self.float32_error + tolerance.float32_margin

    def ratio(self, actual: np.ndarray, tolerance: Tolerance = GOLDEN) -> float:
        """How far a tensor is from this one, as a multiple of what is allowed. Takes whole tensors or samples."""
        values = actual.reshape(-1)
        if values.size != self.values.size:
            values = values[sampled_indices(values.size)]
        dtype = values.dtype.name
        units = in_units(distance(values, self.values.reshape(-1)), dtype, self.scale)
        return units if np.isinf(units) else units / self.allowed(dtype, tolerance)

    def to_json(self) -> dict[str, Any]:
        """Without float32_error, which is the same for all tensors of a step."""
        values = [plain(value) for value in self.values.reshape(-1)[sampled_indices(self.values.size)]]
        whole = {"norm": plain(self.norm)} if len(values) < self.values.size else {}
        return {"scale": self.scale, **whole, "values": values}

    @staticmethod
    def from_json(content: dict[str, Any], float32_error: float) -> "Expected":
        values = np.array([float(value) for value in content["values"]])
        return Expected(values, float(content.get("norm", "nan")), content["scale"], float32_error)


def plain(value: float) -> float | str:
    """A number for JSON, which lacks NaN and Inf."""
    return float(value) if np.isfinite(value) else str(float(value))


def expected_steps(
    float64: Iterable[tuple[oracle.Arrays, oracle.Arrays]], float32: Iterable[oracle.Arrays]
) -> Iterator[dict[str, Expected]]:
    """From optax's (what to compare, what else its scale covers) in float64, and what it has in float32."""
    scales: dict[str, float] = {}
    float32_error = 0.0
    for (exact, also), single in zip(float64, float32, strict=True):
        for name, values in exact.items():
            scales[name] = max(scales.get(name, 0.0), largest(values), largest(also[name]))
            units = in_units(distance(single[name], values), "float32", scales[name])
            float32_error = max(float32_error, units)
        yield {
            name: Expected(values, norm_of(values), scales[name], float32_error)
            for name, values in exact.items()
        }


def expected_updates(case: Case) -> Iterator[dict[str, Expected]]:
    """After each lars_update with fresh parameters."""
    float64 = ((updates, updates) for updates in oracle.fresh_updates(case, "float64"))
    return expected_steps(float64, oracle.fresh_updates(case, "float32"))


def expected_parameters(case: Case) -> Iterator[dict[str, Expected]]:
    """After each lars_step in place."""
    float64 = ((parameters, updates) for updates, parameters in oracle.free_steps(case, "float64"))
    float32 = (parameters for _, parameters in oracle.free_steps(case, "float32"))
    return expected_steps(float64, float32)
