# A script, run by the build (see WasmMemoryBuild.cmake) on the static library that cargo made:
#   cmake -D ARCHIVE=<in> -D OUTPUT=<out> -D HEADER=<wasm_memory.h> -D LINKER=... -D OBJCOPY=...
#         -D AR=... [-D STRIP=ON] -P WasmMemoryHideSymbols.cmake
#
# What cargo makes carries Rust's standard library with global symbols, so that it cannot be linked
# beside another Rust archive, such as that of a WebAssembly runtime: "multiple definition of
# `rust_eh_personality'". Here everything that the functions of the header reach is linked into one
# object, and the functions of the header are all that stays global.

# A declaration of cbindgen starts its line; comments, typedefs and macros do not look like this.
file(STRINGS "${HEADER}" lines REGEX "^[A-Za-z_][A-Za-z0-9_ *]*[ *][a-zA-Z0-9_]*wasm_memory_[a-z0-9_]+\\(")
list(FILTER lines EXCLUDE REGEX "^(static|typedef) ")
set(roots)
set(globals)
foreach(line IN LISTS lines)
  string(REGEX MATCH "[A-Za-z0-9_]*wasm_memory_[a-z0-9_]+\\(" function "${line}")
  string(REPLACE "(" "" function "${function}")
  list(APPEND roots "--undefined=${function}")
  list(APPEND globals "--keep-global-symbol=${function}")
endforeach()
if(NOT roots)
  message(FATAL_ERROR "no function is declared in ${HEADER}")
endif()

set(strip)
if(STRIP)
  set(strip --strip-debug)
endif()
set(object "${OUTPUT}.o")

# Groups are dissolved since two copies of one Rust group would otherwise be merged into the first,
# under the feet of the second. Bitcode is removed: it is of no use any more, and an `ar` that finds
# it loads a plugin that may be older than this bitcode.
execute_process(COMMAND "${LINKER}" -r --gc-sections --force-group-allocation ${roots}
  "${ARCHIVE}" -o "${object}" COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND "${OBJCOPY}" ${globals} ${strip}
  --remove-section=.llvmbc --remove-section=.llvmcmd "${object}" COMMAND_ERROR_IS_FATAL ANY)
file(REMOVE "${OUTPUT}")
execute_process(COMMAND "${AR}" qcsD "${OUTPUT}" "${object}" COMMAND_ERROR_IS_FATAL ANY)
file(REMOVE "${object}")
