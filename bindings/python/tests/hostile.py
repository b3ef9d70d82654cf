"""Random operations with hostile arguments. Errors are fine, a crash is not. Run by test_hostile.py."""

import gc
import os
import random
import sys
import tempfile
import threading
import time

import numpy

import wasm_memory as w

ODD = [
    0, 1, 2, 3, 7, 8, 4096, 65535, 65536, 65537, 131072, -1, -65536, 2**31, 2**32 - 1, 2**32, 2**53,
    2**63 - 1, 2**63, 2**64 - 1, 2**64, 10**5000, True, None, 0.5, -0.9, float("nan"), float("inf"),
    "1", b"ab", [], object(), slice(None), slice(5, None, -2), slice(0, 70000, 3),
]
EXPECTED = (
    w.WasmMemoryError, TypeError, ValueError, IndexError, BufferError, OverflowError, MemoryError,
    OSError,
)


def limiter(choose):
    def ask(current, desired, maximum):
        if choose.random() < 0.1:
            raise ValueError("the limiter's own")
        return desired < 2**24

    return ask


class Program:
    """One thread's objects, none of which another uses, but for what is in `common`."""

    def __init__(self, seed, common):
        self.choose, self.common = random.Random(seed), common
        self.views = []
        self.images = [None]
        self.allocators = [
            None, w.Allocator(quota_memories=20, kept_bytes=0), w.Allocator(pool=(4, 1 << 20)),
            w.Allocator(reservation=65536, movable=True, guards=(0, 65536)),
            w.Allocator(limiter=limiter(self.choose), refused=lambda error: str(error)),
            w.Allocator(bounds="checked"),
        ]
        self.memories = [self.memory()]

    def odd(self):
        return self.choose.choice(ODD) if self.choose.random() < 0.6 else self.choose.randrange(9)

    def memory(self):
        choose = self.choose
        return w.Memory(
            choose.choice([0, 1, 2, 3]), choose.choice([None, 3, 6, 9]),
            page_size=choose.choice([1, 65536, 65536]), address=choose.choice(["i32", "i64"]),
            allocator=choose.choice(self.allocators),
        )

    def step(self):
        choose, odd = self.choose, self.odd
        memory = choose.choice(self.memories if choose.random() < 0.8 else self.common)
        buffer = memory.buffer
        operations = [
            lambda: memory.grow(odd()), lambda: memory.read(odd(), odd()),
            lambda: memory.write(odd(), odd()), lambda: memory.write(odd(), choose.choice(self.views)),
            lambda: memory.fill(odd(), odd(), odd()), lambda: memory[odd()],
            lambda: memory.copy(odd(), odd(), odd(), choose.choice(self.memories)),
            lambda: memory.__setitem__(odd(), odd()), lambda: memory.discard(odd(), odd()),
            lambda: memory.reset(choose.choice(self.images)), memory.to_resizable_buffer,
            memory.to_fixed_length_buffer, lambda: memory.notify(odd(), odd()),
            lambda: memory.wait32(odd(), odd(), 0), lambda: memory.match(odd(), odd()),
            lambda: self.images.append(memory.snapshot()), memory.interrupt, memory.stats,
            lambda: self.images.append(w.Image(bytes(9), odd())), memory.type, memory.layout,
            lambda: buffer.resize(odd()), lambda: buffer.grow(odd()), buffer.transfer,
            lambda: buffer[odd()], lambda: buffer.__setitem__(odd(), odd()), lambda: repr(buffer),
            lambda: self.views.append(memoryview(buffer)), lambda: self.views.append(buffer.view()),
            lambda: self.views.append(numpy.frombuffer(buffer, "u1")),
            lambda: self.views.append(numpy.ndarray((len(buffer),), "u1", buffer)),
            lambda: self.views.append(choose.choice(self.views)[odd():]),
            lambda: w.Memory(odd(), odd(), shared=odd(), page_size=choose.choice([1, 65536, odd()])),
            lambda: self.memories.append(self.memory()), lambda: choose.choice(self.memories).close(),
            lambda: w.Memory(1, allocator=odd(), image=odd()), lambda: w.Image(odd()).type(),
            lambda: w.Allocator(reservation=odd(), quota_bytes=odd()), gc.collect,
            lambda: w.Allocator(guards=(odd(), odd())), w.Allocator.default().trim,
            lambda: w.Allocator(pool=(odd(), choose.choice([0, 1, 65536]))), self.use_views,
        ]
        try:
            choose.choice(operations)()
        except EXPECTED:
            pass
        # Few enough that something is given back all the time.
        for objects, most in ((self.views, 12), (self.images, 5), (self.memories, 6)):
            while len(objects) > most:
                del objects[choose.randrange(len(objects))]
        if all(memory.closed for memory in self.memories):
            self.memories = [self.memory()]

    def use_views(self):
        for view in self.views:
            if len(view):
                view[0] = view[-1] = 1
                bytes(view[::4096])


def run(seed, common, until, failures):
    try:
        program = Program(seed, common)
        while time.monotonic() < until:
            try:
                program.step()
            except EXPECTED:
                pass
            if program.choose.random() < 0.05:
                program.use_views()
    except BaseException as error:
        failures.append(error)
        raise


def main():
    seed, seconds = int(sys.argv[1]), float(sys.argv[2])
    sys.unraisablehook = lambda why: None  # the limiter's own
    common = [w.Memory(1, 40, shared=True), w.Memory(0, 9, shared=True, page_size=1)]
    until, failures = time.monotonic() + seconds, []
    threads = [
        threading.Thread(target=run, args=(seed + i, common, until, failures)) for i in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        sys.exit(repr(failures))
    print("survived")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        main()
        os.chdir("/")
