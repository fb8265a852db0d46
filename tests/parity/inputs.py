"""Parameters and gradients of a case, made from its name so that golden files need not hold them.

golden_inputs.cpp makes the same numbers. Every value is an integer of at most 24 bits times a power of two, hence
exact in float32 and float64: both precisions, and optax and liblars, start from equal inputs.
"""

import numpy as np

PARAMETER = "parameter"
GRADIENT = "gradient"

# What a tensor holds at step number `step`, from 0.
PATTERNS = (
    "random",
    "zero",
    "zero_first",  # zero at step 0 only
    "alternating",  # zero at odd steps
    "nan",  # one NaN, in gradients at step 1 only, in parameters at every step
    "inf",  # likewise +Inf
    "negative_inf",  # likewise -Inf
)
SPECIAL_VALUES = {"nan": np.nan, "inf": np.inf, "negative_inf": -np.inf}

VALUE_BITS = 24


def seed_of(text: str) -> int:
    """FNV-1a, 64 bits."""
    digest = 0xCBF29CE484222325
    for byte in text.encode():
        digest = ((digest ^ byte) * 0x100000001B3) % 2**64
    return digest


def random_bits(seed: int, count: int) -> np.ndarray:
    """The first `count` outputs of splitmix64."""
    state = np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def random_values(seed: int, count: int, exponent: int) -> np.ndarray:
    """float64 in [-1, 1) times 2**exponent."""
    integers = (random_bits(seed, count) >> np.uint64(64 - VALUE_BITS)).astype(np.int64) - 2 ** (
        VALUE_BITS - 1
    )
    return np.ldexp(integers.astype(np.float64), exponent - (VALUE_BITS - 1))


def is_zero(pattern: str, step: int) -> bool:
    return (
        pattern == "zero"
        or (pattern == "zero_first" and step == 0)
        or (pattern == "alternating" and step % 2 == 1)
    )


def values(
    case: str, tensor: str, role: str, pattern: str, exponent: int, step: int, count: int
) -> np.ndarray:
    """The `count` elements of one tensor at one step, as float64."""
    if is_zero(pattern, step):
        return np.zeros(count)
    result = random_values(seed_of(f"{case}/{tensor}/{role}/{step}"), count, exponent)
    if pattern in SPECIAL_VALUES and count > 0 and (role == PARAMETER or step == 1):
        result[count // 2] = SPECIAL_VALUES[pattern]
    return result
