"""Allocators: where memories come from, with limits and statistics."""

from __future__ import annotations

import ctypes
import sys
import threading
import types
from typing import Any, Callable, Dict, NoReturn, Optional, Tuple

from ._errors import RANGE_ERROR, Reason, WasmMemoryError, make_error
from ._library import (
    UINT32_MAX, UINT64_MAX, AllocatorHandle, Finalize, Growing, Limiter, Refused, c, check,
)
from ._library import Stats as CStats
from ._numbers import integer
from ._type import Stats, from_c

BOUNDS = {"guarded": 0, "checked": 1}
BACKENDS = {"virtual": 0, "heap": 1}

# The callbacks that the library may still call, by the context it was given: from before an
# allocator is made until its `finalize` says that none is left.
_live: "Dict[int, Tuple[Any, ...]]" = {}
_contexts = iter(range(1, 2**62))
_contexts_lock = threading.Lock()


def _report(error: BaseException, where: Any) -> None:
    """An exception that no caller can get."""
    sys.unraisablehook(
        types.SimpleNamespace(
            exc_type=type(error), exc_value=error, exc_traceback=error.__traceback__,
            err_msg="Exception ignored in a limiter", object=where,
        )
    )


def _growing(ask: "Callable[[int, int, Optional[int]], object]") -> Any:
    def growing(context: Any, current: int, desired: int, maximum: int) -> bool:
        try:
            return bool(ask(current, desired, None if maximum == UINT64_MAX else maximum))
        except BaseException as error:  # whatever it is, it must not reach the library
            _report(error, ask)
            return False

    return Growing(growing)


def _refused(tell: "Callable[[WasmMemoryError], object]") -> Any:
    def refused(context: Any, error: Any) -> None:
        try:
            why = error.contents
            told = make_error(
                why.status, why.reason, Reason(why.reason).name, why.requested, why.available,
                why.os_error,
            )
            tell(told)
        except BaseException as failure:
            _report(failure, tell)

    return Refused(refused)


def _forget(context: Any, live: Any = _live) -> None:
    live.pop(context, None)


_finalize = Finalize(_forget)
# Allocators may go after this module's names, when the interpreter ends: what C may call then is
# never given back, nor is the dictionary that it refers to.
ctypes.pythonapi.Py_IncRef(ctypes.py_object(_finalize))


def _limiter(
    ask: "Optional[Callable[[int, int, Optional[int]], object]]",
    tell: "Optional[Callable[[WasmMemoryError], object]]",
) -> Limiter:
    for callback in (ask, tell):
        if callback is not None and not callable(callback):
            raise TypeError(f"limiter and refused are callables, not {type(callback).__name__}")
    limiter = Limiter()
    with _contexts_lock:
        limiter.context = next(_contexts)
    growing = Growing() if ask is None else _growing(ask)
    refused = Refused() if tell is None else _refused(tell)
    limiter.growing, limiter.refused, limiter.finalize = growing, refused, _finalize
    _live[limiter.context] = (growing, refused)
    return limiter


class Allocator:
    """Makes memories that follow the same settings; each keyword left out has its default.

    `reservation`, `guards` (before, after) and `pool` (slots, slot_bytes) are address space in
    bytes; `bounds` is "guarded" or "checked"; `backend` is "virtual" or "heap", which implies checked
    bounds; `quota_memories` and `quota_bytes` are limits over
    all its memories. `limiter(current, desired, maximum)` is asked before each creation and growth,
    in bytes, and refuses with a false answer; an exception in it refuses too, and goes to
    `sys.unraisablehook`. `refused(error)` is told of each refusal.

    >>> from wasm_memory import Allocator, Memory, RangeError
    >>> allocator = Allocator(quota_bytes=2 * 65536)
    >>> memory = Memory(1, allocator=allocator)
    >>> memory.grow(1)
    1
    >>> try:
    ...     memory.grow(1)
    ... except RangeError as error:
    ...     print(error.reason.name, error.requested, error.available)
    QUOTA_BYTES 196608 131072
    >>> allocator.stats().memories
    1
    """

    _handle: "Optional[AllocatorHandle]"  # None is the default allocator

    def __init__(
        self,
        *,
        reservation: Optional[int] = None,
        guards: "Optional[Tuple[int, int]]" = None,
        bounds: Optional[str] = None,
        backend: Optional[str] = None,
        movable: Optional[bool] = None,
        fallback: Optional[bool] = None,
        pool: "Optional[Tuple[int, int]]" = None,
        keep_resident: Optional[int] = None,
        huge_pages: Optional[bool] = None,
        prefault: Optional[bool] = None,
        size_limit: Optional[int] = None,
        kept_bytes: Optional[int] = None,
        quota_memories: Optional[int] = None,
        quota_bytes: Optional[int] = None,
        limiter: "Optional[Callable[[int, int, Optional[int]], object]]" = None,
        refused: "Optional[Callable[[WasmMemoryError], object]]" = None,
    ) -> None:
        # Everything is converted before the first call, so that nothing is left behind.
        settings: "list[Tuple[str, Tuple[Any, ...]]]" = []
        for name, value in (
            ("reservation", reservation), ("keep_resident", keep_resident),
            ("size_limit", size_limit), ("kept_bytes", kept_bytes),
        ):
            if value is not None:
                settings.append((name, (integer(name, value),)))
        for name, flag in (
            ("movable", movable), ("fallback", fallback), ("huge_pages", huge_pages),
            ("prefault", prefault),
        ):
            if flag is not None:
                settings.append((name, (bool(flag),)))
        if guards is not None:
            before, after = guards
            settings.append(("guards", (integer("guards", before), integer("guards", after))))
        if pool is not None:
            slots, size = pool
            settings.append(
                ("pool", (integer("slots", slots, UINT32_MAX), integer("slot_bytes", size)))
            )
        if bounds is not None:
            if not isinstance(bounds, str) or bounds not in BOUNDS:
                raise TypeError("bounds is 'guarded' or 'checked'")
            settings.append(("bounds", (BOUNDS[bounds],)))
        if backend is not None:
            if not isinstance(backend, str) or backend not in BACKENDS:
                raise TypeError("backend is 'virtual' or 'heap'")
            settings.append(("backend", (BACKENDS[backend],)))
        if quota_memories is not None or quota_bytes is not None:
            quota = (
                integer("quota_memories", quota_memories or 0),
                integer("quota_bytes", quota_bytes or 0),
            )
            settings.append(("quota", quota))
        if limiter is not None or refused is not None:
            settings.append(("limiter", (ctypes.byref(_limiter(limiter, refused)),)))
        self._handle = _make(settings)

    @classmethod
    def default(cls) -> "Allocator":
        """The one that memories come from when none is given."""
        allocator = cls.__new__(cls)
        allocator._handle = None
        return allocator

    def stats(self) -> Stats:
        """What it has and has done."""
        out = CStats()
        c.allocator_get_stats(self._handle, ctypes.byref(out))
        statistics: Stats = from_c(Stats, out)
        return statistics

    def trim(self) -> None:
        """Gives back to the host all that is kept for reuse."""
        c.allocator_trim(self._handle)

    def __reduce__(self) -> NoReturn:
        raise TypeError("an Allocator cannot be pickled")


def _make(settings: "list[Tuple[str, Tuple[Any, ...]]]") -> AllocatorHandle:
    config = c.config_new()
    if config is None:
        raise make_error(RANGE_ERROR, Reason.OUT_OF_MEMORY, "no memory for the settings")
    try:
        for name, values in settings:
            getattr(c, "config_set_" + name)(config, *values)
        out = ctypes.c_void_p()
        check(c.allocator_new(config, ctypes.byref(out)))
        handle: AllocatorHandle = AllocatorHandle(out.value)
        return handle
    finally:
        c.config_delete(config)


def allocator_handle(allocator: Any) -> "Optional[AllocatorHandle]":
    """The handle of an Allocator or None, never of something else."""
    if allocator is None:
        return None
    if not isinstance(allocator, Allocator):
        raise TypeError(f"an Allocator is needed, not {type(allocator).__name__}")
    return allocator._handle
