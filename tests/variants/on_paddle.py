"""PaddlePaddle's LarsMomentum, on the CPU in dynamic mode."""

import itertools

import paddle
from paddle.incubate.optimizer import LarsMomentumOptimizer

from original import Arrays, Configuration, Original

NUMBERS = itertools.count()  # names must be unique in a process


class PaddleLars(Original):
    title = "Paddle `LarsMomentumOptimizer`"
    package = "paddlepaddle"
    variant = "paper"
    without = "λ = 0"
    takes = frozenset({"eps", "exclusion"})

    def __init__(self, parameters: Arrays, c: Configuration):
        paddle.set_device("cpu")
        self.tensors = [
            paddle.create_parameter(
                shape=list(array.shape),
                dtype=str(array.dtype),
                name=f"{'vector' if array.ndim == 1 else 'other'}_{next(NUMBERS)}",
                default_initializer=paddle.nn.initializer.Assign(array),
            )
            for array in parameters
        ]
        self.optimizer = LarsMomentumOptimizer(
            learning_rate=c.learning_rate,
            momentum=c.momentum,
            lars_coeff=c.trust_coefficient,
            lars_weight_decay=c.weight_decay,
            parameter_list=self.tensors,
            exclude_from_weight_decay=["vector"] if c.excludes else None,
            epsilon=c.eps,
        )

    def step(self, gradients: Arrays, learning_rate: float) -> None:
        self.optimizer.set_lr(learning_rate)
        for tensor, gradient in zip(self.tensors, gradients, strict=True):
            tensor.grad = paddle.to_tensor(gradient)
        self.optimizer.step()

    def values(self) -> Arrays:
        return [tensor.numpy() for tensor in self.tensors]


ORIGINALS = [PaddleLars]
