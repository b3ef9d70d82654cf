from wasm_memory import Allocator, Memory, RangeError

# One allocator for all tenants. Bytes are counted over all of its memories.
allocator = Allocator(quota_bytes=20 * 65536, pool=(4, 16 * 65536), bounds="checked")
with Memory(1, 16, allocator=allocator) as first, Memory(1, 16, allocator=allocator) as second:
    ready = first.snapshot()
    view = memoryview(first.buffer)
    view[:5] = b"guest"
    try:
        first.reset(ready)
    except BufferError:
        print("a view is held: reset would take its bytes away")
    view.release()
    first.reset(ready)
    print("after the reset:", first[0], "in", first.size, "page")

    first.grow(15)
    try:
        second.grow(4)
    except RangeError as error:  # a ValueError
        print(error.reason.name, error.requested, error.available)
    print(allocator.stats().memories, "memories")
