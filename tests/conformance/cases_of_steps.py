"""Steps in all their forms."""

from building import FLOATS, case


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
