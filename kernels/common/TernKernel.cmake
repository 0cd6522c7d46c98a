# Builds one fused op from its folder; see kernels/README.md.
#
#   tern_kernel(rms_norm [SOURCES more.cpp] [LIBS other_target])
#
# makes the library tern_kernel_rms_norm of <op>.cpp, <op>_config.cpp and <op>_autograd.cpp (where there are such) and
# SOURCES, adds <op>_cpu.cpp once per vector level of the processor family, and links it into the umbrella target
# tern_kernels. The level is chosen at run time (kernels/common/cpu_level.h), so one program runs on every processor.
# <op>_cuda.cu, where there is one, becomes part of tern_cuda_kernels in CUDA builds.
add_library(tern_kernels INTERFACE)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(tern_cpu_levels baseline avx2 avx512)
else()
  set(tern_cpu_levels baseline)
endif()
# A product and a sum are one rounding only where the source says fmadd, whatever the level (-ffp-contract=off).
# at::vec picks its instructions by these macros and puts every class into a namespace named CPU_CAPABILITY.
set(tern_cpu_flags_baseline -DCPU_CAPABILITY=DEFAULT -DCPU_CAPABILITY_DEFAULT)
set(tern_cpu_flags_avx2 -DCPU_CAPABILITY=AVX2 -DCPU_CAPABILITY_AVX2 -mavx2 -mfma -mf16c)
# GCC 12 takes the deliberately undefined registers of its own AVX-512 intrinsics for mistakes.
set(tern_cpu_flags_avx512 -Wno-uninitialized -Wno-maybe-uninitialized -DCPU_CAPABILITY=AVX512 -DCPU_CAPABILITY_AVX512
  -mavx512f -mavx512bw -mavx512vl -mavx512dq -mfma -mf16c)

# at::parallel_for is a loop on one thread unless the file that calls it is compiled with OpenMP, LibTorch's own runtime.
# ThreadSanitizer doesn't see how that hands work over, so its build stays on one thread, as one by a compiler without
# OpenMP does.
if(NOT TERN_SANITIZE MATCHES "thread")
  find_package(OpenMP COMPONENTS CXX QUIET)
endif()
if(OpenMP_CXX_FOUND)
  set_property(GLOBAL PROPERTY TERN_THREADED_KERNELS ON)
else()
  message(STATUS "CPU kernels: one thread each, as this build has no OpenMP")
endif()

function(tern_kernel op)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  set(sources ${op}.cpp ${ARG_SOURCES})
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${op}_config.cpp)
    list(APPEND sources ${op}_config.cpp)
  endif()
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${op}_autograd.cpp)
    list(APPEND sources ${op}_autograd.cpp)
  endif()
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${op}_cpu.cpp)
    foreach(level IN LISTS tern_cpu_levels)
      set(objects tern_kernel_${op}_${level})
      add_library(${objects} OBJECT ${op}_cpu.cpp)
      target_link_libraries(${objects} PRIVATE tern_compiler tern_torch)
      target_compile_options(${objects} PRIVATE ${tern_cpu_flags_${level}} ${OpenMP_CXX_FLAGS} -ffp-contract=off)
      list(APPEND sources $<TARGET_OBJECTS:${objects}>)
    endforeach()
  endif()
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${op}_cuda.cu)
    set_property(GLOBAL APPEND PROPERTY TERN_CUDA_KERNELS ${CMAKE_CURRENT_SOURCE_DIR}/${op}_cuda.cu)
  endif()
  tern_library(tern_kernel_${op} SOURCES ${sources} LIBS tern_kernel_common ${ARG_LIBS})
  target_link_libraries(tern_kernels INTERFACE tern_kernel_${op})
endfunction()
