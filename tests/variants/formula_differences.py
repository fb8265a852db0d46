"""As differences.py, for code that cannot be run here: their side is the formula in the source named."""

import unittest
from dataclasses import replace

import numpy as np

from differences import ETA, PLAIN, G, W, ours, same, theirs
from formulas import ApexLarc, Mlperf
from library import Optimizer


class MlperfTest(unittest.TestCase):
    def test_mlperf_replaces_eps_0(self) -> None:
        """`self.epsilon = epsilon or backend_config.epsilon()`, which is 1e-7; the rules say 0."""
        small = 1e-9 * G
        port = Mlperf([W], replace(PLAIN, eps=0.0 or 1e-7))
        same(theirs(port, [small]), W - ETA * 5.0 / (1e-9 + 1e-7) * small)  # 101 times too short
        same(ours("paper", W, [small]), W - ETA * 5.0 * G)


class ApexTest(unittest.TestCase):
    def test_apex_takes_norms_of_scaled_gradients(self) -> None:
        """apex issue 1030: the loss scale is in p.grad when LARC takes its norm, and not in λ‖w‖."""
        scale, decay = 1024.0, 0.25
        across = np.array([[-0.8, 0.6]])  # to W: along it, decay would not show
        larc = ApexLarc([W], replace(PLAIN, weight_decay=decay))
        scaled = theirs(larc, [scale * across])
        # The ratio takes the scale away again, and of the weight decay a 1024th is left.
        same(scaled, W - ETA * 5.0 / (scale + decay * 5.0) * (scale * across + decay * W))
        unscaled = W - ETA * 5.0 / (1.0 + decay * 5.0) * (across + decay * W)
        self.assertFalse(np.allclose(scaled, unscaled, rtol=1e-2))
        same(ours("larc", W, [scale * across], weight_decay=decay, gradient_scale=1 / scale), unscaled)


class PaddleCudaTest(unittest.TestCase):
    def test_paddle_amp_takes_the_norm_of_rounded_weights(self) -> None:
        """paddle/phi/kernels/gpu/lars_momentum_kernel.cu: L2NormKernel reads `param`, binary16, while
        VectorizeLarsUpdate steps `master_param`."""
        # Steps of 2^-12: binary16 near 1 has a spacing of 2^-10, so that only the masters move.
        parameter = np.ones((8, 8), dtype=np.float16)
        gradient = np.full((8, 8), 2.0**-12, dtype=np.float16)
        optimizer = Optimizer([parameter])
        optimizer.set(learning_rate=1.0, momentum=0.0, trust_ratio_mask=0)
        steps = 3
        for _ in range(steps):
            optimizer.step([gradient])
        weight_norm, _, _ = optimizer.norms(0)  # before the last step
        masters = 1.0 - (steps - 1) * 2.0**-12
        self.assertAlmostEqual(weight_norm, 8.0 * masters, delta=1e-9)


class RocmTest(unittest.TestCase):
    def test_rocm_never_updates_bfloat16(self) -> None:
        """ROCm's FusedLARS has kernels for float and half only, and passes other types over in silence. Here:"""
        parameter = np.full((4, 4), 0x3F80, dtype=np.uint16)  # the bits of 1
        gradient = np.full((4, 4), 0x3F00, dtype=np.uint16)  # of 0.5
        optimizer = Optimizer([parameter])
        optimizer.set(learning_rate=1.0, momentum=0.0, trust_ratio_mask=0)
        optimizer.step([gradient])
        np.testing.assert_array_equal(parameter, np.full((4, 4), 0x3F00))


class OneFlowTest(unittest.TestCase):
    def test_oneflow_norms_start_from_stale_memory(self) -> None:
        """LarsUpdateKernelUtil<kCPU> adds the squares to what its scratch buffer held before it clears it. Here
        what earlier steps left behind has no effect:"""
        rng = np.random.default_rng(0)
        start, gradient = rng.normal(size=(2, 70, 130))
        fresh = ours("paper", start, [gradient])
        parameter = start.copy()
        used = Optimizer([parameter])
        used.variant("paper")
        used.set(learning_rate=1.0, trust_coefficient=ETA, momentum=0.0)
        used.step([1e150 * gradient])  # sums of 1e300 and more
        parameter[...] = start
        used.step([gradient])
        np.testing.assert_array_equal(parameter, fresh)
