# What differs from one platform to the next: how the files are called, and which libraries of the
# system a program needs beside the static archive.
#   WASM_MEMORY_CARGO                      the cargo to run
#   WASM_MEMORY_RUST_IS_NIGHTLY            has it the unstable options
#   WASM_MEMORY_TRIPLE                     the Rust target that is built for
#   WASM_MEMORY_CARGO_{SHARED,IMPORT,STATIC}_FILE  names that cargo gives its results
#   WASM_MEMORY_{SHARED,IMPORT,STATIC}_FILE        names that they are shipped under
#   WASM_MEMORY_SHARED_LINKS               further names of the shared library, the last one the
#                                          development link, each pointing at the one before it
#   WASM_MEMORY_SONAME                     what a program that links the shared library asks for
#   WASM_MEMORY_NATIVE_LIBS                link items that the static library needs
#   WASM_MEMORY_CAN_HIDE_SYMBOLS           are there the tools to make one object of it that hides Rust's symbols

find_program(WASM_MEMORY_CARGO cargo
  HINTS "$ENV{CARGO_HOME}/bin" "$ENV{HOME}/.cargo/bin" "$ENV{USERPROFILE}/.cargo/bin"
  DOC "The cargo that builds libwasm_memory")
if(NOT WASM_MEMORY_CARGO)
  message(FATAL_ERROR "libwasm_memory is built by cargo, which was not found: "
    "install Rust, or set WASM_MEMORY_CARGO")
endif()

execute_process(COMMAND "${WASM_MEMORY_CARGO}" -vV
  WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
  OUTPUT_VARIABLE cargo_version COMMAND_ERROR_IS_FATAL ANY)
if(cargo_version MATCHES "release: [^\r\n]*-nightly")
  set(WASM_MEMORY_RUST_IS_NIGHTLY ON)
else()
  set(WASM_MEMORY_RUST_IS_NIGHTLY OFF)
endif()

if(WASM_MEMORY_RUST_TARGET)
  set(WASM_MEMORY_TRIPLE "${WASM_MEMORY_RUST_TARGET}")
elseif(CMAKE_CROSSCOMPILING)
  # The toolchain file names the target in the words of the C compiler.
  set(c_target "${CMAKE_C_COMPILER_TARGET}")
  if(NOT c_target)
    execute_process(COMMAND ${CMAKE_C_COMPILER} ${CMAKE_C_COMPILER_ARG1} -dumpmachine
      OUTPUT_VARIABLE c_target OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  endif()
  set(WASM_MEMORY_TRIPLE)
  if(c_target MATCHES "^([a-z0-9_]+)-([a-z0-9]+-)?linux-(gnu|musl)(eabi|eabihf)?$")
    set(processor "${CMAKE_MATCH_1}")
    set(system "unknown-linux-${CMAKE_MATCH_3}${CMAKE_MATCH_4}")
    string(REGEX REPLACE "^i[3-6]86$" "i686" processor "${processor}")
    string(REGEX REPLACE "^riscv64$" "riscv64gc" processor "${processor}")
    if(CMAKE_MATCH_4 STREQUAL "eabihf" AND NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^armv6")
      string(REGEX REPLACE "^arm$" "armv7" processor "${processor}")
    endif()
    set(WASM_MEMORY_TRIPLE "${processor}-${system}")
  elseif(c_target MATCHES "^(x86_64|i686)-w64-mingw32$")
    set(WASM_MEMORY_TRIPLE "${CMAKE_MATCH_1}-pc-windows-gnu")
  endif()
  if(NOT WASM_MEMORY_TRIPLE)
    message(FATAL_ERROR "cross-compiling: which Rust target `${c_target}` of the C compiler is, is "
      "not known here: set WASM_MEMORY_RUST_TARGET")
  endif()
  message(STATUS "libwasm_memory: built for ${WASM_MEMORY_TRIPLE}, as the C compiler is for ${c_target}")
  unset(c_target)
else()
  if(NOT cargo_version MATCHES "host: ([^ \r\n]+)")
    message(FATAL_ERROR "`${WASM_MEMORY_CARGO} -vV` names no host")
  endif()
  set(WASM_MEMORY_TRIPLE "${CMAKE_MATCH_1}")
endif()
unset(cargo_version)

# As `rustc --print native-static-libs` tells; `cargo xtask test` compares. One name is left out on
# purpose: the unwinder, gcc_s or unwind. C and C++ compilers add it themselves, in the form that
# fits, and only they know which: there is no gcc_s for a program that is linked with -static.
if(WASM_MEMORY_TRIPLE MATCHES "-windows")
  set(WASM_MEMORY_NATIVE_LIBS -lkernel32 -lsynchronization -ladvapi32 -lntdll -luserenv -lws2_32 -ldbghelp)
elseif(WASM_MEMORY_TRIPLE MATCHES "-apple-")
  set(WASM_MEMORY_NATIVE_LIBS -lSystem -lc -lm)
elseif(WASM_MEMORY_TRIPLE MATCHES "-freebsd")
  set(WASM_MEMORY_NATIVE_LIBS
    -lexecinfo -lkvm -lmemstat -lprocstat -ldevstat -lutil -lrt -lpthread -lm -lc)
elseif(WASM_MEMORY_TRIPLE MATCHES "-android")
  set(WASM_MEMORY_NATIVE_LIBS -llog -ldl -lm -lc)
elseif(WASM_MEMORY_TRIPLE MATCHES "-musl")
  set(WASM_MEMORY_NATIVE_LIBS -lc)
elseif(WASM_MEMORY_TRIPLE MATCHES "-linux-gnu")
  set(WASM_MEMORY_NATIVE_LIBS -lutil -lrt -lpthread -lm -ldl -lc)
else()
  set(WASM_MEMORY_NATIVE_LIBS)
  message(WARNING "libwasm_memory: which libraries the static library needs on "
    "${WASM_MEMORY_TRIPLE} is not known here; rustc --print native-static-libs tells")
endif()

set(WASM_MEMORY_IMPORT_FILE)
set(WASM_MEMORY_CARGO_IMPORT_FILE)
set(WASM_MEMORY_SHARED_LINKS)
set(WASM_MEMORY_SONAME)
set(full_version "${WASM_MEMORY_ABI_VERSION}.${WASM_MEMORY_VERSION_NUMBER}")
if(WASM_MEMORY_TRIPLE MATCHES "-windows")
  # An import library has the name of its DLL inside it, so these keep the names that cargo gave.
  set(WASM_MEMORY_CARGO_SHARED_FILE wasm_memory.dll)
  set(WASM_MEMORY_SHARED_FILE wasm_memory.dll)
  if(WASM_MEMORY_TRIPLE MATCHES "-msvc")
    list(TRANSFORM WASM_MEMORY_NATIVE_LIBS REPLACE "^-l(.*)$" "\\1.lib")
    set(WASM_MEMORY_CARGO_IMPORT_FILE wasm_memory.dll.lib)
    set(WASM_MEMORY_CARGO_STATIC_FILE wasm_memory.lib)
    set(WASM_MEMORY_STATIC_FILE ${WASM_MEMORY_NAME}.lib)
  else()
    set(WASM_MEMORY_CARGO_IMPORT_FILE libwasm_memory.dll.a)
    set(WASM_MEMORY_CARGO_STATIC_FILE libwasm_memory.a)
    set(WASM_MEMORY_STATIC_FILE lib${WASM_MEMORY_NAME}.a)
  endif()
  set(WASM_MEMORY_IMPORT_FILE ${WASM_MEMORY_CARGO_IMPORT_FILE})
else()
  # The file is called after the ABI number and then the crate's version: the number first, as in
  # the SONAME, which is all that the loader and ldconfig look at; the version in full, so that two
  # releases with one ABI never share a file name.
  set(WASM_MEMORY_CARGO_STATIC_FILE libwasm_memory.a)
  set(WASM_MEMORY_STATIC_FILE lib${WASM_MEMORY_NAME}.a)
  if(WASM_MEMORY_TRIPLE MATCHES "-apple-")
    set(WASM_MEMORY_CARGO_SHARED_FILE libwasm_memory.dylib)
    set(WASM_MEMORY_SHARED_FILE lib${WASM_MEMORY_NAME}.${full_version}.dylib)
    set(WASM_MEMORY_SHARED_LINKS
      lib${WASM_MEMORY_NAME}.${WASM_MEMORY_ABI_VERSION}.dylib lib${WASM_MEMORY_NAME}.dylib)
    set(WASM_MEMORY_SONAME "@rpath/lib${WASM_MEMORY_NAME}.${WASM_MEMORY_ABI_VERSION}.dylib")
  else()
    set(WASM_MEMORY_CARGO_SHARED_FILE libwasm_memory.so)
    set(WASM_MEMORY_SHARED_FILE lib${WASM_MEMORY_NAME}.so.${full_version})
    set(WASM_MEMORY_SHARED_LINKS
      lib${WASM_MEMORY_NAME}.so.${WASM_MEMORY_ABI_VERSION} lib${WASM_MEMORY_NAME}.so)
    set(WASM_MEMORY_SONAME lib${WASM_MEMORY_NAME}.so.${WASM_MEMORY_ABI_VERSION})
  endif()
endif()
unset(full_version)

# Only GNU ld links to an object and leaves out what is not reached in the same run; and it must know
# this target, which a trial tells.
set(WASM_MEMORY_CAN_HIDE_SYMBOLS OFF)
if(WASM_MEMORY_TRIPLE MATCHES "-linux|-freebsd" AND CMAKE_LINKER AND CMAKE_OBJCOPY AND CMAKE_NM AND CMAKE_AR)
  set(trial "${PROJECT_BINARY_DIR}/trial")
  file(WRITE "${trial}.c" "int wasm_memory_trial(void) { return 0; }\n")
  set(kind ${CMAKE_TRY_COMPILE_TARGET_TYPE})
  set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
  try_compile(compiled "${trial}" "${trial}.c" COPY_FILE "${trial}.a")
  set(CMAKE_TRY_COMPILE_TARGET_TYPE ${kind})
  if(compiled)
    execute_process(COMMAND "${CMAKE_LINKER}" -r --gc-sections --force-group-allocation
      --undefined=wasm_memory_trial "${trial}.a" -o "${trial}.o"
      RESULT_VARIABLE result OUTPUT_QUIET ERROR_QUIET)
    if(result EQUAL 0)
      execute_process(COMMAND "${CMAKE_OBJCOPY}" --keep-global-symbol=wasm_memory_trial "${trial}.o"
        RESULT_VARIABLE result OUTPUT_QUIET ERROR_QUIET)
      if(result EQUAL 0)
        set(WASM_MEMORY_CAN_HIDE_SYMBOLS ON)
      endif()
    endif()
    unset(result)
  endif()
  unset(compiled CACHE)
  unset(kind)
  unset(trial)
endif()
if(NOT WASM_MEMORY_CAN_HIDE_SYMBOLS)
  message(STATUS "libwasm_memory: without GNU ld and objcopy for ${WASM_MEMORY_TRIPLE} the libraries are as cargo "
    "makes them: the static one keeps Rust's own symbols, and cannot be linked beside another one that was "
    "written in Rust; the symbols of the shared one have no version")
endif()
