# Executables that run CUDA sources on the CPU, one per build of the emulator:
#
#   plain     optimised; also the one that runs PTX
#   race      the kernels' loads and stores report to the race detector
#   asan      AddressSanitizer and UndefinedBehaviorSanitizer
#   ucontext  like plain, with the portable stack switch
#   coverage  gcov of the kernels
#
#   tern_simt_test(NAME VARIANTS plain race asan KERNELS kernel.cpp DRIVER test.cpp LIBS lib)
#
# builds NAME_plain, NAME_race, ... KERNELS are compiled anew for each variant, DRIVER (the GoogleTest part) once: it is
# never instrumented. Tests appear in ctest as <variant>.<test> under the label kernels.
set(tern_simt_library_plain tern_simt)
set(tern_simt_library_race tern_simt_race)
set(tern_simt_library_asan tern_simt_asan)
set(tern_simt_library_ucontext tern_simt_ucontext)
set(tern_simt_library_coverage tern_simt)
set(tern_simt_compile_plain -O2)
# -O1 keeps source lines exact.
set(tern_simt_compile_race -O1 -g1 -fsanitize=thread)
set(tern_simt_compile_asan -O1 -g1 -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
set(tern_simt_compile_ucontext -O2)
set(tern_simt_compile_coverage -O0 -g1 --coverage)
# Without ThreadSanitizer's library: the emulator supplies its callbacks.
set(tern_simt_link_race "")
set(tern_simt_link_asan -fsanitize=address,undefined)
set(tern_simt_link_coverage --coverage)

function(tern_simt_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "VARIANTS;KERNELS;DRIVER;LIBS" ${ARGN})
  find_package(GTest REQUIRED)
  include(GoogleTest)
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  set(warnings -Wall -Wextra -Wshadow -Werror -Wno-unknown-pragmas)
  add_library(${name}_driver OBJECT ${ARG_DRIVER})
  target_include_directories(${name}_driver PRIVATE ${CMAKE_SOURCE_DIR})
  target_compile_options(${name}_driver PRIVATE -O1 ${warnings})
  target_link_libraries(${name}_driver PRIVATE GTest::gtest)
  foreach(variant IN LISTS ARG_VARIANTS)
    set(target ${name}_${variant})
    add_executable(${target} $<TARGET_OBJECTS:${name}_driver> ${ARG_KERNELS})
    target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR})
    target_compile_options(${target} PRIVATE ${warnings} ${tern_simt_compile_${variant}})
    # Kernels are found by their symbols (PTX entries have the same), hence the exports.
    set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests ENABLE_EXPORTS ON)
    target_link_options(${target} PRIVATE ${tern_simt_link_${variant}})
    target_link_libraries(${target} PRIVATE ${ARG_LIBS} tern_device_test_support ${tern_simt_library_${variant}}
      GTest::gtest GTest::gtest_main Threads::Threads)
    gtest_discover_tests(${target} TEST_PREFIX "${name}.${variant}." DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
      PROPERTIES LABELS kernels TIMEOUT ${ARG_TIMEOUT})
  endforeach()
endfunction()
