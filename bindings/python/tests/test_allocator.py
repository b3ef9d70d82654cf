"""Allocators: settings, limits, the limiter, statistics."""

import gc
import sys

import pytest

import wasm_memory as w
from wasm_memory import Allocator, Memory, RangeError, Reason

PAGE = 65536


def refused(use, reason):
    with pytest.raises(RangeError) as caught:
        use()
    assert caught.value.reason is reason
    return caught.value


def test_each_setting():
    allocator = Allocator(
        reservation=1 << 20, guards=(PAGE, 2 * PAGE), bounds="guarded", movable=True, fallback=False,
        keep_resident=0, huge_pages=False, prefault=True, size_limit=1 << 24, kept_bytes=0,
        quota_memories=2, quota_bytes=1 << 23,
    )
    memory = Memory(1, allocator=allocator)
    layout = memory.layout()
    assert (layout.reservation, layout.guard_before, layout.guard_after) == (1 << 20, PAGE, 2 * PAGE)
    assert layout.movable and layout.exact_protection
    checked = Memory(1, allocator=Allocator(bounds="checked")).layout()
    assert not checked.exact_protection
    refused(lambda: Memory(1, allocator=Allocator(size_limit=10)), Reason.SIZE_LIMIT)


def test_a_memory_on_the_heap_moves_and_its_views_stay():
    memory = Memory(1, allocator=Allocator(backend="heap", movable=True))
    assert not memory.layout().exact_protection and memory.layout().movable
    memory[:4] = b"heap"
    view = memoryview(memory.buffer)
    memory.grow(50)
    assert memory[:4] == b"heap" and len(view) == PAGE
    view[0] = 1  # what the memory has left stays until the view goes


@pytest.mark.parametrize(
    "settings", [dict(bounds="none"), dict(bounds=1), dict(backend="stack"), dict(backend=0), dict(pool=(0, PAGE)), dict(reservation=-1),
                 dict(guards=1), dict(pool=(1.0, None)), dict(limiter=1), dict(refused="x"),
                 dict(pool=(2**32, PAGE)), dict(unknown=1)]
)
def test_wrong_settings(settings):
    with pytest.raises(TypeError):
        Allocator(**settings)


def test_a_pool():
    allocator = Allocator(pool=(2, 4 * PAGE))
    first, second = Memory(1, allocator=allocator), Memory(1, allocator=allocator)
    refused(lambda: Memory(1, allocator=allocator), Reason.POOL_EXHAUSTED)
    refused(lambda: first.grow(4), Reason.SLOT_SIZE)
    view = memoryview(second.buffer)
    second.close()
    refused(lambda: Memory(1, allocator=allocator), Reason.POOL_EXHAUSTED)
    del view
    Memory(1, allocator=allocator)
    refused(lambda: Memory(5, allocator=allocator), Reason.SLOT_SIZE)


def test_quotas():
    allocator = Allocator(quota_memories=1, quota_bytes=2 * PAGE)
    memory = Memory(1, allocator=allocator)
    refused(lambda: Memory(0, allocator=allocator), Reason.QUOTA_MEMORIES)
    error = refused(lambda: memory.grow(2), Reason.QUOTA_BYTES)
    assert error.available == 2 * PAGE


def test_statistics():
    allocator = Allocator()
    memory = Memory(1, 4, allocator=allocator)
    memory[0] = 1
    memory.grow(1)
    with pytest.raises(RangeError):
        memory.grow(9)
    stats = allocator.stats()
    assert (stats.memories, stats.creations, stats.growths, stats.refusals) == (1, 1, 1, 1)
    assert stats.accessible_bytes == 2 * PAGE
    assert memory.stats().accessible_bytes == 2 * PAGE
    memory.close()
    allocator.trim()
    assert allocator.stats().memories == 0
    assert Allocator.default().stats().creations >= 0
    Allocator.default().trim()


def test_the_limiter():
    asked, told = [], []
    allocator = Allocator(
        limiter=lambda *sizes: asked.append(sizes) or sizes[1] <= 2 * PAGE, refused=told.append
    )
    memory = Memory(1, 9, allocator=allocator)
    memory.grow(1)
    refused(lambda: memory.grow(1), Reason.LIMITER)
    refused(lambda: memory.grow(20), Reason.MAXIMUM_EXCEEDED)
    Memory(0, allocator=allocator)
    assert asked == [(0, PAGE, 9 * PAGE), (PAGE, 2 * PAGE, 9 * PAGE), (2 * PAGE, 3 * PAGE, 9 * PAGE),
                     (0, 0, None)]
    assert [error.reason for error in told] == [Reason.LIMITER, Reason.MAXIMUM_EXCEEDED]
    assert (told[1].requested, told[1].available) == (22, 9)


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), SystemExit(3)])
def test_an_exception_in_the_limiter_refuses(error, monkeypatch):
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", seen.append)

    def limiter(current, desired, maximum):
        if current:
            raise error
        return True

    def told(why):
        raise error

    memory = Memory(1, allocator=Allocator(limiter=limiter, refused=told))
    refused(lambda: memory.grow(1), Reason.LIMITER)
    assert [why.exc_value for why in seen] == [error, error]
    assert memory.size == 1


def test_the_limiter_may_use_the_library():
    memories = []

    def limiter(current, desired, maximum):
        if current:
            assert memories[0].size == 1
            if desired == 3 * PAGE:
                memories[0].grow(0)
            Memory(1).grow(1)
        return True

    memories.append(Memory(1, allocator=Allocator(limiter=limiter)))
    assert memories[0].grow(2) == 1
    assert memories[0].size == 3


def test_the_limiter_lives_as_long_as_its_memories():
    live = w._allocator._live
    gc.collect()
    before = len(live)
    memory = Memory(1, allocator=Allocator(limiter=lambda *_: False if _[0] else True))
    gc.collect()
    assert len(live) == before + 1
    refused(lambda: memory.grow(1), Reason.LIMITER)
    memory.close()
    gc.collect()
    w.Allocator.default().trim()
    assert len(live) == before
    with pytest.raises(RangeError):
        Allocator(limiter=lambda *_: True, reservation=2**64 - 1)
    assert len(live) == before
