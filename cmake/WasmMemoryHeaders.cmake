# WASM_MEMORY_INCLUDE_DIR: the directory to compile with, and WASM_MEMORY_HEADERS: the files in it.
#
# A plain build uses include/ as it is. A build with WASM_MEMORY_PREFIX=foo_ gets copies under
# <binary dir>/include/foo_wasm_memory/ in which every name has the prefix and every file keeps its
# name. Without CMake's build, the same copies are made by
#   cmake -D WASM_MEMORY_PREFIX=foo_ -D WASM_MEMORY_HEADERS_TO=<directory> -P cmake/WasmMemoryHeaders.cmake

get_filename_component(source_headers "${CMAKE_CURRENT_LIST_DIR}/../include" ABSOLUTE)
if(CMAKE_SCRIPT_MODE_FILE)
  set(look_again)
else()
  set(look_again CONFIGURE_DEPENDS)
endif()
file(GLOB WASM_MEMORY_HEADERS ${look_again} "${source_headers}/*.h" "${source_headers}/*.hpp")

function(wasm_memory_prefix_header source destination prefix)
  string(TOUPPER "${prefix}" upper_prefix)
  file(READ "${source}" text)
  # Beside wasm.h is where these are meant to be used.
  string(REGEX REPLACE "#if defined\\(WASM_H\\)[^\n]*\n#error[^\n]*\n#endif\n" "" text "${text}")
  string(REGEX REPLACE "(^|[^A-Za-z0-9_])wasm_memory" "\\1${prefix}wasm_memory" text "${text}")
  string(REGEX REPLACE "(^|[^A-Za-z0-9_])WASM_MEMORY" "\\1${upper_prefix}WASM_MEMORY" text "${text}")
  string(REGEX REPLACE "${prefix}(wasm_memory[a-z_]*\\.h)" "\\1" text "${text}")
  # A name of wasm.h, not one of ours.
  string(REPLACE "${prefix}wasm_memorytype_t" "wasm_memorytype_t" text "${text}")
  file(CONFIGURE OUTPUT "${destination}" CONTENT "${text}" @ONLY)
endfunction()

if(CMAKE_SCRIPT_MODE_FILE)
  set(WASM_MEMORY_INCLUDE_DIR "${WASM_MEMORY_HEADERS_TO}")
  set(WASM_MEMORY_NAME "${WASM_MEMORY_PREFIX}wasm_memory")
else()
  set(WASM_MEMORY_INCLUDE_DIR "${PROJECT_BINARY_DIR}/include")
endif()

if(WASM_MEMORY_PREFIX)
  set(prefixed)
  foreach(header IN LISTS WASM_MEMORY_HEADERS)
    get_filename_component(name "${header}" NAME)
    set(copy "${WASM_MEMORY_INCLUDE_DIR}/${WASM_MEMORY_NAME}/${name}")
    wasm_memory_prefix_header("${header}" "${copy}" "${WASM_MEMORY_PREFIX}")
    list(APPEND prefixed "${copy}")
  endforeach()
  if(NOT CMAKE_SCRIPT_MODE_FILE)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${WASM_MEMORY_HEADERS})
  endif()
  set(WASM_MEMORY_HEADERS ${prefixed})
  unset(prefixed)
else()
  set(WASM_MEMORY_INCLUDE_DIR "${source_headers}")
endif()
unset(source_headers)
unset(look_again)
