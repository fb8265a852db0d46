"""Random configurations for the differential test: the whole space of optax.lars, reproducible from a seed."""

import random
from typing import Any

from case import ALL, NONE, Case, Hyperparameters, Mask, Tensor
from schedules import Schedule

# Few shapes, because jax compiles every operation anew for every shape; the long ones have ragged ends.
SHAPES = ((), (1,), (3,), (17,), (4, 3), (2, 3, 2), (2, 2, 2, 2), (0,), (4096,), (4133,), (67, 64))
LONG = 4096
NAMES = ("encoder.weight", "encoder.bias", "head.weight", "head.bias", "head.scale")
FEW_STEPS = (1, 2, 3, 5)
MANY_STEPS = 25


def often(draw: random.Random, probability: float) -> bool:
    return draw.random() < probability


def positive(draw: random.Random, lowest: float, highest: float) -> float:
    """Log-uniform."""
    return lowest * (highest / lowest) ** draw.random()


def cycle(draw: random.Random, highest: float) -> dict[str, Any]:
    warmup = draw.randint(0, 3)
    return {
        "init_value": draw.uniform(0, highest),
        "peak_value": draw.choice((0.0, highest, draw.uniform(0, highest))),
        "warmup_steps": warmup,
        "decay_steps": warmup + draw.randint(1, 9),
        "end_value": draw.uniform(0, 0.1 * highest),
        "exponent": draw.choice((1.0, 0.5, 2.0, draw.uniform(0.1, 3))),
    }


def simple_schedule(draw: random.Random, highest: float) -> Schedule:
    """Any of optax's schedules but join, with values within [0, highest]."""
    start, end = draw.uniform(0, highest), draw.uniform(0, highest)
    length, begin = draw.randint(0, 12), draw.choice((0, 0, draw.randint(1, 4)))
    boundaries = sorted(draw.sample(range(0, 12), draw.randint(0, 3)))
    scales = [[boundary, draw.choice((0.0, 0.1, 0.5, 1.0, draw.random()))] for boundary in boundaries]
    decay = {
        "transition_steps": length,
        "decay_rate": draw.choice((0.0, 0.5, 1.0, draw.random())),
        "transition_begin": begin,
        "staircase": often(draw, 0.5),
        "end_value": draw.choice((None, draw.uniform(0, start))),
    }
    onecycle = {
        "transition_steps": length + 1,
        "peak_value": highest,
        "pct_start": draw.choice((0.3, draw.uniform(0.1, 0.5))),
        "div_factor": draw.uniform(1, 30),
        "final_div_factor": positive(draw, 1, 1e4),
    }
    warmup = {"init_value": start, "peak_value": end, "warmup_steps": draw.randint(0, 5)}
    transition = {
        "init_value": start,
        "end_value": end,
        "transition_steps": length,
        "transition_begin": begin,
    }
    choices: tuple[tuple[str, dict[str, Any]], ...] = (
        ("constant_schedule", {"value": start}),
        ("linear_schedule", transition),
        ("polynomial_schedule", transition | {"power": draw.choice((0.5, 1, 2, draw.uniform(0, 3)))}),
        ("piecewise_constant_schedule", {"init_value": start, "boundaries_and_scales": scales}),
        (
            "piecewise_interpolate_schedule",
            {
                "interpolate_type": draw.choice(("linear", "cosine")),
                "init_value": start,
                "boundaries_and_scales": scales,
            },
        ),
        ("exponential_decay", {"init_value": start} | decay),
        (
            "cosine_decay_schedule",
            {
                "init_value": start,
                "decay_steps": length + 1,
                "alpha": draw.choice((0.0, draw.random())),
                "exponent": draw.choice((1.0, draw.uniform(0.1, 3))),
            },
        ),
        ("linear_onecycle_schedule", onecycle | {"pct_final": draw.choice((0.85, draw.uniform(0.5, 0.9)))}),
        ("cosine_onecycle_schedule", onecycle),
        ("warmup_constant_schedule", warmup),
        ("warmup_cosine_decay_schedule", cycle(draw, highest)),
        ("warmup_exponential_decay_schedule", warmup | decay),
        ("sgdr_schedule", {"cosine_kwargs": [cycle(draw, highest) for _ in range(draw.randint(1, 3))]}),
        ("inverse_time", {"value": start, "decay": draw.random()}),
    )
    return Schedule(*draw.choice(choices))


def random_schedule(draw: random.Random, highest: float) -> Schedule:
    if often(draw, 0.8):
        return simple_schedule(draw, highest)
    count = draw.randint(1, 3)
    boundaries = sorted(draw.sample(range(1, 15), count - 1))
    parts = [simple_schedule(draw, highest) for _ in range(count)]
    return Schedule("join_schedules", {"schedules": parts, "boundaries": boundaries})


def random_hyperparameters(draw: random.Random) -> Hyperparameters:
    """Each key at its default, at a constant or on a schedule; learning_rate always given."""
    constants = {
        "learning_rate": draw.choice((0.0, 0.1, positive(draw, 1e-3, 1), positive(draw, 1, 30))),
        "weight_decay": draw.choice((0.0, 5e-5, positive(draw, 1e-5, 1))),
        "trust_coefficient": draw.choice((0.001, positive(draw, 1e-4, 0.02), 0.0)),
        "eps": draw.choice((0.0, 1e-8, positive(draw, 1e-6, 1))),
        "momentum": draw.choice((0.0, 0.9, draw.random(), 1.0)),
        "gradient_scale": draw.choice((1.0, 1 / 128, -1.0, draw.uniform(-4, 4))),
    }
    highest = {
        "learning_rate": 2.0,
        "weight_decay": 0.5,
        "trust_coefficient": 0.02,
        "eps": 0.1,
        "momentum": 0.99,
        "gradient_scale": 2.0,
    }
    chosen: Hyperparameters = {}
    for key, constant in constants.items():
        if key == "learning_rate" or often(draw, 0.6):
            chosen[key] = random_schedule(draw, highest[key]) if often(draw, 0.3) else constant
    if often(draw, 0.6):
        chosen["nesterov"] = often(draw, 0.7)
    return chosen


def random_tensors(draw: random.Random) -> tuple[Tensor, ...]:
    """One to four tensors, at most one of them long."""
    tensors: list[Tensor] = []
    for name in draw.sample(NAMES, draw.randint(1, 4)):
        has_long = any(tensor.size() >= LONG for tensor in tensors)
        shapes = [shape for shape in SHAPES if not has_long or Tensor("", shape).size() < LONG]
        patterns = ("random",) * 9 + ("zero", "zero_first", "alternating")
        tensors.append(
            Tensor(
                name,
                draw.choice(shapes),
                parameter=draw.choice(patterns),
                gradient=draw.choice(patterns),
                parameter_exponent=draw.randint(-6, 4),
                gradient_exponent=draw.randint(-12, 4),
            )
        )
    return tuple(tensors)


def random_mask(draw: random.Random, tensors: tuple[Tensor, ...]) -> Mask:
    names = [tensor.name for tensor in tensors]
    branches = sorted({name.split(".")[0] for name in names})
    choices = [
        ALL,
        NONE,
        Mask("tree", tuple(draw.sample(names, draw.randint(0, len(names))))),
        Mask("prefix", tuple(draw.sample(branches, draw.randint(0, len(branches))))),
    ]
    if any(len(tensor.shape) <= 1 for tensor in tensors):
        choices.append(Mask("callable"))
    return draw.choice(choices)


def random_case(seed: int, number: int) -> Case:
    """Configuration `number` of a seed; independent of all others."""
    draw = random.Random(f"{seed}/{number}")
    tensors = random_tensors(draw)
    hyperparameters = random_hyperparameters(draw)
    groups: dict[str, Hyperparameters] = {}
    masks = [random_mask(draw, tensors), random_mask(draw, tensors)]
    if often(
        draw, 0.15
    ):  # optax.partition shows each branch only its own tensors, so masks stay single bools
        groups = {tensors[0].name.split(".")[0]: random_hyperparameters(draw)}
        masks = [draw.choice((ALL, NONE)) for _ in masks]
    steps = MANY_STEPS if often(draw, 0.04) else draw.choice(FEW_STEPS)
    return Case(f"random/{seed}/{number}", hyperparameters, *masks, groups, tensors, steps)
