"""What a step costs through this binding: of the tensors of ResNet-50, and of as many tiny ones.

    overhead.py MODEL.json SECONDS numpy|bound|torch

Prints a line of JSON for each. numpy: Optimizer.step; bound: the function that Optimizer.bind returns; torch:
liblars.torch.LARS.
"""

import json
import pathlib
import statistics
import sys
import time

import numpy

import liblars

TINY = 64


def numpy_step(shapes, bound):
    optimizer = liblars.Optimizer()
    for number, shape in enumerate(shapes):
        optimizer.add_parameter(str(number), shape)
    optimizer.set("learning_rate", 0.1)
    optimizer.set("weight_decay", 1e-4)
    w = [numpy.full(shape, 0.5, numpy.float32) for shape in shapes]
    g = [numpy.full(shape, 1e-3, numpy.float32) for shape in shapes]
    return optimizer.bind(w, g) if bound else lambda: optimizer.step(w, g)


def torch_step(shapes):
    import torch

    from liblars.torch import LARS

    parameters = [torch.nn.Parameter(torch.full(shape, 0.5)) for shape in shapes]
    for parameter in parameters:
        parameter.grad = torch.full_like(parameter, 1e-3)
    return LARS(parameters, lr=0.1, weight_decay=1e-4).step


def median_time(step, seconds):
    for _ in range(10):
        step()
    times, end = [], time.perf_counter() + seconds
    while len(times) < 10 or time.perf_counter() < end:
        before = time.perf_counter_ns()
        step()
        times.append(time.perf_counter_ns() - before)
    return statistics.median(times)


def main():
    model, seconds, kind = sys.argv[1:]
    shapes = [tuple(parameter["shape"]) for parameter in json.loads(pathlib.Path(model).read_text())["parameters"]]
    for some in (shapes, [(TINY,)] * len(shapes)):
        step = torch_step(some) if kind == "torch" else numpy_step(some, kind == "bound")
        elements = sum(int(numpy.prod(shape, dtype=numpy.int64)) for shape in some)
        print(json.dumps({"tensors": len(some), "elements": elements, "ns_per_step": int(median_time(step, float(seconds)))}))


if __name__ == "__main__":
    main()
