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
        # Steps of 2^-12: binary16 near 1 has a spacing of 2^-11 below and 2^-10 above, so that the masters move
        # and the rounded weights lag behind.
        start = np.ones((8, 8), dtype=np.float16)
        gradient = np.full((8, 8), 2.0**-12, dtype=np.float16)
        steps = 4

        def norms(rounded: bool) -> list[float]:
            """Before every step of plain SGD."""
            master, found = start.astype(np.float32), []
            for _ in range(steps):
                found.append(float(np.linalg.norm((master.astype(np.float16) if rounded else master).astype(np.float64))))
                master = master - gradient.astype(np.float32)
            return found

        self.assertEqual(norms(rounded=True)[1], 8.0)  # as if the first step had not been
        optimizer = Optimizer([start.copy()])
        optimizer.set(learning_rate=1.0, momentum=0.0, trust_ratio_mask=0)
        found = []
        for _ in range(steps):
            optimizer.step([gradient])
            found.append(optimizer.norms(0)[0])
        same(np.array(found), np.array(norms(rounded=False)))
        self.assertFalse(np.allclose(found, norms(rounded=True), rtol=1e-5))


class RocmTest(unittest.TestCase):
    def test_rocm_never_updates_bfloat16(self) -> None:
        """ROCm's FusedLARS sorts gradients into lists of float16 and float32, and steps those; what is neither is in
        no list, and nobody says so."""
        bits = {1.0: 0x3F80, 0.5: 0x3F00}  # of bfloat16, which NumPy does not have
        start, gradient = (np.full((4, 4), bits[value], dtype=np.uint16) for value in (1.0, 0.5))

        def rocm(parameters: list[tuple[str, np.ndarray, np.ndarray]]) -> list[np.ndarray]:
            lists = {"float16": [], "float32": []}
            for index, (dtype, _, _) in enumerate(parameters):
                lists.get(dtype, []).append(index)
            stepped = lists["float16"] + lists["float32"]
            return [w - g if index in stepped else w for index, (_, w, g) in enumerate(parameters)]

        wide = np.full((4, 4), 1.0, dtype=np.float32)
        theirs_32, theirs_16 = rocm([("float32", wide, wide / 2), ("bfloat16", start, gradient)])
        np.testing.assert_array_equal(theirs_32, wide / 2)
        np.testing.assert_array_equal(theirs_16, start)  # as it was
        parameter = start.copy()
        optimizer = Optimizer([parameter])
        optimizer.set(learning_rate=1.0, momentum=0.0, trust_ratio_mask=0)
        optimizer.step([gradient])
        np.testing.assert_array_equal(parameter, np.full((4, 4), bits[0.5]))
        self.assertFalse(np.array_equal(parameter, theirs_16))


class OneFlowTest(unittest.TestCase):
    def test_oneflow_norms_start_from_stale_memory(self) -> None:
        """LarsUpdateKernelUtil<kCPU> adds the squares to what its scratch buffer held before it clears it, so that a
        step's ratio is that of its own norms only if the buffer happens to be 0."""
        rng = np.random.default_rng(0)
        start, gradient = rng.normal(size=(2, 70, 130))

        def oneflow(w: np.ndarray, g: np.ndarray, scratch: np.ndarray) -> np.ndarray:
            """A step without momentum, decay and eps; scratch: what memory held, Σw² and Σg² of before."""
            scratch += [np.sum(w * w), np.sum(g * g)]
            return w - ETA * np.sqrt(scratch[0] / scratch[1]) * g

        fresh = ours("paper", start, [gradient])
        same(oneflow(start, gradient, np.zeros(2)), fresh)
        scratch = np.zeros(2)
        oneflow(start, 1e150 * gradient, scratch)
        stale = oneflow(start, gradient, scratch)
        same(stale, start)  # the ratio is 10^-150 of what it should be: the tensor stands still
        self.assertFalse(np.allclose(stale, fresh, rtol=1e-5))

        parameter = start.copy()
        used = Optimizer([parameter])
        used.variant("paper")
        used.set(learning_rate=1.0, trust_coefficient=ETA, momentum=0.0)
        used.step([1e150 * gradient])  # sums of 1e300 and more
        parameter[...] = start
        used.step([gradient])
        np.testing.assert_array_equal(parameter, fresh)
