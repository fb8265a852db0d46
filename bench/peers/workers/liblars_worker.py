"""liblars through its Python binding, whose bound step is the C call and two checks, of microseconds."""

import statistics
import time

import liblars
from contender import Contender, Hyperparameters, Operation, Profile, Task
from data import Arrays

NORMS_BYTES = 8  # a parameter: parameters and gradients are read
UPDATE_BYTES = 20  # both, and momentum, are read; parameters and momentum are written


class Liblars(Contender):
    """The measure of the others. Options: "policy", as Optimizer.set_nonfinite_policy takes it."""

    def __init__(self, task: Task) -> None:
        self.arrays, self.gradients = task.parameters, task.gradients
        self.optimizer = liblars.Optimizer()
        for index, array in enumerate(self.arrays):
            self.optimizer.add_parameter(self.name_of(index), array.shape)
        self.configure(task.hyperparameters)
        self.policy = task.options.get("policy", "refuse")
        self.optimizer.set_nonfinite_policy(self.policy)
        self.optimizer.set_threads(task.threads)
        self.run = self.optimizer.bind(self.arrays, self.gradients)

    @staticmethod
    def name_of(index: int) -> str:
        return f"tensor {index}"

    def configure(self, hyperparameters: Hyperparameters) -> None:
        for key in ("learning_rate", "weight_decay", "trust_coefficient", "momentum"):
            self.optimizer.set(key, getattr(hyperparameters, key))
        self.optimizer.set("trust_ratio_mask", hyperparameters.adapt != "none")
        if hyperparameters.adapt == "matrices":
            for index, array in enumerate(self.arrays):
                if array.ndim <= 1:
                    self.optimizer.set("trust_ratio_mask", 0, self.name_of(index))
                    self.optimizer.set("weight_decay_mask", 0, self.name_of(index))

    def step(self) -> None:
        self.run()

    def set_gradients(self, gradients: Arrays) -> None:
        for own, new in zip(self.gradients, gradients, strict=True):
            own[...] = new

    def parameters(self) -> Arrays:
        return self.arrays

    def profile(self, steps: int) -> Profile:
        """A step has two passes, of which lars_step_accumulated makes the second alone. Under PROPAGATE they are not
        apart: a wave of tensors has both before the next has any."""
        count = sum(array.size for array in self.arrays)
        both = (NORMS_BYTES + UPDATE_BYTES) * count
        if self.policy == "propagate":
            seconds = self.median_seconds(steps)
            return Profile(seconds, seconds, [Operation("both passes, in waves", 1, seconds, both)], both, {})
        turns = [(self.timed(), self.timed_update()) for _ in range(steps)]
        seconds = statistics.median(whole for whole, _ in turns)
        update = seconds * min(1.0, statistics.median(update / whole for whole, update in turns))
        operations = [
            Operation("pass 1, the norms", 1, seconds - update, NORMS_BYTES * count),
            Operation("pass 2, the update", 1, update, UPDATE_BYTES * count),
        ]
        return Profile(seconds, seconds, operations, both, {})

    def timed_update(self) -> float:
        self.optimizer.set_accumulation(2)
        self.optimizer.accumulate(None, self.gradients)
        self.optimizer.accumulate(self.arrays, self.gradients)
        start = time.perf_counter()
        self.optimizer.step_accumulated(self.arrays)
        return time.perf_counter() - start

    def about(self) -> dict[str, str]:
        return {
            "liblars": liblars.__version__,
            "kernels": self.optimizer.kernels,
            "threads in use": str(self.optimizer.threads),
        }
