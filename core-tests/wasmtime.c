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
#include "values.h"

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

/* ---- calls ---- */

typedef struct call_t {
  wasmtime_val_t results[MOST_VALUES];
  size_t count;
  const char *refused; /* NULL when it returned */
  bool trapped;
  text_t why;
} call_t;

static size_t result_count(const wasmtime_func_t *function) {
  wasm_functype_t *type = more.wasmtime_func_type(run.context, function);
  size_t count = more.wasm_functype_results(type)->size;
  more.wasm_functype_delete(type);
  return count;
}

/* Reads the module, function and arguments, and calls. False when there is no such instance: the
 * engine did not compile its module. */
static bool call(unsigned line, words_t *words, call_t *out) {
  name_t id = next_name(words);
  name_t name = next_name(words);
  size_t count = next_number(words);
  wasmtime_val_t arguments[MOST_VALUES];
  wasmtime_extern_t item;
  wasm_trap_t *trap = NULL;
  if (count > MOST_VALUES) {
    give_up("more arguments than MOST_VALUES");
  }
  for (size_t i = 0; i < count; i++) {
    arguments[i] = value_of(next_word(words));
  }
  entry_t *entry = find(&id);
  if (entry == NULL || !entry->instantiated) {
    return false;
  }
  out->refused = NULL;
  out->trapped = false;
  if (!engine.wasmtime_instance_export_get(run.context, &entry->instance, name.bytes, name.length,
                                           &item) ||
      item.kind != WASMTIME_EXTERN_FUNC) {
    failed(line, "no function %s", name.bytes);
    return false;
  }
  out->count = result_count(&item.of.func);
  if (out->count > MOST_VALUES) {
    give_up("more results than MOST_VALUES");
  }
  wasmtime_error_t *error = engine.wasmtime_func_call(
      run.context, &item.of.func, arguments, count, out->results, out->count, &trap);
  engine.wasmtime_extern_delete(&item);
  if (error != NULL) {
    out->refused = error_text(error, out->why);
  } else if (trap != NULL) {
    out->trapped = true;
    out->refused = trap_text(trap, out->why);
  }
  return true;
}

static const char not_compiled[] = "in a module that the engine does not compile";

static void do_invoke(unsigned line, words_t *words) {
  call_t result;
  if (call(line, words, &result) && result.refused != NULL) {
    failed(line, "%s", result.refused);
  }
}

static void do_return(unsigned line, words_t *words) {
  call_t result;
  if (!call(line, words, &result)) {
    skipped(not_compiled);
    return;
  }
  if (result.refused != NULL) {
    failed(line, "%s", result.refused);
    return;
  }
  size_t count = next_number(words);
  bool right = count == result.count;
  for (size_t i = 0; right && i < count; i++) {
    const char *expected = next_word(words);
    right = matches(&result.results[i], expected);
    if (!right) {
      char bits[40];
      print_value(&result.results[i], bits, sizeof bits);
      failed(line, "result %zu is %s and not %s", i, bits, expected);
      return;
    }
  }
  if (right) {
    tally.passed++;
  } else {
    failed(line, "%zu results and not %zu", result.count, count);
  }
}

static void do_trap(unsigned line, words_t *words) {
  call_t result;
  if (!call(line, words, &result)) {
    skipped(not_compiled);
    return;
  }
  name_t expected = next_name(words);
  if (result.refused == NULL) {
    failed(line, "no trap: %s", expected.bytes);
  } else if (!result.trapped) {
    failed(line, "an error and no trap: %s", result.refused);
  } else {
    expect_trap(line, expected.bytes, result.refused);
  }
}

static void do_get(unsigned line, words_t *words) {
  name_t id = next_name(words);
  name_t name = next_name(words);
  wasmtime_extern_t item;
  wasmtime_val_t value;
  entry_t *entry = find(&id);
  if (entry == NULL || !entry->instantiated) {
    skipped(not_compiled);
  } else if (!engine.wasmtime_instance_export_get(run.context, &entry->instance, name.bytes,
                                                  name.length, &item) ||
             item.kind != WASMTIME_EXTERN_GLOBAL) {
    failed(line, "no global %s", name.bytes);
  } else {
    more.wasmtime_global_get(run.context, &item.of, &value);
    if (matches(&value, next_word(words))) {
      tally.passed++;
    } else {
      failed(line, "the global %s has another value", name.bytes);
    }
  }
}

static void do_command(char *text) {
  words_t words = {.rest = text};
  const char *command = next_word(&words);
  unsigned line = next_number(&words);
  if (strcmp(command, "module") == 0 || strcmp(command, "define") == 0) {
    do_module(line, &words, command[0] == 'm');
  } else if (strcmp(command, "instance") == 0) {
    do_instance(line, &words);
  } else if (strcmp(command, "register") == 0) {
    do_register(&words);
  } else if (strcmp(command, "invoke") == 0) {
    do_invoke(line, &words);
  } else if (strcmp(command, "return") == 0) {
    do_return(line, &words);
  } else if (strcmp(command, "get") == 0) {
    do_get(line, &words);
  } else if (strcmp(command, "trap") == 0) {
    do_trap(line, &words);
  } else if (strcmp(command, "trapmodule") == 0 || strcmp(command, "unlinkable") == 0) {
    do_refused_module(line, &words, command[0] == 't');
  } else if (strcmp(command, "skip") == 0) {
    skipped(next_name(&words).bytes);
  } else {
    give_up(command);
  }
}

/* ---- the whole ---- */

static void load(const char *path) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    give_up(dlerror());
  }
#define LOAD(table, name)                                                                          \
  do {                                                                                             \
    void *symbol = dlsym(library, #name);                                                          \
    if (symbol == NULL) {                                                                          \
      give_up(dlerror());                                                                          \
    }                                                                                              \
    memcpy(&table.name, &symbol, sizeof symbol);                                                   \
  } while (0);
#define LOAD_ENGINE(result, name, parameters) LOAD(engine, name)
#define LOAD_MORE(result, name, parameters) LOAD(more, name)
  ENGINE_FUNCTIONS(LOAD_ENGINE)
  MORE_FUNCTIONS(LOAD_MORE)
  if (!wasm_memory_wasmtime_load(&adapter, dlsym, library)) {
    give_up("the engine lacks a function of the adapter");
  }
}

static wasm_memory_allocator_t *make_engine(bool explicit_checks, broken_t how) {
  wasm_memory_allocator_t *allocator = NULL;
  wasm_memory_config_t *settings =
      explicit_checks ? wasm_memory_config_new() : wasm_memory_wasmtime_config_new();
  if (explicit_checks) {
    wasm_memory_config_set_bounds(settings, WASM_MEMORY_BOUNDS_CHECKED);
  }
  if (settings == NULL || wasm_memory_allocator_new(settings, &allocator) != WASM_MEMORY_OK) {
    give_up("no allocator");
  }
  wasm_memory_config_delete(settings);

  wasm_config_t *config = engine.wasm_config_new();
  if (how == WHOLE) {
    if (wasm_memory_wasmtime_use(&adapter, config, allocator) != WASM_MEMORY_OK) {
      give_up("no creator");
    }
  } else {
    wasmtime_memory_creator_t creator;
    if (wasm_memory_wasmtime_creator(&adapter, allocator, &creator) != WASM_MEMORY_OK) {
      give_up("no creator");
    }
    creator = broken_creator(creator, how);
    adapter.config_host_memory_creator_set(config, &creator);
    adapter.config_memory_init_cow_set(config, false);
  }
  if (explicit_checks) {
    more.wasmtime_config_memory_reservation_set(config, 0);
    more.wasmtime_config_memory_reservation_for_growth_set(config, 0);
    more.wasmtime_config_memory_guard_size_set(config, 0);
    more.wasmtime_config_signals_based_traps_set(config, false);
  }
  engine.wasmtime_config_shared_memory_set(config, true);
  engine.wasmtime_config_wasm_custom_page_sizes_set(config, true);
  more.wasmtime_config_wasm_threads_set(config, true);
  more.wasmtime_config_wasm_memory64_set(config, true);
  more.wasmtime_config_wasm_multi_memory_set(config, true);
  run.engine = engine.wasm_engine_new_with_config(config);
  if (run.engine == NULL) {
    give_up("no engine");
  }
  return allocator;
}

static void add_spectest(const char *path) {
  text_t why;
  wasmtime_module_t *module = compile_file(path, why);
  wasmtime_instance_t instance;
  bool trapped;
  if (module == NULL || instantiate(0, module, &instance, &trapped, why) != NULL) {
    give_up(why);
  }
  engine.wasmtime_module_delete(module);
  require(more.wasmtime_linker_define_instance(run.linker, run.context, "spectest", 8, &instance));
}

int main(int argc, char **argv) {
  if (argc < 5) {
    give_up("usage: wasmtime-runner <engine> <spectest.wasm> <directory> <how>...");
  }
  bool explicit_checks = strcmp(argv[4], "explicit") == 0;
  broken_t how = argc < 6                               ? WHOLE
                 : strcmp(argv[5], "open-page") == 0    ? OPEN_PAGE
                 : strcmp(argv[5], "dirty-growth") == 0 ? DIRTY_GROWTH
                                                        : WHOLE;
  load(argv[1]);
  run.directory = argv[3];
  wasm_memory_allocator_t *allocator = make_engine(explicit_checks, how);
  run.store = engine.wasmtime_store_new(run.engine, NULL, NULL);
  run.context = engine.wasmtime_store_context(run.store);
  run.linker = more.wasmtime_linker_new(run.engine);
  more.wasmtime_linker_allow_shadowing(run.linker, true);
  add_spectest(argv[2]);

  char path[4096];
  snprintf(path, sizeof path, "%s/script", run.directory);
  FILE *script = fopen(path, "r");
  if (script == NULL) {
    give_up(path);
  }
  char *text = NULL;
  size_t capacity = 0;
  while (getline(&text, &capacity, script) > 0) {
    do_command(text);
  }
  free(text);
  fclose(script);

  more.wasmtime_linker_delete(run.linker);
  engine.wasmtime_store_delete(run.store);
  engine.wasm_engine_delete(run.engine);
  wasm_memory_stats_t stats;
  wasm_memory_allocator_get_stats(allocator, &stats);
  if (stats.creations == 0) {
    failed(0, "no memory was asked of this library");
  }
  wasm_memory_allocator_delete(allocator);
  print_tally(stats.creations, stats.growths);
  return tally.failed == 0 ? 0 : 1;
}
