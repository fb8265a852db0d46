#!/usr/bin/env python3
"""Writes cases.json: the calls below, and what liblars answers to them; see README.md.

    PYTHONPATH=bindings/python/src:bindings/python/tests LIBLARS_LIBRARY=build/dev/liblars.so \\
        python tests/conformance/make_cases.py [--check]

--check writes nothing, and fails if cases.json is not what would be written.
"""

import json
import os
import pathlib
import sys

os.environ["LARS_KERNELS"] = "reference"  # the bits that the definition gives, without vectors

import numpy  # noqa: E402
import replay  # noqa: E402

FILE = pathlib.Path(__file__).parent / "cases.json"
FLOATS = ("float32", "float64", "float16", "bfloat16")


def values(count: int, seed: int, scale: float) -> numpy.ndarray:
    """Numbers of either sign, about as large as scale, the same everywhere."""
    return numpy.array([((i * 7919 + seed * 104729 + 17) % 2003 - 1001) / 1001 * scale for i in range(count)])


class Case:
    def __init__(self, name: str, needs: list[str] | None = None):
        self.content = {"name": name, "needs": needs or [], "arrays": {}, "calls": []}
        self.seed = 0

    def array(self, name, count, dtype="float32", scale=1.0):
        self.seed += 1
        self.content["arrays"][name] = {
            "dtype": dtype,
            "bytes": values(count, self.seed, scale).astype(replay.DTYPES[dtype]).tobytes().hex(),
        }

    def call(self, function, /, **arguments):
        self.content["calls"].append({"call": function} | arguments)

    def parameter(self, name, shape, dtype="float32", gradient=None):
        """A parameter with its arrays: NAME, and NAME.gradient."""
        count = int(numpy.prod(shape, dtype=numpy.int64))
        self.array(name, count, dtype)
        self.array(f"{name}.gradient", count, gradient or dtype, 0.1)
        self.call("add_parameter", name=name, shape=list(shape), dtype=dtype)
        if gradient:
            self.call("set_gradient_dtype", selector=name, dtype=gradient)

    def model(self, dtype="float32", learning_rate=0.5):
        for name, shape in (("conv.weight", (3, 2, 3, 3)), ("conv.bias", (3,)), ("scale", ()), ("none", (0, 4))):
            self.parameter(name, shape, dtype)
        self.call("set", key="learning_rate", value=learning_rate)

    @property
    def names(self):
        return [call["name"] for call in self.content["calls"] if call["call"] == "add_parameter"]

    @property
    def gradients(self):
        return [f"{name}.gradient" for name in self.names]

    def step(self, times=1, **changed):
        for _ in range(times):
            self.call("step", **({"parameters": self.names, "gradients": self.gradients} | changed))


CASES = []


def case(name, needs=None):
    def add(build):
        one = Case(name, needs)
        build(one)
        CASES.append(one)
        return build

    return add


# ---- Steps ----------------------------------------------------------------------------------------------

for dtype in FLOATS:

    @case(f"three steps in {dtype}")
    def _(x, dtype=dtype):
        x.model(dtype)
        x.call("set", key="weight_decay", value=0.01)
        x.step(3)
        x.call("step_count")
        x.call("norms", index=0)


@case("gradients of other types than their parameters")
def _(x):
    pairs = (("float32", "float16"), ("float32", "bfloat16"), ("float16", "float32"), ("bfloat16", "float32"))
    for i, (parameter, gradient) in enumerate(pairs):
        x.parameter(f"p{i}", (9,), parameter, gradient)
    x.call("gradient_dtype", index=2)
    x.call("set", key="learning_rate", value=1.0)
    x.step(2)
    x.call("set_gradient_dtype", selector="p0", dtype="float64")


@case("more elements than a chunk")
def _(x):
    x.parameter("long", (4096 + 37,))
    x.call("set", key="learning_rate", value=2.0)
    x.step()
    x.call("norms", index=0)


@case("the forms of a step agree")
def _(x):
    x.array("flat", 24)
    x.array("flat.gradient", 24, scale=0.1)
    x.call("add_parameter", name="a", shape=[4, 5], dtype="float32")
    x.call("add_parameter", name="b", shape=[4], dtype="float32")
    x.call("set", key="learning_rate", value=0.5)
    x.call("step_flat", parameters="flat", gradients="flat.gradient")
    x.call("step_flat", parameters="flat", gradients="flat.gradient")


@case("one parameter at a time")
def _(x):
    x.model()
    for index in (3, 1, 0, 2, 1):
        x.call("step_parameter", index=index, parameter=x.names[index], gradient=x.gradients[index])
    x.call("step_count")
    x.call("step_count", index=1)
    x.call("step_parameter", index=4, parameter="scale", gradient="scale.gradient")
    x.call("step_parameter", index=0, parameter="scale", gradient="conv.weight.gradient")


@case("updates leave the parameters alone")
def _(x):
    x.model("float64")
    for name, count in zip(x.names, (54, 3, 1, 0), strict=True):
        x.array(f"{name}.update", count, "float64")
    updates = [f"{name}.update" for name in x.names]
    x.call("update", parameters=x.names, gradients=x.gradients, updates=updates)
    x.call("update", parameters=x.names, gradients=x.gradients, updates=updates)
    x.call("update", parameters=x.names, gradients=x.gradients, updates=updates[:3])


@case("an optimizer without parameters")
def _(x):
    x.call("parameter_count")
    x.call("step", parameters=[], gradients=[])
    x.call("step_count")
    x.call("telemetry", quantity="trust_ratio")


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


# ---- Accumulation ---------------------------------------------------------------------------------------


@case("micro-batches")
def _(x):
    x.model()
    x.call("set", key="weight_decay", value=0.02)
    x.call("set_accumulation", micro_batches=3)
    x.call("accumulate", gradients=x.gradients)
    x.call("accumulated")
    x.call("step_accumulated", parameters=x.names)
    x.call("set_accumulation", micro_batches=2)
    x.call("accumulate", gradients=x.gradients)
    x.call("accumulate", gradients=x.gradients)
    x.call("accumulate", parameters=x.names, gradients=x.gradients)
    x.call("accumulate", parameters=x.names, gradients=x.gradients)
    x.call("step_accumulated", parameters=x.names)
    x.call("accumulate", gradients=x.gradients)
    x.call("discard_accumulated")
    x.call("accumulated")
    x.call("set_accumulation", micro_batches=0)


@case("carried norms")
def _(x):
    x.model()
    x.call("set_carry_norms", carry=True)
    x.step(2)
    x.call("parameters_changed")
    x.step()
    x.call("set_carry_norms", carry=False)
    x.step()


# ---- NaN and Inf ----------------------------------------------------------------------------------------


def spoil(x, name):
    """Another array, with a NaN."""
    array = x.content["arrays"][name]
    numbers = numpy.frombuffer(bytes.fromhex(array["bytes"]), replay.DTYPES[array["dtype"]]).copy()
    numbers[1] = numpy.nan
    x.content["arrays"][f"{name}.spoiled"] = array | {"bytes": numbers.tobytes().hex()}
    return f"{name}.spoiled"


@case("NaN is refused, skipped or passed on")
def _(x):
    x.model()
    x.step()
    spoiled = [x.gradients[0], spoil(x, x.gradients[1]), *x.gradients[2:]]
    x.call("nonfinite")
    x.step(gradients=spoiled)
    x.call("nonfinite")
    x.call("set_nonfinite_policy", policy="skip")
    x.call("set_max_consecutive_skips", most=2)
    x.step(3, gradients=spoiled)
    x.call("skip_count")
    x.call("telemetry", quantity="skipped_share")
    x.step()
    x.call("skip_count")
    x.call("step_count")
    x.call("set_nonfinite_policy", policy="propagate")


# ---- What the steps did ---------------------------------------------------------------------------------


@case("telemetry")
def _(x):
    x.model()
    x.call("set", key="weight_decay", value=0.02)
    x.call("norms", index=0)
    x.call("set_gradient_norms", wanted=True)
    x.step(2)
    for quantity in ("weight_norm", "gradient_norm", "update_norm", "trust_ratio", "effective_rate", "limited_share",
                     "skipped_share"):  # fmt: skip
        x.call("telemetry", quantity=quantity)
    x.call("norms", index=1)
    x.call("norms", index=4)


@case("an observer")
def _(x):
    x.model()
    x.call("observe", wanted=True)
    x.step(2)
    x.call("set_nonfinite_policy", policy="skip")
    x.step(gradients=[spoil(x, x.gradients[0]), *x.gradients[1:]])
    x.call("observed")
    x.call("observe", wanted=False)
    x.step()
    x.call("observed")


@case("step counts that others began")
def _(x):
    x.model()
    x.call("set", key="learning_rate", schedule={"linear": SCHEDULES["linear"]})
    for index in range(4):
        x.call("set_step_count", index=index, steps=5)
    x.call("get", index=0, key="learning_rate")
    x.step()
    x.call("step_count")
    x.call("set_step_count", index=4, steps=5)


# ---- Checkpoints ----------------------------------------------------------------------------------------


@case("a run that is saved and loaded goes on with the same bits")
def _(x):
    for name, dtype in (("a", "float32"), ("b", "float16"), ("c", "bfloat16"), ("d", "float64")):
        x.parameter(name, (3, 5), dtype)
    x.call("set", key="learning_rate", schedule={"cosine_decay": SCHEDULES["cosine_decay"]})
    x.step(2)
    x.call("save", to="checkpoint")
    x.call("new")
    for name, dtype in (("a", "float32"), ("b", "float16"), ("c", "bfloat16"), ("d", "float64")):
        x.content["calls"].append({"call": "add_parameter", "name": name, "shape": [3, 5], "dtype": dtype})
    names = ["a", "b", "c", "d"]
    gradients = [f"{name}.gradient" for name in names]
    x.call("load", **{"from": "checkpoint"})
    x.call("step", parameters=names, gradients=gradients)
    x.call("save_and_load_file")
    x.call("step", parameters=names, gradients=gradients)
    x.call("step_count")


@case("checkpoints that do not fit")
def _(x):
    x.parameter("a", (3,))
    x.call("set", key="learning_rate", value=0.5)
    x.step()
    x.call("save", to="checkpoint")
    x.call("load", bytes="")
    x.call("load", bytes="6e6f20636865636b706f696e74")
    x.call("load_file", path="/no such folder/checkpoint")
    x.call("new")
    x.call("add_parameter", name="a", shape=[4], dtype="float32")
    x.call("load", **{"from": "checkpoint"})


# ---- A state that the caller keeps ----------------------------------------------------------------------


@case("a state that the caller keeps")
def _(x):
    types = (("a", "float32", "float32", 0), ("b", "float16", "float32", 6), ("c", "bfloat16", "float32", 6))
    for name, dtype, momentum, masters in types:
        x.parameter(name, (6,), dtype)
        x.array(f"{name}.momentum", 6, momentum, 0.0)
        x.array(f"{name}.master", masters, "int16" if dtype == "bfloat16" else "float32", 0.0)
    x.call("set", key="learning_rate", value=0.5)
    state = {role: [f"{name}.{suffix}" for name in x.names] for role, suffix in (("momentum", "momentum"),
                                                                               ("masters", "master"))}  # fmt: skip
    for _ in range(3):
        x.call("step_external", parameters=x.names, gradients=x.gradients, **state)
    x.call("step", parameters=x.names, gradients=x.gradients)
    x.call("save", to="nothing")
    x.call("step_external", parameters=x.names, gradients=x.gradients, momentum=state["momentum"])


@case("updates with a state that the caller keeps")
def _(x):
    x.model("float64")
    for name, count in zip(x.names, (54, 3, 1, 0), strict=True):
        x.array(f"{name}.momentum", count, "float64", 0.0)
        x.array(f"{name}.update", count, "float64", 0.0)
    arguments = {
        "parameters": x.names,
        "gradients": x.gradients,
        "momentum": [f"{name}.momentum" for name in x.names],
        "updates": [f"{name}.update" for name in x.names],
    }
    x.call("update_external", **arguments)
    x.call("update_external", **arguments)
    x.call("update_external", **(arguments | {"momentum": x.names[:1]}))


# ---- Mistakes -------------------------------------------------------------------------------------------


@case("arrays of another number, type or length")
def _(x):
    x.model()
    x.array("wide", 54, "float64")
    x.array("short", 2)
    x.step(parameters=x.names[:3])
    x.step(gradients=[])
    x.step(parameters=["wide", *x.names[1:]])
    x.step(gradients=["wide", *x.gradients[1:]])
    x.step(parameters=[x.names[0], "short", *x.names[2:]])
    x.step(gradients=[*x.gradients[:2], "short", x.gradients[3]])
    x.call("step_flat", parameters="conv.weight", gradients="conv.weight.gradient")
    x.call("step_flat", parameters="wide", gradients="wide")
    x.call("step_count")


@case("arrays that overlap", needs=["aliasing"])
def _(x):
    x.parameter("a", (4,))
    x.parameter("b", (4,))
    x.call("set", key="learning_rate", value=0.5)
    x.step(parameters=["a", "a"])
    x.step(gradients=["b", "a.gradient"])
    x.call("step_count")


@case("names")
def _(x):
    x.parameter("taken", (2,))
    x.call("add_parameter", name="taken", shape=[2], dtype="float32")
    x.call("add_parameter", name="", shape=[2], dtype="float32")
    x.call("add_parameter", name="n" * 256, shape=[2], dtype="float32")
    x.call("add_parameter", name="a\nb", shape=[2], dtype="float32")
    x.call("add_parameter", name="negative", shape=[2, -3], dtype="float32")
    x.call("add_parameter", name="deep", shape=[1] * 65, dtype="float32")
    x.call("parameter_count")
    x.call("set", key="learning_rate", value=0.5)
    x.step(parameters=["taken"], gradients=["taken.gradient"])
    x.call("add_parameter", name="late", shape=[2], dtype="float32")


@case("what steps run on")
def _(x):
    x.call("set_threads", threads=1)
    x.call("set_threads", threads=1025)
    x.call("set_kernels", kernels="reference")
    x.call("kernels")


def main() -> int:
    for one in CASES:
        content = one.content
        player = replay.Player(content["arrays"])
        content["calls"] = [call | player.play(call) for call in content["calls"]]
    lines = ",\n".join("  " + json.dumps(one.content, ensure_ascii=False) for one in CASES)
    text = '{"format": 1, "cases": [\n' + lines + "\n]}\n"
    if "--check" not in sys.argv:
        FILE.write_text(text)
    elif FILE.read_text() != text:
        print("cases.json is not what make_cases.py makes", file=sys.stderr)
        return 1
    errors = sum("error" in call for one in CASES for call in one.content["calls"])
    print(f"{len(CASES)} cases, {sum(len(one.content['calls']) for one in CASES)} calls, {errors} of them mistakes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
