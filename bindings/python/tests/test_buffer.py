"""Buffers as JavaScript has them, and views that are stale but never dangling."""

import copy
import gc
import pickle
import weakref

import numpy
import pytest

import wasm_memory as w
from wasm_memory import Memory, MemoryTypeError, RangeError, Reason

PAGE = 65536


def test_growth_detaches():
    memory = Memory(1, 4)
    first = memory.buffer
    assert memory.buffer is first and not first.resizable and not first.detached
    assert (first.byte_length, first.max_byte_length, len(first)) == (PAGE, PAGE, PAGE)
    memory.grow(0)
    second = memory.buffer
    assert first.detached and second is not first
    assert (first.byte_length, first.max_byte_length) == (0, 0)
    with pytest.raises(RangeError):
        memory.grow(9)
    assert memory.buffer is second and not second.detached
    memory.grow(1)
    assert second.detached and memory.buffer.byte_length == 2 * PAGE
    for use in (first.view, lambda: memoryview(first), lambda: numpy.frombuffer(first, "u1"),
                lambda: first[0], lambda: first.__setitem__(0, 1), lambda: bytes(memoryview(first))):
        with pytest.raises(MemoryTypeError) as caught:
            use()
        assert caught.value.reason is Reason.DETACHED


def test_resizable():
    memory = Memory(1, 3)
    fixed = memory.buffer
    buffer = memory.to_resizable_buffer()
    assert fixed.detached and buffer.resizable and memory.buffer is buffer
    assert memory.to_resizable_buffer() is buffer
    assert buffer.max_byte_length == 3 * PAGE
    assert memoryview(buffer).nbytes == PAGE
    buffer.resize(2 * PAGE)
    assert memory.size == 2 and memoryview(buffer).nbytes == 2 * PAGE
    memory.grow(1)
    assert memory.buffer is buffer and buffer.byte_length == 3 * PAGE
    assert memory.to_fixed_length_buffer() is not buffer
    assert buffer.detached and buffer.resizable


@pytest.mark.parametrize(
    "wanted, error, reason",
    [(PAGE - 1, RangeError, Reason.WOULD_SHRINK), (PAGE + 1, RangeError, Reason.NOT_PAGE_MULTIPLE),
     (4 * PAGE, RangeError, Reason.MAX_BYTE_LENGTH), (-1, RangeError, Reason.MAX_BYTE_LENGTH),
     (2**60, RangeError, Reason.MAX_BYTE_LENGTH), (10**100, RangeError, Reason.MAX_BYTE_LENGTH),
     (float("inf"), RangeError, Reason.MAX_BYTE_LENGTH),
     (float("nan"), RangeError, Reason.WOULD_SHRINK),
     ("1", MemoryTypeError, Reason.COUNT_OUTSIDE_TYPE)],
)
def test_refused_resize(wanted, error, reason):
    buffer = Memory(1, 3).to_resizable_buffer()
    with pytest.raises(error) as caught:
        buffer.resize(wanted)
    assert caught.value.reason is reason and buffer.byte_length == PAGE


def test_wrong_kinds():
    memory = Memory(1)
    for use, reason in [(lambda: memory.to_resizable_buffer(), Reason.NO_MAXIMUM),
                        (lambda: memory.buffer.resize(PAGE), Reason.BUFFER_KIND),
                        (lambda: memory.buffer.grow(PAGE), Reason.BUFFER_KIND),
                        (lambda: memory.buffer.transfer(), Reason.NOT_TRANSFERABLE)]:
        with pytest.raises(MemoryTypeError) as caught:
            use()
        assert caught.value.reason is reason
    for use in (lambda: w.Buffer(), lambda: pickle.dumps(memory.buffer),
                lambda: copy.copy(memory.buffer), lambda: copy.copy(w.Allocator())):
        with pytest.raises(TypeError):
            use()
    with pytest.raises(w.DataCloneError):
        copy.deepcopy(memory)


def test_shared_buffers_are_not_detached():
    memory = Memory(1, 3, shared=True)
    first = memory.buffer
    assert first.shared
    memory.grow(0)
    assert memory.buffer is first
    memory.grow(1)
    second = memory.buffer
    assert not first.detached and second is not first
    assert (first.byte_length, second.byte_length) == (PAGE, 2 * PAGE)
    first[0] = 5
    assert second[0] == 5
    growable = memory.to_resizable_buffer()
    growable.grow(3 * PAGE)
    assert memory.size == 3 and growable.byte_length == 3 * PAGE


def test_views_are_the_bytes():
    memory = Memory(1, 2)
    view = memoryview(memory.buffer)
    assert (view.format, view.itemsize, view.nbytes, view.readonly) == ("B", 1, PAGE, False)
    array = numpy.asarray(memory.buffer)
    assert array.dtype == numpy.uint8 and array.shape == (PAGE,) and array.flags.writeable
    words = numpy.frombuffer(memory.buffer, dtype="<u4")
    words[1] = 0x01020304
    array[0] = 9
    view[1] = 8
    assert memory.read(0, 8) == b"\x09\x08\0\0\4\3\2\1"
    assert memoryview(Memory(0).buffer).nbytes == 0
    assert memory.buffer[0:2] == b"\x09\x08"


def test_views_outlive_everything():
    memory = Memory(1, 4)
    memory.write(0, b"kept")
    views = [memoryview(memory.buffer), numpy.asarray(memory.buffer), memory.buffer.view()]
    slices = [view[:4] for view in views]
    memory.grow(1)
    memory.close()
    del memory, views
    gc.collect()
    for other in range(20):  # what would take the place
        Memory(2).fill(0, 0xAA, PAGE)
    w.Allocator.default().trim()
    for each in slices:
        assert bytes(each) == b"kept"
        each[0] = ord("K")
        each[0] = ord("k")


def test_the_last_view_gives_the_bytes_back():
    allocator = w.Allocator()
    memory = Memory(1, allocator=allocator)
    view = memoryview(memory.buffer)
    memory.close()
    assert allocator.stats().memories == 1
    part = view[1:]
    del view
    assert allocator.stats().memories == 1
    del part
    assert allocator.stats().memories == 0


def test_finalizers_of_a_garbage_cycle_can_use_a_view():
    seen = []

    class Node:
        def __init__(self, view):
            self.me, self.view = self, view

        def __del__(self):
            self.view[0] = 3
            seen.append(self.view[0])

    allocator = w.Allocator()
    for _ in range(20):
        Node(memoryview(Memory(1, allocator=allocator).buffer))
    gc.collect()
    assert seen == [3] * 20 and allocator.stats().memories == 0


@pytest.mark.parametrize(
    "take", [memoryview, numpy.asarray, lambda b: numpy.frombuffer(b, "u4"), lambda b: b.view()]
)
def test_reset_under_a_view_is_a_buffer_error(take):
    memory = Memory(1, 3)
    memory.grow(1)
    view = take(memory.buffer)
    with pytest.raises(BufferError):
        memory.reset()
    memory.grow(1)  # the view is stale now, and still a view
    with pytest.raises(BufferError):
        memory.reset()
    assert view[0] == 0 and memory.size == 3
    del view
    memory.reset()
    assert memory.size == 1


def test_an_address_that_numpy_keeps_without_a_view():
    memory = Memory(1, 3)
    memory.grow(2)
    array = numpy.ndarray((3 * PAGE,), numpy.uint8, buffer=memory.buffer)
    with pytest.raises(BufferError):
        memory.reset()
    array[-1] = 1
    del array
    memory.reset()


def test_buffers_go():
    memory = Memory(1)
    buffer = weakref.ref(memory.buffer)
    assert buffer() is None
    assert memory.buffer == memory.buffer
