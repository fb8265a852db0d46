"""Arguments that do not fit are refused by their names, with nothing changed; those that fit in several ways fit."""

from __future__ import annotations

import gc

import numpy
import pytest
from optimizers import optimizer_of

import liblars
from liblars import schedules


def wrong_arguments(optimizer):
    """Calls with an argument that does not fit, by what their messages begin with and their kind."""
    constant, cycle = schedules.constant(1.0), {"init_value": 0, "peak_value": 1, "warmup_steps": 1}
    full = cycle | {"decay_steps": 4}
    arrays = [numpy.ones(3, numpy.float32)]
    must, number = "is not allowed; it must be", "a number, a schedule or a function of the step"
    return [
        (lambda: optimizer.add_parameter("x", 5), TypeError, f"shape: 5 {must} a sequence of integers"),
        (lambda: optimizer.add_parameter("x", (2, None)), TypeError, "shape: "),
        (lambda: optimizer.add_parameter(5, (2,)), TypeError, f"name: 5 {must} a str"),
        (lambda: optimizer.add_parameter("\ud800", (2,)), ValueError, "name: "),
        (lambda: optimizer.parameter_index(None), TypeError, f"name: None {must} a str"),
        (lambda: optimizer.set("learning_rate", None), TypeError, f"learning_rate: None {must} {number}"),
        (lambda: optimizer.set("learning_rate", [0.1, 0.2]), TypeError, f"learning_rate: [0.1, 0.2] {must} {number}"),
        (lambda: optimizer.set("learning_rate", "0.1"), TypeError, f"learning_rate: '0.1' {must} {number}"),
        (lambda: optimizer.set("eps", 10**400), ValueError, "eps: 1"),
        (lambda: optimizer.set("eps", 0.1, selector=5), TypeError, f"selector: 5 {must} None, a glob on names, or"),
        (lambda: optimizer.set("eps", constant, selector=["*"]), TypeError, "selector: ['*'] is not"),
        (lambda: optimizer.set_gradient_dtype("float32", 5), TypeError, "selector: 5 is not"),
        (lambda: optimizer.set_gradient_clip(None), TypeError, f"max_norm: None {must} a number"),
        (lambda: optimizer.set_threads(-1), ValueError, f"threads: -1 {must} an integer from 0 to 4294967295"),
        (lambda: optimizer.set_threads("2"), TypeError, f"threads: '2' {must} an integer"),
        (lambda: optimizer.set_mlperf_resnet50(4096, None), TypeError, f"steps_per_epoch: None {must} an integer"),
        (lambda: optimizer.set_carry_norms("no"), TypeError, f"carry: 'no' {must} True or False"),
        (lambda: optimizer.set_kernels(None), TypeError, "kernels: None"),
        (lambda: optimizer.set_observer(5), TypeError, f"observer: 5 {must} None or a function of a StepReport"),
        (lambda: optimizer.norms(-1), IndexError, f"index: -1 {must} an integer from 0"),
        (lambda: optimizer.norms("p0"), TypeError, f"index: 'p0' {must} an integer"),
        (lambda: optimizer.parameter(2**32), IndexError, "index: 4294967296"),
        (lambda: optimizer.get(-1, "eps"), IndexError, "index: -1"),
        (lambda: optimizer.gradient_dtype(-1), IndexError, "index: -1"),
        (lambda: optimizer.step_count(-1), IndexError, "index: -1"),
        (lambda: optimizer.set_step_count(0, -1), ValueError, "steps: -1"),
        (lambda: optimizer.step_parameter(-1, *arrays, *arrays), IndexError, "index: -1"),
        (lambda: optimizer.step(None, arrays), TypeError, f"parameters: None {must} a sequence of arrays"),
        (lambda: optimizer.bind(arrays, 5), TypeError, "gradients: 5"),
        (lambda: optimizer.step_external(arrays, arrays, arrays, 5), TypeError, "masters: 5"),
        (lambda: optimizer.step_external(arrays, arrays, 5), TypeError, "momentum: 5"),
        (lambda: optimizer.save(5), TypeError, "path: 5"),
        (lambda: optimizer.load(None), TypeError, "path: None"),
        (lambda: optimizer.from_bytes("text"), TypeError, "checkpoint: 'text'"),
        (lambda: optimizer.from_bytes(3), TypeError, "checkpoint: 3"),
        (lambda: schedules.constant("1"), TypeError, f"value: '1' {must} a number"),
        (lambda: schedules.linear(1.0, 0.0, -5), ValueError, "transition_steps: -5"),
        (lambda: schedules.exponential_decay(1.0, 5, 0.5, end_value="0"), TypeError, "end_value: '0'"),
        (lambda: schedules.piecewise_constant(1.0, {-3: 0.5}), ValueError, "boundaries_and_scales: -3"),
        (lambda: schedules.piecewise_constant(1.0, [3]), TypeError, "boundaries_and_scales: [3]"),
        (lambda: schedules.callback(5), TypeError, "function: 5"),
        (lambda: constant(-1), ValueError, "step: -1"),
        (lambda: schedules.join([constant] * 3, [3]), ValueError, "boundaries: 3 schedules need one boundary less, not 1"),
        (lambda: schedules.join([constant] * 2, [-3]), ValueError, f"boundaries: -3 {must} an integer from 0"),
        (lambda: schedules.join([constant] * 2, 3), TypeError, "boundaries: 3"),
        (lambda: schedules.join([constant, "0.1"], [3]), TypeError, f"schedules[1]: '0.1' {must} {number}"),
        (lambda: schedules.join(constant, []), TypeError, "schedules: "),
        (lambda: schedules.sgdr([full, cycle]), TypeError, "sgdr: cosine_kwargs[1] has no decay_steps"),
        (lambda: schedules.sgdr([full | {"peak": 1}]), TypeError, "sgdr: peak is none of init_value"),
        (lambda: schedules.sgdr([full | {"warmup_steps": -1}]), ValueError, "warmup_steps: -1"),
        (lambda: schedules.sgdr([5]), TypeError, "cosine_kwargs: [5]"),
        (lambda: schedules.sgdr(full), TypeError, "cosine_kwargs: {"),
    ]


@pytest.mark.parametrize("number", range(len(wrong_arguments(None))))
def test_arguments_that_do_not_fit_are_refused_by_name(number):
    optimizer = optimizer_of((3,))
    before = optimizer.to_bytes()
    call, kind, message = wrong_arguments(optimizer)[number]
    with pytest.raises(kind) as caught:
        call()
    assert isinstance(caught.value, liblars.LarsError)
    assert str(caught.value).startswith(message)
    assert optimizer.to_bytes() == before


def test_schedules_are_joined_with_numbers_and_functions():
    joined = schedules.join([0.5, lambda step: 1.0 + step, schedules.constant(0.25)], [2, 4])
    gc.collect()
    assert [joined(step) for step in range(6)] == [0.5, 0.5, 1.0, 2.0, 0.25, 0.25]


def test_types_that_are_not_allowed_are_not_offered():
    optimizer = optimizer_of((3,))
    integers = numpy.ones(3, numpy.int32)
    for call in (
        lambda: optimizer.add_parameter("x", (3,), "int16"),
        lambda: optimizer.set_gradient_dtype("int16"),
        lambda: optimizer.step([integers], [integers]),
    ):
        with pytest.raises(liblars.LarsError, match=r"are float16, float32, float64, bfloat16$"):
            call()
    half, arrays = optimizer_of((3,), dtype="float16"), [numpy.ones(3, numpy.float16)]
    with pytest.raises(liblars.LarsTypeError, match="master 0 is of dtype int32; the element types are float32, int16$"):
        half.step_external(arrays, arrays, [numpy.zeros(3, numpy.float32)], [integers])
