"""How cases are written: calls and their arrays, collected in CASES."""

import numpy
import replay

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


def spoil(x, name):
    """Another array, with a NaN."""
    array = x.content["arrays"][name]
    numbers = numpy.frombuffer(bytes.fromhex(array["bytes"]), replay.DTYPES[array["dtype"]]).copy()
    numbers[1] = numpy.nan
    x.content["arrays"][f"{name}.spoiled"] = array | {"bytes": numbers.tobytes().hex()}
    return f"{name}.spoiled"
