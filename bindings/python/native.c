/* The two things that Python code cannot do safely, without Python's headers: nothing here depends on
 * a Python version. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <wasm_memory_wasmtime.h>

#define EXPORTED __attribute__((visibility("default")))

/* ---- Wasmtime's callbacks ----
 *
 * In C throughout: an exception of a signal handler could end a callback in Python half-way, and the
 * engine would take what it left for an answer. */

/* The engine lacks a function that is needed; no status of the library. */
#define ENGINE_TOO_OLD (-1)

/* library: the engine, as dlopen gave it. */
EXPORTED int32_t wasm_memory_python_wasmtime_use(void *library, wasm_config_t *config,
                                                 wasm_memory_allocator_t *allocator) {
  wasm_memory_wasmtime_t engine;
  if (!wasm_memory_wasmtime_load(&engine, dlsym, library)) {
    return ENGINE_TOO_OLD;
  }
  return wasm_memory_wasmtime_use(&engine, config, allocator);
}

/* ---- The buffer slot before Python 3.12 ---- */

typedef struct PyObject PyObject;

typedef struct PyFunctions {
  PyObject *(*call_method)(PyObject *object, const char *name, const char *format, ...);
  int (*get_buffer)(PyObject *object, void *view, int flags);
  void (*decrement)(PyObject *object);
} PyFunctions;

/* Written once, while the package is imported. */
static PyFunctions python;

/* The running interpreter's own functions, as ctypes.pythonapi found them. */
EXPORTED void wasm_memory_python_set_functions(const PyFunctions *functions) { python = *functions; }

/* bf_getbuffer: that of what __buffer__ returns, as PEP 688 has it. Called with the interpreter's lock. */
EXPORTED int wasm_memory_python_get_buffer(PyObject *self, void *view, int flags) {
  PyObject *bytes = python.call_method(self, "__buffer__", "i", flags);
  int result;
  if (bytes == NULL) {
    *(void **)((char *)view + sizeof(void *)) = NULL; /* Py_buffer.obj, as the protocol asks */
    return -1;
  }
  result = python.get_buffer(bytes, view, flags);
  python.decrement(bytes);
  return result;
}

/* bf_releasebuffer: nothing to do, as the view is another object's. Its being there tells NumPy to keep a
 * view and not only the object. */
EXPORTED void wasm_memory_python_release_buffer(PyObject *self, void *view) {
  (void)self;
  (void)view;
}
