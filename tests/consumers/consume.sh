#!/usr/bin/env bash
# consume.sh WAY SOURCE BUILD CC CXX FLAGS: builds and runs the program of the README, and one of lars.hpp, against liblars,
# found in one WAY:
# installed and found by CMake or pkg-config (shared or static), moved after installation, as a subproject, or built with
# nothing that can be left out.
set -euo pipefail
way=$1 source=$2 build=$3 cc=$4 cxx=$5 flags=$6
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Those that build the library anew need no kernels for vectors, which take as long to compile as all else.
export CC=$cc CXX=$cxx CFLAGS=$flags CXXFLAGS="$flags -DHWY_COMPILE_ONLY_SCALAR"

install_moved() {
  cmake --install "$build" --prefix "$work/first" >"$work/install.log"
  mv "$work/first" "$work/prefix"  # the package must not remember where it was installed
  pc=$(find "$work/prefix" -name liblars.pc)
  export PKG_CONFIG_PATH=${pc%/*}
  export LD_LIBRARY_PATH=${pc%/pkgconfig/*}${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
}

case $way in
  find_package)
    install_moved
    cmake -S "$here/find_package" -B "$work/build" -G Ninja -DCMAKE_PREFIX_PATH="$work/prefix" \
      -DPROGRAM="$here/program.c" -DCPP_PROGRAM="$here/program.cpp" >"$work/configure.log"
    cmake --build "$work/build" >"$work/build.log"
    "$work/build/program_static"
    "$work/build/cpp_program"
    "$work/build/cpp_program_static"
    program=$work/build/program ;;
  pkg_config)
    install_moved
    # shellcheck disable=SC2046,SC2086
    "$cc" $flags "$here/program.c" -o "$work/program" $(pkg-config --cflags --libs liblars)
    # shellcheck disable=SC2046,SC2086
    "$cxx" $flags -std=c++17 "$here/program.cpp" -o "$work/cpp_program" $(pkg-config --cflags --libs liblars)
    "$work/cpp_program"
    program=$work/program ;;
  static_pkg_config)
    install_moved
    unset LD_LIBRARY_PATH  # nothing of liblars.so is to be needed
    # shellcheck disable=SC2046,SC2086
    "$cc" $flags "$here/program.c" -o "$work/program" $(pkg-config --cflags liblars) \
      $(pkg-config --static --libs liblars | sed 's/-llars/-l:liblars.a/')
    program=$work/program ;;
  add_subdirectory)
    cmake -S "$here/add_subdirectory" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DLARS_SOURCE="$source" -DPROGRAM="$here/program.c" \
      >"$work/configure.log"
    cmake --build "$work/build" >"$work/build.log"
    if cmake --install "$work/build" --prefix "$work/none" >/dev/null && [ -e "$work/none/include/lars" ]; then
      echo "as a subproject liblars must install nothing" >&2
      exit 1
    fi
    program=$work/build/program ;;
  bare)
    # Its libraries go to a folder that is given whole, beside the prefix.
    cmake -S "$source" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DLARS_WITH_OPENBLAS=OFF -DLARS_WITH_TBB=OFF \
      -DLARS_BUILD_TESTS=OFF -DLARS_BUILD_BENCH=OFF -DCMAKE_INSTALL_PREFIX="$work/prefix" \
      -DCMAKE_INSTALL_LIBDIR="$work/libraries" >"$work/configure.log"
    cmake --build "$work/build" >"$work/build.log"
    if readelf -d "$work/build/liblars.so" | grep -E 'NEEDED.*(tbb|blas|fmt|json|xxhash)'; then
      echo "a build without OpenBLAS and oneTBB needs what it should not" >&2
      exit 1
    fi
    cmake --install "$work/build" >"$work/install.log"
    export PKG_CONFIG_PATH=$work/libraries/pkgconfig LD_LIBRARY_PATH=$work/libraries
    # shellcheck disable=SC2046,SC2086
    "$cc" $flags "$here/program.c" -o "$work/program" $(pkg-config --cflags --libs liblars)
    program=$work/program ;;
esac
"$program"
