# The header alone: it compiles in each language without a warning, and refuses to stand beside wasm.h.

function(header_compiles source feature)
  set(target header_compiles_as_${feature})
  add_library(${target} OBJECT ${source})
  target_compile_features(${target} PRIVATE ${feature})
  target_link_libraries(${target} PRIVATE wasm_memory::${any_kind})
  strict(${target})
endfunction()

header_compiles(header_alone.c c_std_11)
header_compiles(header_alone.cpp cxx_std_17)
if("cxx_std_20" IN_LIST CMAKE_CXX_COMPILE_FEATURES)
  header_compiles(header_alone.cpp cxx_std_20)
endif()

# The compiler is run by the test: what has to be seen is its message.
if(CMAKE_C_COMPILER_ID MATCHES "GNU|Clang")
  set(include_directories "$<TARGET_PROPERTY:wasm_memory::${any_kind},INTERFACE_INCLUDE_DIRECTORIES>")
  foreach(language IN ITEMS c c++)
    foreach(guard IN ITEMS WASM_H NO_GUARD_OF_WASM_H)
      add_test(NAME header.${guard}.${language}
        COMMAND ${CMAKE_C_COMPILER} -x ${language} -fsyntax-only -D ${guard}
          "-I$<JOIN:${include_directories},;-I>" ${CMAKE_CURRENT_SOURCE_DIR}/header_alone.c
        COMMAND_EXPAND_LISTS)
      set_tests_properties(header.${guard}.${language} PROPERTIES LABELS header)
    endforeach()
    set_tests_properties(header.WASM_H.${language} PROPERTIES PASS_REGULAR_EXPRESSION "error:[^\n]*wasm\\.h")
  endforeach()
endif()
