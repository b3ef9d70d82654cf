/* Compiles i32.load for x86-64, with a bounds check only where the layout asks for one. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <wasm_memory.h>

typedef uint32_t load_t(const wasm_memory_view_t *view, uint32_t index);
typedef struct code_t { uint8_t *bytes; size_t length; } code_t;

static void emit(code_t *code, const char *bytes, size_t length) {
  memcpy(code->bytes + code->length, bytes, length);
  code->length += length;
}

static void emit_u32(code_t *code, uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) code->bytes[code->length++] = (uint8_t)(value >> shift);
}

/* (i32.load offset=...): rdi is the view, esi the index. The base is loaded from the view each time:
   one load, and right also for a memory that may move. A displacement is signed, so offset < 2^31 - 4. */
static void compile_load(code_t *code, uint32_t offset, bool check) {
  emit(code, "\x89\xF1", 2);                   /* mov ecx, esi: zero-extends the index */
  if (check) {
    emit(code, "\x48\x8D\x91", 3);             /* lea rdx, [rcx + offset + 4] */
    emit_u32(code, offset + 4);
    emit(code, "\x48\x3B\x57\x08\x77\x0B", 6); /* cmp rdx, [rdi + 8]; ja trap */
  }
  emit(code, "\x48\x8B\x07\x8B\x84\x08", 6);   /* mov rax, [rdi]; mov eax, [rax + rcx + offset] */
  emit_u32(code, offset);
  emit(code, "\xC3\x0F\x0B", 3);               /* ret; trap: ud2 */
}

static void host(const char *name, wasm_memory_allocator_t *allocator, uint32_t offset) {
  const wasm_memory_descriptor_t type = {.initial = WASM_MEMORY_PAGES(1)};
  wasm_memory_layout_t layout;
  wasm_memory_t *memory;
  if (wasm_memory_new_in(allocator, &type, NULL, &memory) != WASM_MEMORY_OK) exit(1);

  /* The layout, not the config: it is what this memory was really given. */
  wasm_memory_get_layout(memory, &layout);
  const bool check = !layout.elides_i32_checks || offset > layout.elidable_offset;

  code_t code = {mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 0};
  if (code.bytes == MAP_FAILED) exit(1);
  compile_load(&code, offset, check);
  if (mprotect(code.bytes, 4096, PROT_READ | PROT_EXEC) != 0) exit(1);

  load_t *load;
  memcpy(&load, &code.bytes, sizeof load); /* ISO C has no cast from data to functions */
  const uint32_t answer = 42;
  wasm_memory_write(memory, offset + 8, &answer, sizeof answer);
  printf("%-7s offset=%-5" PRIu32 " %-7s %2zu bytes of code, the load gives %" PRIu32 "\n", name, offset,
         check ? "checks" : "elides", code.length, load(wasm_memory_view(memory), 8));
  munmap(code.bytes, 4096);
  wasm_memory_delete(memory);
}

int main(void) {
#ifdef __x86_64__
  wasm_memory_allocator_t *guarded, *checked;
  wasm_memory_config_t *config = wasm_memory_config_new();
  wasm_memory_config_set_reservation(config, UINT64_C(4) << 30); /* every 32-bit index */
  wasm_memory_config_set_guards(config, 0, 16384);               /* and small static offsets */
  if (wasm_memory_allocator_new(config, &guarded) != WASM_MEMORY_OK) return 1;
  wasm_memory_config_set_bounds(config, WASM_MEMORY_BOUNDS_CHECKED);
  if (wasm_memory_allocator_new(config, &checked) != WASM_MEMORY_OK) return 1;
  wasm_memory_config_delete(config);

  host("guarded", guarded, 1024);
  host("guarded", guarded, 32768); /* reaches past the guard: this access alone is checked */
  host("checked", checked, 1024);
  wasm_memory_allocator_delete(checked);
  wasm_memory_allocator_delete(guarded);
#else
  puts("this compiler knows x86-64 only");
#endif
  return 0;
}
