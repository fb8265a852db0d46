"""Steps optax and liblars side by side on random configurations, in float64 and float32, through the C interface."""

import argparse
import functools
import json
import multiprocessing
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

import oracle  # before anything that imports jax: it chooses jax's settings
import numpy as np

import inputs
import model
from case import Case, Tensor, from_replay, to_replay
from compare import Expected, Tolerance, distance, expected_parameters, expected_updates, in_units
from environment import SetupError
from liblars import LarsError, Library, Optimizer
from random_cases import random_case

CONFIGURATIONS = 500
JOBS = 2
DTYPES = ("float64", "float32")


@dataclass(frozen=True)
class Result:
    """The worst of a configuration: a multiple of what is allowed, and where."""

    ratio: float
    where: str


def input_arrays(case: Case, role: str, step: int, dtype: str) -> list[np.ndarray]:
    return [np.ascontiguousarray(tensor.values(case.name, role, step), dtype) for tensor in case.tensors]


def optimizer_of(library: Library, kernels: str, case: Case, dtype: str) -> Optimizer:
    optimizer = Optimizer(library, case.tensors, dtype)
    optimizer.use_kernels(kernels)
    optimizer.configure(case.settings())
    return optimizer


def updates_of(library: Library, kernels: str, case: Case, dtype: str) -> Iterator[list[np.ndarray]]:
    """liblars's counterpart of oracle.fresh_updates."""
    with optimizer_of(library, kernels, case, dtype) as optimizer:
        for step in range(case.steps):
            parameters = input_arrays(case, inputs.PARAMETER, step, dtype)
            yield optimizer.update(parameters, input_arrays(case, inputs.GRADIENT, step, dtype))


def parameters_of(library: Library, kernels: str, case: Case, dtype: str) -> Iterator[list[np.ndarray]]:
    """liblars's counterpart of oracle.free_steps."""
    with optimizer_of(library, kernels, case, dtype) as optimizer:
        parameters = input_arrays(case, inputs.PARAMETER, 0, dtype)
        for step in range(case.steps):
            optimizer.step(parameters, input_arrays(case, inputs.GRADIENT, step, dtype))
            yield [parameter.copy() for parameter in parameters]


Trajectory = Callable[..., list[np.ndarray]]  # model.fresh_updates or model.free_steps


def units_of_order(case: Case, tensor: Tensor, step: int, scale: float, trajectory: Trajectory) -> float:
    """How much the order in which squares are added changes a tensor after a step, in units of float64."""
    defined, exact = (
        trajectory(case, tensor, "float64", kind=kind)[step - 1]
        for kind in (model.DefinedNorms, model.ExactNorms)
    )
    return in_units(distance(defined, exact), "float64", scale)


def worst_of(
    case: Case,
    label: str,
    expected: list[dict[str, Expected]],
    actual: Iterator[list[np.ndarray]],
    trajectory: Trajectory,
) -> Result:
    """The worst tensor of all steps."""
    worst = Result(0.0, "nowhere")
    for step, (wanted, arrays) in enumerate(zip(expected, actual, strict=True), start=1):
        for tensor, array in zip(case.tensors, arrays, strict=True):
            wants = wanted[tensor.name]
            ratio = wants.ratio(array, Tolerance.of_random(step))
            if 1.0 < ratio < np.inf and array.dtype == np.float64:
                order = units_of_order(case, tensor, step, wants.scale, trajectory)
                ratio = wants.ratio(array, Tolerance.of_random(step, order))
            if ratio > worst.ratio:
                worst = Result(ratio, f"{label}, tensor {tensor.name} after step {step}")
    return worst


def run_case(library: Library, kernels: str, case: Case) -> dict[str, Result]:
    """The worst of a configuration by type."""
    updates, parameters = list(expected_updates(case)), list(expected_parameters(case))
    results = {}
    for dtype in DTYPES:
        by_update = worst_of(case, "lars_update", updates, updates_of(library, kernels, case, dtype), model.fresh_updates)
        by_step = worst_of(case, "lars_step", parameters, parameters_of(library, kernels, case, dtype), model.free_steps)
        results[dtype] = max(by_update, by_step, key=lambda result: result.ratio)
    return results


@dataclass(frozen=True)
class Outcome:
    """A configuration's results, or why there are none."""

    case: Case
    results: dict[str, Result]
    error: str = ""

    def complaint(self) -> str:
        """Empty if all is well."""
        excesses = [
            f"{r.ratio:.3g} of the tolerance in {d}, {r.where}"
            for d, r in self.results.items()
            if r.ratio > 1
        ]
        return self.error or "; ".join(excesses)


def outcome_of(path: Path, kernels: str, case: Case) -> Outcome:
    warnings.simplefilter("ignore", UserWarning)  # jax's, about float64 where it is disabled on purpose
    try:
        return Outcome(case, run_case(Library(path), kernels, case))
    except LarsError as error:
        return Outcome(case, {}, str(error))


def outcomes(arguments: argparse.Namespace) -> Iterator[Outcome]:
    """All configurations', in order; several processes, because eager jax keeps one core busy."""
    work = functools.partial(outcome_of, arguments.library, arguments.kernels)
    if arguments.replay:
        yield work(from_replay(json.loads(arguments.replay.read_text())))
        return
    cases = (random_case(arguments.seed, number) for number in range(arguments.configurations))
    with multiprocessing.get_context("spawn").Pool(arguments.jobs) as pool:
        yield from pool.imap(work, cases, chunksize=5)


def report(arguments: argparse.Namespace) -> int:
    """Runs all configurations and prints what came of them; returns how many failed."""
    version = Library(arguments.library).text("lars_version_string")
    print(
        f"seed {arguments.seed}, {arguments.configurations} configurations, liblars {version}, {arguments.kernels}"
    )
    start, failed, passed = time.monotonic(), 0, 0
    worst = {dtype: Result(0.0, "nowhere") for dtype in DTYPES}
    schedules: Counter[str] = Counter()
    for outcome in outcomes(arguments):
        schedules.update(setting["schedule"] for setting in outcome.case.settings() if "schedule" in setting)
        for dtype, result in outcome.results.items():
            if result.ratio > worst[dtype].ratio:
                worst[dtype] = Result(result.ratio, f"{outcome.case.name}: {result.where}")
        complaint = outcome.complaint()
        failed, passed = failed + bool(complaint), passed + (not complaint)
        if complaint:
            replay = json.dumps(to_replay(outcome.case))
            print(f"FAILED {outcome.case.name}: {complaint}\n  for --replay: {replay}", flush=True)
    print("schedules met:", ", ".join(f"{name} {count}" for name, count in sorted(schedules.items())))
    for dtype, result in worst.items():
        print(f"worst in {dtype}: {result.ratio:.3f} of the tolerance ({result.where})")
    print(f"{time.monotonic() - start:.0f} s\n{passed} passed, {failed} failed")
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/differential", description=__doc__)
    parser.add_argument(
        "--library", type=Path, required=True, help="liblars.so (the script names the release build)"
    )
    parser.add_argument(
        "--configurations", type=int, default=CONFIGURATIONS, help="how many; default %(default)s"
    )
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32, help="default: from the clock")
    parser.add_argument("--kernels", choices=("auto", "reference", "blas"), default="auto")
    parser.add_argument("--jobs", type=int, default=JOBS, help="processes; default %(default)s")
    parser.add_argument("--replay", type=Path, help="a file with the JSON that a failed run printed")
    try:
        return 1 if report(parser.parse_args()) else 0
    except SetupError as error:
        print(f"differential: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
