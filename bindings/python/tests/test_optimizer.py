"""What this binding adds to lars.h: exceptions and ownership. Its declarations are those of lars.h."""

from __future__ import annotations

import copy
import doctest
import errno
import gc
import pathlib
import pickle
import re
import sys
import threading
import weakref

import numpy
import pytest
from optimizers import optimizer_of

import liblars
from liblars import _capi, schedules

ROOT = pathlib.Path(__file__).parents[3]


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
    assert {name for name in defined if not name.startswith(("MAX_", "VERSION_"))} == {"OK", "SKIPPED"}


def test_examples_of_the_documentation():
    assert doctest.testmod(liblars).failed == 0


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


def test_functions_that_no_parameter_can_follow_any_more_are_let_go():
    optimizer = optimizer_of((1,), (1,))

    def set_function(key, selector=None):
        def value(step):
            return 0.25

        optimizer.set(key, value, selector)
        return weakref.ref(value)

    first, other, part = set_function("eps"), set_function("weight_decay"), set_function("eps", "p0")
    gc.collect()
    assert first() and part()
    assert (optimizer.get(0, "eps"), optimizer.get(1, "eps")) == (0.25, 0.25)
    with pytest.raises(ValueError, match="eps"):
        optimizer.set("eps", -1.0)
    second = set_function("eps")
    gc.collect()
    assert first() is None and part() is None
    optimizer.set("eps", 0)
    gc.collect()
    assert second() is None
    assert other() and optimizer.get(1, "weight_decay") == 0.25


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


def test_a_handle_that_is_being_released_is_seen_by_nobody(monkeypatch):
    optimizer = optimizer_of((3,))
    step = optimizer.bind([numpy.ones(3, numpy.float32)], [numpy.ones(3, numpy.float32)])
    released, destroy = [], _capi.library.lars_destroy

    def destroy_slowly(address):
        released.append(address)
        optimizer.close()  # as another thread would
        for call in (step, optimizer.parameter_count):
            with pytest.raises(liblars.LarsError, match="this optimizer is closed"):
                call()
        return destroy(address)

    monkeypatch.setattr(_capi.library, "lars_destroy", destroy_slowly)
    optimizer.close()
    optimizer.close()
    del optimizer, step
    gc.collect()
    assert len(released) == 1


def test_an_optimizer_that_is_busy_stays_open():
    optimizer = optimizer_of((3,))
    seen = []

    def predicate(_parameter):
        try:
            optimizer.close()
        except liblars.LarsError as error:
            seen.append((error.status, str(error)))
        return True

    optimizer.set("eps", 0.5, predicate)
    assert seen == [("LARS_ERR_BUSY", "another call on this handle is running; one handle serves one call at a time")]
    assert optimizer.get(0, "eps") == 0.5
    optimizer.close()
    with pytest.raises(liblars.LarsError, match="this optimizer is closed"):
        optimizer.get(0, "eps")


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps])
def test_handles_are_not_copied(duplicate):
    for one, advice in ((optimizer_of((3,)), r"from_bytes\(\) what to_bytes\(\)"), (schedules.constant(1.0), "make another")):
        with pytest.raises(TypeError, match=f"{type(one).__name__} cannot be copied or pickled; .*{advice}") as caught:
            duplicate(one)
        assert isinstance(caught.value, liblars.LarsError)


def test_a_file_that_is_not_there(tmp_path):
    optimizer = optimizer_of((3,))
    with pytest.raises(FileNotFoundError, match="cannot open '.*missing'") as caught:
        optimizer.load(tmp_path / "missing")
    assert isinstance(caught.value, liblars.LarsIOError)
    assert (caught.value.errno, caught.value.status) == (errno.ENOENT, "LARS_ERR_IO")
    with pytest.raises(liblars.LarsIOError) as caught:
        optimizer.load(tmp_path)  # a folder
    assert not isinstance(caught.value, FileNotFoundError)


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
