"""Times contenders in turn: round by round, each takes a few steps while all others sleep."""

import contextlib
import math
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from contenders import LIBLARS, Contender
from process import LiblarsFailure, Surroundings, WorkerFailure, WorkerKilled, WorkerProcess

# How many times the parameters' bytes a process holds at its peak: liblars, and the hungriest of the peers.
LIBLARS_COPIES = 4
PEER_COPIES = 7
RUNTIME_BYTES = 10**9  # the packages themselves
# Threads of an OpenMP library may spin for a while after their last work, 0.2 s at the longest by default.
PAUSE_SECONDS = 0.3


@dataclass(frozen=True)
class Plan:
    """How a model is timed."""

    rounds: int
    warmups: int
    steps: int
    seed: int
    hyperparameters: dict[str, Any]


@dataclass
class Series:
    """What one contender's rounds gave: the median step of each, and the same round's step of liblars."""

    contender: Contender
    about: dict[str, str] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    liblars_seconds: list[float] = field(default_factory=list)
    failure: str | None = None
    killed: bool = False

    def ratios(self) -> list[float]:
        return [own / liblars for own, liblars in zip(self.seconds, self.liblars_seconds, strict=True)]


def groups(peers: list[Contender], shapes: list[list[int]], available: int) -> list[list[Contender]]:
    """Splits the peers so that each group, with liblars, fits into memory; at least one peer a group."""
    model = 4 * sum(math.prod(shape) for shape in shapes)
    for_peers = available - LIBLARS_COPIES * model - RUNTIME_BYTES
    size = max(1, for_peers // (PEER_COPIES * model + RUNTIME_BYTES))
    return [peers[start : start + size] for start in range(0, len(peers), size)]


class Turns:
    """A group of workers that take turns."""

    def __init__(self, plan: Plan, surroundings: Surroundings, stack: contextlib.ExitStack) -> None:
        self.plan, self.surroundings, self.stack = plan, surroundings, stack
        self.workers: dict[str, WorkerProcess] = {}
        self.series: dict[str, Series] = {}

    def start(self, contender: Contender, shapes: list[list[int]]) -> None:
        """Starts a worker and lets it make its first steps, which allocate and compile."""
        series = self.series[contender.name] = Series(contender)
        try:
            worker = self.stack.enter_context(WorkerProcess(contender, self.surroundings))
            self.workers[contender.name] = worker
            series.about = worker.ask(
                "setup", shapes=shapes, hyperparameters=self.plan.hyperparameters, seed=self.plan.seed
            )
            worker.ask("turn", warmups=2, count=0)
        except WorkerFailure as error:
            self.drop(contender.name, error)

    def drop(self, name: str, error: WorkerFailure) -> None:
        """liblars is the measure: without it there is nothing to go on with."""
        if name == LIBLARS.name:
            raise LiblarsFailure(str(error))
        self.series[name].failure = str(error)
        self.series[name].killed = isinstance(error, WorkerKilled)
        worker = self.workers.pop(name, None)
        if worker is not None:
            worker.stop()

    def round(self, number: int) -> None:
        """One turn for everyone, in an order of the round's own."""
        names = list(self.workers)
        random.Random(number).shuffle(names)
        medians: dict[str, float] = {}
        for name in names:
            time.sleep(PAUSE_SECONDS)
            try:
                times = self.workers[name].ask("turn", warmups=self.plan.warmups, count=self.plan.steps)
                medians[name] = statistics.median(times)
            except WorkerFailure as error:
                self.drop(name, error)
        for name, seconds in medians.items():
            self.series[name].seconds.append(seconds)
            self.series[name].liblars_seconds.append(medians[LIBLARS.name])

    def finish(self) -> None:
        """Time counts only if the steps did something."""
        for name, worker in list(self.workers.items()):
            try:
                if not worker.ask("moved"):
                    self.drop(name, WorkerFailure("the timed steps left a tensor unchanged or not finite"))
            except WorkerFailure as error:
                self.drop(name, error)


class Measurement:
    """One model under one set of surroundings."""

    def __init__(
        self,
        shapes: list[list[int]],
        surroundings: Surroundings,
        plan: Plan,
        available: int,
        progress: Callable[[str], None],
    ) -> None:
        self.shapes, self.surroundings, self.plan = shapes, surroundings, plan
        self.available, self.progress = available, progress

    def measure(self, peers: list[Contender]) -> list[Series]:
        """The peers' series and liblars's, which has one for each group."""
        parts = groups(peers, self.shapes, self.available)
        found: list[Series] = []
        for index, part in enumerate(parts):
            for series in self.group(part, f"group {index + 1} of {len(parts)}: "):
                found += self.again(series, alone=len(part) == 1) if series.killed else [series]
        return found

    def again(self, killed: Series, alone: bool) -> list[Series]:
        """What a peer that was killed does with nobody but liblars beside it, once more."""
        own = self.group([killed.contender], f"{killed.contender.name} was killed; alone: ")
        for series in own:
            if series.failure is not None:
                before = "and before that, too" if alone else f"and with others beside it: {killed.failure}"
                series.failure = (
                    f"alone beside liblars, with {self.available / 1e9:.1f} GB to have: {series.failure}; {before}"
                )
        return own

    def group(self, peers: list[Contender], prefix: str) -> list[Series]:
        with contextlib.ExitStack() as stack:
            turns = Turns(self.plan, self.surroundings, stack)
            turns.start(LIBLARS, self.shapes)
            for contender in peers:
                self.progress(f"{prefix}starting {contender.name}")
                turns.start(contender, self.shapes)
            for number in range(self.plan.rounds):
                self.progress(f"{prefix}round {number + 1} of {self.plan.rounds}")
                turns.round(number)
            turns.finish()
            return list(turns.series.values())
