"""What no package ships any more, in NumPy and binary64, from the formula in the source named."""

import dataclasses
from typing import ClassVar

import numpy as np

from original import Arrays, Configuration, Original

norm = np.linalg.norm


class Formula(Original):
    def __init__(self, parameters: Arrays, configuration: Configuration):
        self.w = [array.astype(np.float64) for array in parameters]
        self.v = [np.zeros_like(array) for array in self.w]
        self.c = configuration
        self.first = True

    def values(self) -> Arrays:
        return self.w

    def step(self, gradients: Arrays, learning_rate: float) -> None:
        for w, v, g in zip(self.w, self.v, gradients, strict=True):
            excluded = self.c.excludes and w.ndim == 1
            self.advance(w, v, g.astype(np.float64), learning_rate, excluded)
        self.first = False

    def advance(self, w: np.ndarray, v: np.ndarray, g: np.ndarray, rate: float, excluded: bool) -> None:
        """Changes w and v."""
        raise NotImplementedError

    def ratio(self, w: np.ndarray, g: np.ndarray) -> float:
        """Of the paper's algorithm 1, with ε; 1 unless both norms are above 0."""
        if not (norm(w) > 0 and norm(g) > 0):
            return 1.0
        return self.c.trust_coefficient * norm(w) / (norm(g) + self.c.weight_decay * norm(w) + self.c.eps)


class Mlperf(Formula):
    title = "MLPerf `LARSOptimizer`"
    source = "mlcommons/training, image_classification/tensorflow2/lars_optimizer.py"
    variant = "paper"
    takes = frozenset({"eps", "nesterov", "exclusion", "no decay"})

    def advance(self, w: np.ndarray, v: np.ndarray, g: np.ndarray, rate: float, excluded: bool) -> None:
        if not excluded:
            rate *= self.ratio(w, g)
            g = g + self.c.weight_decay * w
        v *= self.c.momentum
        v -= rate * g
        w += self.c.momentum * v - rate * g if self.c.nesterov else v


class TorchSgd(Formula):
    """Ends as torch.optim.SGD does; what comes before is the derived class's."""

    def finish(self, w: np.ndarray, v: np.ndarray, d: np.ndarray, rate: float) -> None:
        if self.c.momentum != 0:
            v *= self.c.momentum
            v += d if self.first else (1 - self.c.dampening) * d
            d = d + self.c.momentum * v if self.c.nesterov else v
        w -= rate * d


class ApexLarc(TorchSgd):
    title = "apex `LARC(clip=True)` of SGD"
    source = "NVIDIA/apex, apex/parallel/LARC.py"
    variant = "larc"
    clip: ClassVar[bool] = True
    takes = frozenset({"eps", "dampening", "nesterov", "no decay"})

    def advance(self, w: np.ndarray, v: np.ndarray, g: np.ndarray, rate: float, excluded: bool) -> None:
        if norm(w) != 0 and norm(g) != 0:
            ratio = self.ratio(w, g)
            if self.clip:
                ratio = min(ratio / rate, 1.0)
            g = ratio * (g + self.c.weight_decay * w)
        self.finish(w, v, g, rate)


class ApexLars(ApexLarc):
    title = "apex `LARC(clip=False)` of SGD"
    variant = "torch"
    settings = {"zero_norm_decay": 0.0}
    clip = False


class BarlowTwins(Formula):
    title = "Barlow Twins `LARS`"
    source = "facebookresearch/barlowtwins, main.py"
    variant = "barlow"
    takes = frozenset({"exclusion", "no decay"})

    def advance(self, w: np.ndarray, v: np.ndarray, g: np.ndarray, rate: float, excluded: bool) -> None:
        if not excluded:
            g = g + self.c.weight_decay * w
            if norm(w) > 0 and norm(g) > 0:
                g = self.c.trust_coefficient * norm(w) / norm(g) * g
        v *= self.c.momentum
        v += g
        w -= rate * v


class TfContrib(Formula):
    title = "`tf.contrib.opt.LARSOptimizer`"
    source = "TensorFlow 1.15, tensorflow/contrib/opt/python/training/lars_optimizer.py"
    variant = "tf"
    takes = frozenset({"eps", "nesterov", "exclusion", "no decay"})

    def advance(self, w: np.ndarray, v: np.ndarray, g: np.ndarray, rate: float, excluded: bool) -> None:
        if not excluded:
            rate *= self.ratio(w, g)
        self.apply_momentum(w, v, g, rate)

    def apply_momentum(self, w: np.ndarray, v: np.ndarray, g: np.ndarray, rate: float) -> None:
        """TensorFlow's kernel ApplyMomentum."""
        v *= self.c.momentum
        v += g
        w -= rate * (g + self.c.momentum * v) if self.c.nesterov else rate * v


ORIGINALS = [Mlperf, ApexLarc, ApexLars, BarlowTwins, TfContrib]


# ---- Every key, from docs/variants.md ----------------------------------------------------------------------


@dataclasses.dataclass
class Keys:
    """liblars's keys of one parameter, with the names of lars.h."""

    learning_rate: float
    weight_decay: float = 0.0
    weight_decay_mask: int = 1
    trust_coefficient: float = 0.001
    eps: float = 0.0
    trust_ratio_mask: int = 1
    momentum: float = 0.9
    nesterov: int = 0
    gradient_scale: float = 1.0
    denominator: int = 0
    outside_momentum: int = 0
    trust_clip: int = 0
    dampening: float = 0.0
    decay_in_update: int = 1
    zero_norm_decay: int = 1
    clip_value: float = np.inf


class KeyedStep:
    """One parameter stepped as docs/variants.md says."""

    def __init__(self, w: np.ndarray):
        self.w = w.astype(np.float64)
        self.v = np.zeros_like(self.w)
        self.first = True
        self.clipped = False  # the trust ratio, in the last step

    def step(self, keys: Keys, g: np.ndarray) -> None:
        d = np.clip(keys.gradient_scale * g, -keys.clip_value, keys.clip_value)
        decay = keys.weight_decay * keys.weight_decay_mask
        decayed = norm(d + decay * self.w)
        denominator = (decayed, norm(d) + decay * norm(self.w), norm(d))[keys.denominator]
        zero = norm(self.w) == 0 or (decayed if keys.denominator == 0 else norm(d)) == 0
        ratio = self.ratio(keys, denominator, zero)
        u = d
        if keys.decay_in_update and (keys.zero_norm_decay or not zero):
            u = d + decay * self.w
        rate = keys.learning_rate
        inside, outside = ((rate * ratio, 1.0), (ratio, rate), (1.0, rate * ratio))[keys.outside_momentum]
        dampening = 0.0 if self.first or keys.momentum == 0 else keys.dampening
        self.v = keys.momentum * self.v + (1 - dampening) * inside * u
        self.w -= outside * (inside * u + keys.momentum * self.v if keys.nesterov else self.v)
        self.first = False

    def ratio(self, keys: Keys, denominator: float, zero: bool) -> float:
        self.clipped = False
        if zero or not keys.trust_ratio_mask:
            return 1.0
        ratio = keys.trust_coefficient * norm(self.w) / (denominator + keys.eps)
        if keys.trust_clip:
            self.clipped = ratio > keys.learning_rate
            ratio = min(ratio / keys.learning_rate, 1.0)
        return ratio
