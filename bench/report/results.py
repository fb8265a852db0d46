"""What lars-bench and bench/peers measured: reads their files, and forms medians, quartiles and ratios."""

from __future__ import annotations

import json
import pathlib
import statistics
from dataclasses import dataclass
from typing import Any

BASES = ("ceiling of pass 1", "ceiling of pass 2")


@dataclass(frozen=True)
class Spread:
    """Median and quartiles."""

    median: float
    lower: float
    upper: float

    @staticmethod
    def of(values: list[float]) -> Spread:
        if len(values) == 1:
            return Spread(values[0], values[0], values[0])
        lower, median, upper = statistics.quantiles(values, n=4, method="inclusive")
        return Spread(median, lower, upper)


class StepRun:
    """The runs of lars-bench for one model, each of which timed every contender once, in an order of its own."""

    def __init__(self, folder: pathlib.Path):
        self._seconds: dict[tuple[str, int], list[float]] = {}
        for file in sorted(folder.glob("*.json")):
            data = json.loads(file.read_text())
            self.context: dict[str, Any] = data["context"]
            for entry in data["benchmarks"]:
                # model/contender/threads:N/manual_time
                contender, threads = entry["name"].split("/")[-3:-1]
                series = self._seconds.setdefault((contender, int(threads.removeprefix("threads:"))), [])
                series.append(entry["real_time"] * {"ms": 1e-3}[entry["time_unit"]])
        self.model: str = self.context["model"]
        self.parameters = int(self.context["parameters"])
        self.tensors = int(self.context["tensors"])

    def has(self, contender: str, threads: int) -> bool:
        return (contender, threads) in self._seconds

    def threads(self) -> list[int]:
        return sorted({threads for _, threads in self._seconds})

    def repetitions(self) -> int:
        return min(len(series) for series in self._seconds.values())

    def seconds(self, contender: str, threads: int) -> list[float]:
        return self._seconds[contender, threads]

    def median(self, contender: str, threads: int) -> float:
        return statistics.median(self.seconds(contender, threads))

    def ns_per_parameter(self, contender: str, threads: int) -> float:
        return 1e9 * self.median(contender, threads) / self.parameters

    def ratio(self, numerator: tuple[str, ...], denominator: str, threads: int) -> Spread:
        """Of the sum of the numerators to the denominator, run by run."""
        below = self.seconds(denominator, threads)
        above = [self.seconds(name, threads) for name in numerator]
        return Spread.of([sum(times) / time for *times, time in zip(*above, below, strict=True)])

    def share_of_ceiling(self, contender: str, threads: int) -> Spread:
        """Time of the two ceilings over the contender's."""
        return self.ratio(BASES, contender, threads)


class PeerRun:
    """One run of bench/peers."""

    def __init__(self, file: pathlib.Path):
        self.data: dict[str, Any] = json.loads(file.read_text())
        self.titles = {name: one["title"] for name, one in self.data["contenders"].items()}
        self.rows: list[dict[str, Any]] = self.data["results"]

    def ratios(self, contender: str, threads: int) -> dict[str, Spread]:
        """Seconds over those of liblars in the same round, by model."""
        found = {}
        for row in self.rows:
            if row["contender"] == contender and row["threads"] == threads and "not_run" not in row:
                ratio = row["ratio_to_liblars"]
                found[row["model"]] = Spread(ratio["median"], ratio["lower_quartile"], ratio["upper_quartile"])
        return found

    def models(self) -> list[str]:
        return list(dict.fromkeys(row["model"] for row in self.rows))

    def threads(self) -> list[int]:
        return sorted({row["threads"] for row in self.rows})
