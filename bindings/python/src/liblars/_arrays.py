"""Where arrays are in memory: NumPy's by what they say of themselves, all others by DLPack. Never a copy."""

from __future__ import annotations

import array as machine
import ctypes
import operator
import sys
import weakref
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy

from . import _capi
from ._errors import refused


class Array(NamedTuple):
    """An array in memory; `owner` keeps it there."""

    pointer: int
    elements: int
    dtype: int
    owner: Any


class Arrays(NamedTuple):
    """Arrays as lars.h takes them; `owners` keep them in memory."""

    count: int
    pointers: ctypes.Array[Any]
    dtypes: ctypes.Array[Any]
    elements: ctypes.Array[Any]
    owners: list[Any]


# DLPack's structures (dlpack.h): https://dmlc.github.io/dlpack/latest/c_api.html
class _DLTensor(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


class _DLManagedTensorVersioned(ctypes.Structure):
    _fields_ = [
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("manager_ctx", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
        ("flags", ctypes.c_uint64),
        ("dl_tensor", _DLTensor),
    ]


_HOST_DEVICES = (1, 3, 11)  # kDLCPU, and what CUDA and ROCm have pinned of the same memory
_MAJOR = 1  # of DLPack: what another one lays out is unknown
_READ_ONLY = 1
_OLD, _VERSIONED = b"dltensor", b"dltensor_versioned"
_is_valid = ctypes.pythonapi.PyCapsule_IsValid
_is_valid.restype, _is_valid.argtypes = ctypes.c_int, [ctypes.py_object, ctypes.c_char_p]
_get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_get_pointer.restype, _get_pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]

_NUMPY_DTYPES = {numpy.dtype(name): number for name, number in _capi.DTYPES.items() if name != "bfloat16"}


def _types(what: str) -> str:
    return "float32, int16" if what.startswith("master") else ", ".join(_capi.FLOATS)


def _numpy_dtype(array: numpy.ndarray, what: str) -> int:
    number = _NUMPY_DTYPES.get(array.dtype)
    if number is None:
        if array.dtype.name != "bfloat16":  # of ml_dtypes
            raise refused("TYPE", f"{what} is of dtype {array.dtype}; the element types are {_types(what)}")
        number = _NUMPY_DTYPES[array.dtype] = _capi.DTYPES["bfloat16"]
    return number


def _require(contiguous: bool, writable: bool, what: str) -> None:
    if not contiguous:
        raise refused("ARGUMENT", f"{what} is not contiguous; pass a contiguous array, such as numpy.ascontiguousarray makes")
    if not writable:
        raise refused("ARGUMENT", f"{what} is read-only, but this call writes it; pass an array that may be written")


def _of_numpy(array: numpy.ndarray, what: str, written: bool) -> Array:
    flags = array.flags
    _require(flags.c_contiguous, flags.writeable or not written, what)
    return Array(array.__array_interface__["data"][0], array.size, _numpy_dtype(array, what), array)


def held(owners: Iterable[Any]) -> list[Any]:
    """The owners, and weak references to those that are NumPy's and to what they are views of.

    NumPy resizes no array that has a weak reference, even with refcheck=False, so that its memory stays where it is.
    """
    kept = []
    for owner in owners:
        kept.append(owner)
        while isinstance(owner, numpy.ndarray):
            kept.append(weakref.ref(owner))
            owner = owner.base
    return kept


def _capsule_of(array: Any) -> Any:
    try:
        return array.__dlpack__(max_version=(1, 1))
    except TypeError:
        return array.__dlpack__()


def _is_contiguous(tensor: _DLTensor) -> bool:
    if not tensor.strides:
        return True
    expected = 1
    for axis in reversed(range(tensor.ndim)):
        if tensor.shape[axis] == 0:
            return True
        if tensor.shape[axis] != 1 and tensor.strides[axis] != expected:
            return False
        expected *= tensor.shape[axis]
    return True


def _of_dlpack(array: Any, what: str, written: bool) -> Array:
    if written and type(array).__module__.partition(".")[0] in ("jax", "jaxlib"):
        # Whatever DLPack says: it may share its memory with others.
        advice = "use liblars.optax, or pass a copy, numpy.array(x)"
        raise refused("ARGUMENT", f"{what} is a jax.Array, which cannot be written; {advice}")
    device = array.__dlpack_device__()[0]
    if int(device) not in _HOST_DEVICES:
        raise refused("ARGUMENT", f"{what} is not in the memory of the CPU; copy it there")
    try:
        capsule = _capsule_of(array)
    except BufferError as error:  # a tensor that requires gradients
        raise refused("ARGUMENT", f"{what} cannot be shared: {error}") from error
    writable = True
    if _is_valid(capsule, _VERSIONED):
        managed = _DLManagedTensorVersioned.from_address(_get_pointer(capsule, _VERSIONED))
        if managed.major != _MAJOR:
            raise refused("ARGUMENT", f"{what} is of version {managed.major} of DLPack; liblars knows version {_MAJOR}")
        tensor, writable = managed.dl_tensor, not managed.flags & _READ_ONLY
    else:
        tensor = _DLTensor.from_address(_get_pointer(capsule, _OLD))
    _require(_is_contiguous(tensor), writable or not written, what)
    elements = 1
    for axis in range(tensor.ndim):
        elements *= tensor.shape[axis]
    dtype = tensor.code * 256 + tensor.bits
    if tensor.lanes != 1 or dtype not in _capi.DTYPES.values():
        raise refused("TYPE", f"{what} is of another element type than {_types(what)}")
    return Array((tensor.data or 0) + tensor.byte_offset, elements, dtype, capsule)


def _is_masked(array: Any) -> bool:
    """Nothing is a masked array where none has been imported."""
    masked = sys.modules.get("numpy.ma")
    return masked is not None and isinstance(array, masked.MaskedArray)


def array_of(array: Any, what: str, written: bool) -> Array:
    """`what` names the array in messages: "gradient 3". Those that a call writes must be writable."""
    if type(array) is numpy.ndarray:
        return _of_numpy(array, what, written)
    if _is_masked(array):
        raise refused("ARGUMENT", f"{what} is a masked array, whose mask a step would not heed; pass its filled() or its data")
    if isinstance(array, numpy.ndarray):
        return _of_numpy(numpy.asarray(array), what, written)
    if hasattr(array, "__dlpack__"):
        return _of_dlpack(array, what, written)
    try:
        view = numpy.asarray(memoryview(array))
    except TypeError:
        raise refused(
            "TYPE", f"{what} is a {type(array).__name__}; pass a NumPy array, or one that knows DLPack or the buffer protocol"
        ) from None
    return _of_numpy(view, what, written)


def arrays_of(arrays: list[Any], what: str, written: bool) -> Arrays:
    """As array_of for each, which is asked one by one only if it must be."""
    return _of_plain(arrays) or _of_any(arrays, what, written)


_dtype, _size = operator.attrgetter("dtype"), operator.attrgetter("size")
_of_buffer = (ctypes.c_char * 0).from_buffer  # takes what is contiguous and may be written


def _of_plain(arrays: list[Any]) -> Arrays | None:
    """Where NumPy's own arrays are, asked of all at once: a step of small tensors is mostly such calls. What ctypes makes
    of a buffer tells its address in a sixth of the time that __array_interface__ takes. None if any is of another sort."""
    dtypes = list(map(_NUMPY_DTYPES.get, map(_dtype, arrays))) if set(map(type, arrays)) == {numpy.ndarray} else [None]
    if None in dtypes:
        return None
    try:
        pointers = list(map(ctypes.addressof, map(_of_buffer, arrays)))
    except (BufferError, TypeError, ValueError):  # one is not as above, or of a type that buffers do not know: bfloat16
        return None
    return _arrays(pointers, dtypes, map(_size, arrays), arrays)


def _of_any(arrays: list[Any], what: str, written: bool) -> Arrays:
    found = [array_of(array, f"{what} {i}", written) for i, array in enumerate(arrays)]
    if not found:
        return _arrays([], [], [], [])
    pointers, elements, dtypes, owners = zip(*found, strict=True)
    return _arrays(pointers, dtypes, elements, list(owners))


def _arrays(pointers: Iterable[int], dtypes: Iterable[Any], elements: Iterable[int], owners: list[Any]) -> Arrays:
    count = len(owners)
    return Arrays(
        count,
        (ctypes.c_void_p * count).from_buffer(machine.array("Q", pointers)),
        (ctypes.c_int32 * count).from_buffer(machine.array("i", dtypes)),
        (ctypes.c_uint64 * count).from_buffer(machine.array("Q", elements)),
        owners,
    )
