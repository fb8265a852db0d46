"""What others get wrong, or decide otherwise: docs/variants.md lists these tests by name."""

import unittest
from dataclasses import replace

import numpy as np

from library import Optimizer
from original import Arrays, Configuration, Original

W = np.array([[3.0, 4.0]])  # norm 5
G = np.array([[0.6, 0.8]])  # norm 1, along W
ETA = 0.125
PLAIN = Configuration(learning_rate=1.0, trust_coefficient=ETA, momentum=0.0)


def theirs(original: Original, gradients: Arrays, learning_rate: float = 1.0) -> np.ndarray:
    """Their one parameter after a step with each of the gradients."""
    for gradient in gradients:
        original.step([gradient.copy()], learning_rate)
    return np.array(original.values()[0])


def ours(variant: str, w: np.ndarray, gradients: Arrays, **settings: float) -> np.ndarray:
    parameter = w.copy()
    optimizer = Optimizer([parameter])
    optimizer.variant(variant)
    optimizer.set(**({"learning_rate": 1.0, "trust_coefficient": ETA, "momentum": 0.0} | settings))
    for gradient in gradients:
        optimizer.step([gradient])
    return parameter


def same(actual: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(actual, expected, rtol=1e-12)


# ---- On PyTorch -------------------------------------------------------------------------------------------


class TimmTest(unittest.TestCase):
    def lars(self, w: np.ndarray, **more: float) -> Original:
        import torch
        from on_torch import TimmLars
        from timm.optim.lars import Lars

        class AsItComes(TimmLars):
            def make(self, groups: list, c: Configuration) -> torch.optim.Optimizer:
                return Lars(groups, lr=1.0, trust_coeff=ETA, eps=0.0, **more)

        return AsItComes([w], PLAIN)

    def test_timm_does_not_adapt_without_weight_decay(self) -> None:
        same(theirs(self.lars(W), [G]), W - G)  # plain SGD
        same(ours("torch", W, [G]), W - ETA * 5.0 * G)

    def test_timm_larc_clips_the_ratio_of_a_zero_norm(self) -> None:
        zero = np.zeros((1, 2))
        larc = self.lars(zero, trust_clip=True, always_adapt=True)
        same(theirs(larc, [G], learning_rate=4.0), -G)  # min(1 / 4, 1) of the learning rate 4
        same(ours("larc", zero, [G], learning_rate=4.0), -4.0 * G)  # as apex

    def test_timm_norms_overflow_in_binary32(self) -> None:
        large = np.full((1, 4), 1e30, dtype=np.float32)
        self.assertFalse(np.isfinite(theirs(self.lars(large, weight_decay=1e-3), [large])).any())
        # r = η / (1 + λ), and g + λw = (1 + λ) w.
        np.testing.assert_allclose(ours("torch", large, [large], weight_decay=1e-3), (1 - ETA) * large, rtol=1e-6)

    def test_timm_norms_underflow_in_binary32(self) -> None:
        small = np.full((1, 4), 1e-30, dtype=np.float32)
        lars = self.lars(small, weight_decay=1e-3)
        np.testing.assert_allclose(theirs(lars, [small]), -1e-3 * small, rtol=1e-3)  # ratio 1: plain SGD
        np.testing.assert_allclose(ours("torch", small, [small], weight_decay=1e-3), (1 - ETA) * small, rtol=1e-6)


class PytorchOptimizerTest(unittest.TestCase):
    def test_pytorch_optimizer_dampens_the_first_step(self) -> None:
        from on_torch import PytorchOptimizer

        c = replace(PLAIN, momentum=0.5, dampening=0.75)
        same(theirs(PytorchOptimizer([W], c), [G]), W - 0.25 * ETA * 5.0 * G)
        same(ours("torch", W, [G], momentum=0.5, dampening=0.75), W - ETA * 5.0 * G)  # as torch.optim.SGD

    def test_pytorch_optimizer_adapts_without_a_gradient(self) -> None:
        from on_torch import PytorchOptimizer

        c = replace(PLAIN, weight_decay=0.25)
        same(theirs(PytorchOptimizer([W], c), [0 * G]), W - ETA * W)  # r = η / λ, as optax
        same(ours("torch", W, [0 * G], weight_decay=0.25), W - 0.25 * W)  # r = 1, as timm

    def test_pytorch_optimizer_overwrites_the_gradient(self) -> None:
        from on_torch import PytorchOptimizer

        for batched in (False, True):
            original = PytorchOptimizer([W], replace(PLAIN, batched=batched))
            theirs(original, [G])
            same(original.tensors[0].grad.numpy(), ETA * 5.0 * G)
        gradient = G.copy()
        ours("torch", W, [gradient])
        np.testing.assert_array_equal(gradient, G)

    def test_old_pytorch_optimizer_counts_the_first_gradient_twice(self) -> None:
        from on_torch import OldPytorchOptimizer

        c = replace(PLAIN, momentum=0.5)
        try:
            old = OldPytorchOptimizer([W], c)
        except ImportError as error:
            self.skipTest(str(error))
        same(theirs(old, [G]), W - 1.5 * ETA * 5.0 * G)  # the momentum starts from the gradient, not from 0
        same(ours("torch", W, [G], momentum=0.5, denominator=2.0), W - ETA * 5.0 * G)


class LightningBoltsTest(unittest.TestCase):
    def test_bolts_does_not_adapt_without_weight_decay(self) -> None:
        from on_torch import LightningBolts

        try:
            bolts = LightningBolts([W], PLAIN)
        except ImportError as error:
            self.skipTest(str(error))
        same(theirs(bolts, [G]), W - G)  # plain SGD
        same(ours("torch", W, [G]), W - ETA * 5.0 * G)


# ---- On Paddle --------------------------------------------------------------------------------------------


class PaddleTest(unittest.TestCase):
    def test_paddle_does_not_adapt_without_weight_decay(self) -> None:
        from on_paddle import PaddleLars

        same(theirs(PaddleLars([W], PLAIN), [G]), W - G)
        same(ours("paper", W, [G]), W - ETA * 5.0 * G)  # as its kernel for CUDA


# ---- On TensorFlow ----------------------------------------------------------------------------------------


class TensorFlowModelsTest(unittest.TestCase):
    def test_tensorflow_models_popular_momentum_is_no_variant(self) -> None:
        from on_tensorflow import TensorFlowModels

        # The ratio is of the momentum: here r₂ = η‖w₁‖ / ‖v₂‖ with v₂ = g / 2 - g, a step along +g.
        popular = theirs(
            TensorFlowModels([W], replace(PLAIN, momentum=0.5), classic_momentum=False), [G, -G]
        )
        first = W - ETA * 5.0 * G
        same(popular, first + ETA * np.linalg.norm(first) * G)
        for variant in ("optax", "paper", "torch", "larc", "barlow", "tf"):
            self.assertFalse(np.allclose(ours(variant, W, [G, -G], momentum=0.5), popular), variant)


# ---- On tinygrad ------------------------------------------------------------------------------------------


class TinygradTest(unittest.TestCase):
    def test_tinygrad_fused_has_one_ratio_for_all(self) -> None:
        from on_tinygrad import TinygradLars

        large, small = 100.0 * W, W
        try:
            fused = TinygradLars([large, small], PLAIN, fused=True)
        except ImportError as error:
            self.skipTest(str(error))
        fused.step([G, G], 1.0)  # as one tensor of norm ‖(500, 5)‖ with a gradient of norm √2
        ratio = ETA * np.hypot(500.0, 5.0) / np.sqrt(2.0)
        for value, start in zip(fused.values(), (large, small), strict=True):
            same(value, start - ratio * G)
        same(ours("paper", large, [G]), large - ETA * 500.0 * G)
        same(ours("paper", small, [G]), small - ETA * 5.0 * G)
