"""Writes the golden files from the real optax, or checks that the committed ones are what optax gives now."""

import argparse
import functools
import json
import math
import multiprocessing
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterable

import oracle  # before anything that imports jax: it chooses jax's settings
import jax
import numpy as np
import optax

import deviations
from case import Case
from cases import GROUPS, SCHEDULES
from compare import Expected, expected_parameters, expected_updates
from environment import HERE
from schedules import Schedule

FOLDER = HERE / "golden"
RECORDED_STEPS = (1, 2, 12, 40, 200)
SCHEDULE_STEPS = (
    *range(16),
    19,
    20,
    21,
    29,
    30,
    31,
    49,
    50,
    51,
    99,
    100,
    101,
    119,
    120,
    149,
    150,
    200,
    1000,
    10**6,
)

JOBS = 2

# Machines may differ in the last bit of what their mathematical library computes.
CHECK_UNITS = 1.0
CHECK_ERROR_UNITS = 0.05


@dataclass(frozen=True)
class GoldenCase:
    """What the golden files hold of one case: by number of steps taken, by tensor."""

    case: Case
    updates: dict[int, dict[str, Expected]]
    parameters: dict[int, dict[str, Expected]]

    def to_json(self) -> dict[str, Any]:
        return self.case.to_json() | {
            "updates": steps_to_json(self.updates),
            "parameters": steps_to_json(self.parameters),
        }


def steps_to_json(steps: dict[int, dict[str, Expected]]) -> list[dict[str, Any]]:
    return [
        {
            "step": step,
            "float32_error": rounded_up(max(expected.float32_error for expected in tensors.values())),
            "tensors": {name: expected.to_json() for name, expected in tensors.items()},
        }
        for step, tensors in steps.items()
    ]


def steps_from_json(content: list[dict[str, Any]]) -> dict[int, dict[str, Expected]]:
    return {
        entry["step"]: {
            name: Expected.from_json(tensor, float(entry["float32_error"]))
            for name, tensor in entry["tensors"].items()
        }
        for entry in content
    }


def rounded_up(units: float) -> float | str:
    """To three decimals: no more than a tolerance needs."""
    return math.ceil(units * 1000) / 1000 if math.isfinite(units) else str(units)


def compute_case(case: Case) -> GoldenCase:
    """Runs optax on a case, in float64 and float32."""
    recorded = {step for step in (*RECORDED_STEPS, case.steps) if step <= case.steps}

    def select(steps: Iterable[dict[str, Expected]]) -> dict[int, dict[str, Expected]]:
        return {step: expected for step, expected in enumerate(steps, start=1) if step in recorded}

    return GoldenCase(case, select(expected_updates(case)), select(expected_parameters(case)))


def read_case(group: str, case: Case) -> GoldenCase:
    """A case as committed."""
    for entry in read(group)["cases"]:
        if entry["name"] == case.name:
            return GoldenCase(case, steps_from_json(entry["updates"]), steps_from_json(entry["parameters"]))
    raise KeyError(f"{group}.json has no case {case.name}; run scripts/golden")


def header() -> dict[str, str]:
    return {"made_by": "scripts/golden", "optax": optax.__version__, "jax": jax.__version__}


def group_content(group: str) -> dict[str, Any]:
    """All cases of a group; several processes, because eager jax keeps one core busy."""
    with multiprocessing.get_context("spawn").Pool(JOBS) as pool:
        return header() | {"cases": [golden.to_json() for golden in pool.imap(compute_case, GROUPS[group])]}


def schedule_values_content() -> dict[str, Any]:
    """Every schedule by itself, in float64."""

    def entry(name: str, schedule: Schedule) -> dict[str, Any]:
        values = [[step, schedule.value(step)] for step in SCHEDULE_STEPS]
        return {"name": name, "description": schedule.to_json(), "values": values}

    return header() | {"schedules": [entry(name, schedule) for name, schedule in SCHEDULES.items()]}


def rejected_content() -> dict[str, Any]:
    """What liblars refuses; optax must really accept it, or there is nothing to tell apart."""
    for case in (*deviations.rejected_value_cases(), deviations.REJECTED_AT_STEP):
        list(oracle.fresh_updates(case, "float64"))
    for schedule in deviations.REJECTED_SCHEDULES:
        schedule.value(3)
    return header() | to_plain(deviations.to_json())


def to_plain(content: Any) -> Any:
    """NaN and Inf, which JSON lacks, as strings."""
    if isinstance(content, dict):
        return {key: to_plain(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [to_plain(value) for value in content]
    if isinstance(content, float) and not math.isfinite(content):
        return str(content)
    return content


FILES: dict[str, Callable[[], dict[str, Any]]] = {
    **{group: (lambda group=group: group_content(group)) for group in GROUPS},
    "schedule_values": schedule_values_content,
    "rejected": rejected_content,
}


def path_of(name: str) -> Path:
    return FOLDER / f"{name}.json"


@functools.cache
def read(name: str) -> dict[str, Any]:
    return json.loads(path_of(name).read_text())


def text_of(content: dict[str, Any]) -> str:
    """JSON, one case or schedule a line; numbers in the fewest digits that read back as the same."""
    lines = []
    for key, value in content.items():
        if key in ("cases", "schedules") and value:
            entries = ",\n".join(json.dumps(entry, allow_nan=False) for entry in value)
            lines.append(f"{json.dumps(key)}: [\n{entries}\n]")
        else:
            lines.append(f"{json.dumps(key)}: {json.dumps(value, allow_nan=False)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def near(committed: Any, computed: Any, scale: float) -> bool:
    """Equal, but for the last bit of floating-point numbers."""
    if isinstance(committed, dict) and isinstance(computed, dict):
        inner = committed.get("scale", scale)
        return committed.keys() == computed.keys() and all(
            (
                abs(committed[key] - computed[key]) <= CHECK_ERROR_UNITS
                if key == "float32_error" and isinstance(committed[key], float)
                else near(committed[key], computed[key], inner if isinstance(inner, float) else scale)
            )
            for key in committed
        )
    if isinstance(committed, list) and isinstance(computed, list):
        return len(committed) == len(computed) and all(near(a, b, scale) for a, b in zip(committed, computed))
    if isinstance(committed, float) and isinstance(computed, float):
        unit = np.finfo(np.float64).eps * max(scale, abs(committed))
        return abs(committed - computed) <= CHECK_UNITS * unit
    return committed == computed


def check(name: str) -> bool:
    """Whether a committed golden file is what optax gives now; says where it is not."""
    if not path_of(name).exists():
        print(f"golden: {path_of(name).name} is missing; run scripts/golden", file=sys.stderr)
        return False
    content = json.loads(text_of(FILES[name]()))
    committed = read(name)
    if committed == content:
        return True
    if near(committed, content, 0.0):
        print(f"golden: {name}.json differs from optax on this machine in last bits only")
        return True
    for key in ("cases", "schedules"):
        pairs = zip(committed.get(key, []), content.get(key, []))
        names = [str(now.get("name", now)) for before, now in pairs if not near(before, now, 0.0)]
        print(
            f"golden: {name}.json differs from optax in {len(names)} {key}: {', '.join(names[:5])}",
            file=sys.stderr,
        )
    print("golden: if the change is meant, run scripts/golden and commit the files", file=sys.stderr)
    return False


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/golden", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="compare with the committed files, write nothing"
    )
    parser.add_argument(
        "--only", choices=sorted(FILES), action="append", help="this file only; may be repeated"
    )
    arguments = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    failures = 0
    for name in arguments.only or FILES:
        start = time.monotonic()
        if arguments.check:
            failures += not check(name)
        else:
            path_of(name).write_text(text_of(FILES[name]()))
        print(f"golden: {name}.json, {time.monotonic() - start:.0f} s", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
