"""Checkpoints beside what others wrote: the safetensors package reads and rewrites them, xxhash gives the same digests,
and optax's state has the same momentum."""

import json
import os
import tempfile
import unittest
from ctypes import c_uint32
from pathlib import Path

import oracle  # noqa: F401  before anything that imports jax: it chooses jax's settings
import jax
import jax.numpy as jnp
import numpy as np
import optax
import xxhash
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from case import Tensor
from liblars import LarsError, Library, Optimizer, addresses

SHAPES = {"weight": (37, 61), "bias": (61,), "scale": (), "long": (9001,), "empty": (0, 3)}
SETTINGS = {"learning_rate": 0.7, "weight_decay": 0.01, "momentum": 0.9}
STEPS = 5
TOLERANCE = {"float64": 1e-12, "float32": 1e-5}


class Checkpoint(unittest.TestCase):
    library = Library(Path(os.environ["LARS_LIBRARY"]))

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "state.safetensors"
        self.rng = np.random.default_rng(4)

    def optimizer(self, dtype: str) -> Optimizer:
        optimizer = Optimizer(self.library, tuple(Tensor(name=name, shape=shape) for name, shape in SHAPES.items()), dtype)
        optimizer.configure([{"key": key, "value": value} for key, value in SETTINGS.items()])
        return optimizer

    def draw(self, dtype: str) -> list[np.ndarray]:
        return [np.asarray(self.rng.normal(size=shape), dtype=dtype) for shape in SHAPES.values()]

    def train(self, optimizer: Optimizer, parameters: list[np.ndarray], dtype: str) -> None:
        for _ in range(STEPS):
            optimizer.step(parameters, self.draw(dtype))

    def save(self, optimizer: Optimizer) -> None:
        optimizer.call("lars_save", str(self.path).encode())

    def test_momentum_is_that_of_optax(self) -> None:
        for dtype, tolerance in TOLERANCE.items():
            with self.subTest(dtype=dtype), self.optimizer(dtype) as optimizer:
                start = self.draw(dtype)
                ours = [np.array(array) for array in start]
                theirs = dict(zip(SHAPES, map(jnp.asarray, start)))
                transform = optax.lars(**SETTINGS)
                state = transform.init(theirs)
                for _ in range(STEPS):
                    gradients = self.draw(dtype)
                    updates, state = transform.update(dict(zip(SHAPES, gradients)), state, theirs)
                    theirs = optax.apply_updates(theirs, updates)
                    optimizer.step(ours, gradients)
                self.save(optimizer)
                traces = [part.trace for part in state if isinstance(part, optax.TraceState)]
                self.assertEqual(len(traces), 1)
                saved = load_file(self.path)
                self.assertEqual(set(saved), {f"{name}.momentum" for name in SHAPES})
                for name, shape in SHAPES.items():
                    momentum = saved[f"{name}.momentum"]
                    self.assertEqual(momentum.shape, shape)
                    self.assertEqual(momentum.dtype, np.dtype(dtype))
                    np.testing.assert_allclose(momentum, np.asarray(traces[0][name]), rtol=tolerance, atol=tolerance)

    def test_digests_are_those_of_xxhash(self) -> None:
        with self.optimizer("float32") as optimizer:
            self.train(optimizer, self.draw("float32"), "float32")
            self.save(optimizer)
        with safe_open(self.path, framework="numpy") as file:
            metadata = file.metadata()
        self.assertEqual(metadata["format"], "liblars")
        digests = json.loads(metadata["xxh3_64"])
        for name, array in load_file(self.path).items():
            self.assertEqual(digests[name], xxhash.xxh3_64_hexdigest(array.tobytes()), name)

    def test_a_file_that_another_program_rewrote_resumes_to_the_bit(self) -> None:
        with self.optimizer("float64") as optimizer:
            parameters = self.draw("float64")
            optimizer.call("lars_set_accumulation", c_uint32(2))
            gradients = self.draw("float64")
            optimizer.call("lars_accumulate", addresses(parameters), addresses(gradients))
            self.save(optimizer)
            before = self.path.read_bytes()
            with safe_open(self.path, framework="numpy") as file:
                metadata = file.metadata()
            save_file(load_file(self.path), self.path, metadata)
            self.assertNotEqual(self.path.read_bytes(), before)  # its JSON has another order
            copies = [np.array(array) for array in parameters]
            with self.optimizer("float64") as resumed:
                resumed.call("lars_load", str(self.path).encode())
                for one, its in ((optimizer, parameters), (resumed, copies)):
                    one.call("lars_accumulate", addresses(its), addresses(gradients))
                    one.call("lars_step_accumulated", addresses(its))
            for mine, other in zip(parameters, copies):
                np.testing.assert_array_equal(mine, other)

    def test_a_file_whose_tensors_were_changed_is_refused(self) -> None:
        with self.optimizer("float32") as optimizer:
            self.train(optimizer, self.draw("float32"), "float32")
            self.save(optimizer)
            with safe_open(self.path, framework="numpy") as file:
                metadata = file.metadata()
            tensors = load_file(self.path)
            tensors["bias.momentum"] = tensors["bias.momentum"] * 2
            save_file(tensors, self.path, metadata)
            with self.assertRaisesRegex(LarsError, "'bias.momentum' is damaged"):
                optimizer.call("lars_load", str(self.path).encode())


if __name__ == "__main__":
    unittest.main()
