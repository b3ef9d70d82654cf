"""The linear memory of a WebAssembly engine.

`Memory` is JavaScript's `WebAssembly.Memory` with what lies under it; `Buffer` its bytes, in place;
`Allocator` where memories come from; `Image` what they start from. `wasm_memory.wasmtime` makes the
modules of the `wasmtime` package use memories of this library.

>>> import wasm_memory
>>> memory = wasm_memory.Memory(10, 100)
>>> memory[0] = 42
>>> memory.grow(1), memory[0]
(10, 42)
"""

from ._allocator import Allocator
from ._buffer import Buffer
from ._errors import (
    DataCloneError, HostError, InternalError, LinkError, MemoryTypeError, OutOfBounds, RangeError,
    Reason, Trap, WasmMemoryError,
)
from ._image import Image
from ._library import c as _c
from ._memory import Memory
from ._type import Layout, MemoryType, Stats

__version__: str = _c.version().decode()

__all__ = [
    "Allocator", "Buffer", "DataCloneError", "HostError", "Image", "InternalError", "Layout",
    "LinkError", "Memory", "MemoryType", "MemoryTypeError", "OutOfBounds", "RangeError", "Reason",
    "Stats", "Trap", "WasmMemoryError", "__version__",
]

# What is shown and pickled is the public name.
for _kind in (
    DataCloneError, HostError, InternalError, LinkError, MemoryTypeError, OutOfBounds, RangeError,
    Reason, Trap, WasmMemoryError,
):
    _kind.__module__ = __name__
