"""The numbers that every contender steps on: the same bits everywhere, by seed."""

import math

import numpy as np

ALIGNMENT = 64  # bytes; a cache line, what PyTorch and XLA give their own tensors
PARAMETER_SCALE = 0.05
GRADIENT_SCALE = 0.01

Shapes = list[list[int]]
Arrays = list[np.ndarray]


def aligned_empty(shape: list[int]) -> np.ndarray:
    """NumPy aligns to 16 bytes only, which would make every vector load cross cache lines."""
    size = math.prod(shape) * 4
    memory = np.empty(size + ALIGNMENT, dtype=np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size].view(np.float32).reshape(shape)


def random_arrays(shapes: Shapes, scale: float, *seed: int) -> Arrays:
    """Normally distributed tensors of the given standard deviation."""
    generator = np.random.default_rng(seed)
    arrays = [aligned_empty(shape) for shape in shapes]
    for array in arrays:
        generator.standard_normal(dtype=np.float32, out=array)
        array *= np.float32(scale)
    return arrays


def parameters(shapes: Shapes, seed: int) -> Arrays:
    return random_arrays(shapes, PARAMETER_SCALE, seed, 0)


def gradients(shapes: Shapes, seed: int, step: int) -> Arrays:
    return random_arrays(shapes, GRADIENT_SCALE, seed, 1, step)


def norm(array: np.ndarray) -> float:
    return float(np.linalg.norm(np.asarray(array, dtype=np.float64)))


def lengthen(arrays: Arrays, models: Arrays) -> None:
    """Scales each array to the norm of its model."""
    for array, model in zip(arrays, models, strict=True):
        array *= np.float32(norm(model) / norm(array))
