"""lars_accumulate and lars_step_accumulated against optax.MultiSteps around optax.lars."""

import os
import unittest
from ctypes import c_uint32
from pathlib import Path

import oracle  # noqa: F401  before anything that imports jax: it chooses jax's settings
import jax
import jax.numpy as jnp
import numpy as np
import optax

from case import Tensor
from liblars import Library, Optimizer, addresses

SHAPES = {"weight": (37, 61), "bias": (61,), "scale": (), "long": (9001,)}
BATCHES = 10
TOLERANCE = {"float64": 1e-12, "float32": 1e-5}
SETTINGS = (
    {"learning_rate": 0.7, "weight_decay": 0.01, "momentum": 0.9, "nesterov": False},
    {"learning_rate": 0.2, "weight_decay": 0.0, "momentum": 0.5, "nesterov": True},
)


def tensors() -> tuple[Tensor, ...]:
    return tuple(Tensor(name=name, shape=shape) for name, shape in SHAPES.items())


class MultiSteps(unittest.TestCase):
    library = Library(Path(os.environ["LARS_LIBRARY"]))

    def compare(self, dtype: str, micro_batches: int, settings: dict[str, float]) -> None:
        rng = np.random.default_rng(micro_batches)
        start = {name: rng.normal(size=shape).astype(dtype) for name, shape in SHAPES.items()}
        multi = optax.MultiSteps(
            optax.lars(**settings), every_k_schedule=micro_batches, accumulator_dtype=dtype  # its default is float32
        )
        update = jax.jit(multi.update)
        theirs = {name: jnp.asarray(value) for name, value in start.items()}
        state = multi.init(theirs)
        ours = [np.array(value) for value in start.values()]
        with Optimizer(self.library, tensors(), dtype) as optimizer:
            optimizer.configure([{"key": key, "value": float(value)} for key, value in settings.items()])
            optimizer.call("lars_set_accumulation", c_uint32(micro_batches))
            for batch in range(BATCHES):
                for _ in range(micro_batches):
                    gradients = {name: rng.normal(size=shape).astype(dtype) for name, shape in SHAPES.items()}
                    updates, state = update(gradients, state, theirs)
                    theirs = optax.apply_updates(theirs, updates)
                    optimizer.call("lars_accumulate", addresses(ours), addresses(list(gradients.values())))
                optimizer.call("lars_step_accumulated", addresses(ours))
                for name, value in zip(SHAPES, ours):
                    np.testing.assert_allclose(
                        value, np.asarray(theirs[name]), rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype], err_msg=f"{name}, batch {batch}"
                    )

    def test_agrees_batch_by_batch(self) -> None:
        for dtype in TOLERANCE:
            for micro_batches in (1, 2, 3, 8):
                for settings in SETTINGS:
                    with self.subTest(dtype=dtype, micro_batches=micro_batches, **settings):
                        self.compare(dtype, micro_batches, settings)


if __name__ == "__main__":
    unittest.main()
