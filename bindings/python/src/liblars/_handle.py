"""A handle of lars.h: its life and its calls."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from . import _arguments, _capi
from ._errors import error_of, raised, refused

_library = _capi.library


class Handle:
    def __init__(self) -> None:
        self._owned: list[int] = []  # the handle's address until it is released: of two that pop it, one gets it
        self._handle = ctypes.c_void_p()
        self._done(_library.lars_create(ctypes.byref(self._handle)))
        self._owned.append(self._handle.value)

    def close(self) -> None:
        """Releases the optimizer and its momentum; it does so itself when nobody refers to it any more."""
        self._done(self._release())

    def _release(self) -> int:
        try:
            address = self._owned.pop()
        except IndexError:
            return _capi.OK
        self._handle.value = None  # before the memory goes, and also for those who hold it: bound steps
        status = _library.lars_destroy(address)
        if status < 0:  # another call is running, and the handle lives on
            self._handle.value = address
            self._owned.append(address)
        return status

    def __del__(self) -> None:
        if getattr(self, "_owned", None):
            self._release()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def __reduce__(self) -> Any:
        """For copy, deepcopy and pickle: two with one handle would release it twice."""
        raise refused(
            "TYPE",
            f"{type(self).__name__} cannot be copied or pickled; make another with the same parameters and settings, and "
            "give its from_bytes() what to_bytes() of this one returns, or use save() and load()",
        )

    def _done(self, status: int) -> int:
        if status >= 0:
            return status
        if not self._handle:
            raise error_of(status, "this optimizer is closed")
        cause = raised.take()
        if status == _capi.STATUSES["BUSY"]:  # the message is the other call's
            raise error_of(status, "another call on this handle is running; one handle serves one call at a time")
        raise error_of(status, _capi.text(_library.lars_error_message(self._handle))) from cause

    def _call(self, function: Callable[..., int], **arguments: Any) -> int:
        """Arguments by the names that messages give them, in C's order."""
        return self._done(function(self._handle, *_arguments.for_c(function, 1, arguments)))

    def _read(self, function: Callable[..., int], kind: Any, **arguments: Any) -> Any:
        value = kind()
        self._done(function(self._handle, *_arguments.for_c(function, 1, arguments), ctypes.byref(value)))
        return value.value
