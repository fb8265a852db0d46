"""What this binding adds to lars.h: arrays of every kind in place, exceptions, ownership."""

from __future__ import annotations

import array
import doctest
import gc
import pathlib
import re
import sys
import threading
import weakref

import ml_dtypes
import numpy
import pytest

import liblars
from liblars import _capi, schedules

ROOT = pathlib.Path(__file__).parents[3]


def optimizer_of(*shapes, dtype="float32"):
    optimizer = liblars.Optimizer()
    for number, shape in enumerate(shapes):
        optimizer.add_parameter(f"p{number}", shape, dtype)
    optimizer.set("learning_rate", 1.0)
    optimizer.set("trust_ratio_mask", 0)
    return optimizer


# ---- The declarations -----------------------------------------------------------------------------------


def declarations():
    text = (ROOT / "include/lars/lars.h").read_text()
    return re.findall(r"LARS_API ([\w ]+?[ *]+)(lars_\w+)\(([^)]*)\) LARS_NOEXCEPT;", text)


def test_every_function_is_declared_with_its_types():
    kinds = {"int32_t": "c_int", "uint32_t": "c_uint", "double": "c_double", "lars_predicate": "CFunctionType"}
    found = {}
    for returned, name, arguments in declarations():
        found[name] = arguments
        types = [argument.strip() for argument in arguments.split(",") if argument.strip() != "void"]
        restype, argtypes = _capi.SIGNATURES[name]
        assert len(argtypes) == len(types), name
        assert (restype is None) == (returned.strip() == "void"), name
        for declared, argtype in zip(types, argtypes, strict=True):
            kind = declared.rsplit(" ", 1)[0]
            if kind in ("uint32_t", "uint64_t"):
                assert argtype is {"uint32_t": _capi.u32, "uint64_t": _capi.u64}[kind], (name, declared)
            elif kind in kinds:
                assert argtype.__name__.startswith(kinds[kind]), (name, declared)
            else:
                assert "*" in declared or kind.startswith("lars_"), (name, declared)
    assert set(found) == set(_capi.SIGNATURES)


def test_every_number_is_that_of_the_header():
    text = (ROOT / "include/lars/lars.h").read_text()
    defined = {name: int(value) for name, value in re.findall(r"#define LARS_(\w+) \(?(-?\d+)\)?", text)}
    prefixes = {
        "ERR_": _capi.STATUSES, "": _capi.KEYS, "VARIANT_": _capi.VARIANTS, "NONFINITE_": _capi.POLICIES, "ROLE_": _capi.ROLES,
        "INTERPOLATE_": _capi.INTERPOLATIONS, "DENOMINATOR_": _capi.DENOMINATORS, "OUTSIDE_": _capi.OUTSIDE_MOMENTUM,
        "TELEMETRY_": _capi.QUANTITIES,
    }  # fmt: skip
    for prefix, numbers in prefixes.items():
        for name, number in numbers.items():
            assert defined.pop(prefix + name.upper()) == number
    short = {"float16": "F16", "float32": "F32", "float64": "F64", "bfloat16": "BF16", "int16": "I16"}
    for name, number in _capi.DTYPES.items():
        assert defined.pop(short[name]) == number
    assert {name for name in defined if not name.startswith(("MAX_", "VERSION_"))} == {"OK", "SKIPPED", "TELEMETRY_COUNT"}


def test_examples_of_the_documentation():
    assert doctest.testmod(liblars).failed == 0


# ---- Arrays ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", ml_dtypes.bfloat16])
def test_steps_numpy_arrays_in_place(dtype):
    optimizer = optimizer_of((2, 3), (), dtype=dtype)
    w, scalar = numpy.full((2, 3), 2, dtype), numpy.array(3, dtype)
    assert optimizer.step([w, scalar], [numpy.full((2, 3), 1, dtype), numpy.array(1, dtype)])
    assert w.tolist() == [[1, 1, 1], [1, 1, 1]]
    assert scalar.item() == 2


def test_steps_what_knows_dlpack_or_the_buffer_protocol():
    class Exporter:
        def __init__(self, inner):
            self.inner = inner

        def __dlpack__(self, **arguments):
            return self.inner.__dlpack__(**arguments)

        def __dlpack_device__(self):
            return self.inner.__dlpack_device__()

    class OldExporter(Exporter):
        def __dlpack__(self):  # before DLPack 1.0
            return self.inner.__dlpack__()

    for exporter in (Exporter, OldExporter):
        optimizer = optimizer_of((2, 2))
        inner = numpy.ones((2, 2), numpy.float32)
        optimizer.step([exporter(inner)], [numpy.ones((2, 2), numpy.float32)])
        assert inner.sum() == 0
        with pytest.raises(liblars.LarsValueError, match="parameter 0 is not contiguous"):
            optimizer.step([exporter(numpy.ones((4, 2), numpy.float32)[::2])], [inner])
    optimizer = optimizer_of((3,), dtype="float64")
    numbers = array.array("d", [1, 2, 3])
    optimizer.step([numbers], [array.array("d", [1, 1, 1])])
    assert numbers.tolist() == [0, 1, 2]


def test_refuses_arrays_by_name():
    optimizer = optimizer_of((2, 3), (4,))
    good = [numpy.ones((2, 3), numpy.float32), numpy.ones(4, numpy.float32)]
    read_only = good[1].copy()
    read_only.flags.writeable = False
    wide = numpy.ones((4, 4), numpy.float32)
    for bad, error, message in (
        (wide[:, 1], liblars.LarsValueError, "parameter 1 is not contiguous"),
        (read_only, liblars.LarsValueError, "parameter 1 is read-only"),
        (numpy.ones(4, numpy.int64), liblars.LarsTypeError, "parameter 1 is of dtype int64"),
        (numpy.ones(4, ">f4"), liblars.LarsTypeError, "parameter 1 is of dtype >f4"),
        (numpy.ones(4), liblars.LarsTypeError, "parameter of 'p1' .* is F64; it must be F32"),
        (numpy.ones(5, numpy.float32), liblars.LarsValueError, "parameter of 'p1' .* has 5 elements; 4 are needed"),
        ([1.0] * 4, liblars.LarsTypeError, "parameter 1 is a list"),
        (b"1234" * 4, liblars.LarsError, "parameter 1"),
        (None, liblars.LarsTypeError, "parameter 1 is a NoneType"),
    ):
        with pytest.raises(error, match=message):
            optimizer.step([good[0], bad], good)
    assert optimizer.step_count() == 0
    assert optimizer.step(good, [good[0].copy(), read_only])  # gradients are only read


def test_bound_steps_keep_their_arrays():
    optimizer = optimizer_of((3,))
    w = numpy.full(3, 2, numpy.float32)
    step = optimizer.bind([w], [numpy.ones(3, numpy.float32)])
    gc.collect()
    assert step()
    assert w.tolist() == [1, 1, 1]
    optimizer.close()
    with pytest.raises(liblars.LarsError, match="this optimizer is closed"):
        step()


def test_bound_steps_see_that_their_arrays_no_longer_fit():
    optimizer = optimizer_of((3,))
    w = numpy.full(3, 2, numpy.float32)
    step = optimizer.bind([w], [numpy.ones(3, numpy.float32)])
    optimizer.set_gradient_dtype("float16")
    with pytest.raises(liblars.LarsTypeError):
        step()
    optimizer.set_gradient_dtype("float32")
    optimizer.add_parameter("another", (2,))
    with pytest.raises(liblars.LarsError):
        step()
    assert w.tolist() == [2, 2, 2]


# ---- Errors and ownership -------------------------------------------------------------------------------


def test_errors_are_of_pythons_kinds():
    optimizer = optimizer_of((3,))
    w, nan = numpy.ones(3, numpy.float32), numpy.full(3, numpy.nan, numpy.float32)
    for kind, call in (
        (ValueError, lambda: optimizer.set("momentum", 2.0)),
        (ValueError, lambda: optimizer.set("momentun", 0.5)),
        (IndexError, lambda: optimizer.get(7, "eps")),
        (TypeError, lambda: optimizer.set_gradient_dtype("float64")),
        (ArithmeticError, lambda: optimizer.step([w], [nan])),
        (OSError, lambda: optimizer.load("/no such folder/file")),
        (RuntimeError, lambda: optimizer.norms(0)),
    ):
        with pytest.raises(kind) as caught:
            call()
        assert isinstance(caught.value, liblars.LarsError)
        assert caught.value.status.startswith("LARS_ERR_")


def test_numbers_that_do_not_fit_are_not_wrapped():
    optimizer = optimizer_of((3,))
    for call in (
        lambda: optimizer.set_accumulation(2**32 + 1),
        lambda: optimizer.get(-1, "eps"),
        lambda: optimizer.set_step_count(0, -1),
        lambda: optimizer.set_threads(1.5),
        lambda: schedules.linear(1.0, 0.0, -5),
        lambda: schedules.piecewise_constant(1.0, {-3: 0.5}),
        lambda: optimizer.add_parameter("huge", [2**64]),
        lambda: optimizer.add_parameter("cut\0name", [2]),
        lambda: optimizer.save("cut\0path"),
    ):
        with pytest.raises(Exception, match="not allowed|cannot be interpreted|can have|NUL"):
            call()
    assert optimizer.accumulated() == (0, 1)
    assert optimizer.parameter_count() == 1


def test_what_functions_raise_is_the_cause():
    optimizer = optimizer_of((3,))

    def fails(_parameter):
        raise KeyError("mine")

    with pytest.raises(liblars.LarsRuntimeError, match="predicate failed for 'p0'") as caught:
        optimizer.set("eps", 0.5, fails)
    assert isinstance(caught.value.__cause__, KeyError)
    optimizer.set("learning_rate", fails)
    with pytest.raises(liblars.LarsRuntimeError) as caught:
        optimizer.step([numpy.ones(3, numpy.float32)], [numpy.ones(3, numpy.float32)])
    assert isinstance(caught.value.__cause__, KeyError)
    with pytest.raises(liblars.LarsError, match="the schedule has no value at step 7") as caught:
        liblars.schedules.callback(fails)(7)
    assert isinstance(caught.value.__cause__, KeyError)


def test_interruptions_are_not_errors():
    optimizer = optimizer_of((3,))

    def interrupted(_argument):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        optimizer.set("eps", 0.5, interrupted)
    optimizer.set("learning_rate", interrupted)
    w = numpy.ones(3, numpy.float32)
    with pytest.raises(KeyboardInterrupt):
        optimizer.step([w], [w.copy()])
    assert w.tolist() == [1, 1, 1]


def test_schedules_may_be_functions_and_live_as_long_as_they_are_used():
    optimizer = optimizer_of((1,))
    optimizer.set("learning_rate", lambda step: 1.0 / (1 + step))
    gc.collect()
    w, g = numpy.zeros(1, numpy.float64).astype(numpy.float32), numpy.ones(1, numpy.float32)
    optimizer.set("momentum", 0)
    for _ in range(3):
        optimizer.step([w], [g])
    assert w[0] == numpy.float32(-1) - numpy.float32(0.5) - numpy.float32(1 / 3)
    assert schedules.warmup_cosine_decay(0.0, 1.0, 2, 10)(1) == 0.5
    with pytest.raises(ValueError, match="one boundary less"):
        schedules.join([schedules.constant(1.0)], [3])


def test_choices_by_name():
    optimizer = optimizer_of((1,))
    optimizer.set("denominator", "gradient")
    assert optimizer.get(0, "denominator") == _capi.DENOMINATORS["gradient"]
    for call in (
        lambda: optimizer.set("denominator", "norm"),
        lambda: optimizer.set_variant("lamb"),
        lambda: optimizer.set_nonfinite_policy("ignore"),
        lambda: optimizer.telemetry("loss"),
        lambda: optimizer.add_parameter("w", (), "complex64"),
        lambda: schedules.piecewise_interpolate("cubic", 1.0, {}),
    ):
        with pytest.raises(liblars.LarsValueError, match="the choices are"):
            call()


def test_closes_and_releases():
    with optimizer_of((3,)) as optimizer:
        pass
    with pytest.raises(liblars.LarsValueError, match="closed"):
        optimizer.parameter_count()
    optimizer.close()
    one = optimizer_of((3,))
    reference = weakref.ref(one)
    del one
    gc.collect()
    assert reference() is None


def test_a_second_thread_is_told_to_wait():
    optimizer = optimizer_of((3,))
    seen = []

    def predicate(_parameter):
        def other():
            try:
                optimizer.parameter_count()
            except liblars.LarsError as error:
                seen.append(error.status)

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        return True

    optimizer.set("eps", 0.5, predicate)
    assert seen == ["LARS_ERR_BUSY"]


def test_an_observer_that_raises_does_not_stop_the_run(monkeypatch):
    told = []
    monkeypatch.setattr(sys, "unraisablehook", lambda hook: told.append(hook.exc_value))
    optimizer = optimizer_of((3,))

    def observer(_report):
        raise KeyError("mine")

    optimizer.set_observer(observer)
    w = numpy.ones(3, numpy.float32)
    assert optimizer.step([w], [w.copy()])
    assert isinstance(told[0], KeyError)


def test_checkpoints_in_memory_and_in_files(tmp_path):
    optimizer, again = optimizer_of((3,)), optimizer_of((3,))
    w, g = numpy.ones(3, numpy.float32), numpy.full(3, 0.25, numpy.float32)
    optimizer.step([w], [g])
    optimizer.save(tmp_path / "checkpoint")
    assert (tmp_path / "checkpoint").read_bytes() == optimizer.to_bytes()
    again.load(tmp_path / "checkpoint")
    copy = w.copy()
    optimizer.step([w], [g])
    again.step([copy], [g])
    assert w.tobytes() == copy.tobytes()
