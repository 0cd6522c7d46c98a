# Executables that run CUDA sources on the CPU, one per build of the emulator:
#
#   plain     optimised; also the one that runs PTX
#   race      the kernels' loads and stores report to the race detector
#   asan      AddressSanitizer and UndefinedBehaviorSanitizer
#   ucontext  like plain, with the portable stack switch
#
#   tern_simt_driver(driver test.cpp)
#   tern_simt_test(NAME VARIANTS plain race asan KERNELS kernel.cpp DRIVER driver LIBS lib)
#
# builds NAME_plain, NAME_race, ... KERNELS are compiled anew for each variant; the driver never is instrumented. Tests
# appear in ctest as NAME.<variant>.<test> under the label kernels.
include(TernNvcc)

set(tern_simt_library_plain tern_simt)
set(tern_simt_library_race tern_simt_race)
set(tern_simt_library_asan tern_simt_asan)
set(tern_simt_library_ucontext tern_simt_ucontext)
# No contraction: the kernels' arithmetic must not depend on the host's instruction set.
set(tern_simt_common -Wall -Wextra -Wshadow -Werror -Wno-unknown-pragmas -ffp-contract=off)
set(tern_simt_compile_plain -O2)
# -O1 keeps source lines exact.
set(tern_simt_compile_race -O1 -g1 -fsanitize=thread)
set(tern_simt_compile_asan -O1 -g1 -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
set(tern_simt_compile_ucontext -O2)
# Without ThreadSanitizer's library: the emulator supplies its callbacks.
set(tern_simt_link_race "")
set(tern_simt_link_asan -fsanitize=address,undefined)

# The GoogleTest part of an executable, an object library: compiled once for all kernels and variants.
function(tern_simt_driver name)
  find_package(GTest REQUIRED)
  add_library(${name} OBJECT EXCLUDE_FROM_ALL ${ARGN})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_compile_options(${name} PRIVATE -O1 ${tern_simt_common})
  target_link_libraries(${name} PRIVATE GTest::gtest)
endfunction()

function(tern_simt_test name)
  cmake_parse_arguments(ARG "" "DRIVER;TIMEOUT" "VARIANTS;KERNELS;LIBS;DEFINITIONS" ${ARGN})
  find_package(GTest REQUIRED)
  include(GoogleTest)
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  foreach(variant IN LISTS ARG_VARIANTS)
    set(target ${name}_${variant})
    add_executable(${target} $<TARGET_OBJECTS:${ARG_DRIVER}> ${ARG_KERNELS})
    target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR})
    target_compile_options(${target} PRIVATE ${tern_simt_common} ${tern_simt_compile_${variant}})
    target_compile_definitions(${target} PRIVATE ${ARG_DEFINITIONS})
    # Kernels are found by their symbols (PTX entries have the same), hence the exports.
    set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests ENABLE_EXPORTS ON)
    target_link_options(${target} PRIVATE ${tern_simt_link_${variant}})
    target_link_libraries(${target} PRIVATE ${ARG_LIBS} tern_device_test_support ${tern_simt_library_${variant}}
      GTest::gtest GTest::gtest_main Threads::Threads)
    gtest_discover_tests(${target} TEST_PREFIX "${name}.${variant}." DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
      PROPERTIES LABELS kernels TIMEOUT ${ARG_TIMEOUT})
  endforeach()
endfunction()

# Every line of the kernel's .cuh, in every template instance, is run by some case: gcov of an unoptimised build.
function(tern_kernel_coverage op)
  set(target ${op}_coverage)
  add_executable(${target} coverage_main.cpp ${ARGN})
  # Without ccache, which may make source paths relative to a folder that gcov doesn't know.
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests CXX_COMPILER_LAUNCHER "")
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR})
  target_compile_options(${target} PRIVATE ${tern_simt_common} -O0 --coverage)
  target_link_options(${target} PRIVATE --coverage)
  target_link_libraries(${target} PRIVATE tern_device_test_support tern_simt)
  add_test(NAME ${op}_coverage COMMAND ${CMAKE_COMMAND} -DPROGRAM=$<TARGET_FILE:${target}>
    -DOBJECTS=${CMAKE_CURRENT_BINARY_DIR}/CMakeFiles/${target}.dir -DSOURCES=${CMAKE_SOURCE_DIR} -DOP=${op}
    -P ${CMAKE_SOURCE_DIR}/cmake/CheckKernelCoverage.cmake)
  set_tests_properties(${op}_coverage PROPERTIES LABELS kernels TIMEOUT 300)
endfunction()

# The whole proof of one kernel:
#
#   tern_kernel_proof(rms_norm CASES rms_norm_cases.cpp CUDA ../../../kernels/rms_norm/rms_norm_cuda.cu)
#
# runs the cases (tests/kernels/cuda_proof/proof.h) on fibers in every build and, where nvcc is found, on the PTX of
# compute_80 and compute_100a: nvcc has two front ends, one below and one from sm_100 on, and their PTX differs. It
# also compares <op>_budget.cpp with what the compiler made for every architecture.
function(tern_kernel_proof op)
  cmake_parse_arguments(ARG "" "CUDA" "CASES" ${ARGN})
  tern_simt_test(${op}_emulated_test VARIANTS plain race asan TIMEOUT 300
    KERNELS ${ARG_CASES} DRIVER tern_emulated_driver)
  tern_kernel_coverage(${op} ${ARG_CASES})
  if(TERN_NVCC)
    tern_ptx(ptx ${ARG_CUDA} ARCHES 80 100a)
    add_custom_target(${op}_ptx DEPENDS ${ptx})
    string(REPLACE ";" ":" ptx_list "${ptx}")
    tern_simt_test(${op}_ptx_test VARIANTS plain TIMEOUT 300
      KERNELS ${ARG_CASES} ptx_files.cpp DRIVER tern_ptx_driver LIBS tern_ptx DEFINITIONS TERN_PTX_FILES="${ptx_list}")
    add_dependencies(${op}_ptx_test_plain ${op}_ptx)
    tern_cubin_reports(reports ${ARG_CUDA} ARCHES 80 86 89 90a 100a 120)
    add_custom_target(${op}_cubin DEPENDS ${reports})
    string(REPLACE ";" ":" report_list "${reports}")
    tern_simt_test(${op}_static_test VARIANTS plain
      KERNELS ${op}_budget.cpp report_files.cpp DRIVER tern_static_driver
      DEFINITIONS TERN_REPORT_FILES="${report_list}")
    add_dependencies(${op}_static_test_plain ${op}_cubin)
  endif()
endfunction()
