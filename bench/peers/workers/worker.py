"""A contender in a process of its own, driven by lines of JSON on standard input.

    worker.py MODULE CLASS THREADS OPTIONS

A request is {"command": ..., further keys}, an answer {"ok": ...} or {"error": "the reason"}. The commands are the
methods of Worker. Standard output carries answers only; what libraries print goes to standard error.
"""

import dataclasses
import gc
import importlib
import json
import os
import sys
import traceback
from typing import Any, TextIO

THREADS = int(sys.argv[3])
# Before NumPy, and long before the contender's package: pools size themselves by it, and XLA knows no other way.
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-THREADS:])

import data  # noqa: E402
import numpy as np  # noqa: E402
from contender import Contender, Hyperparameters, Task  # noqa: E402

PROBE = 16  # elements of each tensor that moved() looks at


class Worker:
    """The commands."""

    def __init__(self, module: str, name: str, options: dict[str, Any]) -> None:
        self.type: type[Contender] = getattr(importlib.import_module(module), name)
        self.options = options

    def setup(self, shapes: data.Shapes, hyperparameters: dict[str, Any], seed: int) -> dict[str, str]:
        """Makes the optimizer, its parameters and the gradients of step 0."""
        self.shapes, self.seed = shapes, seed
        parameters = data.parameters(shapes, seed)
        self.before = [array.reshape(-1)[:PROBE].copy() for array in parameters]
        gradients = data.gradients(shapes, seed, 0)
        self.contender = self.type(
            Task(parameters, gradients, Hyperparameters(**hyperparameters), THREADS, self.options)
        )
        return self.contender.about()

    def check(self, steps: int, file: str, constant_ratio: bool) -> None:
        """Steps on new gradients each time; writes by how much the parameters have changed, as binary64, to a file."""
        before = data.parameters(self.shapes, self.seed)
        for step in range(steps):
            gradients = data.gradients(self.shapes, self.seed, step)
            if constant_ratio:
                data.lengthen(gradients, self.contender.parameters())
            self.contender.set_gradients(gradients)
            self.contender.prepare()
            self.contender.step()
        with open(file, "wb") as output:
            for old, new in zip(before, self.contender.parameters(), strict=True):
                (np.asarray(new, dtype=np.float64) - old).tofile(output)

    def turn(self, warmups: int, count: int) -> list[float]:
        """The seconds of `count` steps, after some that do not count."""
        for _ in range(warmups):
            self.contender.prepare()
            self.contender.step()
        return [self.contender.timed() for _ in range(count)]

    def profile(self, steps: int) -> dict[str, Any]:
        """What a step of this contender consists of."""
        return dataclasses.asdict(self.contender.profile(steps))

    def moved(self) -> bool:
        """Whether the steps have changed every tensor, and to finite numbers."""
        now = [np.asarray(array).reshape(-1)[:PROBE] for array in self.contender.parameters()]
        return all(
            bool(np.all(np.isfinite(new)) and np.any(new != old)) for old, new in zip(self.before, now, strict=True)
        )


def serve(worker: Worker, requests: TextIO, answers: TextIO) -> None:
    for line in requests:
        request = json.loads(line)
        try:
            answer = {"ok": getattr(worker, request.pop("command"))(**request)}
        except Exception as error:  # whatever a package raises is the answer, and the next request may work
            traceback.print_exc()
            lines = str(error).strip().splitlines() or [""]
            answer = {"error": f"{type(error).__name__}: {lines[-1].strip()}"}
        print(json.dumps(answer), file=answers, flush=True)


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    gc.disable()  # a collection in the middle of a step would be Python's time, not the optimizer's
    serve(Worker(sys.argv[1], sys.argv[2], json.loads(sys.argv[4])), sys.stdin, answers)


if __name__ == "__main__":
    main()
