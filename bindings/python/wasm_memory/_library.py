"""The C library by ctypes: structures, prototypes, handles, and a status as an exception."""

from __future__ import annotations

import ctypes
import sys
from ctypes import (
    POINTER, Structure, c_bool, c_char_p, c_int32, c_int64, c_size_t, c_uint8, c_uint32, c_uint64,
    c_void_p,
)
from pathlib import Path
from typing import Any, Optional

from ._errors import make_error

ABI_VERSION = 1
UINT32_MAX = 2**32 - 1
UINT64_MAX = 2**64 - 1


class PageCount(Structure):
    """wasm_memory_page_count_t"""

    _fields_ = [("pages", c_uint64), ("present", c_bool)]


class Descriptor(Structure):
    """wasm_memory_descriptor_t"""

    _fields_ = [
        ("initial", PageCount), ("maximum", PageCount), ("shared", c_bool),
        ("address", c_uint32), ("page_size", c_uint32), ("reserved", c_uint64 * 2),
    ]


class Error(Structure):
    """wasm_memory_error_t"""

    _fields_ = [
        ("status", c_int32), ("reason", c_uint32), ("os_error", c_int32),
        ("requested", c_uint64), ("available", c_uint64), ("reserved", c_uint64 * 2),
    ]


class Layout(Structure):
    """wasm_memory_layout_t"""

    _fields_ = [
        ("reservation", c_uint64), ("guard_before", c_uint64), ("guard_after", c_uint64),
        ("movable", c_bool), ("exact_protection", c_bool), ("elides_i32_checks", c_bool),
        ("elidable_offset", c_uint64), ("reserved", c_uint64 * 4),
    ]


class Stats(Structure):
    """wasm_memory_stats_t"""

    _fields_ = [
        (name, c_uint64)
        for name in (
            "memories", "peak_memories", "reserved_bytes", "accessible_bytes",
            "peak_accessible_bytes", "resident_bytes", "kept_bytes", "creations", "reuses",
            "growths", "moves", "refusals", "discarded_bytes",
        )
    ] + [("reserved", c_uint64 * 8)]


# CFUNCTYPE and not PYFUNCTYPE: an engine may call without holding the interpreter's lock.
Growing = ctypes.CFUNCTYPE(c_bool, c_void_p, c_uint64, c_uint64, c_uint64)
Refused = ctypes.CFUNCTYPE(None, c_void_p, POINTER(Error))
Finalize = ctypes.CFUNCTYPE(None, c_void_p)


class Limiter(Structure):
    """wasm_memory_limiter_t"""

    _fields_ = [
        ("context", c_void_p), ("growing", Growing), ("refused", Refused),
        ("finalize", Finalize), ("reserved", c_void_p * 4),
    ]


def _load() -> "tuple[ctypes.PyDLL, ctypes.CDLL]":
    name = "libwasm_memory.dylib" if sys.platform == "darwin" else "libwasm_memory.so"
    path = str(Path(__file__).with_name(name))
    # One library, two ways to call it: with the interpreter's lock held, which keeps two threads
    # out of one unshared memory, and without it, for what may take long.
    return ctypes.PyDLL(path), ctypes.CDLL(path)


lib, _unlocked = _load()

_HANDLE = c_void_p
_OUT = POINTER(c_void_p)
_PROTOTYPES: "dict[str, tuple[Any, list[Any]]]" = {
    "version": (c_char_p, []),
    "abi_version": (c_uint32, []),
    "last_error": (None, [POINTER(Error)]),
    "last_error_message": (c_size_t, [c_char_p, c_size_t]),
    "grow": (c_int32, [_HANDLE, c_uint64, POINTER(c_uint64)]),
    "size": (c_uint64, [_HANDLE]),
    "byte_length": (c_uint64, [_HANDLE]),
    "delete": (None, [_HANDLE]),
    "get_type": (c_int32, [_HANDLE, POINTER(Descriptor)]),
    "match": (c_int32, [_HANDLE, POINTER(Descriptor)]),
    "send": (c_int32, [_HANDLE, _OUT]),
    "get_layout": (None, [_HANDLE, POINTER(Layout)]),
    "get_stats": (None, [_HANDLE, POINTER(Stats)]),
    "buffer": (c_int32, [_HANDLE, _OUT]),
    "to_resizable_buffer": (c_int32, [_HANDLE, _OUT]),
    "to_fixed_length_buffer": (c_int32, [_HANDLE, _OUT]),
    "buffer_retain": (c_void_p, [_HANDLE]),
    "buffer_delete": (None, [_HANDLE]),
    "buffer_data": (c_void_p, [_HANDLE]),
    "buffer_byte_length": (c_uint64, [_HANDLE]),
    "buffer_max_byte_length": (c_uint64, [_HANDLE]),
    "buffer_is_detached": (c_bool, [_HANDLE]),
    "buffer_is_shared": (c_bool, [_HANDLE]),
    "buffer_is_resizable": (c_bool, [_HANDLE]),
    "buffer_resize": (c_int32, [_HANDLE, c_uint64]),
    "buffer_grow": (c_int32, [_HANDLE, c_uint64]),
    "buffer_transfer": (c_int32, [_HANDLE]),
    "read": (c_int32, [_HANDLE, c_uint64, c_void_p, c_size_t]),
    "write": (c_int32, [_HANDLE, c_uint64, c_char_p, c_size_t]),
    "bulk_fill": (c_int32, [_HANDLE, c_uint64, c_uint8, c_uint64]),
    "bulk_copy": (c_int32, [_HANDLE, c_uint64, _HANDLE, c_uint64, c_uint64]),
    "discard": (c_int32, [_HANDLE, c_uint64, c_uint64]),
    "atomic_notify": (c_int32, [_HANDLE, c_uint64, c_uint32, POINTER(c_uint32)]),
    "atomic_interrupt": (c_int32, [_HANDLE, POINTER(c_uint32)]),
    "config_new": (c_void_p, []),
    "config_delete": (None, [_HANDLE]),
    "config_set_reservation": (None, [_HANDLE, c_uint64]),
    "config_set_guards": (None, [_HANDLE, c_uint64, c_uint64]),
    "config_set_bounds": (None, [_HANDLE, c_uint32]),
    "config_set_backend": (None, [_HANDLE, c_uint32]),
    "config_set_movable": (None, [_HANDLE, c_bool]),
    "config_set_fallback": (None, [_HANDLE, c_bool]),
    "config_set_size_limit": (None, [_HANDLE, c_uint64]),
    "config_set_pool": (None, [_HANDLE, c_uint32, c_uint64]),
    "config_set_keep_resident": (None, [_HANDLE, c_uint64]),
    "config_set_huge_pages": (None, [_HANDLE, c_bool]),
    "config_set_prefault": (None, [_HANDLE, c_bool]),
    "config_set_kept_bytes": (None, [_HANDLE, c_uint64]),
    "config_set_quota": (None, [_HANDLE, c_uint64, c_uint64]),
    "config_set_limiter": (None, [_HANDLE, POINTER(Limiter)]),
    "allocator_new": (c_int32, [_HANDLE, _OUT]),
    "allocator_delete": (None, [_HANDLE]),
    "allocator_trim": (None, [_HANDLE]),
    "allocator_get_stats": (None, [_HANDLE, POINTER(Stats)]),
    "new_in": (c_int32, [_HANDLE, POINTER(Descriptor), _HANDLE, _OUT]),
    "image_new": (c_int32, [c_char_p, c_size_t, c_uint64, _OUT]),
    "image_from_file": (c_int32, [c_char_p, c_uint64, _OUT]),
    "snapshot": (c_int32, [_HANDLE, _OUT]),
    "reset": (c_int32, [_HANDLE, _HANDLE]),
    "image_write_file": (c_int32, [_HANDLE, c_char_p]),
    "image_get_type": (c_int32, [_HANDLE, POINTER(Descriptor)]),
    "image_delete": (None, [_HANDLE]),
}


def _declare(library: Any, name: str, result: Any, arguments: "list[Any]") -> Any:
    function = getattr(library, "wasm_memory_" + name)
    function.restype, function.argtypes = result, arguments
    return function


class C:
    """The functions of the library, without their prefix; the lock stays held."""


for _name, (_result, _arguments) in _PROTOTYPES.items():
    setattr(C, _name, staticmethod(_declare(lib, _name, _result, _arguments)))

c: Any = C
# Only the waits let other threads run.
wait32 = _declare(
    _unlocked, "atomic_wait32", c_int32, [_HANDLE, c_uint64, c_uint32, c_int64, POINTER(c_uint32)]
)
wait64 = _declare(
    _unlocked, "atomic_wait64", c_int32, [_HANDLE, c_uint64, c_uint64, c_int64, POINTER(c_uint32)]
)

if c.abi_version() != ABI_VERSION:
    raise ImportError(f"libwasm_memory has ABI {c.abi_version()}, not {ABI_VERSION}")


_untrack = ctypes.pythonapi.PyObject_GC_UnTrack
_untrack.restype, _untrack.argtypes = None, [ctypes.py_object]


class Handle(int):
    """One reference to an object of the library, given back when the last holder is gone."""

    __slots__ = ()

    def __new__(cls, pointer: "Optional[int]") -> Any:
        handle = super().__new__(cls, pointer or 0)
        # Else the cyclic collector could call `__del__` first of all the finalizers of a garbage
        # cycle, and another one use a view whose bytes are gone. Unknown to it, the handle goes
        # with its last reference. It refers to nothing itself.
        _untrack(handle)
        return handle


class MemoryHandle(Handle):
    """wasm_memory_t"""

    __slots__ = ()

    def __del__(self, delete: Any = c.delete) -> None:
        delete(self)


class BufferHandle(Handle):
    """wasm_memory_buffer_t"""

    __slots__ = ()

    def __del__(self, delete: Any = c.buffer_delete) -> None:
        delete(self)


class AllocatorHandle(Handle):
    """wasm_memory_allocator_t"""

    __slots__ = ()

    def __del__(self, delete: Any = c.allocator_delete) -> None:
        delete(self)


class ImageHandle(Handle):
    """wasm_memory_image_t"""

    __slots__ = ()

    def __del__(self, delete: Any = c.image_delete) -> None:
        delete(self)


def check(status: int) -> None:
    """Raises what a status says; called right after the call, in its thread."""
    if status:
        error, text = Error(), ctypes.create_string_buffer(320)
        c.last_error(error)
        c.last_error_message(text, len(text))
        raise make_error(
            status, error.reason, text.value.decode("utf-8", "replace"),
            error.requested, error.available, error.os_error,
        )
