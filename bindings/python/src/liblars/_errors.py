"""A status of lars.h as an exception, which is also of the kind that Python uses for such a mistake."""

from __future__ import annotations

import errno
import os
import threading
from typing import Any

from . import _capi


class _Raised(threading.local):
    """What functions of the caller's raised within the call that this thread is in: it must not pass through C."""

    def __init__(self) -> None:
        self.errors: list[BaseException] = []

    def take(self) -> BaseException | None:
        errors, self.errors = self.errors, []
        for error in errors:
            if not isinstance(error, Exception):  # KeyboardInterrupt, SystemExit: not the library's to translate
                raise error
        return errors[0] if errors else None


raised = _Raised()


class LarsError(Exception):
    """A call that failed; it has changed nothing. `status` is its name in lars.h: "LARS_ERR_VALUE"."""

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status = status

    def __str__(self) -> str:
        return self.args[0]  # an OSError with a number would make another text

    def __reduce__(self) -> Any:
        """For copy and pickle, as between processes."""
        attributes = {name: getattr(self, name) for name in ("errno", "filename") if getattr(self, name, None) is not None}
        return type(self), (self.status, self.args[0]), attributes | self.__dict__

    def __setstate__(self, state: dict[str, Any] | None) -> None:
        for name, value in (state or {}).items():
            setattr(self, name, value)


class LarsValueError(LarsError, ValueError):
    """An argument that is not allowed."""


class LarsTypeError(LarsError, TypeError):
    """An argument of another type, or an array of another element type."""


class LarsIndexError(LarsError, IndexError):
    """No parameter of that index, or another number of arrays."""


class LarsIOError(LarsError, OSError):
    """The system could not read or write a file: `filename`, if it has a name, for the reason `errno`, where it is known."""

    def about(self, path: Any) -> LarsIOError:
        """This error with the file's name, and the number of the reason that its message gives."""
        reasons = [number for number in errno.errorcode if f": {os.strerror(number)}" in str(self)]
        self.errno = max(reasons, key=lambda number: len(os.strerror(number)), default=None)
        self.filename = os.fsdecode(path)
        return self


class LarsFileNotFoundError(LarsIOError, FileNotFoundError):
    """No file of that name to load."""

    def __init__(self, status: str, message: str) -> None:
        super().__init__(status, message)
        self.errno = errno.ENOENT


class LarsMemoryError(LarsError, MemoryError):
    """Out of memory."""


class LarsArithmeticError(LarsError, ArithmeticError):
    """NaN or Inf in a parameter, gradient or step; nothing was written."""


class LarsRuntimeError(LarsError, RuntimeError):
    """Not now: see the message."""


_CLASSES = {
    "TYPE": LarsTypeError,
    "INDEX": LarsIndexError,
    "STATE": LarsRuntimeError,
    "BUSY": LarsRuntimeError,
    "CALLBACK": LarsRuntimeError,
    "NONFINITE": LarsArithmeticError,
    "MEMORY": LarsMemoryError,
    "INTERNAL": LarsRuntimeError,
    "IO": LarsIOError,
}
_CLASS_OF = {number: _CLASSES.get(name, LarsValueError) for name, number in _capi.STATUSES.items()}


def error_of(status: int, message: str) -> LarsError:
    return _CLASS_OF.get(status, LarsRuntimeError)(_capi.status_name(status), message)


def refused(name: str, message: str) -> LarsError:
    """What lars.h cannot see, because it never gets there: an array that is no array, a word that is no choice."""
    return error_of(_capi.STATUSES[name], message)


def number_of(choices: dict[str, int], choice: str, what: str) -> int:
    """A choice by its name; for keys, too, Python has words where lars.h has numbers."""
    try:
        return choices[choice]
    except (KeyError, TypeError):
        status = "KEY" if choices is _capi.KEYS else "ARGUMENT"
        raise refused(status, f"{what} {choice!r} is unknown; the choices are {', '.join(choices)}") from None
