# Install rules. Component `runtime` is what a linked program needs, `dev` what building one needs.

include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/${WASM_MEMORY_NAME}")
set(pkgconfig_dir "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
set(header_dir "${CMAKE_INSTALL_INCLUDEDIR}")
if(WASM_MEMORY_PREFIX)
  string(APPEND header_dir "/${WASM_MEMORY_NAME}")
endif()
if(WASM_MEMORY_IMPORT_FILE)
  set(WASM_MEMORY_SHARED_DIR "${CMAKE_INSTALL_BINDIR}")
else()
  set(WASM_MEMORY_SHARED_DIR "${CMAKE_INSTALL_LIBDIR}")
endif()

# The CMake package finds everything relative to itself.
configure_package_config_file(
  cmake/wasm_memory-config.cmake.in "${PROJECT_BINARY_DIR}/${WASM_MEMORY_NAME}-config.cmake"
  INSTALL_DESTINATION "${package_dir}"
  PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR WASM_MEMORY_SHARED_DIR)
if(PROJECT_VERSION_MAJOR EQUAL 0)
  set(compatibility SameMinorVersion)
else()
  set(compatibility SameMajorVersion)
endif()
write_basic_package_version_file(
  "${PROJECT_BINARY_DIR}/${WASM_MEMORY_NAME}-config-version.cmake" COMPATIBILITY ${compatibility})

# So does the pkg-config file, unless the libraries are told to go to an absolute place.
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
  set(WASM_MEMORY_PC_PREFIX "${CMAKE_INSTALL_PREFIX}")
else()
  file(RELATIVE_PATH up "/${pkgconfig_dir}" "/")
  string(REGEX REPLACE "/$" "" up "${up}")
  set(WASM_MEMORY_PC_PREFIX "\${pcfiledir}/${up}")
endif()
foreach(dir IN ITEMS LIBDIR INCLUDEDIR)
  if(IS_ABSOLUTE "${CMAKE_INSTALL_${dir}}")
    set(WASM_MEMORY_PC_${dir} "${CMAKE_INSTALL_${dir}}")
  else()
    set(WASM_MEMORY_PC_${dir} "\${prefix}/${CMAKE_INSTALL_${dir}}")
  endif()
endforeach()
list(JOIN WASM_MEMORY_NATIVE_LIBS " " WASM_MEMORY_PC_PRIVATE)
configure_file(cmake/wasm_memory.pc.in "${PROJECT_BINARY_DIR}/${WASM_MEMORY_NAME}.pc" @ONLY)

# The shared library: file and SONAME link to run, the link without a number to build with.
set(dev_files ${WASM_MEMORY_STATIC_FILE})
if(WASM_MEMORY_CAN_HIDE_SYMBOLS)
  install(TARGETS ${WASM_MEMORY_NAME}_shared
    LIBRARY DESTINATION "${WASM_MEMORY_SHARED_DIR}" COMPONENT runtime NAMELINK_COMPONENT dev)
else()
  set(runtime_links ${WASM_MEMORY_SHARED_LINKS})
  list(POP_BACK runtime_links dev_link)
  list(APPEND dev_files ${dev_link} ${WASM_MEMORY_IMPORT_FILE})
  install(PROGRAMS "${WASM_MEMORY_LIB_DIR}/${WASM_MEMORY_SHARED_FILE}"
    DESTINATION "${WASM_MEMORY_SHARED_DIR}" COMPONENT runtime)
  foreach(link IN LISTS runtime_links)
    install(FILES "${WASM_MEMORY_LIB_DIR}/${link}"
      DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT runtime)
  endforeach()
endif()
foreach(file IN LISTS dev_files)
  install(FILES "${WASM_MEMORY_LIB_DIR}/${file}"
    DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT dev)
endforeach()

install(FILES ${WASM_MEMORY_HEADERS} DESTINATION "${header_dir}" COMPONENT dev)
install(FILES
  "${PROJECT_BINARY_DIR}/${WASM_MEMORY_NAME}-config.cmake"
  "${PROJECT_BINARY_DIR}/${WASM_MEMORY_NAME}-config-version.cmake"
  DESTINATION "${package_dir}" COMPONENT dev)
install(FILES "${PROJECT_BINARY_DIR}/${WASM_MEMORY_NAME}.pc"
  DESTINATION "${pkgconfig_dir}" COMPONENT dev)
install(FILES LICENSE LICENSE-MIT LICENSE-APACHE
  DESTINATION "${CMAKE_INSTALL_DATAROOTDIR}/doc/${WASM_MEMORY_NAME}" COMPONENT runtime)
