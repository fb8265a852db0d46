"""PaddlePaddle's LarsMomentumOptimizer, in dynamic mode."""

from typing import Any

import numpy as np
import paddle
from contender import Contender, Hyperparameters
from data import Arrays
from paddle.incubate.optimizer import LarsMomentumOptimizer


class Paddle(Contender):
    """Paddle's CPU kernel runs on one thread whatever it is given."""

    def __init__(
        self,
        parameters: Arrays,
        gradients: Arrays,
        hyperparameters: Hyperparameters,
        threads: int,
        options: dict[str, Any],
    ) -> None:
        paddle.set_device("cpu")
        self.values = [self.parameter_of(array) for array in parameters]
        self.set_gradients(gradients)
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

    def about(self) -> dict[str, str]:
        return {"paddlepaddle": paddle.__version__}
