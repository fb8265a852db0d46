# Cross-compiles for 64-bit ARM on Debian, and runs the tests in an emulator; scripts/setup arm64 prepares all of it.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)

# Libraries come from there alone, so that none is taken from the host by mistake. The C and C++ libraries to link with
# are the compiler's own.
cmake_path(SET arm64_root NORMALIZE ${CMAKE_CURRENT_LIST_DIR}/../build/arm64-sysroot)
if(NOT EXISTS ${arm64_root})
  message(FATAL_ERROR "The arm64 libraries were not found; scripts/setup arm64 unpacks them")
endif()
set(CMAKE_FIND_ROOT_PATH ${arm64_root})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
# Debian chooses among the variants of OpenBLAS when a package is installed, which these are not.
set(OpenBLAS_DIR ${arm64_root}/usr/lib/aarch64-linux-gnu/openblas-pthread/cmake/openblas)
# Where the linker finds what the libraries themselves need.
foreach(directory lib usr/lib)
  string(APPEND CMAKE_EXE_LINKER_FLAGS_INIT " -Wl,-rpath-link,${arm64_root}/${directory}/aarch64-linux-gnu")
endforeach()
set(CMAKE_SHARED_LINKER_FLAGS_INIT ${CMAKE_EXE_LINKER_FLAGS_INIT})

set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L ${arm64_root})
