"""What lars-bench and bench/peers measured: reads their files, and forms medians, quartiles and ratios."""

from __future__ import annotations

import json
import pathlib
import statistics
from dataclasses import dataclass
from typing import Any

from provenance import Origin, Unusable

PASSES = (1, 2)
JUDGED_ALLOCATOR = "tuned"  # of bench/peers: the one under which peers are at their best
MODELS = ("resnet50", "alexnet", "vgg16", "vit_b_16", "gpt2", "bert_large")
SIZES = (1000, 10_000, 100_000, 1_000_000, 10_000_000, 30_000_000, 100_000_000, 300_000_000)
ROUNDS, FEW_ROUNDS = 9, 3  # of lars-bench, as scripts/bench measures; bench/peers has its own
# What scripts/bench measures everywhere, and what only where memory is large enough.
EXPECTED = {model: ROUNDS for model in (*MODELS, "small", *(f"single:{size}" for size in SIZES))}
IN_LARGE_MEMORY = {"single:1000000000": FEW_ROUNDS, "even:1500x1000000": FEW_ROUNDS}


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
    """The rounds of one program for one model, each of which timed every contender once, in an order of its own."""

    def __init__(self, folder: pathlib.Path, section: str, rounds: int):
        """Of a folder that must hold so many rounds, all of one revision."""
        self._seconds: dict[tuple[str, int], list[float]] = {}
        self._speeds: dict[tuple[str, int], list[float]] = {}
        files = sorted(folder.glob("*.json"), key=lambda file: int(file.stem))
        if len(files) < rounds:
            raise Unusable(f"{folder} holds {len(files)} of {rounds} rounds: measure again (scripts/bench --steps)")
        contexts = [self._read(file) for file in files]
        self.context: dict[str, Any] = contexts[0]
        if len({context.get("revision") for context in contexts}) > 1:
            raise Unusable(f"{folder} holds rounds of several revisions: measure again (scripts/bench --steps)")
        self.origin = Origin.of(section, folder, self.context)
        self.model: str = self.context["model"]
        self.parameters = int(self.context["parameters"])
        self.tensors = int(self.context["tensors"])

    def _read(self, file: pathlib.Path) -> dict[str, Any]:
        """Adds a round, and returns what the program says of itself."""
        data = json.loads(file.read_text())
        for entry in data["benchmarks"]:
            # model/contender/threads:N/manual_time
            contender, threads = entry["name"].split("/")[-3:-1]
            key = (contender, int(threads.removeprefix("threads:")))
            self._seconds.setdefault(key, []).append(entry["real_time"] * {"ms": 1e-3}[entry["time_unit"]])
            self._speeds.setdefault(key, []).append(entry["bytes_per_second"])
        return data["context"]

    def cache_bytes(self) -> int:
        """Of the last level."""
        return max(cache["size"] for cache in self.context["caches"])

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

    def spread_of_ns(self, contender: str, threads: int) -> Spread:
        """ns per parameter."""
        return Spread.of([1e9 * seconds / self.parameters for seconds in self.seconds(contender, threads)])

    def gigabytes_per_second(self, contender: str, threads: int) -> float:
        """Of the bytes that the contender must move."""
        return statistics.median(self._speeds[contender, threads]) / 1e9

    def ceiling(self, number: int, threads: int) -> str:
        """The loop that is the ceiling of a pass: the one whose median is the least.

        Not the fastest of each round: the least of several noisy times is less than any loop can be relied upon to take,
        and the more so the more loops there are.
        """
        loops = [name for name, count in self._seconds
                 if name.startswith(f"ceiling of pass {number}: ") and count == threads]  # fmt: skip
        return min(loops, key=lambda name: self.median(name, threads))

    def ceilings(self, threads: int) -> list[float]:
        """Seconds of both passes' ceilings, round by round."""
        both = [self.seconds(self.ceiling(number, threads), threads) for number in PASSES]
        return [sum(times) for times in zip(*both, strict=True)]

    def ratio(self, numerator: tuple[str, ...], denominator: str, threads: int) -> Spread:
        """Of the sum of the numerators to the denominator, run by run."""
        below = self.seconds(denominator, threads)
        above = [self.seconds(name, threads) for name in numerator]
        return Spread.of([sum(times) / time for *times, time in zip(*above, below, strict=True)])

    def share_of_ceiling(self, contender: str, threads: int) -> Spread:
        """Time of the two ceilings over the contender's."""
        return self.ratio(tuple(self.ceiling(number, threads) for number in PASSES), contender, threads)


def step_runs(results: pathlib.Path) -> dict[str, StepRun]:
    """All that lars-bench was to measure, by model."""
    folders = {model: results / f"step-{model.replace(':', '-')}" for model in EXPECTED | IN_LARGE_MEMORY}
    wanted = EXPECTED | {model: rounds for model, rounds in IN_LARGE_MEMORY.items() if folders[model].exists()}
    return {model: StepRun(folders[model], "steps", rounds) for model, rounds in wanted.items()}


class PeerRun:
    """One run of bench/peers."""

    def __init__(self, file: pathlib.Path):
        if not file.exists():
            raise Unusable(f"there is no {file}: scripts/bench --peers makes it")
        self.data: dict[str, Any] = json.loads(file.read_text())
        self.origin = Origin.of("peers", file, self.data)
        self.titles = {name: one["title"] for name, one in self.data["contenders"].items()}
        self.rows: list[dict[str, Any]] = self.data["results"]

    def allocator(self, row: dict[str, Any]) -> str:
        return row.get("allocator", JUDGED_ALLOCATOR)

    def allocators(self) -> list[str]:
        """The one that targets are judged by first."""
        return sorted({self.allocator(row) for row in self.rows}, key=lambda name: (name != JUDGED_ALLOCATOR, name))

    def ratios(self, contender: str, threads: int, allocator: str = JUDGED_ALLOCATOR) -> dict[str, Spread]:
        """Seconds over those of liblars in the same round, by model."""
        found = {}
        for row in self.rows:
            wanted = row["contender"] == contender and row["threads"] == threads and self.allocator(row) == allocator
            if wanted and "not_run" not in row:
                ratio = row["ratio_to_liblars"]
                found[row["model"]] = Spread(ratio["median"], ratio["lower_quartile"], ratio["upper_quartile"])
        return found

    def models(self, allocator: str = JUDGED_ALLOCATOR) -> list[str]:
        return list(dict.fromkeys(row["model"] for row in self.rows if self.allocator(row) == allocator))

    def threads(self) -> list[int]:
        return sorted({row["threads"] for row in self.rows})

    def variables(self, allocator: str) -> dict[str, str]:
        """Environment variables by which the allocator is chosen, whatever the number of threads."""
        of_threads = list(self.data["environment"]["set"][allocator].values())
        return {name: value for name, value in of_threads[0].items()
                if all(one.get(name) == value for one in of_threads)}  # fmt: skip
