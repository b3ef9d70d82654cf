"""Reads, writes, item access, bulk operations, images."""

import array

import pytest

import wasm_memory as w
from wasm_memory import Image, Memory, OutOfBounds, Reason, Trap

PAGE = 65536


def test_read_and_write():
    memory = Memory(1)
    for data in (b"abc", bytearray(b"abc"), memoryview(b"xabc")[1:], array.array("B", b"abc")):
        memory.fill(0, 0, 8)
        memory.write(2, data)
        assert memory.read(0, 6) == b"\0\0abc\0"
    memory.write(0, memoryview(b"a-b-c-")[::2])
    assert memory.read(0, 3) == b"abc"
    assert memory.read(PAGE, 0) == b""
    for data in (5, "text", None):
        with pytest.raises(TypeError):
            memory.write(0, data)


@pytest.mark.parametrize(
    "use",
    [
        lambda m: m.read(PAGE, 1), lambda m: m.read(PAGE + 1, 0), lambda m: m.read(0, 2**64 - 1),
        lambda m: m.read(2**64 - 1, 2**64 - 1), lambda m: m.write(PAGE - 1, b"ab"),
        lambda m: m.write(2**64 - 1, b"ab"), lambda m: m.fill(PAGE + 1, 0, 0),
        lambda m: m.fill(1, 0, 2**64 - 1), lambda m: m.copy(0, PAGE - 1, 2),
        lambda m: m.copy(PAGE + 1, 0, 0), lambda m: m.discard(PAGE, PAGE), lambda m: m[PAGE],
        lambda m: m[-PAGE - 1], lambda m: m.notify(PAGE, 1),
    ],
)
def test_traps_write_nothing(use):
    memory = Memory(1)
    with pytest.raises(Trap) as caught:
        use(memory)
    assert caught.value.reason is Reason.OUT_OF_BOUNDS
    assert isinstance(caught.value, OutOfBounds)
    assert memory.read(0, PAGE) == bytes(PAGE)


def test_bulk_operations():
    memory, other = Memory(1), Memory(1, page_size=1, address="i64")
    memory.fill(0, 0x1FF, 4)
    assert memory.read(0, 5) == b"\xff\xff\xff\xff\0"
    memory.write(0, b"abcdef")
    memory.copy(2, 0, 4)
    assert memory.read(0, 6) == b"ababcd"
    other.copy(0, 3, 1, memory)
    assert other[0] == ord("b")
    with pytest.raises(TypeError):
        memory.copy(0, 0, 1, object())
    with pytest.raises(Trap) as caught:
        memory.discard(1, 4096)
    assert caught.value.reason is Reason.UNALIGNED
    memory.discard(0, PAGE)
    assert memory.read(0, 6) == bytes(6)


def test_items_as_a_bytearray():
    model, memory = bytearray(PAGE), Memory(1)
    for key, value in [(0, 7), (-1, 9), (slice(3, 6), b"abc"), (slice(-3, None), b"xyz"),
                       (slice(10, 20, 3), b"1234"), (slice(20, 10, -5), b"56"), (slice(5, 5), b"")]:
        model[key] = value
        memory[key] = value
    assert memory[:] == model
    for key in (0, -1, slice(2, 7), slice(None, None, 1000), slice(9, 2, -2), slice(70000, 80000)):
        assert memory[key] == model[key]
    for key, value, error in [(slice(0, 3), b"ab", ValueError), (0, 256, TypeError),
                              (0, b"a", TypeError), ("0", 1, TypeError), (0, -1, TypeError)]:
        with pytest.raises(error):
            memory[key] = value
    assert sum(1 for _ in Memory(5, page_size=1)) == 5


def test_snapshot_and_reset():
    memory = Memory(1, 4)
    memory.write(0, b"before")
    snapshot = memory.snapshot()
    assert snapshot.type() == w.MemoryType(1, 4, False, "i32", PAGE)
    memory.grow(2)
    memory.write(0, b"after!")
    buffer = memory.buffer
    memory.reset(snapshot)
    assert buffer.detached
    assert (memory.size, memory.read(0, 6)) == (1, b"before")
    memory.reset()
    assert memory.read(0, 6) == bytes(6)
    assert Memory(1, 4, image=snapshot).read(0, 6) == b"before"
    with pytest.raises(w.RangeError) as caught:
        Memory(2, image=snapshot)
    assert caught.value.reason is Reason.IMAGE_DOES_NOT_FIT
    shared = Memory(1, 1, shared=True)
    for refused in (shared.snapshot, shared.reset):
        with pytest.raises(w.MemoryTypeError) as caught:
            refused()
        assert caught.value.reason is Reason.SHARED_MEMORY


def test_image_files(tmp_path):
    image = Image(b"bytes", index=100)
    assert image.type() is None
    path = tmp_path / "image"
    image.write_file(path)
    assert path.read_bytes() == b"bytes"
    again = Image.from_file(str(path), 3)
    path.unlink()
    assert Memory(1, image=again).read(3, 5) == b"bytes"
    with pytest.raises(w.HostError) as caught:
        Image.from_file(path)
    assert (caught.value.reason, caught.value.errno, caught.value.os_error) == (Reason.FILE, 2, 2)
    assert isinstance(caught.value, OSError)
    with pytest.raises(ValueError):
        Image.from_file("a\0b")
    for wrong in (dict(image=1), dict(allocator=1), dict(image=Memory(1))):
        with pytest.raises(TypeError):
            Memory(1, **wrong)
