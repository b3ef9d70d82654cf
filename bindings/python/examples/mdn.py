"""MDN's example of WebAssembly.Memory: JavaScript writes numbers, WebAssembly sums them up.

Here NumPy writes them, into the memory of a module that Wasmtime runs on this library.
"""

import ctypes

import numpy
import wasmtime

from wasm_memory.wasmtime import host_memory, new_allocator

MODULE = """
(module
  (memory (export "mem") 10 100)
  (func (export "accumulate") (param $ptr i32) (param $len i32) (result i32)
    (local $end i32) (local $sum i32)
    (local.set $end (i32.add (local.get $ptr) (i32.mul (local.get $len) (i32.const 4))))
    (block $break
      (loop $top
        (br_if $break (i32.eq (local.get $ptr) (local.get $end)))
        (local.set $sum (i32.add (local.get $sum) (i32.load (local.get $ptr))))
        (local.set $ptr (i32.add (local.get $ptr) (i32.const 4)))
        (br $top)))
    (local.get $sum)))
"""

config, allocator = wasmtime.Config(), new_allocator()
host_memory(config, allocator)
store = wasmtime.Store(wasmtime.Engine(config))
exports = wasmtime.Instance(store, wasmtime.Module(store.engine, MODULE), []).exports(store)
memory = exports["mem"]

# The engine's own view of the bytes; the module must outlive the array, and a growth ends its use.
address = ctypes.addressof(memory.data_ptr(store).contents)
window = (ctypes.c_uint8 * memory.data_len(store)).from_address(address)
summands = numpy.frombuffer(window, dtype="<u4")
summands[:10] = numpy.arange(10)
print("sum", exports["accumulate"](store, 0, 10))

print("grown from", memory.grow(store, 1), "to", memory.size(store), "pages")
print("sum", exports["accumulate"](store, 0, 10))

stats = allocator.stats()
print("memories of this library:", stats.memories, "with", stats.accessible_bytes, "bytes")
