"""Originals on tinygrad, on its CPU device, which compiles C with Clang."""

import os
import shutil
import sys
from typing import ClassVar

import numpy as np

from original import Arrays, Configuration, Original, files

compilers = [name for name in ("clang", "clang-14") if shutil.which(name)]
os.environ.update({"DEV": "CPU", "CC": compilers[0] if compilers else "", "OPTIM_DTYPE": "float64"})
sys.path.append(str(files()))


class TinygradLars(Original):
    title = "tinygrad `LARS`"
    package = "tinygrad"
    of_files = True
    variant = "paper"
    classic: ClassVar[bool] = True
    takes = frozenset({"nesterov", "no decay"})
    configurations = 12  # each is compiled

    def __init__(self, parameters: Arrays, c: Configuration, fused: bool = False):
        if not compilers:
            raise ImportError("tinygrad needs clang or clang-14")
        from tinygrad import Tensor, TinyJit
        from tinygrad.nn.optim import LARS

        self.tensors = [Tensor(array).realize() for array in parameters]
        self.gradients = [Tensor(np.zeros_like(array)).realize() for array in parameters]
        self.optimizer = LARS(
            self.tensors,
            lr=c.learning_rate,
            momentum=c.momentum,
            weight_decay=c.weight_decay,
            nesterov=c.nesterov,
            classic=self.classic,
            tcoef=c.trust_coefficient,
            fused=fused,
        )
        self.compiled_step = TinyJit(self.take_step)

    def take_step(self) -> None:
        for tensor, gradient in zip(self.tensors, self.gradients, strict=True):
            tensor.grad = gradient
        self.optimizer.step()

    def step(self, gradients: Arrays, learning_rate: float) -> None:
        from tinygrad import Context, Tensor

        for gradient, array in zip(self.gradients, gradients, strict=True):
            gradient.assign(Tensor(array)).realize()
        rate = self.optimizer.lr
        rate.assign(Tensor([learning_rate], dtype=rate.dtype)).realize()
        with Context(TRAINING=1):
            self.compiled_step()

    def values(self) -> Arrays:
        return [tensor.numpy() for tensor in self.tensors]


class TinygradPopular(TinygradLars):
    title = "tinygrad `LARS(classic=False)`"
    variant = "tf"
    classic = False
    settings = {"decay_in_update": 1.0}


ORIGINALS = [TinygradLars, TinygradPopular]
