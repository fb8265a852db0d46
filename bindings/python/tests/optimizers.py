"""Optimizers that take plain gradient steps: what a test expects is seen without computing."""

from __future__ import annotations

import liblars


def optimizer_of(*shapes, dtype="float32"):
    optimizer = liblars.Optimizer()
    for number, shape in enumerate(shapes):
        optimizer.add_parameter(f"p{number}", shape, dtype)
    optimizer.set("learning_rate", 1.0)
    optimizer.set("trust_ratio_mask", 0)
    return optimizer
