"""The table of cases: every row of optax.lars, each alone and then together. One golden file per group.

A case's name tells what it covers: `weight_decay/5e-05` sets that key alone, `masks/...` combines both masks.
"""

from itertools import product

from case import ALL, MODEL, NONE, Case, Hyperparameters, Mask, Tensor
from schedules import Schedule

RATE: Hyperparameters = {"learning_rate": 0.125}

# ---- Each hyper-parameter alone, at its default, at its limits and in between ----------------------------------

VALUES: dict[str, tuple[float | bool, ...]] = {
    "learning_rate": (0.0, 1e-4, 0.1, 30.0),
    "weight_decay": (0.0, 5e-5, 0.1, 1.5),
    "trust_coefficient": (0.0, 0.001, 0.02, 1.0),
    "eps": (0.0, 1e-8, 1e-3, 0.5),
    "momentum": (0.0, 0.5, 0.9, 0.99, 1.0),
    "nesterov": (False, True),
    "gradient_scale": (0.0, 1.0, -1.0, 1 / 256, 3.7),
}

HYPERPARAMETERS = tuple(
    Case(f"{key}/{value:g}", RATE | {key: value}, steps=3)
    for key, values in VALUES.items()
    for value in values
)

# ---- Each schedule; every argument away from its default at least once -----------------------------------------


def schedule(function: str, **arguments: object) -> Schedule:
    return Schedule(function, arguments)


STEPS_SCALED = [[3, 0.5], [7, 0.1], [120, 2.0]]
CYCLE = {"init_value": 0.1, "peak_value": 1.2, "warmup_steps": 3, "decay_steps": 11, "end_value": 0.01}
LONG_CYCLE = {"init_value": 0.0, "peak_value": 0.7, "warmup_steps": 10, "decay_steps": 60, "exponent": 1.5}
WARMUP = {"init_value": 0.0, "peak_value": 0.8, "warmup_steps": 5}

SCHEDULES: dict[str, Schedule] = {
    "constant": schedule("constant_schedule", value=0.3),
    "linear": schedule("linear_schedule", init_value=0.1, end_value=0.9, transition_steps=7),
    "linear_begin": schedule(
        "linear_schedule", init_value=0.9, end_value=0.0, transition_steps=150, transition_begin=4
    ),
    "linear_zero_steps": schedule("linear_schedule", init_value=0.4, end_value=0.9, transition_steps=0),
    "polynomial": schedule(
        "polynomial_schedule", init_value=1.0, end_value=1e-4, power=2, transition_steps=100
    ),
    "polynomial_fractional": schedule(
        "polynomial_schedule",
        init_value=0.1,
        end_value=0.7,
        power=0.5,
        transition_steps=30,
        transition_begin=2,
    ),
    "polynomial_power_0": schedule(
        "polynomial_schedule", init_value=0.1, end_value=0.7, power=0.0, transition_steps=3
    ),
    "piecewise_constant": schedule(
        "piecewise_constant_schedule", init_value=0.9, boundaries_and_scales=STEPS_SCALED
    ),
    "piecewise_constant_empty": schedule(
        "piecewise_constant_schedule", init_value=0.9, boundaries_and_scales=[]
    ),
    "piecewise_constant_to_0": schedule(
        "piecewise_constant_schedule", init_value=0.9, boundaries_and_scales=[[0, 0.5], [2, 0.0]]
    ),
    "piecewise_linear": schedule(
        "piecewise_interpolate_schedule",
        interpolate_type="linear",
        init_value=0.9,
        boundaries_and_scales=STEPS_SCALED,
    ),
    "piecewise_cosine": schedule(
        "piecewise_interpolate_schedule",
        interpolate_type="cosine",
        init_value=0.9,
        boundaries_and_scales=STEPS_SCALED,
    ),
    "piecewise_linear_empty": schedule(
        "piecewise_interpolate_schedule", interpolate_type="linear", init_value=0.9, boundaries_and_scales=[]
    ),
    "exponential": schedule("exponential_decay", init_value=0.9, transition_steps=50, decay_rate=0.3),
    "exponential_staircase": schedule(
        "exponential_decay",
        init_value=0.9,
        transition_steps=4,
        decay_rate=0.7,
        transition_begin=2,
        staircase=True,
        end_value=0.05,
    ),
    "exponential_growth": schedule(
        "exponential_decay", init_value=0.1, transition_steps=10, decay_rate=1.5, end_value=1.1
    ),
    "exponential_rate_0": schedule("exponential_decay", init_value=0.4, transition_steps=10, decay_rate=0.0),
    "exponential_zero_steps": schedule(
        "exponential_decay", init_value=0.4, transition_steps=0, decay_rate=0.5
    ),
    "cosine": schedule("cosine_decay_schedule", init_value=0.9, decay_steps=150),
    "cosine_exponent": schedule(
        "cosine_decay_schedule", init_value=0.9, decay_steps=9, alpha=0.1, exponent=2.5
    ),
    "linear_onecycle": schedule("linear_onecycle_schedule", transition_steps=100, peak_value=1.1),
    "linear_onecycle_factors": schedule(
        "linear_onecycle_schedule",
        transition_steps=13,
        peak_value=0.7,
        pct_start=0.25,
        pct_final=0.7,
        div_factor=5.0,
        final_div_factor=40.0,
    ),
    "cosine_onecycle": schedule("cosine_onecycle_schedule", transition_steps=100, peak_value=1.1),
    "cosine_onecycle_factors": schedule(
        "cosine_onecycle_schedule",
        transition_steps=13,
        peak_value=0.7,
        pct_start=0.25,
        div_factor=5.0,
        final_div_factor=40.0,
    ),
    "warmup_constant": schedule("warmup_constant_schedule", **WARMUP),
    "warmup_cosine": schedule("warmup_cosine_decay_schedule", **CYCLE),
    "warmup_cosine_no_warmup": schedule(
        "warmup_cosine_decay_schedule", **(CYCLE | {"warmup_steps": 0, "exponent": 0.75})
    ),
    "warmup_cosine_to_peak_0": schedule("warmup_cosine_decay_schedule", **(CYCLE | {"peak_value": 0.0})),
    "warmup_exponential": schedule(
        "warmup_exponential_decay_schedule", **WARMUP, transition_steps=30, decay_rate=0.5
    ),
    "warmup_exponential_staircase": schedule(
        "warmup_exponential_decay_schedule",
        **WARMUP,
        transition_steps=3,
        decay_rate=0.5,
        transition_begin=2,
        staircase=True,
        end_value=0.1,
    ),
    "sgdr": schedule("sgdr_schedule", cosine_kwargs=[CYCLE, LONG_CYCLE, CYCLE]),
    "join_mlperf": schedule(
        "join_schedules",
        schedules=[
            schedule("linear_schedule", init_value=0.0, end_value=1.0, transition_steps=20),
            schedule("polynomial_schedule", init_value=1.0, end_value=1e-4, power=2, transition_steps=181),
        ],
        boundaries=[20],
    ),
    "join_nested": schedule(
        "join_schedules",
        schedules=[
            schedule("constant_schedule", value=0.2),
            schedule("sgdr_schedule", cosine_kwargs=[CYCLE, CYCLE]),
            schedule("inverse_time", value=0.5, decay=0.1),
        ],
        boundaries=[2, 30],
    ),
    "callback": schedule("inverse_time", value=0.9, decay=0.25),
}

TWO_TENSORS = MODEL[:2]
AS_LEARNING_RATE = tuple(
    Case(
        f"learning_rate/{name}", {"learning_rate": value, "weight_decay": 0.1}, tensors=TWO_TENSORS, steps=40
    )
    for name, value in SCHEDULES.items()
)
AS_WEIGHT_DECAY = tuple(
    Case(f"weight_decay/{name}", RATE | {"weight_decay": value}, tensors=TWO_TENSORS, steps=12)
    for name, value in SCHEDULES.items()
)
# The keys that optax schedules through inject_hyperparams, and liblars's own.
SCHEDULABLE_OTHERWISE = ("trust_coefficient", "eps", "momentum", "gradient_scale")
SCHEDULED_OTHERWISE = tuple(
    Case(f"{key}/{name}", RATE | {"weight_decay": 0.01, key: SCHEDULES[name]}, steps=20)
    for key in SCHEDULABLE_OTHERWISE
    for name in ("linear", "piecewise_constant", "cosine", "callback")
) + (
    Case(
        "everything_scheduled",
        {
            "learning_rate": SCHEDULES["join_mlperf"],
            "weight_decay": SCHEDULES["cosine"],
            "trust_coefficient": SCHEDULES["warmup_constant"],
            "eps": SCHEDULES["polynomial"],
            "momentum": SCHEDULES["linear"],
            "gradient_scale": SCHEDULES["callback"],
            "nesterov": True,
        },
        steps=200,
    ),
)

# ---- Masks: none, all, some; as one bool, a tree, a prefix tree, a callable ------------------------------------

MASK_FORMS = {
    "all": ALL,
    "none": NONE,
    "tree": Mask("tree", ("encoder.bias", "head.weight")),
    "prefix": Mask("prefix", ("encoder",)),
    "callable": Mask("callable"),
}
DECAYED: Hyperparameters = RATE | {"weight_decay": 0.2}

MASKS = tuple(
    Case(
        f"masks/decay_{d}/ratio_{r}", DECAYED, weight_decay_mask=MASK_FORMS[d], trust_ratio_mask=MASK_FORMS[r]
    )
    for d, r in product(MASK_FORMS, MASK_FORMS)
) + (
    # A learning rate of its own for what is masked out: what liblars calls a selector is optax.partition.
    Case("groups/learning_rate", DECAYED, groups={"encoder": {"learning_rate": 0.01}}),
    Case(
        "groups/everything",
        DECAYED,
        groups={
            "head": {
                "learning_rate": SCHEDULES["warmup_cosine"],
                "weight_decay": 0.0,
                "trust_coefficient": 0.02,
                "eps": 0.01,
                "momentum": 0.5,
                "nesterov": True,
                "gradient_scale": -0.5,
            }
        },
        steps=20,
    ),
)

# ---- Zeros: gradients, parameters, both; at every step or at some; with decay and eps, which meet the zero test

ZERO_PATTERNS = ("random", "zero", "zero_first", "alternating")


def zeros_case(parameter: str, gradient: str, decay: float, eps: float, nesterov: bool) -> Case:
    name = f"zeros/w_{parameter}/g_{gradient}/decay_{decay:g}/eps_{eps:g}" + ("/nesterov" if nesterov else "")
    tensors = (Tensor("w", (3, 2), parameter, gradient), Tensor("b", (), parameter, gradient))
    settings = RATE | {"weight_decay": decay, "eps": eps, "nesterov": nesterov}
    return Case(name, settings, tensors=tensors, steps=4)


ZEROS = tuple(
    zeros_case(parameter, gradient, decay, eps, nesterov)
    for parameter, gradient in product(ZERO_PATTERNS, ZERO_PATTERNS)
    if "zero" in parameter + gradient or "alternating" in (parameter, gradient)
    for decay, eps, nesterov in ((0.0, 0.0, False), (0.1, 0.0, False), (0.1, 1e-3, True))
)

# ---- Shapes: 0-d to 4-d, empty, one element, around one chunk (4096) and beyond with a ragged end ---------------

SHAPES = ((), (1,), (5,), (17,), (3, 4), (2, 3, 4), (2, 3, 2, 2), (0,), (3, 0, 2))
LONG_SHAPES = ((4095,), (4096,), (4097,), (67, 64), (2, 3, 5, 411))
SHAPE_SETTINGS: dict[str, Hyperparameters] = {
    "plain": RATE,
    "full": RATE | {"weight_decay": 0.1, "eps": 1e-3, "nesterov": True, "gradient_scale": 0.75},
}


def named(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "scalar"


SHAPE_CASES = tuple(
    Case(f"shapes/{label}", settings, tensors=tuple(Tensor(named(shape), shape) for shape in SHAPES))
    for label, settings in SHAPE_SETTINGS.items()
) + tuple(
    Case(f"shapes/{named(shape)}/{label}", settings, tensors=(Tensor("w", shape),))
    for shape, (label, settings) in product(LONG_SHAPES, SHAPE_SETTINGS.items())
)

# ---- Combinations ----------------------------------------------------------------------------------------------

COMBINATIONS = tuple(
    Case(
        f"combinations/decay_{decay:g}/eps_{eps:g}/momentum_{momentum:g}/nesterov_{nesterov:d}/scale_{scale:g}",
        {
            "learning_rate": SCHEDULES["warmup_cosine"],
            "weight_decay": decay,
            "trust_coefficient": 0.02,
            "eps": eps,
            "momentum": momentum,
            "nesterov": nesterov,
            "gradient_scale": scale,
        },
        weight_decay_mask=MASK_FORMS["callable"],
        trust_ratio_mask=MASK_FORMS["tree"],
        steps=5,
    )
    for decay, eps, momentum, nesterov, scale in product(
        (0.0, 0.1), (0.0, 1e-2), (0.0, 0.9), (False, True), (1.0, -0.3)
    )
)

# ---- 1, 2 and 200 steps ----------------------------------------------------------------------------------------

TRAJECTORIES = tuple(
    Case(
        f"trajectories/{label}/nesterov_{nesterov:d}/{steps}", settings | {"nesterov": nesterov}, steps=steps
    )
    for label, settings in {
        "constant": RATE | {"weight_decay": 0.01},
        "momentum_0.99": RATE | {"weight_decay": 0.01, "momentum": 0.99},
        "mlperf": {"learning_rate": SCHEDULES["join_mlperf"], "weight_decay": 5e-5, "momentum": 0.94},
        "unadapted": {
            "learning_rate": SCHEDULES["sgdr"],
            "weight_decay": 0.1,
            "trust_coefficient": 0.02,
            "eps": 0.1,
        },
    }.items()
    for nesterov, steps in product((False, True), (1, 2, 200))
)

# ---- NaN and Inf, which optax lets pass: liblars does under LARS_NONFINITE_PROPAGATE ---------------------------

NONFINITE_PATTERNS = (("random", "nan"), ("random", "inf"), ("random", "negative_inf"), ("nan", "random"))
NONFINITE_SETTINGS: dict[str, tuple[Hyperparameters, Mask]] = {
    "plain": (RATE, ALL),
    "full": (RATE | {"weight_decay": 0.1, "eps": 0.01, "nesterov": True}, ALL),
    "no_ratio": (RATE, NONE),
}
NONFINITE = tuple(
    Case(
        f"nonfinite/w_{parameter}/g_{gradient}/{label}",
        settings,
        trust_ratio_mask=mask,
        tensors=(Tensor("hit", (4,), parameter, gradient), Tensor("spared", (2, 2))),
        steps=4,
    )
    for (parameter, gradient), (label, (settings, mask)) in product(
        NONFINITE_PATTERNS + (("inf", "random"), ("inf", "inf")), NONFINITE_SETTINGS.items()
    )
)

# ---- Where liblars deliberately is more exact than optax in float32: norms beyond its range --------------------

DEVIATIONS = tuple(
    Case(
        f"deviations/{label}",
        RATE | {"weight_decay": decay},
        tensors=(Tensor("w", (5,), parameter_exponent=w_exponent, gradient_exponent=g_exponent),),
        steps=1,
    )
    for label, w_exponent, g_exponent, decay in (
        ("parameters_1e-30", -100, -3, 0.0),
        ("parameters_1e30", 100, -3, 0.0),
        ("gradients_1e-30", 0, -100, 0.0),
        ("gradients_1e30", 0, 100, 0.0),
        ("both_1e-30", -100, -100, 0.1),
    )
)

GROUPS: dict[str, tuple[Case, ...]] = {
    "hyperparameters": HYPERPARAMETERS,
    "learning_rate_schedules": AS_LEARNING_RATE,
    "weight_decay_schedules": AS_WEIGHT_DECAY,
    "other_schedules": SCHEDULED_OTHERWISE,
    "masks": MASKS,
    "zeros": ZEROS,
    "shapes": SHAPE_CASES,
    "combinations": COMBINATIONS,
    "trajectories": TRAJECTORIES,
    "nonfinite": NONFINITE,
    "deviations": DEVIATIONS,
}
