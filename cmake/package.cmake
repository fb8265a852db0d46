# Debian packages and a relocatable tarball, by CPack: scripts/package.
set(CPACK_PACKAGE_NAME liblars)
set(CPACK_PACKAGE_VENDOR liblars)
set(CPACK_PACKAGE_CONTACT "liblars maintainers <maintainers@liblars.invalid>")
set(CPACK_PACKAGE_HOMEPAGE_URL "")
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL runtime development)
set(CPACK_ARCHIVE_COMPONENT_INSTALL OFF)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(runtime_name liblars${LARS_SOVERSION})
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME ${runtime_name})
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
# The system's ldconfig runs once for all packages, not from a script of this one.
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/triggers "activate-noawait ldconfig\n")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA ${CMAKE_CURRENT_BINARY_DIR}/triggers)
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION
"layer-wise adaptive rate scaling (LARS) optimizer
LARS (You et al. 2017) is an optimizer for training with large batches. This
library computes its steps on the CPU, in place, as optax.lars defines them,
behind a stable C interface.

This package has the shared library.")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME liblars-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "${runtime_name} (= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SUGGESTS "libopenblas-dev, libtbb-dev, libhwy-dev")
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION
"layer-wise adaptive rate scaling (LARS) optimizer - development files
LARS (You et al. 2017) is an optimizer for training with large batches. This
library computes its steps on the CPU, in place, as optax.lars defines them,
behind a stable C interface.

This package has the headers for C and C++, the static library, and the files
by which CMake and pkg-config find them.")

# What Debian's policy wants of every package.
find_program(LARS_GZIP gzip)
if(LARS_GZIP)
  set(changelog ${CMAKE_CURRENT_BINARY_DIR}/changelog.gz)
  add_custom_command(OUTPUT ${changelog}
    COMMAND sh -c "${LARS_GZIP} -9n <'${PROJECT_SOURCE_DIR}/CHANGELOG.md' >'${changelog}'"
    DEPENDS ${PROJECT_SOURCE_DIR}/CHANGELOG.md VERBATIM)
  add_custom_target(lars_changelog ALL DEPENDS ${changelog})
  foreach(component runtime development)
    string(TOUPPER ${component} upper)
    set(documents ${CMAKE_INSTALL_DATADIR}/doc/${CPACK_DEBIAN_${upper}_PACKAGE_NAME})
    install(FILES ${changelog} DESTINATION ${documents} COMPONENT ${component})
    install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${documents} RENAME copyright COMPONENT ${component})
  endforeach()
endif()
include(CPack)
