"""Reads what lars-train --out left in a folder, and says what is wrong with it where something is."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
import pathlib
from typing import Any

QUANTITIES = ("weight_norm", "gradient_norm", "update_norm", "trust_ratio", "effective_rate", "limited_share", "skipped_share")
PARTS = ("forward_seconds", "backward_seconds", "optimizer_seconds")
RATIO = "trust_ratio:"  # before the layer's name, in the head of steps.csv

Columns = dict[str, list[float]]


class ReportError(Exception):
    """A run that cannot be reported; the message says which file, and what to do."""


def _advice(folder: pathlib.Path) -> str:
    return f"train the run again with `build/train/lars-train --out {folder}`, or `scripts/train` for a first one"


def _rows(file: pathlib.Path, wanted: tuple[str, ...], ended: bool = True) -> list[dict[str, str]]:
    """The lines of a CSV file by column; all `wanted` columns are there, and no line is shorter or longer. Of a run that
    has not ended, a last line that is not whole is left out."""
    try:
        with open(file, newline="", encoding="utf-8") as stream:
            content = stream.read()
        whole = content if ended else content[:content.rfind("\n") + 1]
        lines = list(csv.reader(io.StringIO(whole, newline="")))
    except FileNotFoundError:
        raise ReportError(f"{file} is missing; {_advice(file.parent)}") from None
    except (OSError, ValueError, csv.Error) as error:
        raise ReportError(f"{file} cannot be read: {error}; {_advice(file.parent)}") from error
    head = lines[0] if lines else []
    absent = [column for column in wanted if column not in head]
    if absent:
        raise ReportError(f"{file} has no column {', '.join(absent)}; {_advice(file.parent)}")
    for number, line in enumerate(lines[1:], 2):
        if len(line) != len(head):
            raise ReportError(f"{file}, line {number}: {len(line)} values under {len(head)} columns; is the file "
                              f"whole? If not, {_advice(file.parent)}")
    return [dict(zip(head, line)) for line in lines[1:]]


def _number(row: dict[str, str], column: str, file: pathlib.Path, line: int) -> float:
    try:
        return float(row[column])  # also nan and inf
    except ValueError:
        raise ReportError(f"{file}, line {line}: {column} is '{row[column]}', not a number") from None


def _columns(file: pathlib.Path, wanted: tuple[str, ...], ended: bool) -> Columns:
    rows = _rows(file, wanted, ended)
    names = list(rows[0]) if rows else list(wanted)
    return {name: [_number(row, name, file, line) for line, row in enumerate(rows, 2)] for name in names}


@dataclasses.dataclass
class Run:
    folder: pathlib.Path
    settings: dict[str, Any]  # run.json
    epochs: Columns  # history.csv
    steps: Columns  # steps.csv
    timings: Columns | None  # timings.csv
    telemetry: dict[str, Columns] | None  # telemetry.csv, by parameter in the network's order

    @property
    def ended(self) -> bool:
        """False of a run that was killed, or goes on: its files then have what is known so far."""
        return bool(self.settings.get("ended", True))

    @property
    def step_count(self) -> int:
        return len(self.steps["step"])

    @property
    def steps_per_epoch(self) -> float:
        """0 if no epoch is known to have ended."""
        if self.settings.get("steps_per_epoch"):
            return float(self.settings["steps_per_epoch"])
        return self.step_count / len(self.epochs["epoch"]) if self.epochs["epoch"] else 0.0

    def trust_ratios(self) -> dict[str, list[float]]:
        """Of the parameters that have one, by step, in the network's order."""
        if self.telemetry is not None:
            every = {name: columns["trust_ratio"] for name, columns in self.telemetry.items()}
        else:
            every = {key.removeprefix(RATIO): values for key, values in self.steps.items() if key.startswith(RATIO)}
        masks = {item["name"]: item["in_force"].get("trust_ratio_mask") for item in self.parameters()}
        return {name: ratios for name, ratios in every.items()
                if ratios and masks.get(name, 1) != 0 and any(ratio != 1.0 for ratio in ratios)}

    def parameters(self) -> list[dict[str, Any]]:
        """Name, shape and the hyper-parameters in force of each; empty for a run that does not tell."""
        return self.settings.get("parameters", [])

    def elements(self) -> int:
        return sum(math.prod(item["shape"]) for item in self.parameters())

    def peak_learning_rate(self, name: str) -> float | None:
        """Of one parameter; it is not recorded as such, but learning rate * trust ratio and trust ratio are."""
        if self.telemetry is None or name not in self.telemetry:
            return None
        columns = self.telemetry[name]
        rates = [rate / ratio for rate, ratio in zip(columns["effective_rate"], columns["trust_ratio"]) if ratio > 0]
        return max((rate for rate in rates if math.isfinite(rate)), default=None)


def _settings(folder: pathlib.Path) -> dict[str, Any]:
    file = folder / "run.json"
    try:
        settings = json.loads(file.read_text(encoding="utf-8"))
        missing = [key for key in ("model", "optimizer", "batch") if key not in settings]
    except FileNotFoundError:
        raise ReportError(f"{file} is missing: {folder} is not the folder of a run; {_advice(folder)}") from None
    except (OSError, ValueError, TypeError) as error:
        raise ReportError(f"{file} cannot be read: {error}; {_advice(folder)}") from error
    if missing:
        raise ReportError(f"{file} has no {', '.join(missing)}; {_advice(folder)}")
    return settings


def _first(columns: Columns, steps: int, ended: bool) -> Columns:
    """A run that has not ended may know more of the step that it is at than steps.csv does."""
    return columns if ended else {name: values[:steps] for name, values in columns.items()}


def _telemetry(folder: pathlib.Path, steps: int, ended: bool) -> dict[str, Columns] | None:
    file = folder / "telemetry.csv"
    if not file.exists():
        return None
    telemetry: dict[str, Columns] = {}
    for line, row in enumerate(_rows(file, ("parameter", *QUANTITIES), ended), 2):
        columns = telemetry.setdefault(row["parameter"], {quantity: [] for quantity in QUANTITIES})
        for quantity in QUANTITIES:
            columns[quantity].append(_number(row, quantity, file, line))
    telemetry = {name: _first(columns, steps, ended) for name, columns in telemetry.items()}
    for name, columns in telemetry.items():
        if len(columns["trust_ratio"]) != steps:
            raise ReportError(f"{file} has {len(columns['trust_ratio'])} steps of {name}, but steps.csv has {steps}; "
                              f"{_advice(folder)}")
    return telemetry


def _timings(folder: pathlib.Path, steps: int, ended: bool) -> Columns | None:
    file = folder / "timings.csv"
    if not file.exists():
        return None
    timings = _first(_columns(file, PARTS, ended), steps, ended)
    if len(timings[PARTS[0]]) != steps:
        raise ReportError(f"{file} has {len(timings[PARTS[0]])} steps, but steps.csv has {steps}; {_advice(folder)}")
    return timings


def load(folder: pathlib.Path) -> Run:
    """Raises ReportError. Telemetry and timings may be missing: the page then says so."""
    if not folder.is_dir():
        raise ReportError(f"{folder} is not a folder; {_advice(folder)}")
    settings = _settings(folder)
    ended = bool(settings.get("ended", True))
    by_epoch = ("epoch", "train_loss", "train_accuracy", "test_loss", "test_accuracy")
    epochs = _columns(folder / "history.csv", by_epoch, ended)
    steps = _columns(folder / "steps.csv", ("step", "loss", "learning_rate"), ended)
    count = len(steps["step"])
    return Run(folder, settings, epochs, steps, _timings(folder, count, ended), _telemetry(folder, count, ended))
