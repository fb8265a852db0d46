# Installs the libraries, the headers, the CMake package and the pkg-config file; all relocatable.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/lars)

install(TARGETS lars_shared EXPORT lars-targets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT development
  RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT runtime      # of Windows: liblars-0.dll
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)  # and what links to it
install(TARGETS lars_static EXPORT lars-static-targets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/lars DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)
install(EXPORT lars-targets NAMESPACE lars:: DESTINATION ${package_dir} COMPONENT development)
install(EXPORT lars-static-targets NAMESPACE lars:: DESTINATION ${package_dir} COMPONENT development)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/lars-config.cmake.in
  ${CMAKE_CURRENT_BINARY_DIR}/lars-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/lars-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/lars-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/lars-config-version.cmake
  ${PROJECT_SOURCE_DIR}/cmake/openblas.cmake DESTINATION ${package_dir} COMPONENT development)

# pkg-config finds its prefix from where the file lies; folders that were given whole stay so.
file(RELATIVE_PATH prefix_from_pkgconfig ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
foreach(folder LIBDIR INCLUDEDIR)
  set(pkgconfig_${folder} ${CMAKE_INSTALL_${folder}})
  if(NOT IS_ABSOLUTE ${CMAKE_INSTALL_${folder}})
    set(pkgconfig_${folder} "\${prefix}/${CMAKE_INSTALL_${folder}}")
  endif()
endforeach()
set(pkgconfig_openblas)
if(LARS_WITH_OPENBLAS)
  set(pkgconfig_openblas -lopenblas)
endif()
set(pkgconfig_tbb)
if(LARS_WITH_TBB)
  set(pkgconfig_tbb -ltbb)
endif()
configure_file(${PROJECT_SOURCE_DIR}/cmake/liblars.pc.in ${CMAKE_CURRENT_BINARY_DIR}/liblars.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/liblars.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)

if(PROJECT_IS_TOP_LEVEL AND EXISTS ${PROJECT_SOURCE_DIR}/CHANGELOG.md)  # not where the sources alone are, in a Rust crate
  include(${PROJECT_SOURCE_DIR}/cmake/package.cmake)
endif()
