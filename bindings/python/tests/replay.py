"""Plays the calls of tests/conformance/cases.json (see README.md there) with this binding."""

from __future__ import annotations

import pathlib
import struct
import tempfile
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy

import liblars
from liblars import schedules

DTYPES = {
    "float16": numpy.dtype("float16"),
    "float32": numpy.dtype("float32"),
    "float64": numpy.dtype("float64"),
    "bfloat16": numpy.dtype(ml_dtypes.bfloat16),
    "int16": numpy.dtype("int16"),
}


def bits_of(value: float) -> str:
    """A double as its 16 hexadecimal digits."""
    return struct.pack(">d", value).hex()


def number(value: float | str) -> float:
    return float(value)


def predicate_of(spec: dict[str, Any]) -> Callable[[liblars.Parameter], bool]:
    ((kind, value),) = spec.items()

    def fail(_parameter: liblars.Parameter) -> bool:
        raise RuntimeError("told to fail")

    return {
        "ndim_at_most": lambda parameter: len(parameter.shape) <= value,
        "name_ends_with": lambda parameter: parameter.name.endswith(value),
        "dtype": lambda parameter: parameter.dtype == value,
        "index": lambda parameter: parameter.index == value,
        "first_extent": lambda parameter: parameter.shape[:1] == (value,),
        "fails": fail,
    }[kind]


def function_of(name: str) -> Callable[[int], float]:
    def fail(_step: int) -> float:
        raise RuntimeError("told to fail")

    return {"reciprocal": lambda step: 1.0 / (1.0 + step), "fails": fail}[name]


def schedule_of(spec: dict[str, Any]) -> liblars.Schedule:
    ((kind, arguments),) = spec.items()
    if kind == "callback":
        return schedules.callback(function_of(arguments))
    if kind == "join":
        return schedules.join([schedule_of(part) for part in arguments["schedules"]], arguments["boundaries"])
    if kind == "sgdr":
        return schedules.sgdr(arguments["cycles"])
    given = {
        name: number(value) if value in ("nan", "inf", "-inf") else value
        for name, value in arguments.items()
        if not isinstance(value, list)
    }
    if "boundaries" in arguments:
        given["boundaries_and_scales"] = dict(arguments["boundaries"])
    return getattr(schedules, kind)(**given)


class Player:
    """One case: an optimizer, its arrays and checkpoints."""

    def __init__(self, arrays: dict[str, dict[str, str]]) -> None:
        self.optimizer = liblars.Optimizer()
        self.arrays = {
            name: numpy.frombuffer(bytearray.fromhex(array["bytes"]), DTYPES[array["dtype"]])
            for name, array in arrays.items()
        }
        self.checkpoints: dict[str, bytes] = {}
        self.reports: list[liblars.StepReport] = []

    def bytes_of_arrays(self) -> dict[str, str]:
        return {name: array.tobytes().hex() for name, array in self.arrays.items()}

    def play(self, call: dict[str, Any]) -> dict[str, Any]:
        """The outcome: {}, {"returns": ...} or {"error": ...}, and under "arrays" those that it changed."""
        before = self.bytes_of_arrays()
        try:
            returned = getattr(self, call["call"])(call)
            outcome = {} if returned is None else {"returns": returned}
        except liblars.LarsError as error:
            outcome = {"error": {"status": error.status}}
            if error.status != "LARS_ERR_CALLBACK":  # which says what a function returned, as languages differ
                outcome["error"]["message"] = str(error)
        changed = {name: value for name, value in self.bytes_of_arrays().items() if value != before[name]}
        return outcome | ({"arrays": changed} if changed else {})

    def _named(self, names: list[str]) -> list[numpy.ndarray]:
        return [self.arrays[name] for name in names]

    # ---- The calls, in the order of lars.h

    def new(self, _call: dict[str, Any]) -> None:
        self.optimizer = liblars.Optimizer()

    def add_parameter(self, call: dict[str, Any]) -> int:
        return self.optimizer.add_parameter(call["name"], call["shape"], call["dtype"])

    def parameter(self, call: dict[str, Any]) -> dict[str, Any]:
        found = self.optimizer.parameter(call["index"])
        return {"name": found.name, "dtype": found.dtype, "shape": list(found.shape)}

    def parameter_count(self, _call: dict[str, Any]) -> int:
        return self.optimizer.parameter_count()

    def parameter_index(self, call: dict[str, Any]) -> int:
        return self.optimizer.parameter_index(call["name"])

    def set_gradient_dtype(self, call: dict[str, Any]) -> None:
        self.optimizer.set_gradient_dtype(call["dtype"], call.get("selector"))

    def gradient_dtype(self, call: dict[str, Any]) -> str:
        return self.optimizer.gradient_dtype(call["index"])

    def set(self, call: dict[str, Any]) -> None:
        value = schedule_of(call["schedule"]) if "schedule" in call else number(call["value"])
        selector = predicate_of(call["predicate"]) if "predicate" in call else call.get("selector")
        self.optimizer.set(call["key"], value, selector)

    def get(self, call: dict[str, Any]) -> str:
        return bits_of(self.optimizer.get(call["index"], call["key"]))

    def set_variant(self, call: dict[str, Any]) -> None:
        self.optimizer.set_variant(call["variant"])

    def set_mlperf_resnet50(self, call: dict[str, Any]) -> None:
        self.optimizer.set_mlperf_resnet50(call["batch"], call["steps_per_epoch"])

    def set_gradient_clip(self, call: dict[str, Any]) -> None:
        self.optimizer.set_gradient_clip(number(call["max_norm"]))

    def gradient_clip(self, _call: dict[str, Any]) -> str:
        return bits_of(self.optimizer.gradient_clip)

    def nonfinite_policy(self, _call: dict[str, Any]) -> str:
        return self.optimizer.nonfinite_policy

    def max_consecutive_skips(self, _call: dict[str, Any]) -> int:
        return self.optimizer.max_consecutive_skips

    def carry_norms(self, _call: dict[str, Any]) -> bool:
        return self.optimizer.carry_norms

    def gradient_norms(self, _call: dict[str, Any]) -> bool:
        return self.optimizer.gradient_norms

    def set_nonfinite_policy(self, call: dict[str, Any]) -> None:
        self.optimizer.set_nonfinite_policy(call["policy"])

    def set_max_consecutive_skips(self, call: dict[str, Any]) -> None:
        self.optimizer.set_max_consecutive_skips(call["most"])

    def set_kernels(self, call: dict[str, Any]) -> None:
        self.optimizer.set_kernels(call["kernels"])

    def kernels(self, _call: dict[str, Any]) -> str:
        return self.optimizer.kernels

    def set_threads(self, call: dict[str, Any]) -> None:
        self.optimizer.set_threads(call["threads"])

    def step(self, call: dict[str, Any]) -> bool:
        return self.optimizer.step(self._named(call["parameters"]), self._named(call["gradients"]))

    def step_flat(self, call: dict[str, Any]) -> bool:
        return self.optimizer.step_flat(self.arrays[call["parameters"]], self.arrays[call["gradients"]])

    def step_parameter(self, call: dict[str, Any]) -> bool:
        arrays = self.arrays[call["parameter"]], self.arrays[call["gradient"]]
        return self.optimizer.step_parameter(call["index"], *arrays)

    def update(self, call: dict[str, Any]) -> bool:
        return self.optimizer.update(*(self._named(call[role]) for role in ("parameters", "gradients", "updates")))

    def step_external(self, call: dict[str, Any]) -> bool:
        roles = ("parameters", "gradients", "momentum", "masters")
        return self.optimizer.step_external(*(self._named(call.get(role, [])) for role in roles))

    def update_external(self, call: dict[str, Any]) -> bool:
        roles = ("parameters", "gradients", "momentum", "updates")
        return self.optimizer.update_external(*(self._named(call[role]) for role in roles))

    def set_accumulation(self, call: dict[str, Any]) -> None:
        self.optimizer.set_accumulation(call["micro_batches"])

    def accumulate(self, call: dict[str, Any]) -> None:
        parameters = self._named(call["parameters"]) if "parameters" in call else None
        self.optimizer.accumulate(parameters, self._named(call["gradients"]))

    def step_accumulated(self, call: dict[str, Any]) -> bool:
        return self.optimizer.step_accumulated(self._named(call["parameters"]))

    def discard_accumulated(self, _call: dict[str, Any]) -> None:
        self.optimizer.discard_accumulated()

    def accumulated(self, _call: dict[str, Any]) -> list[int]:
        return list(self.optimizer.accumulated())

    def set_carry_norms(self, call: dict[str, Any]) -> None:
        self.optimizer.set_carry_norms(call["carry"])

    def parameters_changed(self, _call: dict[str, Any]) -> None:
        self.optimizer.parameters_changed()

    def step_count(self, call: dict[str, Any]) -> int:
        return self.optimizer.step_count(call.get("index"))

    def set_step_count(self, call: dict[str, Any]) -> None:
        self.optimizer.set_step_count(call["index"], call["steps"])

    def norms(self, call: dict[str, Any]) -> list[str]:
        return [bits_of(norm) for norm in self.optimizer.norms(call["index"])]

    def skip_count(self, _call: dict[str, Any]) -> list[int]:
        return list(self.optimizer.skip_count())

    def nonfinite(self, _call: dict[str, Any]) -> list[int]:
        return list(self.optimizer.nonfinite())

    def telemetry(self, call: dict[str, Any]) -> list[str]:
        return [bits_of(value) for value in self.optimizer.telemetry(call["quantity"])]

    def set_gradient_norms(self, call: dict[str, Any]) -> None:
        self.optimizer.set_gradient_norms(call["wanted"])

    def observe(self, call: dict[str, Any]) -> None:
        self.optimizer.set_observer(self.reports.append if call["wanted"] else None)

    def observed(self, _call: dict[str, Any]) -> list[Any]:
        """What the observer was told since the last time."""
        reports, self.reports[:] = self.reports[:], []
        return [
            [report.skipped, report.steps, [bits_of(ratio) for ratio in report.quantities["trust_ratio"]]]
            for report in reports
        ]

    def save(self, call: dict[str, Any]) -> int:
        self.checkpoints[call["to"]] = self.optimizer.to_bytes()
        return len(self.checkpoints[call["to"]])

    def load(self, call: dict[str, Any]) -> None:
        self.optimizer.from_bytes(self.checkpoints[call["from"]] if "from" in call else bytes.fromhex(call["bytes"]))

    def save_and_load_file(self, _call: dict[str, Any]) -> None:
        """Saves to a file, loads it, and takes it away."""
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "checkpoint.safetensors")
            self.optimizer.save(path)
            self.optimizer.load(path)

    def load_file(self, call: dict[str, Any]) -> None:
        self.optimizer.load(call["path"])

    def schedule_values(self, call: dict[str, Any]) -> list[str]:
        schedule = schedule_of(call["schedule"])
        return [bits_of(schedule(step)) for step in call["steps"]]
