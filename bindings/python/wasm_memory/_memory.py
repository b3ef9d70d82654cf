"""Memory: `WebAssembly.Memory`, and what an engine's instructions do with its bytes."""

from __future__ import annotations

import ctypes
from typing import Any, NoReturn, Optional, Union

from ._allocator import Allocator, allocator_handle
from ._buffer import Buffer, Unit
from ._errors import RUNTIME_ERROR, TYPE_ERROR, Reason, make_error
from ._image import Image, image_handle
from ._library import UINT32_MAX, Descriptor, MemoryHandle, c, check, wait32, wait64
from ._library import Layout as CLayout
from ._library import Stats as CStats
from ._numbers import address_number, index as byte_index, integer, page_count, page_size_number
from ._type import Layout, MemoryType, Stats, from_c, type_of
from ._waiting import Waiting, nanoseconds


def _descriptor(
    initial: Any, maximum: Any, shared: Any, address: Any, page_size: Any
) -> Descriptor:
    descriptor = Descriptor()
    descriptor.address = address_number(address)
    if initial is None:
        raise make_error(TYPE_ERROR, Reason.INITIAL_MISSING, "the initial size is missing")
    descriptor.initial.pages = page_count("initial", initial, address)
    descriptor.initial.present = True
    if maximum is not None:
        descriptor.maximum.pages = page_count("maximum", maximum, address)
        descriptor.maximum.present = True
    descriptor.shared = bool(shared)
    descriptor.page_size = page_size_number(page_size)
    return descriptor


class Memory:
    """The linear memory of a WebAssembly module, in pages of `page_size` bytes.

    `initial` is its size and `maximum` the most it may ever have; `shared` lets several threads use
    it at once and needs a maximum. It starts from zeros or from an `image`.

    >>> from wasm_memory import Memory, RangeError
    >>> memory = Memory(10, 100)
    >>> memory.grow(1), memory.size, memory.byte_length
    (10, 11, 720896)
    >>> try:
    ...     memory.grow(1000)
    ... except RangeError as error:
    ...     print(error.reason.name, error.requested, error.available)
    MAXIMUM_EXCEEDED 1011 100

    A `with` statement closes it. Views of a closed memory keep their bytes.

    >>> with Memory(1) as memory:
    ...     view = memoryview(memory.buffer)
    ...     view[0] = 1
    >>> view[0], memory.closed
    (1, True)
    """

    _memory: "Optional[MemoryHandle]" = None

    def __init__(
        self,
        initial: int,
        maximum: Optional[int] = None,
        *,
        shared: bool = False,
        address: str = "i32",
        page_size: int = 65536,
        allocator: Optional[Allocator] = None,
        image: Optional[Image] = None,
    ) -> None:
        if self._memory is not None:
            raise TypeError("a Memory is initialized once")
        descriptor = _descriptor(initial, maximum, shared, address, page_size)
        out = ctypes.c_void_p()
        check(
            c.new_in(
                allocator_handle(allocator), ctypes.byref(descriptor), image_handle(image),
                ctypes.byref(out),
            )
        )
        self._shared = bool(descriptor.shared)
        self._address = address
        self._created_bytes = descriptor.initial.pages * descriptor.page_size
        self._unit = Unit(self._shared)
        self._waiting = Waiting()
        self._memory = MemoryHandle(out.value)

    # ---- Its life ----

    @property
    def _handle(self) -> MemoryHandle:
        handle = self._memory
        if handle is None:
            raise ValueError("operation on a closed memory")
        return handle

    def close(self) -> None:
        """Gives the memory back. Buffers and views keep its bytes; again does nothing."""
        self._memory = None

    @property
    def closed(self) -> bool:
        """Was it closed?"""
        return self._memory is None

    def __enter__(self) -> "Memory":
        self._handle
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        if self._memory is None:
            return "<wasm_memory.Memory, closed>"
        return f"<wasm_memory.Memory of {self.size} pages, {self.type()}>"

    def send(self) -> "Memory":
        """What posting it to another thread does: DataCloneError unless it is shared."""
        out = ctypes.c_void_p()
        check(c.send(self._handle, ctypes.byref(out)))
        MemoryHandle(out.value)  # one reference more than this object needs
        return self

    def __reduce__(self) -> NoReturn:
        self.send()
        raise TypeError("a shared memory goes to other threads as it is, and not to other processes")

    # ---- WebAssembly.Memory ----

    def grow(self, delta: int) -> int:
        """Adds `delta` pages of zeros; the size before, in pages. RangeError where it cannot."""
        pages, previous = page_count("delta", delta, self._address), ctypes.c_uint64()
        handle = self._handle
        with self._unit.lock:
            check(c.grow(handle, pages, ctypes.byref(previous)))
        return previous.value

    @property
    def size(self) -> int:
        """Pages."""
        handle = self._handle
        with self._unit.lock:
            return int(c.size(handle))

    @property
    def byte_length(self) -> int:
        """Bytes."""
        handle = self._handle
        with self._unit.lock:
            return int(c.byte_length(handle))

    def __len__(self) -> int:
        return self.byte_length

    @property
    def shared(self) -> bool:
        """May several threads use it at once?"""
        return self._shared

    @property
    def buffer(self) -> Buffer:
        """The current buffer: the same object until growth of an unshared memory detaches it."""
        return self._unit.buffer(c.buffer, self._handle)

    def to_resizable_buffer(self) -> Buffer:
        """The current buffer, made resizable. TypeError for a memory without a maximum."""
        return self._unit.buffer(c.to_resizable_buffer, self._handle)

    def to_fixed_length_buffer(self) -> Buffer:
        """The current buffer, made one of fixed length."""
        return self._unit.buffer(c.to_fixed_length_buffer, self._handle)

    def type(self) -> MemoryType:
        """Its type; `minimum` is the current size.

        >>> from wasm_memory import Memory
        >>> Memory(1, 5).type()
        MemoryType(minimum=1, maximum=5, shared=False, address='i32', page_size=65536)
        """
        handle, out = self._handle, Descriptor()
        with self._unit.lock:
            check(c.get_type(handle, ctypes.byref(out)))
        return type_of(out)

    def match(
        self,
        minimum: int = 0,
        maximum: Optional[int] = None,
        *,
        shared: bool = False,
        address: str = "i32",
        page_size: int = 65536,
    ) -> None:
        """Does it match what an import asks for? LinkError when it does not."""
        handle = self._handle
        asked = _descriptor(minimum, maximum, shared, address, page_size)
        with self._unit.lock:
            check(c.match(handle, ctypes.byref(asked)))

    def layout(self) -> Layout:
        """The address space around it."""
        handle, out = self._handle, CLayout()
        with self._unit.lock:
            c.get_layout(handle, ctypes.byref(out))
        layout: Layout = from_c(Layout, out)
        return layout

    def stats(self) -> Stats:
        """What it has and has done."""
        handle, out = self._handle, CStats()
        with self._unit.lock:
            c.get_stats(handle, ctypes.byref(out))
        statistics: Stats = from_c(Stats, out)
        return statistics

    # ---- Its bytes ----

    def read(self, index: int, length: int) -> bytes:
        """A copy of `length` bytes. OutOfBounds, a Trap, past the end.

        >>> from wasm_memory import Memory
        >>> memory = Memory(1)
        >>> memory.write(4, b"bytes")
        >>> memory.read(4, 5), memory[4], memory[4:6]
        (b'bytes', 98, b'by')
        """
        handle, start, count = self._handle, byte_index(index), byte_index(length, "length")
        with self._unit.lock:
            size = c.byte_length(handle)
            if start + count > size:  # before a buffer of that length is made
                raise make_error(
                    RUNTIME_ERROR, Reason.OUT_OF_BOUNDS,
                    f"out of bounds: the access ends at {start + count}, the memory at {size}",
                    start + count, size,
                )
            if count == 0:
                return b""
            copy = ctypes.create_string_buffer(count)
            check(c.read(handle, start, copy, count))
            return copy.raw

    def write(self, index: int, data: Any) -> None:
        """Copies the bytes of `data`, any bytes-like object. A Trap writes nothing."""
        handle, start = self._handle, byte_index(index)
        source = data if type(data) is bytes else bytes(memoryview(data))
        with self._unit.lock:
            check(c.write(handle, start, source, len(source)))

    def fill(self, index: int, value: int, length: int) -> None:
        """memory.fill: the low 8 bits of `value`, `length` times."""
        handle, start, count = self._handle, byte_index(index), byte_index(length, "length")
        byte = integer("value", value, UINT32_MAX) & 0xFF
        with self._unit.lock:
            check(c.bulk_fill(handle, start, byte, count))

    def copy(
        self, to_index: int, from_index: int, length: int, source: "Optional[Memory]" = None
    ) -> None:
        """memory.copy, from `source` or within this memory; the ranges may overlap."""
        origin = self if source is None else source
        if not isinstance(origin, Memory):
            raise TypeError(f"a Memory is needed, not {type(origin).__name__}")
        handle, other = self._handle, origin._handle
        to, start = byte_index(to_index), byte_index(from_index)
        count = byte_index(length, "length")
        # Two locks in one order, whichever memory copies to the other.
        first, second = sorted((self, origin), key=id)
        with first._unit.lock, second._unit.lock:
            check(c.bulk_copy(handle, to, other, start, count))

    def discard(self, index: int, length: int) -> None:
        """Sets whole pages to zero and gives the host's memory back."""
        handle, start, count = self._handle, byte_index(index), byte_index(length, "length")
        with self._unit.lock:
            check(c.discard(handle, start, count))

    def __getitem__(self, key: "Union[int, slice]") -> Any:
        with self._unit.lock:
            if not isinstance(key, slice):
                return self.read(self._position(key), 1)[0]
            start, stop, step = key.indices(self.byte_length)
            if step == 1:
                return self.read(start, max(0, stop - start))
            return self.buffer[key]

    def __setitem__(self, key: "Union[int, slice]", value: Any) -> None:
        with self._unit.lock:
            if not isinstance(key, slice):
                byte = integer("value", value, 255)
                self.write(self._position(key), bytes((byte,)))
                return
            data = bytes(memoryview(value))
            positions = range(*key.indices(self.byte_length))
            if len(data) != len(positions):
                raise ValueError(f"a slice of {len(positions)} bytes cannot be {len(data)} long")
            if positions.step == 1:
                self.write(positions.start, data)
            else:
                self.buffer[key] = data

    def _position(self, key: Any) -> int:
        """An index as Python counts: negative from the end."""
        try:
            negative = key < 0
        except TypeError:
            negative = False
        if not negative:
            return byte_index(key)
        size = self.byte_length
        position = size + int(key)
        if position < 0:
            raise make_error(
                RUNTIME_ERROR, Reason.OUT_OF_BOUNDS, "out of bounds: before the first byte", 0, size
            )
        return position

    # ---- Images ----

    def snapshot(self) -> Image:
        """An image of all of it, its size included."""
        handle, out = self._handle, ctypes.c_void_p()
        with self._unit.lock:
            check(c.snapshot(handle, ctypes.byref(out)))
        return Image._take(out)

    def reset(self, image: Optional[Image] = None) -> None:
        """Brings it back in place: to a snapshot and its size, or to an image or zeros and the size
        that it was created with. Buffers are detached. BufferError while a view exists.

        >>> from wasm_memory import Memory
        >>> memory = Memory(1, 3)
        >>> memory[0] = 7
        >>> before = memory.snapshot()
        >>> memory[0] = 8
        >>> memory.reset(before)
        >>> memory[0]
        7
        """
        handle, wanted = self._handle, image_handle(image)
        kind = None if image is None else image.type()
        size = self._created_bytes if kind is None else kind.minimum * kind.page_size
        with self._unit.lock:
            if not self._shared:  # which the library refuses in any case
                self._unit.require_no_exports(size)
            check(c.reset(handle, wanted))

    # ---- Threads ----

    def wait32(self, index: int, expected: int, timeout: Optional[float] = None) -> str:
        """memory.atomic.wait32: "ok" when notified, "not-equal" when the value differs from
        `expected`, "timed-out" after `timeout` seconds (None waits for ever). Other threads run
        meanwhile, and Ctrl-C ends it.

        >>> from wasm_memory import Memory
        >>> memory = Memory(1, 1, shared=True)
        >>> memory.wait32(0, 1), memory.wait32(0, 0, timeout=0)
        ('not-equal', 'timed-out')
        """
        return self._wait(wait32, index, expected, 32, timeout)

    def wait64(self, index: int, expected: int, timeout: Optional[float] = None) -> str:
        """memory.atomic.wait64, as `wait32`."""
        return self._wait(wait64, index, expected, 64, timeout)

    def _wait(self, function: Any, index: Any, expected: Any, bits: int, timeout: Any) -> str:
        handle, position = self._handle, byte_index(index)
        # Signed or unsigned: the bits are compared.
        biased = integer("expected", expected + 2 ** (bits - 1), 3 * 2 ** (bits - 1) - 1, False)
        value = (biased - 2 ** (bits - 1)) % 2**bits
        return self._waiting.wait(function, handle, position, value, nanoseconds(timeout))

    def notify(self, index: int, count: Optional[int] = None) -> int:
        """memory.atomic.notify: wakes `count` waiters, or all; how many it woke."""
        handle, position = self._handle, byte_index(index)
        most = UINT32_MAX if count is None else integer("count", count, UINT32_MAX)
        woken = ctypes.c_uint32()
        with self._unit.lock:
            check(c.atomic_notify(handle, position, most, ctypes.byref(woken)))
        return woken.value

    def interrupt(self) -> int:
        """Ends every wait in progress with a Trap (INTERRUPTED); how many."""
        return self._waiting.interrupt(self._handle)
