"""Modules of the wasmtime package on memories of this library."""

import subprocess
import sys
import textwrap

import pytest

wasmtime = pytest.importorskip("wasmtime")

import wasm_memory as w
from wasm_memory import Allocator
from wasm_memory.wasmtime import host_memory, new_allocator

MODULE = """
(module
  (memory (export "memory") 1 10)
  (data (i32.const 8) "hello")
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0))))
"""


def instantiate(allocator, text=MODULE, config=None):
    config = config or wasmtime.Config()
    host_memory(config, allocator)
    store = wasmtime.Store(wasmtime.Engine(config))
    return store, wasmtime.Instance(store, wasmtime.Module(store.engine, text), []).exports(store)


def test_a_module_uses_this_library():
    allocator = new_allocator()
    store, exports = instantiate(allocator)
    assert allocator.stats().memories == 1
    assert exports["load"](store, 8) == ord("h")
    assert exports["grow"](store, 2) == 1
    assert exports["memory"].size(store) == 3
    assert allocator.stats().accessible_bytes == 3 * 65536
    assert exports["memory"].grow(store, 1) == 3
    assert exports["grow"](store, 100) == -1
    with pytest.raises(wasmtime.Trap):
        exports["load"](store, 4 * 65536)
    store.close()
    assert allocator.stats().memories == 0


def test_limits_reach_the_module():
    allocator = new_allocator(quota_bytes=2 * 65536)
    store, exports = instantiate(allocator)
    assert exports["grow"](store, 1) == 1
    assert exports["grow"](store, 1) == -1
    with pytest.raises(wasmtime.WasmtimeError):
        exports["memory"].grow(store, 1)
    with pytest.raises(wasmtime.WasmtimeError, match="quota"):
        instantiate(allocator)


def test_a_limiter_in_python():
    asked = []
    allocator = new_allocator(limiter=lambda *sizes: asked.append(sizes) or sizes[1] < 3 * 65536)
    store, exports = instantiate(allocator)
    assert exports["grow"](store, 1) == 1
    assert exports["grow"](store, 1) == -1
    assert asked == [(0, 65536, 655360), (65536, 131072, 655360), (131072, 196608, 655360)]


def test_types_of_memories():
    config = wasmtime.Config()
    config.wasm_memory64 = True
    store, exports = instantiate(None, '(module (memory (export "m") i64 1))', config)
    assert exports["m"].grow(store, 1) == 1
    huge = '(module (memory (export "m") i64 1 281474976710656))'
    config = wasmtime.Config()
    config.wasm_memory64 = True
    store, exports = instantiate(None, huge, config)
    assert exports["m"].grow(store, 1) == 1


def test_what_is_refused():
    with pytest.raises(TypeError):
        host_memory(object())
    with pytest.raises(TypeError):
        host_memory(wasmtime.Config(), w.Memory(1))
    with pytest.raises(TypeError):
        host_memory(wasmtime.Config(), Allocator.default())
    # Too small a guard for code without bounds checks.
    with pytest.raises(wasmtime.WasmtimeError, match="guard"):
        instantiate(Allocator())


def test_the_allocator_may_go_first():
    store, exports = instantiate(None)
    w.Allocator.default().trim()
    assert exports["grow"](store, 1) == 1


def test_ctrl_c_before_a_growth_does_not_harm_the_engine():
    program = """
        import os, signal, threading, wasmtime
        from wasm_memory.wasmtime import host_memory
        config = wasmtime.Config()
        host_memory(config)
        store = wasmtime.Store(wasmtime.Engine(config))
        module = wasmtime.Module(store.engine, '''(module (memory (export "m") 0 65536)
          (func (export "run") (local i32)
            (loop (drop (memory.grow (i32.const 1))) (br_if 0 (i32.lt_u
              (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 40000))))))''')
        exports = wasmtime.Instance(store, module, []).exports(store)
        threading.Timer(0.02, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        try:
            exports["run"](store)
            threading.Event().wait(5)
        except KeyboardInterrupt:
            print("interrupted", exports["m"].size(store))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], timeout=60, check=True,
        stdout=subprocess.PIPE, text=True,
    )
    assert done.stdout.startswith("interrupted 40000")
