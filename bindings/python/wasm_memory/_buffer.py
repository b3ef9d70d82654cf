"""Buffers (ArrayBuffer, SharedArrayBuffer) and zero-copy views of their bytes."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import threading
import weakref
from typing import Any, Callable, ContextManager, NoReturn, Union

from ._errors import TYPE_ERROR, Reason, make_error
from ._library import BufferHandle, c, check
from ._native import buffer_base
from ._numbers import byte_count


class _Byte(ctypes.Union):
    """An array of these has the format "B"; one of c_ubyte has "<B", which memoryview cannot index."""

    _fields_ = [("byte", ctypes.c_uint8)]


class _Exporter(ctypes.Array):  # type: ignore[type-arg]
    """The bytes of one view. It holds the buffer, whose bytes stay mapped for as long."""

    _type_, _length_ = _Byte, 0
    _keep: BufferHandle
    # ctypes objects are unhashable; a WeakSet wants them by identity.
    __hash__ = object.__hash__

    def __reduce__(self) -> NoReturn:
        raise TypeError("the bytes of a memory cannot be pickled; bytes() copies them")


@functools.lru_cache(maxsize=64)
def _exporter_type(length: int) -> Any:
    return type("_Exporter", (_Exporter,), {"_type_": _Byte, "_length_": length})


class Unit:
    """What a memory and its buffers have in common."""

    def __init__(self, shared: bool) -> None:
        # One thread at a time uses an unshared memory: a limiter in Python may let another run.
        self.lock: ContextManager[Any] = contextlib.nullcontext() if shared else threading.RLock()
        self._identity = threading.RLock()  # a shared memory has one Buffer for a handle too
        self.buffers: "weakref.WeakValueDictionary[int, Buffer]" = weakref.WeakValueDictionary()
        self.exporters: "weakref.WeakSet[_Exporter]" = weakref.WeakSet()

    def buffer(self, ask: "Callable[[Any, Any], int]", memory: int) -> "Buffer":
        """The buffer object of what one of the library's functions gives."""
        out = ctypes.c_void_p()
        with self.lock, self._identity:
            check(ask(memory, ctypes.byref(out)))
            handle = BufferHandle(out.value)
            known = self.buffers.get(handle)
            if known is not None:
                return known
            made = object.__new__(Buffer)
            made._unit, made._handle = self, handle
            self.buffers[int(handle)] = made
            return made

    def export(self, handle: BufferHandle) -> memoryview:
        """A view of a buffer's bytes that keeps them."""
        with self.lock:
            address = c.buffer_data(handle)
            if address is None:
                raise make_error(TYPE_ERROR, Reason.DETACHED, "the buffer is detached")
            length = c.buffer_byte_length(handle)
            keep = BufferHandle(c.buffer_retain(handle))
            exporter = _exporter_type(length).from_address(address)
            exporter._keep = keep
            self.exporters.add(exporter)
            return memoryview(exporter)

    def require_no_exports(self, byte_length: int) -> None:
        """Refuses to bring the memory to byte_length under a view."""
        if len(self.exporters):
            raise BufferError("existing views of the memory: release them before reset")
        # numpy.ndarray(buffer=...) gives its view back and keeps the object, and the address. That
        # does no harm until bytes go.
        if any(buffer._lent > byte_length for buffer in list(self.buffers.values())):
            raise BufferError("a Buffer that lent more bytes: drop it before a reset that shrinks")


class Buffer(buffer_base()):  # type: ignore[misc]
    """The bytes of a memory as an object: JavaScript's ArrayBuffer or SharedArrayBuffer.

    `memoryview(buffer)` and `numpy.asarray(buffer)` are the bytes in place, writable. Growth
    detaches it, as in JavaScript; a view taken before stays what it was, over the length it had.

    >>> from wasm_memory import Memory
    >>> memory = Memory(1, 2)
    >>> buffer = memory.buffer
    >>> buffer is memory.buffer, buffer.byte_length
    (True, 65536)
    >>> view = memoryview(buffer)
    >>> view[0] = 42
    >>> memory.grow(1)
    1
    >>> buffer.detached, buffer.byte_length, memory.buffer.byte_length
    (True, 0, 131072)
    >>> view[0], memory[0]
    (42, 42)
    """

    _unit: Unit
    _handle: BufferHandle
    _lent = 0  # the most bytes that were ever exported

    def __new__(cls, *arguments: object, **keywords: object) -> "Buffer":
        raise TypeError("a Buffer comes from Memory.buffer")

    @property
    def byte_length(self) -> int:
        """Bytes; 0 once it is detached."""
        with self._unit.lock:
            return int(c.buffer_byte_length(self._handle))

    @property
    def max_byte_length(self) -> int:
        """Bytes that it can be resized to; its own length when it is of fixed length."""
        with self._unit.lock:
            return int(c.buffer_max_byte_length(self._handle))

    @property
    def resizable(self) -> bool:
        """Can it be resized (grown, for a shared one)? Never changes."""
        return bool(c.buffer_is_resizable(self._handle))

    @property
    def shared(self) -> bool:
        """Is it a SharedArrayBuffer?"""
        return bool(c.buffer_is_shared(self._handle))

    @property
    def detached(self) -> bool:
        """Has growth, a conversion or a reset taken the bytes away? Never true for a shared one."""
        with self._unit.lock:
            return bool(c.buffer_is_detached(self._handle))

    def resize(self, byte_length: int) -> None:
        """Grows the memory through its resizable buffer; for a shared one as `grow`.

        >>> from wasm_memory import Memory
        >>> memory = Memory(1, 3)
        >>> buffer = memory.to_resizable_buffer()
        >>> buffer.resize(2 * 65536)
        >>> memory.size, buffer is memory.buffer
        (2, True)
        """
        wanted = byte_count(byte_length)
        with self._unit.lock:
            resize = c.buffer_grow if self.shared else c.buffer_resize
            check(resize(self._handle, wanted))

    def grow(self, byte_length: int) -> None:
        """SharedArrayBuffer.prototype.grow: a TypeError on an unshared one."""
        wanted = byte_count(byte_length)
        with self._unit.lock:
            check(c.buffer_grow(self._handle, wanted))

    def transfer(self) -> NoReturn:
        """ArrayBuffer.prototype.transfer: always a TypeError, for only the memory may detach it."""
        check(c.buffer_transfer(self._handle))
        raise AssertionError("the library refuses it always")

    def view(self) -> memoryview:
        """The bytes as they are now, in place and writable. A TypeError once it is detached."""
        return self._unit.export(self._handle)

    def __len__(self) -> int:
        return self.byte_length

    def __getitem__(self, key: "Union[int, slice]") -> Any:
        with self.view() as view:
            return bytes(view[key]) if isinstance(key, slice) else view[key]

    def __setitem__(self, key: "Union[int, slice]", value: Any) -> None:
        with self.view() as view:
            view[key] = value

    def __iter__(self) -> Any:
        return iter(self.view())

    def __repr__(self) -> str:
        kind = "shared" if self.shared else "detached" if self.detached else "unshared"
        return f"<wasm_memory.Buffer of {self.byte_length} bytes, {kind}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Buffer cannot be pickled; bytes(buffer) copies it")

    def __buffer__(self, flags: int) -> memoryview:
        view = self.view()
        self._lent = max(self._lent, view.nbytes)
        return view

    def __release_buffer__(self, view: memoryview) -> None:
        # Its being there tells NumPy to keep a view and not only this object.
        view.release()
