"""liblars.optax.lars beside optax.lars: the same results, under jit, with schedules, masks and traced values."""

from __future__ import annotations

import doctest

import pytest

jax = pytest.importorskip("jax")
optax = pytest.importorskip("optax")
import jax.numpy as jnp  # noqa: E402
import numpy  # noqa: E402

import liblars.optax  # noqa: E402

PARAMS = {
    "conv": {"kernel": jnp.linspace(-1, 1, 54).reshape(3, 3, 3, 2), "bias": jnp.array([0.5, -0.25])},
    "scale": jnp.array(0.75),
    "zero": jnp.zeros(3),
    "none": jnp.zeros((0, 4)),
}


def gradients(params, step):
    return jax.tree.map(lambda p: 0.3 * p + 0.01 * (step + 1) * jnp.cos(jnp.arange(p.size, dtype=p.dtype)).reshape(p.shape), params)


def run(solver, params, steps=4, jit=True):
    def take(params, state, step):
        updates, state = solver.update(gradients(params, step), state, params)
        return optax.apply_updates(params, updates), state

    take = jax.jit(take) if jit else take
    state = solver.init(params)
    for step in range(steps):
        params, state = take(params, state, step)
    return params


SETTINGS = (
    {"learning_rate": 0.5},
    {"learning_rate": 0.5, "weight_decay": 0.01, "momentum": 0.8, "nesterov": True},
    {"learning_rate": optax.cosine_decay_schedule(0.5, 3), "eps": 0.1, "trust_coefficient": 0.02},
    {"learning_rate": 0.5, "weight_decay": optax.linear_schedule(0.1, 0.0, 3)},
    {"learning_rate": 0.5, "weight_decay": 0.01, "weight_decay_mask": {"conv": True, "scale": False, "zero": True, "none": True}},
    {"learning_rate": 0.5, "trust_ratio_mask": lambda params: jax.tree.map(lambda p: p.ndim > 1, params)},
)


@pytest.mark.parametrize("jit", [True, False])
@pytest.mark.parametrize("settings", SETTINGS, ids=range(len(SETTINGS)))
def test_equals_optax(settings, jit):
    ours, theirs = run(liblars.optax.lars(**settings), PARAMS, jit=jit), run(optax.lars(**settings), PARAMS, jit=jit)
    jax.tree.map(lambda a, b: numpy.testing.assert_allclose(a, b, rtol=2e-6, atol=1e-7), ours, theirs)


def test_equals_optax_in_binary64():
    with jax.enable_x64(True):
        params = jax.tree.map(lambda p: p.astype(jnp.float64), PARAMS)
        ours, theirs = run(liblars.optax.lars(**SETTINGS[1]), params), run(optax.lars(**SETTINGS[1]), params)
        jax.tree.map(lambda a, b: numpy.testing.assert_allclose(a, b, rtol=1e-13), ours, theirs)
        assert ours["scale"].dtype == jnp.float64


def test_equals_liblars_itself():
    weight, gradient = numpy.linspace(-1, 1, 50, dtype=numpy.float32), numpy.linspace(1, 2, 50, dtype=numpy.float32)
    solver = liblars.optax.lars(learning_rate=0.5, weight_decay=0.01)
    params, state = jnp.asarray(weight), solver.init(jnp.asarray(weight))
    optimizer = liblars.Optimizer()
    optimizer.add_parameter("w", weight.shape)
    optimizer.set("learning_rate", 0.5)
    optimizer.set("weight_decay", 0.01)
    for _ in range(3):
        updates, state = jax.jit(solver.update)(jnp.asarray(gradient), state, params)
        params = optax.apply_updates(params, updates)
        optimizer.step([weight], [gradient])
    assert numpy.asarray(params).tobytes() == weight.tobytes()


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16])
def test_sixteen_bits_are_computed_in_binary32(dtype):
    params = jnp.linspace(-1, 1, 50).astype(dtype)
    solver = liblars.optax.lars(learning_rate=0.5)
    state = solver.init(params)
    updates, state = solver.update(params, state, params)
    wide, _ = solver.update(params.astype(jnp.float32), solver.init(params.astype(jnp.float32)), params.astype(jnp.float32))
    assert updates.dtype == dtype
    assert state.trace.dtype == jnp.float32
    numpy.testing.assert_array_equal(updates, wide.astype(dtype))


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize(
    ("gradient", "parameter"),
    [("bfloat16", "float32"), ("float16", "float32"), ("float32", "bfloat16"), ("float16", "bfloat16"), ("float32", "float64"),
     ("float64", "float32"), ("complex64", "complex64")],
)  # fmt: skip
def test_updates_have_the_type_that_optax_gives_them(gradient, parameter, wide):
    with jax.enable_x64(wide):
        params, grads = jnp.linspace(0.5, 1, 6).astype(parameter), jnp.linspace(1, 2, 6).astype(gradient)
        ours, theirs = (make(learning_rate=0.5, momentum=0.0) for make in (liblars.optax.lars, optax.lars))
        one, other = (solver.update(grads, solver.init(params), params)[0] for solver in (ours, theirs))
        assert one.dtype == other.dtype
        numpy.testing.assert_allclose(one.astype(complex), other.astype(complex), rtol=2e-2)


def test_complex_parameters_are_as_in_optax():
    params = {"w": jnp.linspace(-1, 1, 6).reshape(2, 3) * (1 + 2j), "b": jnp.array(0.5 - 0.25j), "real": jnp.ones(2)}
    settings = {"learning_rate": 0.5, "weight_decay": 0.01, "nesterov": True}
    ours, theirs = run(liblars.optax.lars(**settings), params), run(optax.lars(**settings), params)
    jax.tree.map(lambda a, b: numpy.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7), ours, theirs)
    assert ours["w"].dtype == jnp.complex64


def test_complex_gradients_of_real_parameters_are_refused():
    solver = liblars.optax.lars(learning_rate=0.5)
    with pytest.raises(liblars.LarsTypeError, match=r"the gradient of params\['w'\] is complex, its parameter is not"):
        solver.update({"w": jnp.ones(3, complex)}, solver.init({"w": jnp.ones(3)}), {"w": jnp.ones(3)})


def test_hyper_parameters_may_be_injected_and_traced():
    make = optax.inject_hyperparams(liblars.optax.lars)
    solver = make(learning_rate=optax.linear_schedule(0.5, 0.1, 3), momentum=0.8)
    reference = optax.inject_hyperparams(optax.lars)(learning_rate=optax.linear_schedule(0.5, 0.1, 3), momentum=0.8)
    ours, theirs = run(solver, PARAMS), run(reference, PARAMS)
    jax.tree.map(lambda a, b: numpy.testing.assert_allclose(a, b, rtol=2e-6, atol=1e-7), ours, theirs)


def test_states_are_values():
    """An update changes no state but its result: the same state twice gives the same twice."""
    solver = liblars.optax.lars(learning_rate=0.5)
    state = solver.init(PARAMS)
    first, after = solver.update(PARAMS, state, PARAMS)
    second, _ = solver.update(PARAMS, state, PARAMS)
    jax.tree.map(numpy.testing.assert_array_equal, first, second)
    assert not state.trace["conv"]["bias"].any()
    assert after.count == 1


def test_vmap_and_scan():
    solver = liblars.optax.lars(learning_rate=0.5)
    stack = jnp.stack([jnp.linspace(-1, 1, 8), jnp.linspace(1, 3, 8)])

    def steps(params):
        def body(carry, _):
            params, state = carry
            updates, state = solver.update(params * 0.5 + 0.1, state, params)
            return (optax.apply_updates(params, updates), state), None

        return jax.lax.scan(body, (params, solver.init(params)), None, length=3)[0][0]

    together = jax.jit(jax.vmap(steps))(stack)
    alone = jnp.stack([steps(one) for one in stack])
    numpy.testing.assert_array_equal(together, alone)


def test_without_jit_a_schedule_compiles_nothing_anew():
    compiled = []
    jax.monitoring.register_event_duration_secs_listener(lambda event, *_, **__: compiled.append(event) if "compile" in event else None)
    solver = liblars.optax.lars(learning_rate=optax.linear_schedule(0.5, 0.0, 9))
    params, state = PARAMS, solver.init(PARAMS)
    for step in range(12):
        if step == 3:
            assert compiled, "this JAX reports compilations otherwise"
            compiled.clear()
        _, state = solver.update(gradients(params, step), state, params)
    jax.monitoring.clear_event_listeners()
    assert not compiled


@pytest.mark.parametrize("jit", [True, False])
def test_shapes_that_differ_are_refused(jit):
    solver = liblars.optax.lars(learning_rate=0.5)
    params = {"w": [jnp.ones((2, 3)), jnp.ones(4)]}
    state = solver.init(params)
    update = jax.jit(solver.update) if jit else solver.update
    for shape in ((3, 2), (6,), (1, 3), ()):
        with pytest.raises(ValueError) as caught:
            update({"w": [jnp.ones(shape), jnp.ones(4)]}, state, params)
        assert isinstance(caught.value, liblars.LarsError)
        assert f"gradient of params['w'][0] has the shape {shape}, its parameter (2, 3)" in str(caught.value)
    with pytest.raises(ValueError, match="momentum of params.* has the shape"):
        update(params, solver.init({"w": [jnp.ones((3, 2)), jnp.ones(4)]}), params)


def test_arrays_of_jax_are_not_written():
    optimizer = liblars.Optimizer()
    optimizer.add_parameter("w", (3,))
    optimizer.set("learning_rate", 0.5)
    w, g = jnp.ones(3), jnp.ones(3)
    with pytest.raises(ValueError, match=r"parameter 0 is a jax.Array, .* use liblars.optax, or .* numpy.array\(x\)"):
        optimizer.step([w], [g])
    assert optimizer.step([numpy.array(w)], [g])  # gradients are only read


def test_mistakes():
    solver = liblars.optax.lars(learning_rate=0.5)
    with pytest.raises(ValueError, match="param"):
        solver.update(PARAMS, solver.init(PARAMS))
    with pytest.raises(TypeError, match="int32"):
        solver.init(jnp.ones(3, jnp.int32))
    for settings, message in (
        ({"learning_rate": -1.0}, "learning_rate: -1 is not allowed"),
        ({"learning_rate": 0.1, "momentum": 1.5}, "momentum: 1.5 is not allowed"),
        ({"learning_rate": "0.1"}, "learning_rate: '0.1' is not allowed; it must be a number or a schedule"),
    ):
        with pytest.raises(liblars.LarsError, match=message):
            liblars.optax.lars(**settings)
    with pytest.raises(Exception, match="learning_rate: -1 is not allowed"):
        run(liblars.optax.lars(learning_rate=lambda count: -1.0), PARAMS, 1)


def test_examples_of_the_documentation():
    assert doctest.testmod(liblars.optax).failed == 0
