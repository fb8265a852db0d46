"""Times contenders in turn: round by round, each takes a few steps while all others sleep."""

import contextlib
import math
import random
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from contenders import LIBLARS, Contender
from process import LiblarsFailure, Surroundings, WorkerFailure, WorkerProcess

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

    def start(self, contender: Contender, shapes: list[list[int]], options: dict[str, Any]) -> None:
        """Starts a worker and lets it make its first steps, which allocate and compile."""
        series = self.series[contender.name] = Series(contender)
        try:
            worker = self.stack.enter_context(WorkerProcess(contender, self.surroundings, options))
            self.workers[contender.name] = worker
            series.about = worker.ask(
                "setup", shapes=shapes, hyperparameters=self.plan.hyperparameters, seed=self.plan.seed
            )
            worker.ask("turn", warmups=2, count=0)
        except WorkerFailure as error:
            self.drop(contender.name, str(error))

    def drop(self, name: str, reason: str) -> None:
        """liblars is the measure: without it there is nothing to go on with."""
        if name == LIBLARS.name:
            raise LiblarsFailure(reason)
        self.series[name].failure = reason
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
                self.drop(name, str(error))
        for name, seconds in medians.items():
            self.series[name].seconds.append(seconds)
            self.series[name].liblars_seconds.append(medians[LIBLARS.name])

    def finish(self) -> None:
        """Time counts only if the steps did something."""
        for name, worker in list(self.workers.items()):
            try:
                if not worker.ask("moved"):
                    self.drop(name, "the timed steps left a tensor unchanged or not finite")
            except WorkerFailure as error:
                self.drop(name, str(error))


def measure(
    peers: list[Contender],
    shapes: list[list[int]],
    surroundings: Surroundings,
    plan: Plan,
    liblars_options: dict[str, Any],
    available: int,
    progress: Callable[[str], None],
) -> Iterator[Series]:
    """The peers' series and liblars's; liblars has one for each group."""
    parts = groups(peers, shapes, available)
    for index, part in enumerate(parts):
        with contextlib.ExitStack() as stack:
            turns = Turns(plan, surroundings, stack)
            turns.start(LIBLARS, shapes, liblars_options)
            for contender in part:
                progress(f"group {index + 1} of {len(parts)}: starting {contender.name}")
                own = contender.environment == LIBLARS.environment
                turns.start(contender, shapes, liblars_options if own else {})
            for number in range(plan.rounds):
                progress(f"group {index + 1} of {len(parts)}: round {number + 1} of {plan.rounds}")
                turns.round(number)
            turns.finish()
            yield from turns.series.values()
