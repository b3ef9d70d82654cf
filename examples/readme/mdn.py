import numpy
from wasm_memory import Memory, RangeError

with Memory(10, 100) as memory:
    # new Uint32Array(memory.buffer): the bytes in place, without copying
    numbers = numpy.frombuffer(memory.buffer, dtype="<u4")
    numbers[:10] = range(10)
    print(memory.grow(1), "->", memory.size, "pages, first bytes", memory.read(0, 8).hex(" "))

    # Growth detached that buffer. Arrays over it stay as they are, over the length they had.
    print(numbers[:10].sum(), len(numbers) * 4, memory.buffer.byte_length)

    try:
        memory.grow(1000)
    except RangeError as error:  # a ValueError
        print(error.reason.name, error.requested, error.available)
