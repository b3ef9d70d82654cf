"""Waits, notifies, Ctrl-C, and threads on one unshared memory."""

import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from wasm_memory import Allocator, Memory, Reason, Trap, WasmMemoryError


def started(function):
    results = []

    def run():
        try:
            results.append(function())
        except (WasmMemoryError, ValueError) as error:
            results.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, results


def notify_until(memory, count, index=0):
    """A notify wakes who waits already; the others are not far."""
    woken, deadline = 0, time.monotonic() + 20
    while woken < count and time.monotonic() < deadline:
        woken += memory.notify(index, count - woken)
    return woken


def test_wait_and_notify():
    memory = Memory(1, 1, shared=True)
    assert memory.notify(0) == 0
    threads = [started(lambda: memory.wait32(0, 0)) for _ in range(3)]
    threads.append(started(lambda: memory.wait64(0, 0)))
    assert notify_until(memory, 4) == 4
    for thread, results in threads:
        thread.join(20)
        assert results == ["ok"]


def test_the_main_thread_is_woken():
    memory = Memory(1, 1, shared=True)
    thread, results = started(lambda: notify_until(memory, 1))
    assert memory.wait32(0, 0) == "ok"
    thread.join(20)
    assert results == [1]


def test_results_of_waits():
    memory = Memory(1, 1, shared=True)
    memory.write(0, b"\xff" * 8)
    assert memory.wait32(0, 1) == "not-equal"
    for expected in (-1, 2**32 - 1):
        assert memory.wait32(0, expected, 0) == "timed-out"
    for expected in (-1, 2**64 - 1):
        assert memory.wait64(0, expected, timeout=0.001) == "timed-out"
    begun = time.monotonic()
    assert memory.wait32(0, -1, 0.2) == "timed-out"
    assert time.monotonic() - begun >= 0.19
    assert memory.wait32(0, -1, -5) == "timed-out"
    assert memory.wait32(0, 0, float("inf")) == "not-equal"


@pytest.mark.parametrize(
    "use, reason",
    [(lambda s, u: s.wait32(2, 0), Reason.UNALIGNED), (lambda s, u: s.wait64(4, 0), Reason.UNALIGNED),
     (lambda s, u: u.wait32(0, 0), Reason.WAIT_UNSHARED),
     (lambda s, u: s.wait32(65536, 0), Reason.OUT_OF_BOUNDS),
     (lambda s, u: s.notify(2), Reason.UNALIGNED)],
)
def test_traps_of_waits(use, reason):
    with pytest.raises(Trap) as caught:
        use(Memory(1, 1, shared=True), Memory(1))
    assert caught.value.reason is reason


@pytest.mark.parametrize("arguments", [(0, 2**32), (0, -(2**31) - 1), (0, 1.5), (0, "1"), (-1, 0)])
def test_wrong_numbers(arguments):
    with pytest.raises(TypeError):
        Memory(1, 1, shared=True).wait32(*arguments, 0)


def test_interrupt():
    memory = Memory(1, 1, shared=True)
    thread, results = started(lambda: memory.wait32(0, 0))
    while memory.interrupt() == 0 and thread.is_alive():
        pass
    thread.join(20)
    assert results[0].reason is Reason.INTERRUPTED


def test_closing_wakes_nobody_and_harms_nobody():
    memory = Memory(1, 1, shared=True)
    thread, results = started(lambda: memory.wait32(0, 0, 0.3))
    memory.close()
    thread.join(20)
    assert results == ["timed-out"] or isinstance(results[0], ValueError)  # closed before it began


CTRL_C = """
    import os, signal, sys, threading, time
    from wasm_memory import Memory
    memory = Memory(1, 1, shared=True)
    other = []
    thread = threading.Thread(target=lambda: other.append(memory.wait32(4, 0)), daemon=True)
    thread.start()
    threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    begun = time.monotonic()
    try:
        memory.wait32(0, 0{timeout})
    except KeyboardInterrupt:
        took = time.monotonic() - begun
    assert took < 5, took
    assert memory.notify(0) == 0  # nobody was left behind
    deadline = time.monotonic() + 10
    while not memory.notify(4) and time.monotonic() < deadline:
        pass
    thread.join(10)
    assert other == ["ok"], other  # another thread's wait goes on
"""


@pytest.mark.parametrize("timeout", ["", ", 60"])
def test_ctrl_c_ends_a_wait(timeout):
    program = textwrap.dedent(CTRL_C).replace("{timeout}", timeout)
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_a_signal_handler_runs_during_a_wait():
    memory = Memory(1, 1, shared=True)
    before = signal.signal(signal.SIGALRM, lambda *_: memory.notify(0))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        assert memory.wait32(0, 0, 30) == "ok"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_growths_of_many_threads_are_ordered():
    memory = Memory(0, 400, shared=True)
    threads = [started(lambda: [memory.grow(1) for _ in range(50)]) for _ in range(8)]
    seen = []
    for thread, results in threads:
        thread.join(30)
        seen += results[0]
    assert sorted(seen) == list(range(400))


def test_threads_take_turns_on_an_unshared_memory():
    # The limiter lets another thread run in the middle of a growth.
    allocator = Allocator(limiter=lambda *_: time.sleep(0.001) or True)
    memory = Memory(0, 100, page_size=1, allocator=allocator)
    threads = [started(lambda: [memory.grow(1) for _ in range(25)]) for _ in range(4)]
    seen = []
    for thread, results in threads:
        thread.join(30)
        seen += results[0]
    assert sorted(seen) == list(range(100))


def test_threads_see_one_buffer_of_a_shared_memory():
    memory = Memory(1, 1, shared=True)
    kept = memory.buffer
    threads = [started(lambda: {id(memory.buffer) for _ in range(200)}) for _ in range(8)]
    for thread, results in threads:
        thread.join(30)
        assert results == [{id(kept)}]
