# The C++ wrapper, wasm_memory.hpp. Included by CMakeLists.txt, whose topic() registers the tests.

# wrapper(<name>.cpp [MORE <sources>] [LABELS <labels>] [FEATURES <compile features>] [OPTIONS <compile options>])
function(wrapper source)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "MORE;LABELS;FEATURES;OPTIONS")
  topic(${source} MORE ${arg_MORE} LABELS cpp wrapper ${arg_LABELS})
  get_filename_component(name ${source} NAME_WE)
  foreach(kind IN LISTS kinds)
    target_compile_features(${name}_${kind} PRIVATE ${arg_FEATURES})
    if(CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
      target_compile_options(${name}_${kind} PRIVATE -Wshadow -Wconversion ${arg_OPTIONS})
    endif()
  endforeach()
endfunction()

wrapper(wrapper_create.cpp)
wrapper(wrapper_errors.cpp)
wrapper(wrapper_move.cpp)
wrapper(wrapper_allocator.cpp)
wrapper(wrapper_image.cpp)
wrapper(wrapper_threads.cpp LABELS threads)
wrapper(wrapper_buffer.cpp)
wrapper(wrapper_bytes.cpp)
wrapper(wrapper_typed.cpp LABELS threads)
wrapper(wrapper_wait.cpp LABELS threads)
if(CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
  wrapper(wrapper_no_exceptions.cpp OPTIONS -fno-exceptions -fno-rtti)
  set_source_files_properties(wrapper_units_other.cpp PROPERTIES COMPILE_OPTIONS "-fno-exceptions;-fno-rtti")
endif()
wrapper(wrapper_units.cpp MORE wrapper_units_other.cpp)
if("cxx_std_20" IN_LIST CMAKE_CXX_COMPILE_FEATURES)
  wrapper(wrapper_span.cpp FEATURES cxx_std_20)
endif()

# A reason that the C header gains must be named in C++ as well.
add_test(NAME wrapper.names_every_reason
  COMMAND ${CMAKE_COMMAND} -D "INCLUDE=$<TARGET_PROPERTY:wasm_memory::${any_kind},INTERFACE_INCLUDE_DIRECTORIES>"
    -P ${CMAKE_CURRENT_SOURCE_DIR}/wrapper_reasons.cmake)
set_tests_properties(wrapper.names_every_reason PROPERTIES LABELS "cpp;wrapper")
