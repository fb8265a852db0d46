"""Accumulation, NaN, what the steps did, checkpoints, a state of the caller's, mistakes."""

from building import case, spoil
from cases_of_settings import SCHEDULES


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
