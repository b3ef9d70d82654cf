"""What a failed operation raises, and why it failed."""

from __future__ import annotations

import enum
from typing import Optional


class Reason(enum.IntEnum):
    """Why: the numbers of `WASM_MEMORY_REASON_*` in the C header."""

    NONE = 0
    NULL_ARGUMENT = 1
    INVALID_HANDLE = 2
    RESERVED_FIELD = 3
    UNKNOWN_VALUE = 4
    SETTINGS_CONFLICT = 5
    INITIAL_MISSING = 10
    ADDRESS_TYPE = 11
    SHARED_WITHOUT_MAXIMUM = 12
    COUNT_OUTSIDE_TYPE = 13
    PAGE_SIZE = 14
    ABOVE_LIMIT = 15
    MAXIMUM_BELOW_INITIAL = 16
    MAXIMUM_EXCEEDED = 20
    SIZE_LIMIT = 21
    QUOTA_BYTES = 22
    LIMITER = 23
    SLOT_SIZE = 24
    RESERVATION_EXCEEDED = 25
    QUOTA_MEMORIES = 26
    POOL_EXHAUSTED = 27
    ADDRESS_SPACE = 30
    COMMIT = 31
    OUT_OF_MEMORY = 32
    MAP_COUNT = 33
    DETACHED = 40
    BUFFER_KIND = 41
    WOULD_SHRINK = 42
    NOT_PAGE_MULTIPLE = 43
    NO_MAXIMUM = 44
    MAX_BYTE_LENGTH = 45
    NOT_TRANSFERABLE = 46
    IMPORT_ADDRESS = 50
    IMPORT_PAGE_SIZE = 51
    IMPORT_SHARED = 52
    IMPORT_INITIAL = 53
    IMPORT_MAXIMUM = 54
    OUT_OF_BOUNDS = 60
    UNALIGNED = 61
    WAIT_UNSHARED = 62
    TOO_MANY_WAITERS = 63
    INTERRUPTED = 64
    NOT_CLONEABLE = 70
    SHARED_MEMORY = 71
    IMAGE_DOES_NOT_FIT = 80
    FILE = 81
    PANIC = 90

    @classmethod
    def _missing_(cls, value: object) -> Optional["Reason"]:
        # A newer library may know more of them.
        if not isinstance(value, int):
            return None
        member = int.__new__(cls, value)
        member._name_, member._value_ = f"REASON_{value}", value
        return member


class WasmMemoryError(Exception):
    """The base of every error here.

    `reason` says why, `requested` what was asked for and `available` the limit that it met, in the
    unit of the reason; `os_error` is the errno of what the host refused, or 0.
    """

    reason: Reason = Reason.NONE
    requested: int = 0
    available: int = 0
    os_error: int = 0


class MemoryTypeError(WasmMemoryError, TypeError):
    """JavaScript's TypeError: an argument of the wrong shape, or outside its integer type."""


class RangeError(WasmMemoryError, ValueError):
    """JavaScript's RangeError: a number that is not allowed, or what the host refused."""


class LinkError(WasmMemoryError):
    """WebAssembly.LinkError: an import does not match."""


class Trap(WasmMemoryError, RuntimeError):
    """WebAssembly.RuntimeError: a trap."""


class OutOfBounds(Trap, IndexError):
    """The trap of an access past the end."""


class DataCloneError(WasmMemoryError):
    """A memory that is not shared cannot be sent to another agent."""


class InternalError(WasmMemoryError):
    """A fault of the library itself, caught at its boundary."""


class HostError(WasmMemoryError, OSError):
    """A file that cannot be read or written; `errno` says why."""


TYPE_ERROR, RANGE_ERROR, LINK_ERROR, RUNTIME_ERROR, DATA_CLONE_ERROR = 1, 2, 3, 4, 5
HOST_ERROR = 7
CLASSES = {
    TYPE_ERROR: MemoryTypeError,
    RANGE_ERROR: RangeError,
    LINK_ERROR: LinkError,
    RUNTIME_ERROR: Trap,
    DATA_CLONE_ERROR: DataCloneError,
    HOST_ERROR: HostError,
}


def make_error(
    status: int,
    reason: int,
    message: str,
    requested: int = 0,
    available: int = 0,
    os_error: int = 0,
) -> WasmMemoryError:
    """The exception of a status, of its own class where Python knows one for the reason."""
    kind = CLASSES.get(status, InternalError)
    if kind is Trap and reason == Reason.OUT_OF_BOUNDS:
        kind = OutOfBounds
    error = HostError(os_error, message) if kind is HostError else kind(message)
    error.reason = Reason(reason)
    error.requested, error.available, error.os_error = requested, available, os_error
    return error
