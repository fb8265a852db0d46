"""The caller's arguments for C. What does not fit is refused by its name; ctypes would give its position."""

from __future__ import annotations

import ctypes
import operator
import os
import reprlib
from collections.abc import Iterable
from typing import Any

import numpy

from . import _capi
from ._errors import LarsError, refused


def not_allowed(status: str, what: str, value: Any, wanted: str) -> LarsError:
    return refused(status, f"{what}: {reprlib.repr(value)} is not allowed; it must be {wanted}")


def real(value: Any, what: str, wanted: str = "a number") -> float:
    if isinstance(value, (str, bytes, bytearray)):  # which float() would read
        raise not_allowed("TYPE", what, value, wanted)
    try:
        return float(value)
    except OverflowError:
        raise not_allowed("VALUE", what, value, "within the range of float64") from None
    except (TypeError, ValueError, RuntimeError) as error:  # arrays of NumPy and tensors of PyTorch that are no numbers
        raise not_allowed("TYPE", what, value, wanted) from error


def count(value: Any, what: str, kind: Any = _capi.u64) -> int:
    wanted = f"an integer from 0 to {kind.limit}"
    try:
        number = operator.index(value)
    except TypeError:
        raise not_allowed("TYPE", what, value, wanted) from None
    if not 0 <= number <= kind.limit:
        raise not_allowed("INDEX" if what == "index" else "VALUE", what, value, wanted)
    return number


def index_of(value: Any) -> int:
    return count(value, "index", _capi.u32)


def truth(value: Any, what: str) -> int:
    if isinstance(value, (int, numpy.bool_, numpy.integer)):
        return int(value)
    raise not_allowed("TYPE", what, value, "True or False")


def text(value: Any, what: str, wanted: str = "a str") -> bytes:
    if not isinstance(value, str):
        raise not_allowed("TYPE", what, value, wanted)
    try:
        return _without_nul(value.encode(errors="surrogateescape"))
    except UnicodeEncodeError as error:
        raise refused("NAME", f"{what}: {value!r} has no bytes: {error.reason}") from None


def path(value: Any) -> bytes:
    try:
        return _without_nul(os.fsencode(value))
    except TypeError:
        raise not_allowed("TYPE", "path", value, "a str, bytes or os.PathLike") from None


def _without_nul(content: bytes) -> bytes:
    if b"\0" in content:  # where C would stop reading
        raise refused("NAME", f"{content.decode(errors='surrogateescape')!r} has a NUL character; remove it")
    return content


def selector_text(value: Any) -> bytes | None:
    return None if value is None else text(value, "selector", "None, a glob on names, or a function of a Parameter")


def shape(value: Iterable[int], name: Any) -> tuple[int, ...]:
    try:
        extents = tuple(map(operator.index, value))
    except TypeError:
        raise not_allowed("TYPE", "shape", value, "a sequence of integers, such as (784, 10)") from None
    if any(abs(extent) >> 63 for extent in extents):
        raise refused("SHAPE", f"shape {extents} of '{name}' has an extent that no array can have")
    return extents


def listed(values: Any, what: str, wanted: str) -> list[Any]:
    try:
        items = iter(values)
    except TypeError:
        raise not_allowed("TYPE", what, values, wanted) from None
    return list(items)  # not within the try: a generator's own TypeError is the caller's


def dtype_name(dtype: Any) -> str:
    if isinstance(dtype, str):
        return dtype
    try:
        return numpy.dtype(dtype).name
    except TypeError:
        return str(dtype).rpartition(".")[2]  # torch.float32


def function_of(value: Any, what: str, wanted: str) -> Any:
    if not callable(value):
        raise not_allowed("TYPE", what, value, wanted)
    return value


def for_c(called: Any, first: int, named: dict[str, Any]) -> list[Any]:
    """Arguments as the C function declares them, from its number `first` on, in that order."""
    kinds = called.argtypes[first:]
    return [_of_kind(kind, value, name) for kind, (name, value) in zip(kinds, named.items(), strict=False)]


def _of_kind(kind: Any, value: Any, name: str) -> Any:
    if kind is ctypes.c_double:
        return real(value, name)
    if kind is _capi.u32 or kind is _capi.u64:
        return count(value, name, kind)
    if kind is ctypes.c_int32:
        return truth(value, name)
    return text(value, name) if kind is ctypes.c_char_p else value
