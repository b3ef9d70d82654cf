# The targets of the build tree. Cargo runs once for each crate type: it drops link-time
# optimisation silently when an rlib is built in the same run.

file(GLOB_RECURSE rust_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/*.rs")
list(APPEND rust_sources ${WASM_MEMORY_HEADERS}
  "${PROJECT_SOURCE_DIR}/Cargo.toml" "${PROJECT_SOURCE_DIR}/Cargo.lock" "${PROJECT_SOURCE_DIR}/build.rs")

# Debug is cargo's dev profile, every other configuration its release profile.
get_property(multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
if(multi_config)
  set(WASM_MEMORY_LIB_DIR "${PROJECT_BINARY_DIR}/lib/$<CONFIG>")
  set(profile "$<IF:$<CONFIG:Debug>,dev,release>")
  set(strip "$<NOT:$<CONFIG:Debug>>")
  set(profile_dir "$<IF:$<CONFIG:Debug>,debug,release>")
else()
  set(WASM_MEMORY_LIB_DIR "${PROJECT_BINARY_DIR}/lib")
  string(TOLOWER "${CMAKE_BUILD_TYPE}" build_type)
  if(build_type STREQUAL "debug")
    set(profile dev)
    set(strip OFF)
    set(profile_dir debug)
  else()
    set(profile release)
    set(strip ON)
    set(profile_dir release)
  endif()
endif()

set(cargo_dir "${PROJECT_BINARY_DIR}/cargo")
set(cargo_flags --lib --locked --profile ${profile} --target-dir "${cargo_dir}")
set(cargo_environment "WASM_MEMORY_PREFIX=${WASM_MEMORY_PREFIX}")
if(WASM_MEMORY_CARGO_OFFLINE)
  list(APPEND cargo_flags --offline)
endif()
if(WASM_MEMORY_RUSTFLAGS)
  list(APPEND cargo_environment "RUSTFLAGS=${WASM_MEMORY_RUSTFLAGS}")
endif()
set(cargo_out_dir "${cargo_dir}/${profile_dir}")
if(WASM_MEMORY_RUST_TARGET)
  list(APPEND cargo_flags --target "${WASM_MEMORY_RUST_TARGET}")
  set(cargo_out_dir "${cargo_dir}/${WASM_MEMORY_RUST_TARGET}/${profile_dir}")
  # The linker of the C side knows the target's start files; the user's own choice comes first.
  string(TOUPPER "CARGO_TARGET_${WASM_MEMORY_RUST_TARGET}_LINKER" linker_variable)
  string(REPLACE "-" "_" linker_variable "${linker_variable}")
  if(CMAKE_CROSSCOMPILING AND NOT MSVC AND NOT DEFINED ENV{${linker_variable}})
    list(APPEND cargo_environment "${linker_variable}=${CMAKE_C_COMPILER}")
  endif()
endif()
list(APPEND cargo_flags ${WASM_MEMORY_CARGO_FLAGS})

# wasm_memory_build(<crate type> <target> OUTPUTS <files in WASM_MEMORY_LIB_DIR> COMMANDS ...)
# The commands put the outputs there, always anew: their time stamps are what the build compares.
function(wasm_memory_build crate_type target)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "OUTPUTS;COMMANDS")
  list(TRANSFORM arg_OUTPUTS PREPEND "${WASM_MEMORY_LIB_DIR}/")
  add_custom_command(
    OUTPUT ${arg_OUTPUTS}
    COMMAND "${CMAKE_COMMAND}" -E env ${cargo_environment}
      "${WASM_MEMORY_CARGO}" rustc ${cargo_flags} --crate-type ${crate_type}
    COMMAND "${CMAKE_COMMAND}" -E make_directory "${WASM_MEMORY_LIB_DIR}"
    ${arg_COMMANDS}
    DEPENDS ${rust_sources}
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
    COMMENT "Building ${WASM_MEMORY_NAME} as a ${crate_type} (${profile} profile)"
    VERBATIM)
  if(PROJECT_IS_TOP_LEVEL OR WASM_MEMORY_INSTALL)
    set(all ALL)
  else()
    set(all)
  endif()
  add_custom_target(${target} ${all} DEPENDS ${arg_OUTPUTS})
endfunction()

# Sets one of an imported target's properties to a file in WASM_MEMORY_LIB_DIR.
function(wasm_memory_locate target property file)
  if(multi_config)
    set_property(TARGET ${target} PROPERTY IMPORTED_CONFIGURATIONS ${CMAKE_CONFIGURATION_TYPES})
    foreach(config IN LISTS CMAKE_CONFIGURATION_TYPES)
      string(TOUPPER "${config}" upper_config)
      set_property(TARGET ${target} PROPERTY
        ${property}_${upper_config} "${PROJECT_BINARY_DIR}/lib/${config}/${file}")
    endforeach()
  else()
    set_property(TARGET ${target} PROPERTY ${property} "${WASM_MEMORY_LIB_DIR}/${file}")
  endif()
endfunction()

# The shared library, with the links that a loader and a linker look for beside it.
set(outputs ${WASM_MEMORY_SHARED_FILE} ${WASM_MEMORY_IMPORT_FILE} ${WASM_MEMORY_SHARED_LINKS})
set(commands COMMAND "${CMAKE_COMMAND}" -E copy
  "${cargo_out_dir}/${WASM_MEMORY_CARGO_SHARED_FILE}" "${WASM_MEMORY_LIB_DIR}/${WASM_MEMORY_SHARED_FILE}")
if(WASM_MEMORY_IMPORT_FILE)
  list(APPEND commands COMMAND "${CMAKE_COMMAND}" -E copy
    "${cargo_out_dir}/${WASM_MEMORY_CARGO_IMPORT_FILE}" "${WASM_MEMORY_LIB_DIR}/${WASM_MEMORY_IMPORT_FILE}")
endif()
set(to ${WASM_MEMORY_SHARED_FILE})
foreach(link IN LISTS WASM_MEMORY_SHARED_LINKS)
  list(APPEND commands COMMAND "${CMAKE_COMMAND}" -E create_symlink
    ${to} "${WASM_MEMORY_LIB_DIR}/${link}")
  set(to ${link})
endforeach()
wasm_memory_build(cdylib ${WASM_MEMORY_NAME}_cargo_shared OUTPUTS ${outputs} COMMANDS ${commands})

add_library(${WASM_MEMORY_NAME}::shared SHARED IMPORTED GLOBAL)
add_dependencies(${WASM_MEMORY_NAME}::shared ${WASM_MEMORY_NAME}_cargo_shared)
wasm_memory_locate(${WASM_MEMORY_NAME}::shared IMPORTED_LOCATION ${WASM_MEMORY_SHARED_FILE})
if(WASM_MEMORY_IMPORT_FILE)
  wasm_memory_locate(${WASM_MEMORY_NAME}::shared IMPORTED_IMPLIB ${WASM_MEMORY_IMPORT_FILE})
endif()
# Without it a program would ask for the absolute path of this build.
set_target_properties(${WASM_MEMORY_NAME}::shared PROPERTIES
  IMPORTED_SONAME "${WASM_MEMORY_SONAME}"
  INTERFACE_INCLUDE_DIRECTORIES "${WASM_MEMORY_INCLUDE_DIR}")

# The static library, with the libraries of the system that it needs.
set(from "${cargo_out_dir}/${WASM_MEMORY_CARGO_STATIC_FILE}")
set(to "${WASM_MEMORY_LIB_DIR}/${WASM_MEMORY_STATIC_FILE}")
if(WASM_MEMORY_CAN_HIDE_SYMBOLS)
  set(header "${WASM_MEMORY_HEADERS}")
  list(FILTER header INCLUDE REGEX "/wasm_memory\\.h$")
  set(commands COMMAND "${CMAKE_COMMAND}" -D "ARCHIVE=${from}" -D "OUTPUT=${to}"
    -D "HEADER=${header}" -D "LINKER=${CMAKE_LINKER}" -D "OBJCOPY=${CMAKE_OBJCOPY}"
    -D "AR=${CMAKE_AR}" -D "STRIP=${strip}"
    -P "${PROJECT_SOURCE_DIR}/cmake/WasmMemoryHideSymbols.cmake")
else()
  set(commands COMMAND "${CMAKE_COMMAND}" -E copy "${from}" "${to}")
endif()
wasm_memory_build(staticlib ${WASM_MEMORY_NAME}_cargo_static
  OUTPUTS ${WASM_MEMORY_STATIC_FILE} COMMANDS ${commands})

add_library(${WASM_MEMORY_NAME}::static STATIC IMPORTED GLOBAL)
add_dependencies(${WASM_MEMORY_NAME}::static ${WASM_MEMORY_NAME}_cargo_static)
wasm_memory_locate(${WASM_MEMORY_NAME}::static IMPORTED_LOCATION ${WASM_MEMORY_STATIC_FILE})
set_target_properties(${WASM_MEMORY_NAME}::static PROPERTIES
  IMPORTED_LINK_INTERFACE_LANGUAGES C
  INTERFACE_LINK_LIBRARIES "${WASM_MEMORY_NATIVE_LIBS}"
  INTERFACE_INCLUDE_DIRECTORIES "${WASM_MEMORY_INCLUDE_DIR}")

add_library(${WASM_MEMORY_NAME}::${WASM_MEMORY_NAME} INTERFACE IMPORTED GLOBAL)
if(BUILD_SHARED_LIBS)
  target_link_libraries(${WASM_MEMORY_NAME}::${WASM_MEMORY_NAME} INTERFACE ${WASM_MEMORY_NAME}::shared)
else()
  target_link_libraries(${WASM_MEMORY_NAME}::${WASM_MEMORY_NAME} INTERFACE ${WASM_MEMORY_NAME}::static)
endif()

# Whoever builds the library as part of his own project may use the plain names in any case.
if(WASM_MEMORY_PREFIX AND NOT TARGET wasm_memory::wasm_memory)
  add_library(wasm_memory::shared ALIAS ${WASM_MEMORY_NAME}::shared)
  add_library(wasm_memory::static ALIAS ${WASM_MEMORY_NAME}::static)
  add_library(wasm_memory::wasm_memory ALIAS ${WASM_MEMORY_NAME}::${WASM_MEMORY_NAME})
endif()
