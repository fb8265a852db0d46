"""optax.lars under jax.jit, with donated buffers: parameters and momentum are updated in place."""

import functools
from importlib.metadata import version
from typing import Any

import hlo_profile
import jax
import jax.numpy as jnp
import numpy as np
import optax
from contender import Contender, Profile, Task
from data import Arrays


class Optax(Contender):
    """XLA takes its number of threads from the processors that the process may run on."""

    def __init__(self, task: Task) -> None:
        hyperparameters = task.hyperparameters
        optimizer = optax.lars(
            learning_rate=hyperparameters.learning_rate,
            weight_decay=hyperparameters.weight_decay,
            trust_coefficient=hyperparameters.trust_coefficient,
            momentum=hyperparameters.momentum,
        )

        @functools.partial(jax.jit, donate_argnums=(0, 1))
        def step(values: Any, state: Any, derivatives: Any) -> Any:
            updates, state = optimizer.update(derivatives, state, values)
            return optax.apply_updates(values, updates), state

        # Copies: XLA donates none but its own buffers.
        self.values = [jnp.array(array, copy=True) for array in task.parameters]
        self.set_gradients(task.gradients)
        self.state = jax.block_until_ready(optimizer.init(self.values))
        self.compiled = step

    def step(self) -> None:
        self.values, self.state = self.compiled(self.values, self.state, self.gradients)
        jax.block_until_ready((self.values, self.state))

    def set_gradients(self, gradients: Arrays) -> None:
        self.gradients = jax.block_until_ready([jnp.array(array, copy=True) for array in gradients])

    def parameters(self) -> Arrays:
        return [np.asarray(value) for value in self.values]

    def profile(self, steps: int) -> Profile:
        compiled = self.compiled.lower(self.values, self.state, self.gradients).compile()
        return hlo_profile.of_program(self, compiled, steps)

    def about(self) -> dict[str, str]:
        return {name: version(name) for name in ("optax", "jax", "jaxlib")}
