/* Runs one script in Wasmtime on memories of this library.
 *
 *   wasmtime-runner <engine> <spectest.wasm> <directory of the script> <how>...
 *
 * how: guarded | explicit, and open-page | dirty-growth to break the memories. The exit code is 1 if
 * an assertion failed.
 */
#define _GNU_SOURCE
#include <dlfcn.h>

#include <wasm_memory.h>
#include <wasm_memory_wasmtime.h>

#include "broken.h"
#include "engine.h"
#include "script.h"

static engine_t engine;
static more_t more;
static wasm_memory_wasmtime_t adapter;

enum { MOST_MODULES = 512 };

typedef struct entry_t {
  name_t id;
  wasmtime_module_t *module; /* of a definition, or of the instance */
  wasmtime_instance_t instance;
  bool instantiated;
} entry_t;

static struct {
  const char *directory;
  wasm_engine_t *engine;
  wasmtime_store_t *store;
  wasmtime_context_t *context;
  wasmtime_linker_t *linker;
  entry_t entries[MOST_MODULES];
  size_t count;
  entry_t *current; /* NULL when the last module could not be had */
} run;

/* ---- the engine's texts ---- */

typedef char text_t[600];

static const char *take(wasm_byte_vec_t *message, text_t out) {
  snprintf(out, sizeof(text_t), "%.*s", (int)message->size, message->data);
  engine.wasm_byte_vec_delete(message);
  return out;
}

static const char *error_text(wasmtime_error_t *error, text_t out) {
  wasm_byte_vec_t message;
  engine.wasmtime_error_message(error, &message);
  engine.wasmtime_error_delete(error);
  return take(&message, out);
}

static const char *trap_text(wasm_trap_t *trap, text_t out) {
  wasm_byte_vec_t message;
  engine.wasm_trap_message(trap, &message);
  engine.wasm_trap_delete(trap);
  return take(&message, out);
}

static void require(wasmtime_error_t *error) {
  if (error != NULL) {
    text_t text;
    give_up(error_text(error, text));
  }
}

/* A trap of memory must be that trap; of the others it is enough that there is one. */
static void expect_trap(unsigned line, const char *expected, const char *text) {
  static const char *const exact[] = {"out of bounds memory access", "unaligned atomic"};
  for (size_t i = 0; i < sizeof exact / sizeof exact[0]; i++) {
    if (strcmp(expected, exact[i]) == 0 && strstr(text, exact[i]) == NULL) {
      failed(line, "trapped with another reason than %s: %s", expected, text);
      return;
    }
  }
  tally.passed++;
}

/* ---- modules ---- */

static wasmtime_module_t *compile_file(const char *path, text_t why) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) {
    give_up(path);
  }
  size_t length = 0, capacity = 1 << 20;
  uint8_t *bytes = malloc(capacity);
  size_t got;
  while ((got = fread(bytes + length, 1, capacity - length, file)) > 0) {
    length += got;
    if (length == capacity) {
      bytes = realloc(bytes, capacity *= 2);
    }
  }
  fclose(file);
  wasmtime_module_t *module = NULL;
  wasmtime_error_t *error = engine.wasmtime_module_new(run.engine, bytes, length, &module);
  free(bytes);
  if (error != NULL) {
    error_text(error, why);
    return NULL;
  }
  return module;
}

static wasmtime_module_t *compile(const char *name, text_t why) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", run.directory, name);
  return compile_file(path, why);
}

/* Each memory that an instance has under a name lies in one of this library. */
static void check_memories(unsigned line, const wasmtime_instance_t *instance) {
  char *name;
  size_t length;
  wasmtime_extern_t item;
  for (size_t i = 0;
       more.wasmtime_instance_export_nth(run.context, instance, i, &name, &length, &item); i++) {
    const uint8_t *base = NULL;
    if (item.kind == WASMTIME_EXTERN_MEMORY) {
      base = engine.wasmtime_memory_data(run.context, &item.of.memory);
    } else if (item.kind == WASMTIME_EXTERN_SHAREDMEMORY) {
      base = engine.wasmtime_sharedmemory_data(item.of.sharedmemory);
    }
    wasm_memory_location_t location = {.offset = -1};
    if (base != NULL && (!wasm_memory_find(base, &location) || location.offset != 0)) {
      failed(line, "the engine made a memory of its own");
    }
    engine.wasmtime_extern_delete(&item);
  }
}

/* NULL when it became an instance, else why not; *trapped tells a trap from a link error. */
static const char *instantiate(unsigned line, const wasmtime_module_t *module,
                               wasmtime_instance_t *instance, bool *trapped, text_t why) {
  wasm_trap_t *trap = NULL;
  wasmtime_error_t *error =
      more.wasmtime_linker_instantiate(run.linker, run.context, module, instance, &trap);
  *trapped = trap != NULL;
  if (error != NULL) {
    return error_text(error, why);
  }
  if (trap != NULL) {
    return trap_text(trap, why);
  }
  check_memories(line, instance);
  return NULL;
}

static entry_t *find(const name_t *id) {
  if (id->length == 0) {
    return run.current;
  }
  for (size_t i = run.count; i-- > 0;) {
    if (run.entries[i].id.length == id->length &&
        memcmp(run.entries[i].id.bytes, id->bytes, id->length) == 0) {
      return &run.entries[i];
    }
  }
  return NULL;
}

static entry_t *add(const name_t *id, wasmtime_module_t *module) {
  if (run.count == MOST_MODULES) {
    give_up("more modules than MOST_MODULES");
  }
  entry_t *entry = &run.entries[run.count++];
  *entry = (entry_t){.id = *id, .module = module};
  return entry;
}

static void instantiate_entry(unsigned line, entry_t *entry) {
  text_t why;
  bool trapped;
  run.current = NULL;
  if (instantiate(line, entry->module, &entry->instance, &trapped, why) != NULL) {
    failed(line, "not instantiated: %s", why);
  } else {
    entry->instantiated = true;
    run.current = entry;
  }
}

static void do_module(unsigned line, words_t *words, bool at_once) {
  name_t id = next_name(words);
  text_t why;
  wasmtime_module_t *module = compile(next_word(words), why);
  if (module == NULL) {
    /* What it was to be asked is then skipped, and counted, one by one. */
    fprintf(stderr, "  line %u: not compiled: %s\n", line, why);
    if (at_once) {
      run.current = NULL;
    }
    return;
  }
  entry_t *entry = add(&id, module);
  if (at_once) {
    instantiate_entry(line, entry);
  }
}

static void do_instance(unsigned line, words_t *words) {
  name_t id = next_name(words);
  name_t definition_id = next_name(words);
  entry_t *definition =
      definition_id.length == 0 ? &run.entries[run.count - 1] : find(&definition_id);
  if (definition != NULL) {
    instantiate_entry(line, add(&id, definition->module));
  }
}

static void do_register(words_t *words) {
  name_t name = next_name(words);
  name_t id = next_name(words);
  entry_t *entry = find(&id);
  if (entry != NULL && entry->instantiated) {
    require(more.wasmtime_linker_define_instance(run.linker, run.context, name.bytes, name.length,
                                                 &entry->instance));
  }
}

static void do_refused_module(unsigned line, words_t *words, bool by_trap) {
  text_t why;
  wasmtime_module_t *module = compile(next_word(words), why);
  name_t expected = next_name(words);
  wasmtime_instance_t instance;
  bool trapped;
  if (module == NULL) {
    fprintf(stderr, "  line %u: not compiled: %s\n", line, why);
    skipped("in a module that the engine does not compile");
    return;
  }
  if (instantiate(line, module, &instance, &trapped, why) == NULL) {
    failed(line, "instantiated, and not refused: %s", expected.bytes);
  } else if (trapped != by_trap) {
    failed(line, "refused otherwise than by %s: %s", expected.bytes, why);
  } else if (by_trap) {
    expect_trap(line, expected.bytes, why);
  } else {
    tally.passed++;
  }
  engine.wasmtime_module_delete(module);
}
