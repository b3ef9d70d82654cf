"""No program crashes the interpreter, and no interpreter crashes at its end."""

import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent


@pytest.mark.parametrize("seed", [1, 2])
def test_random_operations(seed):
    command = [sys.executable, "-X", "faulthandler", str(HERE / "hostile.py"), str(seed), "4"]
    done = subprocess.run(
        command, timeout=120, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert (done.returncode, done.stdout) == (0, "survived\n"), done.stdout[-4000:]


def test_what_is_alive_at_the_end_of_the_interpreter():
    program = """
import atexit, threading, wasm_memory
from wasm_memory import Allocator, Image, Memory
class Late:
    def __init__(self, view):
        self.me, self.view = self, view
    def __del__(self):
        self.view[0] = 5
keep = [Allocator(limiter=lambda *_: True, refused=print), Image(b"x")]
keep.append(Memory(1, allocator=keep[0], image=keep[1]))
keep += [keep[2].buffer, memoryview(keep[2].buffer), Late(memoryview(keep[2].buffer))]
wasm_memory._kept_for_the_end = keep
atexit.register(lambda: keep[2].grow(1))
threading.Thread(target=Memory(1, 1, shared=True).wait32, args=(0, 0), daemon=True).start()
"""
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", program], timeout=60, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )
    assert (done.returncode, done.stdout) == (0, "")
