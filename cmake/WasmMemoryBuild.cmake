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
# The toolchain that was asked for its version builds too.
if(DEFINED ENV{RUSTUP_TOOLCHAIN})
  list(APPEND cargo_environment "RUSTUP_TOOLCHAIN=$ENV{RUSTUP_TOOLCHAIN}")
endif()

# Settings of the project that takes this one in, as far as Rust has what corresponds. Link-time optimisation is that
# of the Rust code with itself, as the release profile has it unless the project says otherwise. Position-independent
# is all of it in any case.
set(ipo)
if(DEFINED CMAKE_INTERPROCEDURAL_OPTIMIZATION)
  set(ipo "${CMAKE_INTERPROCEDURAL_OPTIMIZATION}")
endif()
if(NOT multi_config)
  string(TOUPPER "${CMAKE_BUILD_TYPE}" upper_config)
  if(DEFINED CMAKE_INTERPROCEDURAL_OPTIMIZATION_${upper_config})
    set(ipo "${CMAKE_INTERPROCEDURAL_OPTIMIZATION_${upper_config}}")
  endif()
endif()
if(NOT ipo STREQUAL "")
  if(ipo)
    list(APPEND cargo_environment
      CARGO_PROFILE_DEV_LTO=fat CARGO_PROFILE_RELEASE_LTO=fat CARGO_PROFILE_DEV_INCREMENTAL=false)
  else()
    list(APPEND cargo_environment CARGO_PROFILE_DEV_LTO=off CARGO_PROFILE_RELEASE_LTO=off)
  endif()
endif()

# Sanitizers that Rust has too are an option of the nightly compiler only.
get_directory_property(directory_options COMPILE_OPTIONS)
set(c_flags "${CMAKE_C_FLAGS} ${directory_options}")
if(NOT multi_config)
  string(APPEND c_flags " ${CMAKE_C_FLAGS_${upper_config}}")
endif()
string(REGEX MATCHALL "-fsanitize=[a-z,-]+" sanitizers "${c_flags}")
string(REGEX MATCHALL "address|thread|memory|leak" sanitizers "${sanitizers}")
list(REMOVE_DUPLICATES sanitizers)
set(rust_flags "${WASM_MEMORY_RUSTFLAGS}")
set(rust_target "${WASM_MEMORY_RUST_TARGET}")
if(CMAKE_CROSSCOMPILING)
  set(rust_target "${WASM_MEMORY_TRIPLE}")
endif()
if(sanitizers AND WASM_MEMORY_RUST_IS_NIGHTLY)
  if(NOT rust_flags)
    set(rust_flags "$ENV{RUSTFLAGS}")
  endif()
  foreach(sanitizer IN LISTS sanitizers)
    string(APPEND rust_flags " -Zsanitizer=${sanitizer}")
  endforeach()
  # With a target named, cargo leaves out what runs in the build itself: it could not be loaded.
  set(rust_target "${WASM_MEMORY_TRIPLE}")
elseif(sanitizers)
  message(STATUS "libwasm_memory: its Rust code is built without the sanitizers of the C side "
    "(${sanitizers}), which only a nightly Rust has")
endif()

if(rust_flags)
  list(APPEND cargo_environment "RUSTFLAGS=${rust_flags}")
endif()
set(cargo_out_dir "${cargo_dir}/${profile_dir}")
if(rust_target)
  list(APPEND cargo_flags --target "${rust_target}")
  set(cargo_out_dir "${cargo_dir}/${rust_target}/${profile_dir}")
  # The linker of the C side knows the target's start files; the user's own choice comes first.
  string(TOUPPER "CARGO_TARGET_${rust_target}_LINKER" linker_variable)
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
    DEPENDS ${rust_sources} ${build_rules}
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

# Where the tools are there, cargo makes one archive, which becomes one object with nothing global but
# the functions in cmake/wasm_memory.map; both libraries are made of that object, the shared one by
# the C compiler. Elsewhere each is what cargo makes of it.
set(map "${PROJECT_SOURCE_DIR}/cmake/wasm_memory.map")
if(WASM_MEMORY_PREFIX)
  file(READ "${map}" text)
  string(TOUPPER "${WASM_MEMORY_PREFIX}" upper_prefix)
  string(REPLACE "wasm_memory" "${WASM_MEMORY_NAME}" text "${text}")
  string(REPLACE "WASM_MEMORY" "${upper_prefix}WASM_MEMORY" text "${text}")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${map}")
  set(map "${PROJECT_BINARY_DIR}/${WASM_MEMORY_NAME}.map")
  file(CONFIGURE OUTPUT "${map}" CONTENT "${text}" @ONLY)
  unset(text)
endif()

set(build_rules "${map}" "${PROJECT_SOURCE_DIR}/cmake/WasmMemoryHideSymbols.cmake")

# The static library, with the libraries of the system that it needs.
set(from "${cargo_out_dir}/${WASM_MEMORY_CARGO_STATIC_FILE}")
set(to "${WASM_MEMORY_LIB_DIR}/${WASM_MEMORY_STATIC_FILE}")
set(outputs ${WASM_MEMORY_STATIC_FILE})
if(WASM_MEMORY_CAN_HIDE_SYMBOLS)
  set(object "${WASM_MEMORY_NAME}${CMAKE_C_OUTPUT_EXTENSION}")
  list(APPEND outputs ${object})
  set(commands COMMAND "${CMAKE_COMMAND}" -D "ARCHIVE=${from}" -D "OUTPUT=${to}"
    -D "OBJECT=${WASM_MEMORY_LIB_DIR}/${object}" -D "MAP=${map}" -D "LINKER=${CMAKE_LINKER}"
    -D "OBJCOPY=${CMAKE_OBJCOPY}" -D "NM=${CMAKE_NM}" -D "AR=${CMAKE_AR}"
    -D "STRIP=${strip}"
    -P "${PROJECT_SOURCE_DIR}/cmake/WasmMemoryHideSymbols.cmake")
else()
  set(commands COMMAND "${CMAKE_COMMAND}" -E copy "${from}" "${to}")
endif()
wasm_memory_build(staticlib ${WASM_MEMORY_NAME}_cargo_static OUTPUTS ${outputs} COMMANDS ${commands})

add_library(${WASM_MEMORY_NAME}::static STATIC IMPORTED GLOBAL)
add_dependencies(${WASM_MEMORY_NAME}::static ${WASM_MEMORY_NAME}_cargo_static)
wasm_memory_locate(${WASM_MEMORY_NAME}::static IMPORTED_LOCATION ${WASM_MEMORY_STATIC_FILE})
set_target_properties(${WASM_MEMORY_NAME}::static PROPERTIES
  IMPORTED_LINK_INTERFACE_LANGUAGES C
  INTERFACE_LINK_LIBRARIES "${WASM_MEMORY_NATIVE_LIBS}"
  INTERFACE_INCLUDE_DIRECTORIES "${WASM_MEMORY_INCLUDE_DIR}")

# The shared library, with the links that a loader and a linker look for beside it.
if(WASM_MEMORY_CAN_HIDE_SYMBOLS)
  set(shared_target ${WASM_MEMORY_NAME}_shared)
  add_library(${shared_target} SHARED "${WASM_MEMORY_LIB_DIR}/${object}")
  # Two rules that run the same cargo would otherwise run at once.
  add_dependencies(${shared_target} ${WASM_MEMORY_NAME}_cargo_static)
  target_include_directories(${shared_target} INTERFACE "${WASM_MEMORY_INCLUDE_DIR}")
  target_link_libraries(${shared_target} PRIVATE ${WASM_MEMORY_NATIVE_LIBS})
  # Calls inside the library stay inside it, whoever else exports the names of wasm.h. Handles live in
  # storage that is never unmapped, so neither is the code that owns it. Bound at once, for what may be
  # called in a signal handler.
  target_link_options(${shared_target} PRIVATE
    LINKER:--version-script=${map} LINKER:-Bsymbolic LINKER:-z,nodelete LINKER:-z,relro LINKER:-z,now)
  # What is linked is machine code already, and the file is called the same in every configuration.
  set_target_properties(${shared_target} PROPERTIES
    OUTPUT_NAME ${WASM_MEMORY_NAME}
    LIBRARY_OUTPUT_DIRECTORY "${WASM_MEMORY_LIB_DIR}"
    LINKER_LANGUAGE C
    LINK_DEPENDS "${map}"
    INTERPROCEDURAL_OPTIMIZATION OFF)
  foreach(config IN LISTS CMAKE_CONFIGURATION_TYPES CMAKE_BUILD_TYPE)
    string(TOUPPER "${config}" upper_config)
    set_target_properties(${shared_target} PROPERTIES
      ${upper_config}_POSTFIX "" INTERPROCEDURAL_OPTIMIZATION_${upper_config} OFF)
  endforeach()
  if(WASM_MEMORY_SONAME)
    set_target_properties(${shared_target} PROPERTIES
      VERSION ${WASM_MEMORY_ABI_VERSION}.${WASM_MEMORY_VERSION_NUMBER}
      SOVERSION ${WASM_MEMORY_ABI_VERSION})
  endif()
  if(NOT (PROJECT_IS_TOP_LEVEL OR WASM_MEMORY_INSTALL))
    set_property(TARGET ${shared_target} PROPERTY EXCLUDE_FROM_ALL ON)
  endif()
  add_library(${WASM_MEMORY_NAME}::shared ALIAS ${shared_target})
else()
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

  set(shared_target ${WASM_MEMORY_NAME}::shared)
  add_library(${shared_target} SHARED IMPORTED GLOBAL)
  add_dependencies(${shared_target} ${WASM_MEMORY_NAME}_cargo_shared)
  wasm_memory_locate(${shared_target} IMPORTED_LOCATION ${WASM_MEMORY_SHARED_FILE})
  if(WASM_MEMORY_IMPORT_FILE)
    wasm_memory_locate(${shared_target} IMPORTED_IMPLIB ${WASM_MEMORY_IMPORT_FILE})
  endif()
  # Without it a program would ask for the absolute path of this build.
  set_target_properties(${shared_target} PROPERTIES
    IMPORTED_SONAME "${WASM_MEMORY_SONAME}"
    INTERFACE_INCLUDE_DIRECTORIES "${WASM_MEMORY_INCLUDE_DIR}")
endif()

add_library(${WASM_MEMORY_NAME}::${WASM_MEMORY_NAME} INTERFACE IMPORTED GLOBAL)
if(BUILD_SHARED_LIBS)
  target_link_libraries(${WASM_MEMORY_NAME}::${WASM_MEMORY_NAME} INTERFACE ${WASM_MEMORY_NAME}::shared)
else()
  target_link_libraries(${WASM_MEMORY_NAME}::${WASM_MEMORY_NAME} INTERFACE ${WASM_MEMORY_NAME}::static)
endif()

# Whoever builds the library as part of his own project may use the plain names in any case.
if(WASM_MEMORY_PREFIX AND NOT TARGET wasm_memory::wasm_memory)
  add_library(wasm_memory::shared ALIAS ${shared_target})
  add_library(wasm_memory::static ALIAS ${WASM_MEMORY_NAME}::static)
  add_library(wasm_memory::wasm_memory ALIAS ${WASM_MEMORY_NAME}::${WASM_MEMORY_NAME})
endif()
