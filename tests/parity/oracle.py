"""The oracle: runs the real optax.lars on a case, operation by operation as optax writes it (no jit)."""

import functools
import json
import os

# The instructions that every x86-64 machine has, hence no fused multiply-add: golden files can be made again bit for
# bit elsewhere. Must be set before jax is imported.
os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_cpu_max_isa=SSE4_2"
os.environ["JAX_PLATFORMS"] = "cpu"

from typing import Any, Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np
import optax

import inputs
from case import Case, Hyperparameters, Mask, Tensor
from schedules import Schedule

jax.config.update("jax_enable_x64", True)

Arrays = dict[str, np.ndarray]

# optax.lars takes these as numbers only; inject_hyperparams schedules them.
NEEDS_INJECTION = ("trust_coefficient", "eps", "momentum")


def nested(leaves: dict[str, Any]) -> dict[str, Any]:
    """{"a.b": x} as {"a": {"b": x}}, the tree that optax sees."""
    tree: dict[str, Any] = {}
    for name, leaf in leaves.items():
        *branches, last = name.split(".")
        node = tree
        for branch in branches:
            node = node.setdefault(branch, {})
        node[last] = leaf
    return tree


def flat(tree: dict[str, Any], prefix: str = "") -> Arrays:
    """The inverse of nested, with NumPy leaves."""
    leaves: Arrays = {}
    for name, node in tree.items():
        leaves |= (
            flat(node, f"{prefix}{name}.") if isinstance(node, dict) else {prefix + name: np.asarray(node)}
        )
    return leaves


def optax_mask(mask: Mask, tensors: tuple[Tensor, ...]) -> Any:
    """The mask in the form that the case asks for."""
    if mask.form == "callable":
        return lambda tree: jax.tree.map(lambda leaf: leaf.ndim > 1, tree)
    if mask.form == "tree":
        return nested({tensor.name: mask.selects(tensor) for tensor in tensors})
    if mask.form == "prefix":
        return {tensor.name.split(".")[0]: mask.selects(tensor) for tensor in tensors}
    return mask.form == "all"


@functools.cache
def remembered(description: str, dtype: str) -> Callable[[jax.Array], Any]:
    """The optax schedule of a description; values are remembered, because eager schedules cost most of a step."""
    schedule = Schedule.from_json(json.loads(description))
    compute = schedule.optax_float64() if dtype == "float64" else schedule.optax()
    values: dict[int, Any] = {}

    def value(count: jax.Array) -> Any:
        step = int(count)
        if step not in values:
            values[step] = compute(count)
        return values[step]

    return value


def argument(value: Any, dtype: str) -> Any:
    """A hyper-parameter as optax takes it; in float32 exactly as a user would write it."""
    return remembered(json.dumps(value.to_json()), dtype) if isinstance(value, Schedule) else value


def transformation(case: Case, hyperparameters: Hyperparameters, dtype: str) -> optax.GradientTransformation:
    """optax.lars with a case's masks, injected where a schedule needs it, after the gradient scale if there is one."""
    arguments = {key: argument(value, dtype) for key, value in hyperparameters.items()}
    gradient_scale = arguments.pop("gradient_scale", None)
    lars = optax.lars
    if any(callable(arguments.get(key)) for key in NEEDS_INJECTION):
        lars = optax.inject_hyperparams(optax.lars, static_args=("weight_decay_mask", "trust_ratio_mask"))
    optimizer = lars(
        **arguments,
        weight_decay_mask=optax_mask(case.weight_decay_mask, case.tensors),
        trust_ratio_mask=optax_mask(case.trust_ratio_mask, case.tensors),
    )
    if gradient_scale is None:
        return optimizer
    scale = optax.scale_by_schedule if callable(gradient_scale) else optax.scale
    return optax.chain(scale(gradient_scale), optimizer)


def optimizer_of(case: Case, dtype: str) -> optax.GradientTransformation:
    """The case's optimizer; groups become optax.partition."""
    if not case.groups:
        return transformation(case, case.hyperparameters, dtype)
    branches = {tensor.name.split(".")[0]: tensor for tensor in case.tensors}
    optimizers = {
        branch: transformation(case, case.of_tensor(tensor), dtype) for branch, tensor in branches.items()
    }
    return optax.partition(optimizers, {branch: branch for branch in branches})


def tree_of(case: Case, role: str, step: int, dtype: str) -> dict[str, Any]:
    leaves = {tensor.name: tensor.values(case.name, role, step).astype(dtype) for tensor in case.tensors}
    return nested({name: jnp.asarray(leaf) for name, leaf in leaves.items()})


def fresh_updates(case: Case, dtype: str) -> Iterator[Arrays]:
    """optax's updates where both parameters and gradients come from the inputs at every step.

    Rounding differences can pass from step to step through the momentum only.
    """
    with jax.enable_x64(dtype == "float64"):
        optimizer = optimizer_of(case, dtype)
        state = optimizer.init(tree_of(case, inputs.PARAMETER, 0, dtype))
    for step in range(case.steps):
        with jax.enable_x64(dtype == "float64"):
            parameters = tree_of(case, inputs.PARAMETER, step, dtype)
            updates, state = optimizer.update(tree_of(case, inputs.GRADIENT, step, dtype), state, parameters)
        yield flat(updates)


def free_steps(case: Case, dtype: str) -> Iterator[tuple[Arrays, Arrays]]:
    """optax's updates and parameters where each step starts from the parameters that the last one left."""
    with jax.enable_x64(dtype == "float64"):
        optimizer = optimizer_of(case, dtype)
        parameters = tree_of(case, inputs.PARAMETER, 0, dtype)
        state = optimizer.init(parameters)
    for step in range(case.steps):
        with jax.enable_x64(dtype == "float64"):
            updates, state = optimizer.update(tree_of(case, inputs.GRADIENT, step, dtype), state, parameters)
            parameters = optax.apply_updates(parameters, updates)
        yield flat(updates), flat(parameters)
