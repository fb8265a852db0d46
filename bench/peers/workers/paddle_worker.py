"""PaddlePaddle's LarsMomentumOptimizer, in dynamic mode."""

import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import paddle.profiler
from contender import Contender, Operation, Profile, Task
from data import Arrays
from paddle.incubate.optimizer import LarsMomentumOptimizer

KERNEL = "lars_momentum"
# Tensors that the kernel reads or writes (paddle/phi/kernels/cpu/lars_momentum_kernel.cc): w and g for their norms; v,
# g and w for the new v, and that; w and v for the new w, and that.
KERNEL_PASSES = 2 + 4 + 3


class Paddle(Contender):
    """Paddle's CPU kernel runs on one thread whatever it is given."""

    def __init__(self, task: Task) -> None:
        paddle.set_device("cpu")
        self.values = [self.parameter_of(array) for array in task.parameters]
        self.set_gradients(task.gradients)
        hyperparameters = task.hyperparameters
        self.optimizer = LarsMomentumOptimizer(
            learning_rate=hyperparameters.learning_rate,
            momentum=hyperparameters.momentum,
            lars_coeff=hyperparameters.trust_coefficient,
            lars_weight_decay=hyperparameters.weight_decay,
            parameter_list=self.values,
            epsilon=0,
        )

    @staticmethod
    def parameter_of(array: np.ndarray) -> Any:
        return paddle.create_parameter(
            shape=list(array.shape),
            dtype="float32",
            default_initializer=paddle.nn.initializer.Assign(array),
        )

    def step(self) -> None:
        self.optimizer.step()

    def set_gradients(self, gradients: Arrays) -> None:
        for value, gradient in zip(self.values, gradients, strict=True):
            value.grad = paddle.to_tensor(gradient)

    def parameters(self) -> Arrays:
        return [value.numpy() for value in self.values]

    def profile(self, steps: int) -> Profile:
        seconds = self.median_seconds(steps)
        # By default it writes files of its own into the working folder when it stops.
        cpu = [paddle.profiler.ProfilerTarget.CPU]
        profiler = paddle.profiler.Profiler(targets=cpu, on_trace_ready=lambda _: None)
        with tempfile.TemporaryDirectory() as folder:
            profiler.start()
            profiled = statistics.mean(self.timed() for _ in range(steps))
            profiler.stop()
            file = Path(folder) / "trace.json"
            profiler.export(str(file), format="json")
            events = json.loads(file.read_text())["traceEvents"]
        kernels = [
            event for event in events if event.get("cat") == "OperatorInner" and event["name"].startswith("compute")
        ]
        moved = KERNEL_PASSES * 4 * sum(int(np.prod(value.shape)) for value in self.values)
        microseconds = sum(float(event["dur"]) for event in kernels) / steps
        operation = Operation(KERNEL, len(kernels) // steps, 1e-6 * microseconds, moved)
        return Profile(seconds, profiled, [operation], moved, {})

    def about(self) -> dict[str, str]:
        return {"paddlepaddle": paddle.__version__}
