"""liblars: layer-wise adaptive rate scaling (LARS) as optax.lars defines it, on the CPU, in place.

>>> import numpy, liblars
>>> weight, gradient = numpy.ones(4, numpy.float32), numpy.full(4, 0.5, numpy.float32)
>>> optimizer = liblars.Optimizer()
>>> optimizer.add_parameter("weight", weight.shape)
0
>>> optimizer.set("learning_rate", 0.1)
>>> optimizer.step([weight], [gradient])
True
>>> float(weight[0])
0.9998999834060669

`liblars.torch.LARS` is a torch.optim.Optimizer, `liblars.optax.lars` an optax.GradientTransformation. The library's own
documentation of keys, variants, schedules and checkpoints is that of lars.h.
"""

from . import _schedules as schedules
from ._capi import library as _library
from ._errors import (
    LarsArithmeticError,
    LarsError,
    LarsFileNotFoundError,
    LarsIndexError,
    LarsIOError,
    LarsMemoryError,
    LarsRuntimeError,
    LarsTypeError,
    LarsValueError,
)
from ._optimizer import Optimizer
from ._records import Nonfinite, Norms, Parameter, StepReport
from ._schedules import Schedule

__version__ = _library.lars_version_string().decode()

__all__ = [
    "LarsArithmeticError",
    "LarsError",
    "LarsFileNotFoundError",
    "LarsIOError",
    "LarsIndexError",
    "LarsMemoryError",
    "LarsRuntimeError",
    "LarsTypeError",
    "LarsValueError",
    "Nonfinite",
    "Norms",
    "Optimizer",
    "Parameter",
    "Schedule",
    "StepReport",
    "schedules",
]
