"""The C interface from a foreign function interface, here ctypes, without a binding."""
import ctypes
import sys

library = ctypes.CDLL(sys.argv[1])


class PageCount(ctypes.Structure):
    _fields_ = [("pages", ctypes.c_uint64), ("present", ctypes.c_bool)]


class Descriptor(ctypes.Structure):
    _fields_ = [
        ("initial", PageCount),
        ("maximum", PageCount),
        ("shared", ctypes.c_bool),
        ("address", ctypes.c_uint32),
        ("page_size", ctypes.c_uint32),
        ("reserved", ctypes.c_uint64 * 2),
    ]


class Error(ctypes.Structure):
    _fields_ = [
        ("status", ctypes.c_int32),
        ("reason", ctypes.c_uint32),
        ("os_error", ctypes.c_int32),
        ("requested", ctypes.c_uint64),
        ("available", ctypes.c_uint64),
        ("reserved", ctypes.c_uint64 * 2),
    ]


def declare(name, result, *arguments):
    """An undeclared function returns an int: half of a pointer on a 64-bit host."""
    function = getattr(library, name)
    function.restype, function.argtypes = result, arguments
    return function


POINTER, OUT = ctypes.c_void_p, ctypes.POINTER
abi_version = declare("wasm_memory_abi_version", ctypes.c_uint32)
new = declare("wasm_memory_new", ctypes.c_int32, OUT(Descriptor), OUT(POINTER))
grow = declare("wasm_memory_grow", ctypes.c_int32, POINTER, ctypes.c_uint64, OUT(ctypes.c_uint64))
delete = declare("wasm_memory_delete", None, POINTER)
buffer_of = declare("wasm_memory_buffer", ctypes.c_int32, POINTER, OUT(POINTER))
buffer_data = declare("wasm_memory_buffer_data", POINTER, POINTER)
buffer_byte_length = declare("wasm_memory_buffer_byte_length", ctypes.c_uint64, POINTER)
buffer_delete = declare("wasm_memory_buffer_delete", None, POINTER)
last_error = declare("wasm_memory_last_error", None, OUT(Error))

assert abi_version() == 1, "compiled against another ABI"
assert ctypes.sizeof(Descriptor) == 64 and ctypes.sizeof(Error) == 48

memory = POINTER()
descriptor = Descriptor(initial=PageCount(1, True), maximum=PageCount(2, True))
assert new(descriptor, memory) == 0

# The bytes in place. The buffer keeps them mapped; the memory alone would let them go.
buffer = POINTER()
assert buffer_of(memory, buffer) == 0
length = buffer_byte_length(buffer)
view = (ctypes.c_ubyte * length).from_address(buffer_data(buffer))
view[0] = 42
delete(memory)
print("after the memory's delete:", view[0], "of", length, "bytes")

# The handle is dead, and that is answered. The error is this thread's: ask before anything else runs.
status, error = grow(memory, 1, None), Error()
last_error(error)
print("status", status, "reason", error.reason)

del view
buffer_delete(buffer)
