"""The optimizer: lars.h's handle, its arrays in place."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterable
from typing import Any

import numpy

from . import _arguments, _capi
from ._arrays import Array, Arrays, array_of, arrays_of, held
from ._errors import LarsFileNotFoundError, LarsIOError, number_of, raised
from ._handle import Handle
from ._records import Nonfinite, Norms, Parameter, StepReport
from ._schedules import Schedule, schedule_of

_library = _capi.library
_DTYPE_NAMES = {number: name for name, number in _capi.DTYPES.items()}
_CHOICES = {"denominator": _capi.DENOMINATORS, "outside_momentum": _capi.OUTSIDE_MOMENTUM}


class Optimizer(Handle):
    """LARS for parameters that are added by name, in place, in the caller's arrays.

    Arrays are NumPy's, or any CPU arrays that know DLPack (PyTorch) or the buffer protocol; they must be contiguous, and
    those that are written writable. Every method does what its namesake of lars.h does, and raises a `LarsError`, with
    nothing changed, if it fails. One optimizer is for one thread at a time (LARS_ERR_BUSY).
    """

    def __init__(self) -> None:
        self._callbacks: dict[str, Any] = {}
        self._functions: dict[int, tuple[Any, ...]] = {}  # of schedules, by key
        super().__init__()

    # ---- Parameters

    def add_parameter(self, name: str, shape: Iterable[int], dtype: str = "float32") -> int:
        """Registers a tensor; its index. dtype: float32, float64, float16 or bfloat16, or NumPy's of that name."""
        extents = _arguments.shape(shape, name)
        return self._read(
            _library.lars_add_parameter,
            ctypes.c_uint32,
            name=name,
            dtype=number_of(_capi.FLOATS, _arguments.dtype_name(dtype), "dtype"),
            ndim=len(extents),
            shape=(ctypes.c_int64 * len(extents))(*extents),
        )

    def parameter_count(self) -> int:
        return self._read(_library.lars_parameter_count, ctypes.c_uint32)

    def parameter_index(self, name: str) -> int:
        return self._read(_library.lars_parameter_index, ctypes.c_uint32, name=name)

    def parameter(self, index: int) -> Parameter:
        index = _arguments.index_of(index)
        name, dtype, ndim = ctypes.c_char_p(), ctypes.c_int32(), ctypes.c_uint32()
        shape = ctypes.POINTER(ctypes.c_int64)()
        pointers = map(ctypes.byref, (name, dtype, ndim, shape))
        self._done(_library.lars_parameter_info(self._handle, index, *pointers))
        return _parameter(index, name.value, dtype.value, ndim.value, shape)

    def set_gradient_dtype(self, dtype: str, selector: str | None = None) -> None:
        number = number_of(_capi.FLOATS, _arguments.dtype_name(dtype), "dtype")
        self._done(_library.lars_set_gradient_dtype(self._handle, _arguments.selector_text(selector), number))

    def gradient_dtype(self, index: int) -> str:
        return _DTYPE_NAMES[self._read(_library.lars_gradient_dtype, ctypes.c_int32, index=index)]

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
        if isinstance(value, str) and key in _CHOICES:
            value = number_of(_CHOICES[key], value, key)
        schedule = schedule_of(value, key)
        if isinstance(schedule, Schedule):
            by_name, by_predicate = _library.lars_set_schedule, _library.lars_set_schedule_if
            argument: Any = schedule.handle
            kept = schedule.kept
        else:
            kept = ()
            by_name, by_predicate, argument = _library.lars_set, _library.lars_set_if, schedule
        if callable(selector):
            self._done(by_predicate(self._handle, self._predicate(selector), None, number, argument))
        else:
            self._done(by_name(self._handle, _arguments.selector_text(selector), number, argument))
        # Once set for all parameters, none is left that could follow an earlier schedule of the key.
        earlier = self._functions.get(number, ()) if selector is not None else ()
        self._functions[number] = (*earlier, *(one for one in kept if one not in earlier))

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
        return self._read(_library.lars_get, ctypes.c_double, index=index, key=number_of(_capi.KEYS, key, "key"))

    def set_variant(self, variant: str) -> None:
        """optax, paper, torch, larc, barlow or tf."""
        self._done(_library.lars_set_variant(self._handle, number_of(_capi.VARIANTS, variant, "variant")))

    def set_mlperf_resnet50(self, batch: int, steps_per_epoch: int) -> None:
        self._call(_library.lars_set_mlperf_resnet50, batch=batch, steps_per_epoch=steps_per_epoch)

    def set_gradient_clip(self, max_norm: float) -> None:
        self._call(_library.lars_set_gradient_clip, max_norm=max_norm)

    @property
    def gradient_clip(self) -> float:
        """The norm to which gradients are clipped; infinity if they are not."""
        return self._read(_library.lars_gradient_clip, ctypes.c_double)

    def set_nonfinite_policy(self, policy: str) -> None:
        """refuse, skip or propagate."""
        self._done(_library.lars_set_nonfinite_policy(self._handle, number_of(_capi.POLICIES, policy, "policy")))

    @property
    def nonfinite_policy(self) -> str:
        number = self._read(_library.lars_nonfinite_policy, ctypes.c_int32)
        return next(policy for policy, known in _capi.POLICIES.items() if known == number)

    def set_max_consecutive_skips(self, most: int) -> None:
        self._call(_library.lars_set_max_consecutive_skips, most=most)

    @property
    def max_consecutive_skips(self) -> int:
        """0: any number."""
        return self._read(_library.lars_max_consecutive_skips, ctypes.c_uint64)

    # ---- What steps run on

    def set_kernels(self, kernels: str) -> None:
        self._call(_library.lars_set_kernels, kernels=kernels)

    @property
    def kernels(self) -> str:
        return _capi.text(_library.lars_kernels(self._handle))

    def set_threads(self, threads: int) -> None:
        self._call(_library.lars_set_threads, threads=threads)

    @property
    def threads(self) -> int:
        return self._read(_library.lars_threads, ctypes.c_uint32)

    # ---- Steps. True if the step was taken, False if the policy "skip" skipped it.

    def step(self, parameters: Iterable[Any], gradients: Iterable[Any]) -> bool:
        """One step of all parameters, in place; arrays in the order in which parameters were added."""
        w = self._arrays("parameter", parameters, written=True)
        g = self._arrays("gradient", gradients)
        return self._done(_library.lars_step(self._handle, w.pointers, g.pointers)) == _capi.OK

    def bind(self, parameters: Iterable[Any], gradients: Iterable[Any]) -> Callable[[], bool]:
        """A function that takes the step of `step` with these arrays, which are checked now and not again.

        For training loops that keep their arrays: what costs most in Python, looking at each of them, is done once. Their
        memory must stay: while the function lives, NumPy resizes none of its arrays, but other libraries must be asked to
        do nothing that moves or frees it, such as resizing a tensor's storage.
        """
        w = self._arrays("parameter", parameters, written=True)
        g = self._arrays("gradient", gradients)
        step, handle, done, pointers = _library.lars_step, self._handle, self._done, (w.pointers, g.pointers)
        check = _library.lars_check_arrays
        kinds = [(_capi.ROLES[role], a.count, a.dtypes, a.elements) for role, a in (("parameter", w), ("gradient", g))]

        def bound_step() -> bool:
            for kind in kinds:  # parameters may have been added since, or have another gradient type
                done(check(handle, *kind))
            return done(step(handle, *pointers)) == _capi.OK

        bound_step.arrays = held(w.owners + g.owners)  # type: ignore[attr-defined]
        return bound_step

    def step_flat(self, parameters: Any, gradients: Any) -> bool:
        w = self._flat("parameter", parameters, written=True)
        g = self._flat("gradient", gradients)
        return self._done(_library.lars_step_flat(self._handle, w.pointer, g.pointer)) == _capi.OK

    def step_parameter(self, index: int, parameter: Any, gradient: Any) -> bool:
        index = _arguments.index_of(index)
        w = self._one("parameter", index, parameter, written=True)
        g = self._one("gradient", index, gradient)
        return self._done(_library.lars_step_parameter(self._handle, index, w.pointer, g.pointer)) == _capi.OK

    def update(self, parameters: Iterable[Any], gradients: Iterable[Any], updates: Iterable[Any]) -> bool:
        w = self._arrays("parameter", parameters)
        g = self._arrays("gradient", gradients)
        u = self._arrays("parameter", updates, written=True, what="update")
        return self._done(_library.lars_update(self._handle, w.pointers, g.pointers, u.pointers)) == _capi.OK

    def step_external(
        self, parameters: Iterable[Any], gradients: Iterable[Any], momentum: Iterable[Any], masters: Iterable[Any] = ()
    ) -> bool:
        w = self._arrays("parameter", parameters, written=True)
        g = self._arrays("gradient", gradients)
        v = self._arrays("momentum", momentum, written=True)
        masters = _listed("master", masters)
        m = self._arrays("master", masters, written=True) if masters else None
        pointers = w.pointers, g.pointers, v.pointers, m.pointers if m else None
        return self._done(_library.lars_step_external(self._handle, *pointers)) == _capi.OK

    def step_external_pointers(self, parameters: Any, gradients: Any, momentum: Any, masters: Any) -> bool:
        """`step_external` with ctypes arrays of addresses, which nothing checks: for frameworks that have checked."""
        status = _library.lars_step_external(self._handle, parameters, gradients, momentum, masters)
        return self._done(status) == _capi.OK

    def update_external(
        self, parameters: Iterable[Any], gradients: Iterable[Any], momentum: Iterable[Any], updates: Iterable[Any]
    ) -> bool:
        w = self._arrays("parameter", parameters)
        g = self._arrays("gradient", gradients)
        v = self._arrays("momentum", momentum, written=True)
        u = self._arrays("parameter", updates, written=True, what="update")
        pointers = w.pointers, g.pointers, v.pointers, u.pointers
        return self._done(_library.lars_update_external(self._handle, *pointers)) == _capi.OK

    def _arrays(self, role: str, arrays: Iterable[Any], written: bool = False, what: str | None = None) -> Arrays:
        what = what or role
        found = arrays_of(_listed(what, arrays), what, written)
        self._done(
            _library.lars_check_arrays(self._handle, _capi.ROLES[role], found.count, found.dtypes, found.elements)
        )
        return found

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
        self._call(_library.lars_set_accumulation, micro_batches=micro_batches)

    def accumulate(self, parameters: Iterable[Any] | None, gradients: Iterable[Any]) -> None:
        """Adds a micro-batch; only the one that completes the batch needs the parameters."""
        w = self._arrays("parameter", parameters) if parameters is not None else None
        g = self._arrays("gradient", gradients)
        self._done(_library.lars_accumulate(self._handle, w.pointers if w else None, g.pointers))

    def step_accumulated(self, parameters: Iterable[Any]) -> bool:
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
        self._call(_library.lars_set_carry_norms, carry=carry)

    @property
    def carry_norms(self) -> bool:
        return self._read(_library.lars_carry_norms, ctypes.c_int32) != 0

    def parameters_changed(self) -> None:
        self._done(_library.lars_parameters_changed(self._handle))

    # ---- What the steps did

    def step_count(self, index: int | None = None) -> int:
        """Of one parameter, or the least of all."""
        if index is None:
            return self._read(_library.lars_step_count, ctypes.c_uint64)
        return self._read(_library.lars_parameter_step_count, ctypes.c_uint64, index=index)

    def set_step_count(self, index: int, steps: int) -> None:
        self._call(_library.lars_set_parameter_step_count, index=index, steps=steps)

    def norms(self, index: int) -> Norms:
        index = _arguments.index_of(index)
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
        self._call(_library.lars_set_gradient_norms, wanted=wanted)

    @property
    def gradient_norms(self) -> bool:
        """Whether steps gather |g| in any case."""
        return self._read(_library.lars_gradient_norms, ctypes.c_int32) != 0

    def set_observer(self, observer: Callable[[StepReport], None] | None) -> None:
        """Called after every step, taken or skipped. What it raises is printed and dropped: the step is done."""
        if observer is None:
            self._done(_library.lars_set_observer(self._handle, _capi.Observer(), None))
            self._callbacks.pop("observer", None)
            return
        _arguments.function_of(observer, "observer", "None or a function of a StepReport")

        def notify(_user: int, status: int, steps: int, count: int, quantity_count: int, quantities: Any) -> None:
            values = {
                name: numpy.ctypeslib.as_array(quantities[number], (count,)).copy() if count else numpy.zeros(0)
                for name, number in _capi.QUANTITIES.items()
                if number < quantity_count
            }
            observer(StepReport(status == _capi.SKIPPED, steps, values))

        kept = _capi.Observer(notify)
        self._done(_library.lars_set_observer(self._handle, kept, None))
        self._callbacks["observer"] = kept

    # ---- Checkpoints

    def save(self, path: str | os.PathLike[str]) -> None:
        try:
            self._done(_library.lars_save(self._handle, _arguments.path(path)))
        except LarsIOError as error:
            raise error.about(path) from None

    def load(self, path: str | os.PathLike[str]) -> None:
        try:
            self._done(_library.lars_load(self._handle, _arguments.path(path)))
        except LarsIOError as error:
            if os.path.exists(path):
                raise error.about(path) from None
            raise LarsFileNotFoundError(error.status, str(error)).about(path) from None

    def to_bytes(self) -> bytes:
        """What `save` writes."""
        size = self._read(_library.lars_save_size, ctypes.c_uint64)
        buffer = ctypes.create_string_buffer(size)
        self._done(_library.lars_save_to(self._handle, buffer, size))
        return buffer.raw

    def from_bytes(self, checkpoint: bytes) -> None:
        """What `load` does, from `to_bytes`."""
        try:
            content = bytes(memoryview(checkpoint))  # a bytearray, too, but no number: bytes(3) are three zeros
        except TypeError:
            raise _arguments.not_allowed("TYPE", "checkpoint", checkpoint, "bytes, as to_bytes() returns them") from None
        self._done(_library.lars_load_from(self._handle, content, len(content)))


def _listed(what: str, arrays: Iterable[Any]) -> list[Any]:
    name = what if what == "momentum" else f"{what}s"
    return _arguments.listed(arrays, name, "a sequence of arrays, one for each parameter")


def _parameter(index: int, name: bytes, dtype: int, ndim: int, shape: Any) -> Parameter:
    return Parameter(index, _capi.text(name), _DTYPE_NAMES[dtype], tuple(shape[axis] for axis in range(ndim)))
