"""Originals on TensorFlow."""

import sys

import numpy as np
import tensorflow as tf

from formulas import TfContrib
from original import Arrays, Configuration, Original, files, load_file

sys.path.append(str(files()))  # for tf_keras

MODELS_FILE = "official/modeling/optimization/lars.py"


class TensorFlowModels(Original):
    title = "tensorflow/models `LARS(classic_momentum=True)`"
    package = "tf-models-official"
    of_files = True
    variant = "optax"
    takes = frozenset({"nesterov", "exclusion", "no decay"})

    def __init__(self, parameters: Arrays, c: Configuration, classic_momentum: bool = True):
        self.variables = [
            tf.Variable(array, name="vector" if array.ndim == 1 else "other") for array in parameters
        ]
        excluded = ["vector"] if c.excludes else None
        self.optimizer = load_file(MODELS_FILE).LARS(
            learning_rate=c.learning_rate,
            momentum=c.momentum,
            weight_decay_rate=c.weight_decay,
            eeta=c.trust_coefficient,
            nesterov=c.nesterov,
            classic_momentum=classic_momentum,
            exclude_from_weight_decay=excluded,
            exclude_from_layer_adaptation=excluded,
        )

    def step(self, gradients: Arrays, learning_rate: float) -> None:
        self.optimizer.learning_rate = learning_rate
        tensors = [tf.constant(gradient) for gradient in gradients]
        self.optimizer.apply_gradients(zip(tensors, self.variables, strict=True))

    def values(self) -> Arrays:
        return [variable.numpy() for variable in self.variables]


class TfContribKernel(TfContrib):
    """TensorFlow 1's LARSOptimizer is a learning rate for this kernel."""

    title = "`tf.contrib.opt.LARSOptimizer`, its momentum by TensorFlow's kernel"
    package = "tensorflow_cpu"

    def apply_momentum(self, w: np.ndarray, v: np.ndarray, g: np.ndarray, rate: float) -> None:
        parameter, momentum = tf.Variable(w), tf.Variable(v)
        tf.raw_ops.ResourceApplyMomentum(
            var=parameter.handle,
            accum=momentum.handle,
            lr=tf.constant(rate, tf.float64),
            grad=tf.constant(g),
            momentum=tf.constant(self.c.momentum, tf.float64),
            use_nesterov=self.c.nesterov,
        )
        w[...], v[...] = parameter.numpy(), momentum.numpy()


ORIGINALS = [TensorFlowModels, TfContribKernel]
