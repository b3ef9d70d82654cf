"""Waits that let other threads run and that Ctrl-C ends."""

from __future__ import annotations

import ctypes
import math
import threading
import time
from typing import Any, Callable, List, Optional

from ._errors import Reason, Trap
from ._library import MemoryHandle, c, check

RESULTS = ("ok", "not-equal", "timed-out")
FOR_EVER = -1
INT64_MAX = 2**63 - 1
# Ctrl-C reaches the main thread after this long at most while it waits itself.
LONGEST_DEAF_NS = 50_000_000


class Waiting:
    """The waits on one memory."""

    def __init__(self) -> None:
        self._interrupts = 0  # those that a program asked for, by `interrupt`

    def wait(
        self, function: Any, handle: MemoryHandle, index: int, expected: int, timeout: int
    ) -> str:
        """One of RESULTS. timeout in nanoseconds, negative for ever."""
        deadline = None if timeout < 0 else time.monotonic_ns() + timeout
        while True:
            interrupts = self._interrupts
            try:
                if threading.current_thread() is not threading.main_thread():
                    return _call(function, handle, index, expected, timeout)
                if 0 <= timeout <= LONGEST_DEAF_NS:
                    return _call(function, handle, index, expected, timeout)
                # What needs no waiting is answered without another thread.
                at_once = _call(function, handle, index, expected, 0)
                if at_once != "timed-out":
                    return at_once
                return _beside(function, handle, index, expected, timeout)
            except Trap as trap:
                # Another thread's Ctrl-C ends every wait of the memory; this one goes on.
                if trap.reason != Reason.INTERRUPTED or interrupts != self._interrupts:
                    raise
            if deadline is not None:
                timeout = max(0, deadline - time.monotonic_ns())

    def interrupt(self, handle: MemoryHandle) -> int:
        """Ends every wait in progress; how many."""
        self._interrupts += 1
        return _interrupt(handle)


def _interrupt(handle: MemoryHandle) -> int:
    woken = ctypes.c_uint32()
    check(c.atomic_interrupt(handle, ctypes.byref(woken)))
    return woken.value


def _call(
    function: Any, handle: MemoryHandle, index: int, expected: int, timeout: int
) -> str:
    result = ctypes.c_uint32()
    check(function(handle, index, expected, timeout, ctypes.byref(result)))
    return RESULTS[result.value]


def _beside(*arguments: Any) -> str:
    """The main thread's wait in a thread of its own, as only the main thread gets Ctrl-C. Short
    waits in a row would need no thread, but a notify between two of them would wake nobody."""
    done = threading.Event()
    cancelled = threading.Event()
    results: List[Callable[[], Optional[str]]] = []

    def run() -> None:
        try:
            if not cancelled.is_set():
                result = _call(*arguments)
                results.append(lambda: result)
        except BaseException as error:
            failure = error

            def fail() -> Optional[str]:
                raise failure

            results.append(fail)
        finally:
            done.set()

    thread = threading.Thread(target=run, name="wasm_memory wait", daemon=True)
    try:
        thread.start()
        done.wait()
    except BaseException:
        cancelled.set()
        # It may not have begun to wait when it is interrupted first.
        while thread.is_alive() and not done.wait(0.002):
            _interrupt(arguments[1])
        raise
    return results[0]() or ""


def nanoseconds(timeout: Any) -> int:
    """Seconds as the library takes them; None and what is longer than it can tell are for ever."""
    if timeout is None:
        return FOR_EVER
    seconds = float(timeout)
    if math.isnan(seconds):
        raise ValueError("a timeout is a number of seconds")
    if seconds <= 0:
        return 0
    nanoseconds = math.ceil(seconds * 1e9) if seconds < INT64_MAX / 1e9 else INT64_MAX
    return FOR_EVER if nanoseconds >= INT64_MAX else nanoseconds
