"""The optimizer: lars.h's handle, its arrays in place."""

from __future__ import annotations

import ctypes
import operator
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy

from . import _capi
from ._arrays import Array, array_of
from ._errors import error_of, number_of, raised, refused
from ._records import Nonfinite, Norms, Parameter, StepReport
from ._schedules import Schedule, schedule_of

_library = _capi.library
_DTYPE_NAMES = {number: name for name, number in _capi.DTYPES.items()}
_CHOICES = {"denominator": _capi.DENOMINATORS, "outside_momentum": _capi.OUTSIDE_MOMENTUM}


class _Arrays(NamedTuple):
    """Arrays as lars.h takes them, and what keeps them in memory."""

    pointers: Any
    owners: list[Any]
    kinds: tuple[int, Any, Any]  # their number, element types and lengths


class Optimizer:
    """LARS for parameters that are added by name, in place, in the caller's arrays.

    Arrays are NumPy's, or any CPU arrays that know DLPack (PyTorch) or the buffer protocol; they must be contiguous, and
    those that are written writable. Every method does what its namesake of lars.h does, and raises a `LarsError`, with
    nothing changed, if it fails. One optimizer is for one thread at a time (LARS_ERR_BUSY).
    """

    def __init__(self) -> None:
        self._handle = ctypes.c_void_p()
        self._callbacks: dict[str, Any] = {}
        self._functions: list[Any] = []  # of schedules
        self._done(_library.lars_create(ctypes.byref(self._handle)))

    def close(self) -> None:
        """Releases the optimizer and its momentum; it does so itself when nobody refers to it any more."""
        handle = getattr(self, "_handle", None)
        if handle:
            self._done(_library.lars_destroy(handle))
            handle.value = None  # also for those who hold it: bound steps

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            _library.lars_destroy(self._handle)

    def __enter__(self) -> Optimizer:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def _done(self, status: int) -> int:
        if status >= 0:
            return status
        if not self._handle:
            raise error_of(status, "this optimizer is closed")
        cause = raised.take()
        if status == _capi.STATUSES["BUSY"]:  # the message is the other call's
            raise error_of(status, "another call on this handle is running; one handle serves one call at a time")
        raise error_of(status, _capi.text(_library.lars_error_message(self._handle))) from cause

    def _read(self, function: Callable[..., int], kind: Any, *arguments: Any) -> Any:
        value = kind()
        self._done(function(self._handle, *arguments, ctypes.byref(value)))
        return value.value

    # ---- Parameters

    def add_parameter(self, name: str, shape: Iterable[int], dtype: str = "float32") -> int:
        """Registers a tensor; its index. dtype: float32, float64, float16 or bfloat16, or NumPy's of that name."""
        extents = tuple(map(operator.index, shape))
        if any(abs(extent) >> 63 for extent in extents):
            raise refused("SHAPE", f"shape {extents} of '{name}' has an extent that no array can have")
        number = number_of(_capi.DTYPES, _dtype_name(dtype), "dtype")
        return self._read(
            _library.lars_add_parameter,
            ctypes.c_uint32,
            _bytes(name),
            number,
            len(extents),
            (ctypes.c_int64 * len(extents))(*extents),
        )

    def parameter_count(self) -> int:
        return self._read(_library.lars_parameter_count, ctypes.c_uint32)

    def parameter_index(self, name: str) -> int:
        return self._read(_library.lars_parameter_index, ctypes.c_uint32, _bytes(name))

    def parameter(self, index: int) -> Parameter:
        name, dtype, ndim = ctypes.c_char_p(), ctypes.c_int32(), ctypes.c_uint32()
        shape = ctypes.POINTER(ctypes.c_int64)()
        pointers = map(ctypes.byref, (name, dtype, ndim, shape))
        self._done(_library.lars_parameter_info(self._handle, index, *pointers))
        return _parameter(index, name.value, dtype.value, ndim.value, shape)

    def set_gradient_dtype(self, dtype: str, selector: str | None = None) -> None:
        number = number_of(_capi.DTYPES, _dtype_name(dtype), "dtype")
        self._done(_library.lars_set_gradient_dtype(self._handle, _optional_bytes(selector), number))

    def gradient_dtype(self, index: int) -> str:
        return _DTYPE_NAMES[self._read(_library.lars_gradient_dtype, ctypes.c_int32, index)]

    # ---- Hyper-parameters

    def set(
        self,
        key: str,
        value: float | str | Schedule | Callable[[int], float],
        selector: str | Callable[[Parameter], bool] | None = None,
    ) -> None:
        """Sets a hyper-parameter, "learning_rate", to a number, a schedule or a function of the step.

        selector: None for all parameters, also those added later; a glob on names, "*.bias"; or a function of a
        `Parameter` that says whether it is meant.
        """
        number = number_of(_capi.KEYS, key, "key")
        if isinstance(value, str):
            value = number_of(_CHOICES.get(key, {}), value, key)
        schedule = schedule_of(value)
        if isinstance(schedule, Schedule):
            self._functions.extend(one for one in schedule.kept if one not in self._functions)
            by_name, by_predicate = _library.lars_set_schedule, _library.lars_set_schedule_if
            argument: Any = schedule.handle
        else:
            by_name, by_predicate, argument = _library.lars_set, _library.lars_set_if, schedule
        if callable(selector):
            self._done(by_predicate(self._handle, self._predicate(selector), None, number, argument))
        else:
            self._done(by_name(self._handle, _optional_bytes(selector), number, argument))

    def _predicate(self, selects: Callable[[Parameter], bool]) -> Any:
        def answer(_user: int, index: int, name: bytes, dtype: int, ndim: int, shape: Any) -> int:
            try:
                return 1 if selects(_parameter(index, name, dtype, ndim, shape)) else 0
            except BaseException as error:  # noqa: BLE001: it must not pass through C
                raised.errors.append(error)
                return -1

        return _capi.Predicate(answer)

    def get(self, index: int, key: str) -> float:
        """The value that the parameter's next step will use."""
        return self._read(_library.lars_get, ctypes.c_double, index, number_of(_capi.KEYS, key, "key"))

    def set_variant(self, variant: str) -> None:
        """optax, paper, torch, larc, barlow or tf."""
        self._done(_library.lars_set_variant(self._handle, number_of(_capi.VARIANTS, variant, "variant")))

    def set_mlperf_resnet50(self, batch: int, steps_per_epoch: int) -> None:
        self._done(_library.lars_set_mlperf_resnet50(self._handle, batch, steps_per_epoch))

    def set_gradient_clip(self, max_norm: float) -> None:
        self._done(_library.lars_set_gradient_clip(self._handle, max_norm))

    def set_nonfinite_policy(self, policy: str) -> None:
        """refuse, skip or propagate."""
        self._done(_library.lars_set_nonfinite_policy(self._handle, number_of(_capi.POLICIES, policy, "policy")))

    def set_max_consecutive_skips(self, most: int) -> None:
        self._done(_library.lars_set_max_consecutive_skips(self._handle, most))

    # ---- What steps run on

    def set_kernels(self, kernels: str) -> None:
        self._done(_library.lars_set_kernels(self._handle, _bytes(kernels)))

    @property
    def kernels(self) -> str:
        return _capi.text(_library.lars_kernels(self._handle))

    def set_threads(self, threads: int) -> None:
        self._done(_library.lars_set_threads(self._handle, threads))

    @property
    def threads(self) -> int:
        return self._read(_library.lars_threads, ctypes.c_uint32)

    # ---- Steps. True if the step was taken, False if the policy "skip" skipped it.

    def step(self, parameters: Sequence[Any], gradients: Sequence[Any]) -> bool:
        """One step of all parameters, in place; arrays in the order in which parameters were added."""
        return self.bind(parameters, gradients)()

    def bind(self, parameters: Sequence[Any], gradients: Sequence[Any]) -> Callable[[], bool]:
        """A function that takes the step of `step` with these arrays, which are checked now and not again.

        For training loops that keep their arrays: what costs most in Python, looking at each of them, is done once.
        """
        w = self._arrays("parameter", parameters, written=True)
        g = self._arrays("gradient", gradients)
        step, handle, done, pointers = _library.lars_step, self._handle, self._done, (w.pointers, g.pointers)
        check, kinds = _library.lars_check_arrays, ((_capi.ROLES["parameter"], *w.kinds), (_capi.ROLES["gradient"], *g.kinds))

        def bound_step() -> bool:
            for kind in kinds:  # parameters may have been added since, or have another gradient type
                done(check(handle, *kind))
            return done(step(handle, *pointers)) == _capi.OK

        bound_step.arrays = w.owners, g.owners  # type: ignore[attr-defined]
        return bound_step

    def step_flat(self, parameters: Any, gradients: Any) -> bool:
        w = self._flat("parameter", parameters, written=True)
        g = self._flat("gradient", gradients)
        return self._done(_library.lars_step_flat(self._handle, w.pointer, g.pointer)) == _capi.OK

    def step_parameter(self, index: int, parameter: Any, gradient: Any) -> bool:
        w = self._one("parameter", index, parameter, written=True)
        g = self._one("gradient", index, gradient)
        return self._done(_library.lars_step_parameter(self._handle, index, w.pointer, g.pointer)) == _capi.OK

    def update(self, parameters: Sequence[Any], gradients: Sequence[Any], updates: Sequence[Any]) -> bool:
        w = self._arrays("parameter", parameters)
        g = self._arrays("gradient", gradients)
        u = self._arrays("parameter", updates, written=True, what="update")
        return self._done(_library.lars_update(self._handle, w.pointers, g.pointers, u.pointers)) == _capi.OK

    def step_external(
        self, parameters: Sequence[Any], gradients: Sequence[Any], momentum: Sequence[Any], masters: Sequence[Any] = ()
    ) -> bool:
        w = self._arrays("parameter", parameters, written=True)
        g = self._arrays("gradient", gradients)
        v = self._arrays("momentum", momentum, written=True)
        m = self._arrays("master", masters, written=True) if len(masters) else None
        pointers = w.pointers, g.pointers, v.pointers, m.pointers if m else None
        return self._done(_library.lars_step_external(self._handle, *pointers)) == _capi.OK

    def step_external_pointers(self, parameters: Any, gradients: Any, momentum: Any, masters: Any) -> bool:
        """`step_external` with ctypes arrays of addresses, which nothing checks: for frameworks that have checked."""
        status = _library.lars_step_external(self._handle, parameters, gradients, momentum, masters)
        return self._done(status) == _capi.OK

    def update_external(
        self, parameters: Sequence[Any], gradients: Sequence[Any], momentum: Sequence[Any], updates: Sequence[Any]
    ) -> bool:
        w = self._arrays("parameter", parameters)
        g = self._arrays("gradient", gradients)
        v = self._arrays("momentum", momentum, written=True)
        u = self._arrays("parameter", updates, written=True, what="update")
        pointers = w.pointers, g.pointers, v.pointers, u.pointers
        return self._done(_library.lars_update_external(self._handle, *pointers)) == _capi.OK

    def _arrays(self, role: str, arrays: Sequence[Any], written: bool = False, what: str | None = None) -> _Arrays:
        found = [array_of(array, f"{what or role} {i}", written) for i, array in enumerate(arrays)]
        count = len(found)
        dtypes = (ctypes.c_int32 * count)(*[array.dtype for array in found])
        elements = (ctypes.c_uint64 * count)(*[array.elements for array in found])
        self._done(_library.lars_check_arrays(self._handle, _capi.ROLES[role], count, dtypes, elements))
        pointers = (ctypes.c_void_p * count)(*[array.pointer for array in found])
        return _Arrays(pointers, [array.owner for array in found], (count, dtypes, elements))

    def _one(self, role: str, index: int, array: Any, written: bool = False) -> Array:
        found = array_of(array, role, written)
        self._done(
            _library.lars_check_array(self._handle, _capi.ROLES[role], index, found.dtype, found.elements)
        )
        return found

    def _flat(self, role: str, array: Any, written: bool = False) -> Array:
        found = array_of(array, f"{role}s", written)
        self._done(_library.lars_check_flat(self._handle, _capi.ROLES[role], found.dtype, found.elements))
        return found

    # ---- Accumulation

    def set_accumulation(self, micro_batches: int) -> None:
        self._done(_library.lars_set_accumulation(self._handle, micro_batches))

    def accumulate(self, parameters: Sequence[Any] | None, gradients: Sequence[Any]) -> None:
        """Adds a micro-batch; only the one that completes the batch needs the parameters."""
        w = self._arrays("parameter", parameters).pointers if parameters is not None else None
        g = self._arrays("gradient", gradients)
        self._done(_library.lars_accumulate(self._handle, w, g.pointers))

    def step_accumulated(self, parameters: Sequence[Any]) -> bool:
        w = self._arrays("parameter", parameters, written=True)
        return self._done(_library.lars_step_accumulated(self._handle, w.pointers)) == _capi.OK

    def discard_accumulated(self) -> None:
        self._done(_library.lars_discard_accumulated(self._handle))

    def accumulated(self) -> tuple[int, int]:
        """Micro-batches accumulated so far, and in a batch."""
        so_far, in_batch = ctypes.c_uint32(), ctypes.c_uint32()
        self._done(_library.lars_accumulated(self._handle, ctypes.byref(so_far), ctypes.byref(in_batch)))
        return so_far.value, in_batch.value

    def set_carry_norms(self, carry: bool) -> None:
        self._done(_library.lars_set_carry_norms(self._handle, int(carry)))

    def parameters_changed(self) -> None:
        self._done(_library.lars_parameters_changed(self._handle))

    # ---- What the steps did

    def step_count(self, index: int | None = None) -> int:
        """Of one parameter, or the least of all."""
        if index is None:
            return self._read(_library.lars_step_count, ctypes.c_uint64)
        return self._read(_library.lars_parameter_step_count, ctypes.c_uint64, index)

    def set_step_count(self, index: int, steps: int) -> None:
        self._done(_library.lars_set_parameter_step_count(self._handle, index, steps))

    def norms(self, index: int) -> Norms:
        values = [ctypes.c_double() for _ in range(3)]
        self._done(_library.lars_norms(self._handle, index, *map(ctypes.byref, values)))
        return Norms(*(value.value for value in values))

    def skip_count(self) -> tuple[int, int]:
        """In a row, and in all."""
        consecutive, total = ctypes.c_uint64(), ctypes.c_uint64()
        self._done(_library.lars_skip_count(self._handle, ctypes.byref(consecutive), ctypes.byref(total)))
        return consecutive.value, total.value

    def nonfinite(self) -> Nonfinite:
        index, parameters, gradients = ctypes.c_uint32(), ctypes.c_uint64(), ctypes.c_uint64()
        pointers = map(ctypes.byref, (index, parameters, gradients))
        self._done(_library.lars_nonfinite(self._handle, *pointers))
        return Nonfinite(index.value, parameters.value, gradients.value)

    def telemetry(self, quantity: str) -> numpy.ndarray:
        """One quantity of every parameter's last step: "trust_ratio" and the other LARS_TELEMETRY_*."""
        values = numpy.zeros(self.parameter_count())
        number = number_of(_capi.QUANTITIES, quantity, "quantity")
        pointer = values.ctypes.data_as(ctypes.POINTER(ctypes.c_double))
        self._done(_library.lars_telemetry(self._handle, number, pointer))
        return values

    def set_gradient_norms(self, wanted: bool) -> None:
        self._done(_library.lars_set_gradient_norms(self._handle, int(wanted)))

    def set_observer(self, observer: Callable[[StepReport], None] | None) -> None:
        """Called after every step, taken or skipped. What it raises is printed and dropped: the step is done."""
        if observer is None:
            self._done(_library.lars_set_observer(self._handle, _capi.Observer(), None))
            self._callbacks.pop("observer", None)
            return

        def notify(_user: int, status: int, steps: int, count: int, quantities: Any) -> None:
            values = {
                name: numpy.ctypeslib.as_array(quantities[number], (count,)).copy() if count else numpy.zeros(0)
                for name, number in _capi.QUANTITIES.items()
            }
            observer(StepReport(status == _capi.SKIPPED, steps, values))

        kept = _capi.Observer(notify)
        self._done(_library.lars_set_observer(self._handle, kept, None))
        self._callbacks["observer"] = kept

    # ---- Checkpoints

    def save(self, path: str | os.PathLike[str]) -> None:
        self._done(_library.lars_save(self._handle, _path(path)))

    def load(self, path: str | os.PathLike[str]) -> None:
        self._done(_library.lars_load(self._handle, _path(path)))

    def to_bytes(self) -> bytes:
        """What `save` writes."""
        size = self._read(_library.lars_save_size, ctypes.c_uint64)
        buffer = ctypes.create_string_buffer(size)
        self._done(_library.lars_save_to(self._handle, buffer, size))
        return buffer.raw

    def from_bytes(self, checkpoint: bytes) -> None:
        """What `load` does, from `to_bytes`."""
        content = bytes(checkpoint)  # a bytearray, too
        self._done(_library.lars_load_from(self._handle, content, len(content)))


def _parameter(index: int, name: bytes, dtype: int, ndim: int, shape: Any) -> Parameter:
    return Parameter(index, _capi.text(name), _DTYPE_NAMES[dtype], tuple(shape[axis] for axis in range(ndim)))


def _dtype_name(dtype: Any) -> str:
    if isinstance(dtype, str):
        return dtype
    try:
        return numpy.dtype(dtype).name
    except TypeError:
        return str(dtype).rpartition(".")[2]  # torch.float32


def _bytes(value: str) -> bytes:
    return _without_nul(value.encode(errors="surrogateescape"))


def _path(path: str | os.PathLike[str]) -> bytes:
    return _without_nul(os.fsencode(path))


def _without_nul(text: bytes) -> bytes:
    if b"\0" in text:  # where C would stop reading
        raise refused("NAME", f"{text.decode(errors='surrogateescape')!r} has a NUL character; remove it")
    return text


def _optional_bytes(value: str | None) -> bytes | None:
    return None if value is None else _bytes(value)
