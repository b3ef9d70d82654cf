"""Memories of this library in the `wasmtime` package.

>>> import wasmtime
>>> from wasm_memory import Allocator
>>> from wasm_memory.wasmtime import host_memory, new_allocator
>>> config, allocator = wasmtime.Config(), new_allocator()
>>> host_memory(config, allocator)
>>> store = wasmtime.Store(wasmtime.Engine(config))
>>> module = wasmtime.Module(store.engine, '(module (memory (export "memory") 1 2))')
>>> instance = wasmtime.Instance(store, module, [])
>>> allocator.stats().memories
1
"""

from __future__ import annotations

import ctypes
from typing import Any, Optional

import wasmtime as _engine
from wasmtime import _ffi

from ._allocator import Allocator, allocator_handle
from ._library import check
from ._native import native

RESERVATION = 4 << 30
GUARD = 32 << 20
_ENGINE_TOO_OLD = -1

_use = native.wasm_memory_python_wasmtime_use
_use.restype = ctypes.c_int32
_use.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]


def new_allocator(**settings: Any) -> Allocator:
    """An Allocator with the reservation and guard that compiled code relies on, and more settings."""
    defaults = {"reservation": RESERVATION, "guards": (0, GUARD), "movable": True}
    return Allocator(**{**defaults, **settings})


def host_memory(config: "_engine.Config", allocator: Optional[Allocator] = None) -> None:
    """Makes every memory that a module defines one of this library, for engines of `config`.

    `allocator`: from `new_allocator`; None makes one. One that gives less than the engine's compiled
    code relies on is an error at instantiation. Also turns `memory_init_cow` off, without which the
    engine aborts at the first data segment. A memory that the host makes (`wasmtime.Memory`) is not
    asked for here: export one from a module instead.
    """
    if not isinstance(config, _engine.Config):
        raise TypeError(f"a wasmtime.Config is needed, not {type(config).__name__}")
    if allocator is None:
        allocator = new_allocator()
    elif allocator_handle(allocator) is None:
        raise TypeError("the default allocator has smaller guards than the engine needs")
    status = _use(_ffi.dll._handle, config.ptr(), allocator_handle(allocator))
    if status == _ENGINE_TOO_OLD:
        raise RuntimeError("this version of wasmtime has no memory creator")
    check(status)
