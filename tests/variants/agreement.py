"""Originals beside liblars, step by step, in random configurations."""

import unittest
from typing import Any

import numpy as np

import formulas
from formulas import KeyedStep, Keys
from library import VARIANTS, Optimizer
from original import Arrays, Configuration, Original, version_of

STEPS = 200
SHAPES = ((5, 3), (17,), (4, 1, 3), (64, 33), (3, 2), (1,))
ZERO_AT_FIRST = 4  # of SHAPES: as layers that start at zero
KEYED_CONFIGURATIONS = 64


def binary32(value: float) -> float:
    return float(np.float32(value))


# Rates and trust coefficients are below those at which random gradients make a tensor grow without bound.
def random_learning_rate(rng: np.random.Generator) -> float:
    return binary32(10 ** rng.uniform(-2, 0.3))


def random_trust_coefficient(rng: np.random.Generator) -> float:
    return binary32(10 ** rng.uniform(-3, -2))


def random_configuration(rng: np.random.Generator, original: type[Original]) -> Configuration:
    def sometimes(what: str) -> bool:
        return bool(rng.integers(2)) and what in original.takes

    nesterov = sometimes("nesterov") or original.always_nesterov
    momentum = float(rng.choice(original.momenta))
    if nesterov and momentum == 0:  # PyTorch's rule, as the next
        momentum = 0.5
    dampening = 0.3 if sometimes("dampening") and not nesterov else 0.0
    weight_decay = 10 ** rng.uniform(-4, -1)
    if "no decay" in original.takes and rng.integers(4) == 0:
        weight_decay = 0.0
    return Configuration(
        learning_rate=random_learning_rate(rng),
        weight_decay=binary32(weight_decay),
        trust_coefficient=random_trust_coefficient(rng),
        eps=binary32(rng.choice([1e-8, 1e-2])) if sometimes("eps") else 0.0,
        momentum=binary32(momentum),
        dampening=binary32(dampening),
        nesterov=nesterov,
        excludes=sometimes("exclusion") or original.always_excludes,
        batched=sometimes("batches"),
    )


def make_ours(original: type[Original], parameters: Arrays, c: Configuration) -> Optimizer:
    ours = Optimizer(parameters)
    ours.variant(original.variant)
    ours.set(weight_decay=c.weight_decay, trust_coefficient=c.trust_coefficient, eps=c.eps, momentum=c.momentum)
    ours.set(dampening=c.dampening, nesterov=float(c.nesterov))
    ours.set(**original.settings)
    for index, array in enumerate(parameters):
        if c.excludes and array.ndim == 1:
            ours.set(f"p{index}", **original.excluded)
    return ours


class Deviation:
    """The largest difference of two runs, of a tensor relative to the largest element it ever had: an element
    that passes near 0 on its way has lost digits in both."""

    def __init__(self) -> None:
        self.largest = 0.0
        self.scales: dict[int, float] = {}

    def add(self, index: int, ours: np.ndarray, theirs: np.ndarray) -> float:
        self.scales[index] = max(self.scales.get(index, 0.0), float(np.abs(theirs).max()))
        difference = float(np.abs(ours - theirs).max())
        deviation = difference / self.scales[index] if difference != 0 else 0.0
        self.largest = max(self.largest, deviation)  # NaN is found by who asks for less or equal
        return deviation


def start_and_gradients(rng: np.random.Generator) -> Arrays:
    start = [rng.normal(size=shape) for shape in SHAPES]
    start[ZERO_AT_FIRST][...] = 0
    return start


class Agreement(unittest.TestCase):
    """One test an original, added by `add_agreement_tests`."""

    def compare(self, original: type[Original], seed: int) -> float:
        """The largest deviation in one configuration."""
        rng = np.random.default_rng(seed)
        c = random_configuration(rng, original)
        parameters = start_and_gradients(rng)
        if not original.agrees_at_zero_weight:
            parameters[ZERO_AT_FIRST][...] = 1
        theirs = original([array.copy() for array in parameters], c)
        ours = make_ours(original, parameters, c)
        deviation = Deviation()
        for step in range(STEPS):
            # Changes, so that it shows what of it is in the momentum.
            rate = binary32(c.learning_rate * (1 + 0.5 * np.sin(0.1 * step)))
            gradients = [0.1 * rng.normal(size=shape) for shape in SHAPES]
            if original.agrees_at_zero_gradient and step % 7 == 3:
                gradients[step % len(SHAPES)][...] = 0
            ours.set(learning_rate=rate)
            ours.step(gradients)
            theirs.step([gradient.copy() for gradient in gradients], rate)
            for index, (mine, other) in enumerate(zip(parameters, theirs.values(), strict=True)):
                found = deviation.add(index, mine, other)
                where = f"{original.title}: seed {seed}, step {step}, shape {SHAPES[index]}, {c}"
                self.assertLessEqual(found, original.tolerance, where)
        return deviation.largest

    def check(self, original: type[Original], results: list[dict[str, Any]]) -> None:
        try:
            deviations = [self.compare(original, seed) for seed in range(original.configurations)]
        except ImportError as error:
            self.skipTest(f"{original.title}: {error}")
        seeds = f"seeds 0 to {original.configurations - 1}, {STEPS} steps each"
        source = version_of(original) or original.source
        print(f"{original.title}, {source}: {seeds}, agree to {max(deviations):.0e}", flush=True)
        results.append(
            {
                "title": original.title,
                "package": original.package,
                "version": version_of(original),
                "source": original.source,
                "variant": original.variant,
                "settings": original.settings,
                "theirs": original.theirs,
                "without": original.without,
                "excluded": excluded_vectors(original),
                "deviation": max(deviations),
                "configurations": original.configurations,
            }
        )


def excluded_vectors(original: type[Original]) -> str:
    """How liblars leaves out the tensors of one dimension that the original does, for the table."""
    if not original.always_excludes and "exclusion" not in original.takes:
        return ""
    keys = " and ".join(f"`{key}` {value:g}" for key, value in original.excluded.items())
    return f"{'always' if original.always_excludes else 'if asked'}: {keys}"


def add_agreement_tests(originals: list[type[Original]], results: list[dict[str, Any]]) -> None:
    def test_of(original: type[Original]) -> Any:
        return lambda self: self.check(original, results)

    for original in originals:
        setattr(Agreement, f"test_{original.__name__}", test_of(original))


class Discernment(unittest.TestCase):
    """The comparison tells the variants apart: an original agrees with its own and with no other."""

    # PAPER, TORCH and LARC have one denominator; what tells them apart is the changing rate and the clip.
    originals = (formulas.Mlperf, formulas.ApexLars, formulas.ApexLarc, formulas.BarlowTwins, formulas.TfContrib)

    def test_originals_disagree_with_other_variants(self) -> None:
        for original in self.originals:
            for variant in VARIANTS.keys() - {original.variant}:
                other = type("Other", (original,), {"variant": variant})
                with self.subTest(original=original.__name__, variant=variant):
                    with self.assertRaises(AssertionError):
                        for seed in range(original.configurations):
                            Agreement().compare(other, seed)

    def test_originals_disagree_with_other_settings(self) -> None:
        for key in ("zero_norm_decay", "decay_in_update"):
            other = type("Other", (formulas.Mlperf,), {"settings": {key: 0.0}})
            with self.subTest(key=key), self.assertRaises(AssertionError):
                for seed in range(other.configurations):
                    Agreement().compare(other, seed)


# ---- Keys -------------------------------------------------------------------------------------------------


def random_keys(rng: np.random.Generator) -> Keys:
    return Keys(
        learning_rate=random_learning_rate(rng),
        weight_decay=float(rng.choice([0.0, 10 ** rng.uniform(-4, -2)])),
        weight_decay_mask=int(rng.integers(4) != 0),
        trust_coefficient=random_trust_coefficient(rng),
        eps=float(rng.choice([0.0, 1e-8, 1e-2])),
        trust_ratio_mask=int(rng.integers(4) != 0),
        momentum=float(rng.choice([0.0, 0.5, 0.9])),
        nesterov=int(rng.integers(2)),
        gradient_scale=float(rng.choice([1.0, -0.25, 3.0])),
        denominator=int(rng.integers(3)),
        outside_momentum=int(rng.integers(3)),
        trust_clip=int(rng.integers(2)),
        dampening=float(rng.choice([0.0, 0.3])),
        decay_in_update=int(rng.integers(2)),
        zero_norm_decay=int(rng.integers(2)),
        clip_value=float(rng.choice([np.inf, 0.15])),
    )


class KeysTest(unittest.TestCase):
    """All keys in any combination, each parameter with its own, beside docs/variants.md in NumPy."""

    def compare(self, seed: int) -> tuple[float, set[bool]]:
        rng = np.random.default_rng([seed, 1])
        parameters = start_and_gradients(rng)
        theirs = [KeyedStep(array) for array in parameters]
        keys = [random_keys(rng) for _ in parameters]
        ours = Optimizer(parameters)
        for index, chosen in enumerate(keys):
            ours.set(f"p{index}", **vars(chosen))
        deviation = Deviation()
        clipped = set()
        for step in range(STEPS):
            gradients = [0.1 * rng.normal(size=shape) for shape in SHAPES]
            if step % 7 == 3:
                gradients[step % len(SHAPES)][...] = 0
            ours.step(gradients)
            for index, (mine, other) in enumerate(zip(parameters, theirs, strict=True)):
                other.step(keys[index], gradients[index])
                if keys[index].trust_clip:
                    clipped.add(other.clipped)
                found = deviation.add(index, mine, other.w)
                self.assertLessEqual(found, Original.tolerance, f"seed {seed}, step {step}, {keys[index]}")
        return deviation.largest, clipped

    def test_every_key_in_any_combination(self) -> None:
        runs = [self.compare(seed) for seed in range(KEYED_CONFIGURATIONS)]
        self.assertEqual(set.union(*[clipped for _, clipped in runs]), {True, False}, "both sides of min(r/γ, 1)")
        print(
            f"every key: seeds 0 to {KEYED_CONFIGURATIONS - 1}, {len(SHAPES)} parameters with keys of their own, "
            f"{STEPS} steps each, agree to {max(deviation for deviation, _ in runs):.0e}",
            flush=True,
        )
