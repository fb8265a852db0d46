"""LARS with the signature of optax.lars, computed by liblars: on the CPU, under jit, by JAX's FFI.

>>> import jax.numpy as jnp, optax, liblars.optax
>>> solver = liblars.optax.lars(learning_rate=0.1)
>>> params = {"w": jnp.ones(3)}
>>> state = solver.init(params)
>>> updates, state = solver.update({"w": jnp.ones(3)}, state, params)
>>> params = optax.apply_updates(params, updates)
"""

from __future__ import annotations

import ctypes
import pathlib
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy
import optax

from . import _arguments, _capi
from ._errors import refused
from ._optimizer import Optimizer

__all__ = ["LarsState", "lars"]

_TARGET = "liblars_update"
_WIDE = {jnp.dtype("float32"): jnp.float32, jnp.dtype("float64"): jnp.float64,
         jnp.dtype("float16"): jnp.float32, jnp.dtype("bfloat16"): jnp.float32,
         jnp.dtype("complex64"): jnp.complex64, jnp.dtype("complex128"): jnp.complex128}  # fmt: skip


class LarsState(NamedTuple):
    """The number of updates so far, and the momentum: float32 for 16-bit parameters."""

    count: jax.Array
    trace: optax.Params


def _register() -> None:
    module = next(iter(pathlib.Path(__file__).parent.glob("lib/liblars_jax*")), None)
    if module is None:
        raise ImportError("this liblars was built without JAX; a wheel that has it was built where jaxlib was installed")
    handler = ctypes.CDLL(str(module)).liblars_update
    jax.ffi.register_ffi_target(_TARGET, jax.ffi.pycapsule(handler), platform="cpu")


_register()


def lars(
    learning_rate: optax.ScalarOrSchedule,
    weight_decay: optax.ScalarOrSchedule = 0.0,
    weight_decay_mask: Any = True,
    trust_coefficient: Any = 0.001,
    eps: Any = 0.0,
    trust_ratio_mask: Any = True,
    momentum: Any = 0.9,
    nesterov: bool = False,
) -> optax.GradientTransformationExtraArgs:
    """As optax.lars. Parameters of float16 and bfloat16 are widened for the computation, and updates narrowed."""
    numbers = {
        "learning_rate": learning_rate,
        "weight_decay": weight_decay,
        "trust_coefficient": trust_coefficient,
        "eps": eps,
        "momentum": momentum,
    }
    _check(numbers)

    def init(params: optax.Params) -> LarsState:
        return LarsState(jnp.zeros([], jnp.int32), jax.tree.map(_momentum_of, params))

    def update(
        updates: optax.Updates, state: LarsState, params: optax.Params | None = None, **_extra: Any
    ) -> tuple[optax.Updates, LarsState]:
        if params is None:
            raise ValueError(optax.base.NO_PARAMS_MSG if hasattr(optax, "base") else "lars needs the parameters: pass params")
        values = {name: _at(value, state.count) for name, value in numbers.items()} | {"nesterov": float(nesterov)}
        masks = [_leaves_of(mask, params) for mask in (weight_decay_mask, trust_ratio_mask)]
        new_updates, trace = _update(values, masks, params, updates, state.trace)
        return new_updates, LarsState(optax.safe_increment(state.count), trace)

    return optax.GradientTransformationExtraArgs(init, update)


def _check(numbers: dict[str, Any]) -> None:
    """Refuses now what the first update would; what is computed is known only then."""
    optimizer = Optimizer()
    for name, value in numbers.items():
        if not callable(value) and not _is_computed(value):
            optimizer.set(name, _arguments.real(value, name, "a number or a schedule"))


def _at(value: Any, count: jax.Array) -> Any:
    return value(count) if callable(value) else value


def _momentum_of(parameter: Any) -> jax.Array:
    return jnp.zeros_like(parameter, dtype=_wide_dtype(jnp.result_type(parameter)))


def _wide_dtype(dtype: Any) -> Any:
    wide = _WIDE.get(jnp.dtype(dtype))
    if wide is None:
        raise TypeError(f"liblars.optax.lars: a parameter is of dtype {dtype}; it must be one of {', '.join(map(str, _WIDE))}")
    return wide


def _leaves_of(mask: Any, params: optax.Params) -> numpy.ndarray:
    """A mask, which may be a function of the parameters and a prefix of their tree, as one number a leaf."""
    tree = mask(params) if callable(mask) else mask
    broadcast = jax.tree.map(lambda value, part: jax.tree.map(lambda _: value, part), tree, params)
    return numpy.array([bool(value) for value in jax.tree.leaves(broadcast)], numpy.int32)


def _is_computed(value: Any) -> bool:
    """Whether it is an operand of the call. As attributes, the values of a schedule would compile a call each."""
    return isinstance(value, jax.Array)  # also what jit traces


def _update(
    values: dict[str, Any], masks: list[numpy.ndarray], params: Any, gradients: Any, trace: Any
) -> tuple[Any, Any]:
    leaves, tree = jax.tree.flatten(params)
    if not leaves:
        return gradients, trace
    _require_shapes(params, tree.flatten_up_to(gradients), "gradient")
    _require_shapes(params, tree.flatten_up_to(trace), "momentum")
    wide = [_widened(leaf) for leaf in leaves]
    given = list(map(jnp.asarray, tree.flatten_up_to(gradients)))
    w = list(map(_parts, wide))
    g = [_parts(leaf.astype(parameter.dtype)) for leaf, parameter in zip(given, wide, strict=True)]
    v = list(map(_parts, tree.flatten_up_to(trace)))
    computed = [name for name, value in values.items() if _is_computed(value)]
    fixed = [name for name in values if name not in computed]
    results = [jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for leaf in w]
    first_momentum = 1 + 2 * len(w)
    outputs = jax.ffi.ffi_call(
        _TARGET,
        results + results,
        input_output_aliases={first_momentum + i: len(w) + i for i in range(len(w))},
        vmap_method="sequential",
    )(
        _vector([values[name] for name in computed]),
        *w,
        *g,
        *v,
        keys=numpy.array([_capi.KEYS[name] for name in fixed], numpy.int32),
        values=numpy.array([float(values[name]) for name in fixed], numpy.float64),
        computed_keys=numpy.array([_capi.KEYS[name] for name in computed], numpy.int32),
        decay_mask=masks[0],
        trust_ratio_mask=masks[1],
    )
    whole = [_placed(_whole(one, like), like) for one, like in zip(outputs, wide + wide, strict=True)]
    # optax's sum of a gradient and its parameter's decay is of the type that JAX promotes the two to.
    dtypes = map(jnp.result_type, given, leaves)
    updates = [one.astype(dtype) for one, dtype in zip(whole[: len(w)], dtypes, strict=True)]
    return tree.unflatten(updates), tree.unflatten(whole[len(w) :])


def _parts(array: Any) -> jax.Array:
    """Complex numbers as their real and imaginary parts: norms and linear combinations are the same."""
    return jnp.stack([array.real, array.imag], axis=-1) if jnp.iscomplexobj(array) else array


def _whole(array: jax.Array, like: jax.Array) -> jax.Array:
    return jax.lax.complex(array[..., 0], array[..., 1]) if jnp.iscomplexobj(like) else array


def _placed(array: jax.Array, like: jax.Array) -> jax.Array:
    """What the call returns is replicated; where the parameter's type says that it is sharded, this is, too."""
    sharding = jax.typeof(like).sharding
    return array if jax.typeof(array).sharding == sharding else jax.sharding.reshard(array, sharding)


def _require_shapes(params: Any, others: list[Any], what: str) -> None:
    """When traced, as for the rest of what JAX knows of shapes. C would see as many elements, at the most."""
    for (path, parameter), other in zip(jax.tree_util.tree_leaves_with_path(params), others, strict=True):
        if jnp.iscomplexobj(other) and not jnp.iscomplexobj(parameter):
            raise refused("TYPE", f"the {what} of params{jax.tree_util.keystr(path)} is complex, its parameter is not")
        if jnp.shape(other) != jnp.shape(parameter):
            raise refused(
                "SHAPE",
                f"the {what} of params{jax.tree_util.keystr(path)} has the shape {jnp.shape(other)}, its parameter "
                f"{jnp.shape(parameter)}; they must be the same",
            )


def _widened(leaf: Any) -> jax.Array:
    array = jnp.asarray(leaf)
    return array.astype(_wide_dtype(array.dtype))


def _vector(values: list[Any]) -> jax.Array:
    kind = jnp.result_type(float)  # float64 only where JAX has it
    if not values:
        return jnp.zeros(0, kind)
    computed = jnp.stack([jnp.asarray(value, kind) for value in values])
    # A schedule of optax ends a little below 0 where its binary32 rounds so; liblars refuses what is below 0.
    return jnp.where((computed < 0) & (computed > -1e-6), 0, computed)


