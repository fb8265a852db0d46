"""Trains a small model with JAX and liblars.optax.lars under jit; examples/README.md has the task."""

import data
import jax
import jax.numpy as jnp
import numpy
import optax

import liblars.optax


def initial_params() -> dict[str, dict[str, jax.Array]]:
    first, second = data.initial_weights()
    return {
        "layer1": {"weight": jnp.asarray(first), "bias": jnp.zeros(100)},
        "layer2": {"weight": jnp.asarray(second), "bias": jnp.zeros(10)},
    }


def predict(params, images):
    hidden = jax.nn.relu(images @ params["layer1"]["weight"] + params["layer1"]["bias"])
    return hidden @ params["layer2"]["weight"] + params["layer2"]["bias"]


def losses_of(params, images, labels):
    return optax.softmax_cross_entropy_with_integer_labels(predict(params, images), labels)


def is_weight(params):
    return jax.tree.map(lambda parameter: parameter.ndim > 1, params)


def make_solver():
    """Biases have a learning rate of their own: optax's way is a solver for each kind of parameter."""

    def solver(rate):
        return liblars.optax.lars(
            optax.cosine_decay_schedule(rate, data.STEPS), 1e-4, is_weight, 0.01, trust_ratio_mask=is_weight, momentum=0.9
        )

    kinds = {"weight": "weight", "bias": "bias"}
    return optax.multi_transform({"weight": solver(2.0), "bias": solver(0.2)}, {"layer1": kinds, "layer2": kinds})


def main() -> None:
    images, labels = data.read(*data.arguments())
    params, solver = initial_params(), make_solver()

    def take(params, state, images, labels):
        gradients = jax.grad(lambda params: losses_of(params, images, labels).mean())(params)
        updates, state = solver.update(gradients, state, params)
        return optax.apply_updates(params, updates), state

    step, state = jax.jit(take, donate_argnums=(0, 1)), solver.init(params)
    for _ in range(data.EPOCHS):
        for first in range(0, data.IMAGES, data.BATCH):
            batch = slice(first, first + data.BATCH)
            params, state = step(params, state, images[batch], labels[batch])
    outputs = predict(params, images)
    data.report(numpy.asarray(losses_of(params, images, labels)), numpy.asarray(outputs.argmax(1)) == labels)


if __name__ == "__main__":
    main()
