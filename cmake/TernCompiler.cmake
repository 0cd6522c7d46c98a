# Compiler settings shared by every target: warnings are errors, ccache where it is installed, sanitizers by option.
find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

add_library(tern_compiler INTERFACE)
target_compile_options(tern_compiler INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wshadow;-Werror>)
target_include_directories(tern_compiler INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/generated)

if(TERN_SANITIZE)
  # GCC 12 reports false maybe-uninitialized warnings in sanitizer builds.
  target_compile_options(tern_compiler INTERFACE
    -fsanitize=${TERN_SANITIZE} -fno-omit-frame-pointer -g1 -Wno-error=maybe-uninitialized)
  target_link_options(tern_compiler INTERFACE -fsanitize=${TERN_SANITIZE})
endif()

if(TERN_FUZZ)
  # Everything is instrumented; tern_fuzz links libFuzzer's main to the targets that are fuzzed.
  target_compile_options(tern_compiler INTERFACE -fsanitize=fuzzer-no-link,address -fno-omit-frame-pointer -g1)
  target_link_options(tern_compiler INTERFACE -fsanitize=address)
endif()

configure_file(${CMAKE_SOURCE_DIR}/base/version.h.in ${CMAKE_BINARY_DIR}/generated/base/version.h)
