"""Creation, growth and their errors: the tables of the specifications."""

import fractions
import math

import pytest

import wasm_memory as w
from wasm_memory import Memory, MemoryTypeError, RangeError, Reason


class IntLike:
    def __index__(self):
        return 3


# initial, maximum, more keywords -> error class, reason
REFUSED = [
    (dict(initial=None), MemoryTypeError, Reason.INITIAL_MISSING),
    (dict(initial=1, address="i16"), MemoryTypeError, Reason.ADDRESS_TYPE),
    (dict(initial=1, address=None), MemoryTypeError, Reason.ADDRESS_TYPE),
    (dict(initial=None, address="i16"), MemoryTypeError, Reason.ADDRESS_TYPE),
    (dict(initial=-1), MemoryTypeError, Reason.COUNT_OUTSIDE_TYPE),
    (dict(initial=2**32), MemoryTypeError, Reason.COUNT_OUTSIDE_TYPE),
    (dict(initial=10**6000), MemoryTypeError, Reason.COUNT_OUTSIDE_TYPE),
    (dict(initial=math.nan), MemoryTypeError, Reason.COUNT_OUTSIDE_TYPE),
    (dict(initial=math.inf), MemoryTypeError, Reason.COUNT_OUTSIDE_TYPE),
    (dict(initial=-math.inf), MemoryTypeError, Reason.COUNT_OUTSIDE_TYPE),
    (dict(initial="1"), MemoryTypeError, Reason.COUNT_OUTSIDE_TYPE),
    (dict(initial=b"1"), MemoryTypeError, Reason.COUNT_OUTSIDE_TYPE),
    (dict(initial=1j), MemoryTypeError, Reason.COUNT_OUTSIDE_TYPE),
    (dict(initial=[1]), MemoryTypeError, Reason.COUNT_OUTSIDE_TYPE),
    (dict(initial=1, maximum=-1), MemoryTypeError, Reason.COUNT_OUTSIDE_TYPE),
    (dict(initial=1, maximum=2**32), MemoryTypeError, Reason.COUNT_OUTSIDE_TYPE),
    (dict(initial=65537, maximum=2**32), MemoryTypeError, Reason.COUNT_OUTSIDE_TYPE),
    (dict(initial=1.0, address="i64"), MemoryTypeError, Reason.COUNT_OUTSIDE_TYPE),
    (dict(initial=2**64, address="i64"), MemoryTypeError, Reason.COUNT_OUTSIDE_TYPE),
    (dict(initial=1, shared=True), MemoryTypeError, Reason.SHARED_WITHOUT_MAXIMUM),
    (dict(initial=65537, shared=True), MemoryTypeError, Reason.SHARED_WITHOUT_MAXIMUM),
    (dict(initial=1, page_size=3), RangeError, Reason.PAGE_SIZE),
    (dict(initial=1, page_size=0), RangeError, Reason.PAGE_SIZE),
    (dict(initial=1, page_size=2**40), RangeError, Reason.PAGE_SIZE),
    (dict(initial=65537), RangeError, Reason.ABOVE_LIMIT),
    (dict(initial=1, maximum=65537), RangeError, Reason.ABOVE_LIMIT),
    (dict(initial=2, maximum=1), RangeError, Reason.MAXIMUM_BELOW_INITIAL),
    (dict(initial=1, maximum=0), RangeError, Reason.MAXIMUM_BELOW_INITIAL),
    (dict(initial=1, maximum=2**37, address="i64"), RangeError, Reason.ABOVE_LIMIT),
    (dict(initial=262145, address="i64"), RangeError, Reason.SIZE_LIMIT),
]


@pytest.mark.parametrize("arguments, error, reason", REFUSED)
def test_refused_creation(arguments, error, reason):
    with pytest.raises(error) as caught:
        Memory(**arguments)
    assert type(caught.value) is error
    assert caught.value.reason is reason


@pytest.mark.parametrize(
    "value, pages", [(0, 0), (3, 3), (True, 1), (2.9, 2), (-0.9, 0), (fractions.Fraction(7, 2), 3),
                     (IntLike(), 3)]
)
def test_enforce_range_i32(value, pages):
    assert Memory(value).size == pages
    memory = Memory(0)
    assert memory.grow(value) == 0
    assert memory.size == pages


@pytest.mark.parametrize("value", [1.0, 1.5, math.nan, "1", fractions.Fraction(1), None])
def test_i64_takes_integers_only(value):
    with pytest.raises(TypeError):
        Memory(0, address="i64").grow(value)
    assert Memory(IntLike(), address="i64").size == 3


def test_builtin_classes():
    assert issubclass(MemoryTypeError, TypeError)
    assert issubclass(RangeError, ValueError)
    assert issubclass(w.Trap, RuntimeError)
    assert issubclass(w.OutOfBounds, IndexError)
    assert issubclass(w.HostError, OSError)
    for kind in (MemoryTypeError, RangeError, w.LinkError, w.Trap, w.DataCloneError, w.HostError):
        assert issubclass(kind, w.WasmMemoryError)


def test_growth():
    memory = Memory(10, 100)
    assert memory.grow(1) == 10
    assert (memory.size, memory.byte_length, len(memory)) == (11, 11 * 65536, 11 * 65536)
    with pytest.raises(RangeError) as caught:
        memory.grow(1000)
    error = caught.value
    assert (error.reason, error.requested, error.available) == (Reason.MAXIMUM_EXCEEDED, 1011, 100)
    assert memory.size == 11
    for delta in (-1, 2**32, math.nan, math.inf, "1"):
        with pytest.raises(MemoryTypeError):
            memory.grow(delta)
    assert memory.grow(0) == 11
    small = Memory(0, page_size=1)
    assert small.grow(3) == 0
    assert (small.size, small.byte_length) == (3, 3)


def test_type_is_the_current_size():
    memory = Memory(1, 5)
    memory.grow(2)
    assert memory.type() == w.MemoryType(3, 5, False, "i32", 65536)
    assert Memory(1, 1, shared=True, address="i64", page_size=1).type() == w.MemoryType(
        1, 1, True, "i64", 1
    )
    assert Memory(0).type().maximum is None


def test_import_matching():
    memory = Memory(2, 5)
    memory.match()
    memory.match(2, 5)
    for arguments, reason in [
        (dict(address="i64"), Reason.IMPORT_ADDRESS),
        (dict(page_size=1), Reason.IMPORT_PAGE_SIZE),
        (dict(maximum=9, shared=True), Reason.IMPORT_SHARED),
        (dict(minimum=3), Reason.IMPORT_INITIAL),
        (dict(maximum=4), Reason.IMPORT_MAXIMUM),
    ]:
        with pytest.raises(w.LinkError) as caught:
            memory.match(**arguments)
        assert caught.value.reason is reason


def test_sending():
    with pytest.raises(w.DataCloneError) as caught:
        Memory(1).send()
    assert caught.value.reason is Reason.NOT_CLONEABLE
    shared = Memory(1, 1, shared=True)
    assert shared.send() is shared


def test_closing():
    with Memory(1) as memory:
        buffer = memory.buffer
        view = memoryview(buffer)
    memory.close()
    assert memory.closed and "closed" in repr(memory)
    for use in (lambda: memory.size, lambda: memory.grow(1), lambda: memory.buffer,
                lambda: memory[0], lambda: memory.__enter__(), lambda: memory.reset()):
        with pytest.raises(ValueError):
            use()
    view[0] = 1
    assert buffer[0] == 1


def test_one_initialization():
    memory = Memory(1)
    with pytest.raises(TypeError):
        memory.__init__(2)
    assert memory.size == 1
