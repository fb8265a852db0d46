"""Hyper-parameters and schedules."""

from building import case


# ---- Hyper-parameters -----------------------------------------------------------------------------------


@case("parameters and what is known of them")
def _(x):
    x.model("bfloat16")
    x.call("parameter_count")
    x.call("parameter", index=0)
    x.call("parameter", index=2)
    x.call("parameter", index=4)
    x.call("parameter_index", name="scale")
    x.call("parameter_index", name="scales")
    x.call("add_parameter", name="Gewicht.α", shape=[2], dtype="float64")
    x.call("parameter", index=4)


@case("masks by glob")
def _(x):
    x.model()
    x.call("set", key="weight_decay", value=0.05)
    x.call("set", selector="*.bias", key="trust_ratio_mask", value=0)
    x.call("set", selector="*.bias", key="weight_decay_mask", value=0)
    x.call("set", selector="s?ale", key="learning_rate", value=0.125)
    x.call("get", index=1, key="trust_ratio_mask")
    x.call("get", index=2, key="learning_rate")
    x.call("get", index=0, key="learning_rate")
    x.step(2)
    x.call("set", selector="*.wieght", key="eps", value=0.5)


@case("masks by predicate")
def _(x):
    x.model()
    x.call("set", key="weight_decay", value=0.05)
    x.call("set", predicate={"ndim_at_most": 1}, key="trust_ratio_mask", value=0)
    x.call("set", predicate={"name_ends_with": ".bias"}, key="momentum", value=0.5)
    x.call("set", predicate={"index": 2}, key="nesterov", value=1)
    x.call("set", predicate={"first_extent": 3}, key="eps", value=0.01)
    x.call("set", predicate={"dtype": "float32"}, key="dampening", value=0.1)
    for index in range(4):
        for key in ("trust_ratio_mask", "momentum", "nesterov", "eps", "dampening"):
            x.call("get", index=index, key=key)
    x.step(2)
    x.call("set", predicate={"dtype": "float64"}, key="eps", value=0.5)
    x.call("set", predicate={"fails": None}, key="eps", value=0.5)
    x.call("get", index=0, key="eps")


@case("every key, in and out of range")
def _(x):
    x.parameter("w", (5,))
    ranges = {
        "learning_rate": (0.25, -0.1), "weight_decay": (0.5, "nan"), "weight_decay_mask": (0, 2),
        "trust_coefficient": (0.02, "inf"), "eps": (1e-9, -1e-9), "trust_ratio_mask": (0, 0.5), "momentum": (0.75, 1.5),
        "nesterov": (1, -1), "gradient_scale": (-3.0, "-inf"), "denominator": (2, 3), "outside_momentum": (1, -1),
        "trust_clip": (1, 2), "dampening": (0.5, 1.25), "decay_in_update": (0, 7), "zero_norm_decay": (0, 2),
        "clip_value": (0.5, 0),
    }  # fmt: skip
    for key, (good, bad) in ranges.items():
        x.call("set", key=key, value=bad)
        x.call("set", key=key, value=good)
        x.call("get", index=0, key=key)
    x.step(2)
    x.call("get", index=1, key="eps")


@case("a step without a learning rate")
def _(x):
    x.parameter("w", (5,))
    x.step()
    x.call("get", index=0, key="learning_rate")


for variant in ("optax", "paper", "torch", "larc", "barlow", "tf"):

    @case(f"variant {variant}")
    def _(x, variant=variant):
        x.model(learning_rate=0.1)
        x.call("set", key="weight_decay", value=0.02)
        x.call("set", key="trust_coefficient", value=0.1)
        x.call("set_variant", variant=variant)
        x.step(3)


@case("MLPerf's recipe")
def _(x):
    x.model()
    x.call("set_mlperf_resnet50", batch=8192, steps_per_epoch=2)
    for key in ("learning_rate", "weight_decay", "momentum", "trust_ratio_mask"):
        x.call("get", index=0, key=key)
        x.call("get", index=1, key=key)
    x.step(3)
    x.call("get", index=0, key="learning_rate")
    x.call("set_mlperf_resnet50", batch=0, steps_per_epoch=2)


@case("clipping by the global norm")
def _(x):
    x.model()
    x.call("set", key="weight_decay", value=0.02)
    x.call("set_gradient_clip", max_norm=0.2)
    x.step(2)
    x.call("set_gradient_clip", max_norm=0)
    x.call("step_parameter", index=0, parameter="conv.weight", gradient="conv.weight.gradient")
    x.call("set_gradient_clip", max_norm="inf")
    x.step()


@case("settings read back, and those that a checkpoint replaces")
def _(x):
    settings = ("nonfinite_policy", "max_consecutive_skips", "gradient_clip", "carry_norms", "gradient_norms")
    x.model()
    for setting in settings:
        x.call(setting)
    x.call("set_nonfinite_policy", policy="skip")
    x.call("set_max_consecutive_skips", most=7)
    x.call("set_gradient_clip", max_norm=0.75)
    x.call("set_carry_norms", carry=True)
    x.call("set_gradient_norms", wanted=True)
    for setting in settings:
        x.call(setting)
    x.call("save", to="skipping")
    x.call("set_nonfinite_policy", policy="propagate")
    x.call("set_max_consecutive_skips", most=0)
    x.call("set_gradient_clip", max_norm="inf")
    x.call("set_carry_norms", carry=False)
    x.call("load", **{"from": "skipping"})
    for setting in settings:
        x.call(setting)


@case("names must be UTF-8, without control characters")
def _(x):
    x.call("add_parameter", name="Gewicht.α\u00a0β", shape=[2], dtype="float32")
    x.call("add_parameter", name="next\u0085line", shape=[2], dtype="float32")
    x.call("add_parameter", name="escape\u001b[2J", shape=[2], dtype="float32")
    x.call("add_parameter", name="n" * 300, shape=[2], dtype="float32")
    x.call("parameter_index", name="\u001b[2J" + "n" * 300)
    x.call("set", selector="*\u0085" + "n" * 300, key="eps", value=0.5)
    x.call("parameter_count")


@case("a lost callback is asked for at the next step, in whichever part of a join it is")
def _(x):
    x.parameter("w", (5,))
    x.call("set", key="learning_rate", schedule={"join": {"schedules": [{"constant": {"value": 0.5}}, {"callback": "reciprocal"}],
                                                          "boundaries": [1000]}})  # fmt: skip
    x.step()
    x.call("save", to="joined")
    x.call("new")
    x.call("add_parameter", name="w", shape=[5], dtype="float32")
    x.call("load", **{"from": "joined"})
    x.call("get", index=0, key="learning_rate")
    x.call("step", parameters=["w"], gradients=["w.gradient"])
    x.call("set", key="learning_rate", value=0.5)
    x.call("step", parameters=["w"], gradients=["w.gradient"])


# ---- Schedules ------------------------------------------------------------------------------------------

SCHEDULES = {
    "constant": {"value": 0.1},
    "linear": {"init_value": 1.0, "end_value": 0.1, "transition_steps": 9, "transition_begin": 2},
    "polynomial": {"init_value": 1.0, "end_value": 0.1, "power": 2.5, "transition_steps": 9, "transition_begin": 0},
    "piecewise_constant": {"init_value": 1.0, "boundaries": [[3, 0.5], [7, 0.3]]},
    "piecewise_interpolate": {"interpolate_type": "cosine", "init_value": 1.0, "boundaries": [[3, 0.5], [7, 0.3]]},
    "exponential_decay": {
        "init_value": 1.0, "transition_steps": 3, "decay_rate": 0.7, "transition_begin": 1, "staircase": True,
        "end_value": 0.4,
    },
    "cosine_decay": {"init_value": 1.0, "decay_steps": 9, "alpha": 0.1, "exponent": 1.5},
    "linear_onecycle": {
        "transition_steps": 10, "peak_value": 1.0, "pct_start": 0.3, "pct_final": 0.8, "div_factor": 25.0,
        "final_div_factor": 1e4,
    },
    "cosine_onecycle": {
        "transition_steps": 10, "peak_value": 1.0, "pct_start": 0.3, "div_factor": 25.0, "final_div_factor": 1e4,
    },
    "warmup_constant": {"init_value": 0.0, "peak_value": 1.0, "warmup_steps": 4},
    "warmup_cosine_decay": {
        "init_value": 0.0, "peak_value": 1.0, "warmup_steps": 4, "decay_steps": 10, "end_value": 0.01, "exponent": 1.0,
    },
    "warmup_exponential_decay": {
        "init_value": 0.0, "peak_value": 1.0, "warmup_steps": 4, "transition_steps": 3, "decay_rate": 0.5,
        "transition_begin": 1, "staircase": False, "end_value": None,
    },
    "sgdr": {
        "cycles": [
            {
                "init_value": 0.0, "peak_value": peak, "warmup_steps": 2, "decay_steps": 6, "end_value": 0.01,
                "exponent": 1.0,
            }
            for peak in (1.0, 0.5)
        ]
    },
    "join": {
        "schedules": [{"constant": {"value": 0.5}}, {"linear": {"init_value": 1.0, "end_value": 0.0,
                                                                "transition_steps": 5, "transition_begin": 0}}],
        "boundaries": [4],
    },
}  # fmt: skip
for kind, arguments in SCHEDULES.items():

    @case(f"schedule {kind}")
    def _(x, spec={kind: arguments}):
        x.call("schedule_values", schedule=spec, steps=[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 1000])
        x.parameter("w", (4,))
        x.call("set", key="learning_rate", schedule=spec)
        x.step(3)
        x.call("get", index=0, key="learning_rate")


@case("schedules that cannot be made")
def _(x):
    x.parameter("w", (4,))
    wrong = (
        {"constant": {"value": "nan"}},
        {"polynomial": {"init_value": 1.0, "end_value": 0.1, "power": -1.0, "transition_steps": 9, "transition_begin": 0}},
        {"piecewise_constant": {"init_value": 1.0, "boundaries": [[3, -0.5]]}},
        {"cosine_decay": {"init_value": 1.0, "decay_steps": 0, "alpha": 0.0, "exponent": 1.0}},
        {"exponential_decay": {"init_value": 1.0, "transition_steps": 3, "decay_rate": "inf", "transition_begin": 0,
                               "staircase": False, "end_value": None}},
        {"join": {"schedules": [{"constant": {"value": 0.5}}, {"constant": {"value": "inf"}}], "boundaries": [4]}},
    )  # fmt: skip
    for spec in wrong:
        x.call("set", key="learning_rate", schedule=spec)
    x.call("get", index=0, key="learning_rate")
    x.call("set", key="nesterov", schedule={"constant": {"value": 1.0}})


@case("schedules by glob, by predicate and as functions")
def _(x):
    x.model()
    x.call("set", selector="conv.*", key="momentum", schedule=({"linear": SCHEDULES["linear"]}))
    x.call("set", predicate={"ndim_at_most": 1}, key="learning_rate", schedule={"callback": "reciprocal"})
    x.call("set", key="eps", schedule={"join": {"schedules": [{"constant": {"value": 0.5}}, {"callback": "reciprocal"}],
                                               "boundaries": [2]}})  # fmt: skip
    x.step(4)
    for key in ("momentum", "learning_rate", "eps"):
        x.call("get", index=1, key=key)
    x.call("set", key="learning_rate", schedule={"callback": "fails"})
    x.step()
    x.call("step_count")
    x.call("set", selector="*", key="momentum", schedule={"constant": {"value": 2.0}})
    x.call("set", key="learning_rate", value=0.5)
    x.step()
