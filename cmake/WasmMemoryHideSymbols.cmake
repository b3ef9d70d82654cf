# A script, run by the build (see WasmMemoryBuild.cmake) on the static library that cargo made:
#   cmake -D ARCHIVE=<in> -D OBJECT=<out> -D OUTPUT=<out> -D MAP=<version script> -D LINKER=...
#         -D OBJCOPY=... -D NM=... -D AR=... [-D STRIP=ON] -P WasmMemoryHideSymbols.cmake
#
# What cargo makes carries Rust's standard library with global symbols, so that it cannot be linked
# beside another Rust archive, such as that of a WebAssembly runtime: "multiple definition of
# `rust_eh_personality'". Here everything that the exported functions reach is linked into OBJECT, where
# they are all that stays global, and OUTPUT is the archive of it.

file(STRINGS "${MAP}" functions REGEX "^ +[A-Za-z0-9_]+;$")
list(TRANSFORM functions REPLACE "[ ;]" "")
if(NOT functions)
  message(FATAL_ERROR "no function is listed in ${MAP}")
endif()
set(roots ${functions})
list(TRANSFORM roots PREPEND "--undefined=")
set(globals ${functions})
list(TRANSFORM globals PREPEND "--keep-global-symbol=")

set(strip)
if(STRIP)
  set(strip --strip-debug)
endif()

# Groups are dissolved since two copies of one Rust group would otherwise be merged into the first,
# under the feet of the second. Bitcode is removed: it is of no use any more, and an `ar` or `nm` that
# finds it loads a plugin that may be older than this bitcode.
execute_process(COMMAND "${LINKER}" -r --gc-sections --force-group-allocation ${roots}
  "${ARCHIVE}" -o "${OBJECT}" COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND "${OBJCOPY}" --remove-section=.llvmbc --remove-section=.llvmcmd "${OBJECT}"
  COMMAND_ERROR_IS_FATAL ANY)

# What only the sections that were left out ask for, the linker leaves behind as undefined, and no longer
# weak: functions that the system's C library may not have.
execute_process(COMMAND "${NM}" --undefined-only --just-symbols "${OBJECT}"
  OUTPUT_FILE "${OBJECT}.undefined" COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND "${OBJCOPY}" ${globals} ${strip}
  "--strip-unneeded-symbols=${OBJECT}.undefined" "${OBJECT}" COMMAND_ERROR_IS_FATAL ANY)
file(REMOVE "${OBJECT}.undefined" "${OUTPUT}")
execute_process(COMMAND "${AR}" qcsD "${OUTPUT}" "${OBJECT}" COMMAND_ERROR_IS_FATAL ANY)
