"""Arrays of every kind, in place."""

from __future__ import annotations

import array
import gc

import ml_dtypes
import numpy
import pytest
from optimizers import optimizer_of

import liblars
from liblars import _arrays


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


@pytest.mark.parametrize("sort", ["plain", "read-only", "of a class of its own", "beside a buffer"])
def test_steps_are_the_same_for_every_sort_of_array(sort):
    def made(value, elements):
        array = numpy.full(elements, value, numpy.float32)
        return array.view(type("Mine", (numpy.ndarray,), {})) if sort == "of a class of its own" else array

    optimizer = optimizer_of((0, 3), (3,))
    optimizer.set("momentum", 0)
    w, g = [made(3, 0), made(3, 3)], [made(1, 0), made(1, 3)]
    if sort == "read-only":
        g[1].flags.writeable = False
    given = [w[0], memoryview(w[1])] if sort == "beside a buffer" else w
    assert optimizer.step(given, g)
    assert optimizer.bind(given, g)()
    assert w[1].tolist() == [1] * 3


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


def test_arrays_of_a_bound_step_cannot_be_resized():
    for make in (numpy.ones, lambda *arguments: numpy.ones(*arguments).view(type("Mine", (numpy.ndarray,), {}))):
        optimizer = optimizer_of((3,))
        w, g, base = make(3, numpy.float32), numpy.ones(3, numpy.float32), numpy.ones(6, numpy.float32)
        steps = [optimizer.bind([w], [g]), optimizer.bind([base[:3]], [base[3:]])]
        for one in (w, g, base):
            with pytest.raises(ValueError, match="resize"):
                one.resize(10**6, refcheck=False)
        assert all(step() for step in steps)
        del steps
        for one in (g, base):
            one.resize(10, refcheck=False)


def test_steps_see_what_became_of_the_arrays():
    optimizer = optimizer_of((3,))
    w, g = numpy.ones(3, numpy.float32), numpy.ones(3, numpy.float32)
    assert optimizer.step([w], [g])
    w.resize(300000, refcheck=False)  # a step keeps no array
    with pytest.raises(liblars.LarsError, match="300000 elements"):
        optimizer.step([w], [g])
    w.resize(3, refcheck=False)
    assert optimizer.step([w], [g])


def test_arrays_may_come_from_any_iterable():
    def some(value, elements=3):
        return (numpy.full(elements, value, numpy.float32) for _ in range(1))

    optimizer = optimizer_of((3,))
    w = numpy.full(3, 10, numpy.float32)
    optimizer.set("momentum", 0)
    assert optimizer.step(iter([w]), some(1))
    assert optimizer.bind((one for one in [w]), some(1))()
    u = numpy.zeros(3, numpy.float32)
    assert optimizer.update(some(1), some(1), map(numpy.asarray, [u]))
    assert u.tolist() == [-1] * 3
    optimizer.set_accumulation(2)
    optimizer.accumulate(None, some(1))
    optimizer.accumulate(iter([w]), some(1))
    assert optimizer.step_accumulated(iter([w]))
    assert w.tolist() == [7] * 3
    external = optimizer_of((3,))
    assert external.step_external(iter([w]), some(1), some(0), iter([]))
    assert external.update_external(some(1), some(1), some(0), iter([u]))
    assert w.tolist() == [6] * 3
    half = optimizer_of((3,), dtype="float16")
    h = [numpy.ones(3, numpy.float16) for _ in range(2)]
    assert half.step_external(iter(h[:1]), iter(h[1:]), some(0), some(1))


class Described:
    """An array that says what its DLPack says, but for the device and the version."""

    def __init__(self, inner, device=1, major=None):
        self.inner, self.device, self.major = inner, device, major

    def __dlpack_device__(self):
        return self.device, 0

    def __dlpack__(self, **arguments):
        capsule = self.inner.__dlpack__(**arguments)
        if self.major is not None:
            address = _arrays._get_pointer(capsule, b"dltensor_versioned")  # noqa: SLF001
            _arrays._DLManagedTensorVersioned.from_address(address).major = self.major  # noqa: SLF001
        return capsule


@pytest.mark.parametrize(("device", "taken"), [(1, True), (3, True), (11, True), (2, False), (10, False)])
def test_pinned_memory_is_memory_of_the_host(device, taken):
    optimizer, w = optimizer_of((3,)), numpy.full(3, 2, numpy.float32)
    g = Described(numpy.ones(3, numpy.float32), device)
    if taken:
        assert optimizer.step([w], [g])
        assert w.tolist() == [1] * 3
    else:
        with pytest.raises(liblars.LarsValueError, match="gradient 0 is not in the memory of the CPU"):
            optimizer.step([w], [g])


def test_other_versions_of_dlpack_are_refused():
    optimizer, w = optimizer_of((3,)), numpy.ones(3, numpy.float32)
    with pytest.raises(liblars.LarsValueError, match="gradient 0 is of version 2 of DLPack; liblars knows version 1"):
        optimizer.step([w], [Described(numpy.ones(3, numpy.float32), major=2)])


def test_masked_arrays_are_refused():
    optimizer, w = optimizer_of((3,)), numpy.ones(3, numpy.float32)
    with pytest.raises(liblars.LarsValueError, match="gradient 0 is a masked array"):
        optimizer.step([w], [numpy.ma.masked_array(w, [True, False, False])])
    assert w.tolist() == [1] * 3
