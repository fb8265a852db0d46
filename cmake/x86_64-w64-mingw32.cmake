# Cross-compiles for 64-bit Windows on Debian, and runs the tests in Wine; scripts/setup windows prepares all of it.
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_RC_COMPILER x86_64-w64-mingw32-windres)
set(CMAKE_OBJDUMP x86_64-w64-mingw32-objdump)

# Compiled by clang, with the headers and libraries of mingw-w64 and gcc: gcc itself has no usable AVX on Windows (see
# src/kernels/simd.cpp). The variant with the threads of POSIX, without which its std has none.
set(CMAKE_C_COMPILER clang-14)
set(CMAKE_CXX_COMPILER clang++-14)
set(CMAKE_C_COMPILER_TARGET x86_64-w64-mingw32)
set(CMAKE_CXX_COMPILER_TARGET x86_64-w64-mingw32)
execute_process(COMMAND x86_64-w64-mingw32-g++-posix -print-libgcc-file-name OUTPUT_VARIABLE libgcc COMMAND_ERROR_IS_FATAL ANY)
cmake_path(GET libgcc PARENT_PATH gcc_root)
# Variables of threads are emulated, as in gcc's libstdc++.
set(CMAKE_CXX_FLAGS_INIT "-femulated-tls -stdlib++-isystem ${gcc_root}/include/c++ -stdlib++-isystem ${gcc_root}/include/c++/x86_64-w64-mingw32")
foreach(kind EXE SHARED MODULE)
  set(CMAKE_${kind}_LINKER_FLAGS_INIT "-fuse-ld=lld-14 -Wno-unused-command-line-argument -B${gcc_root} -L${gcc_root}")
endforeach()
set(CMAKE_CXX_STANDARD_LIBRARIES "-lstdc++ -lpthread")

# Libraries come from there alone, so that none is taken from the host by mistake.
cmake_path(SET windows_root NORMALIZE ${CMAKE_CURRENT_LIST_DIR}/../build/windows-sysroot)
set(CMAKE_FIND_ROOT_PATH ${windows_root} /usr/x86_64-w64-mingw32)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

set(CMAKE_CROSSCOMPILING_EMULATOR ${CMAKE_CURRENT_LIST_DIR}/wine)
