# The crate's version and the ABI number, read from where they are written down:
#   WASM_MEMORY_VERSION         as in Cargo.toml, for example 1.2.0-rc.1
#   WASM_MEMORY_VERSION_NUMBER  without what follows the numbers: 1.2.0
#   WASM_MEMORY_ABI_VERSION     the number in the SONAME

set(manifest "${CMAKE_CURRENT_LIST_DIR}/../Cargo.toml")
set(build_script "${CMAKE_CURRENT_LIST_DIR}/../build.rs")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${manifest}" "${build_script}")

file(STRINGS "${manifest}" line REGEX "^version *= *\"" LIMIT_COUNT 1)
if(NOT line MATCHES "\"(([0-9]+\\.[0-9]+\\.[0-9]+)[^\"]*)\"")
  message(FATAL_ERROR "no version in ${manifest}")
endif()
set(WASM_MEMORY_VERSION "${CMAKE_MATCH_1}")
set(WASM_MEMORY_VERSION_NUMBER "${CMAKE_MATCH_2}")

file(STRINGS "${build_script}" line REGEX "^const ABI_VERSION" LIMIT_COUNT 1)
if(NOT line MATCHES "= *([0-9]+)")
  message(FATAL_ERROR "no ABI_VERSION in ${build_script}")
endif()
set(WASM_MEMORY_ABI_VERSION "${CMAKE_MATCH_1}")

unset(manifest)
unset(build_script)
unset(line)
