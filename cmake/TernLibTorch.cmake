# Defines tern_torch, the one target that brings LibTorch.
#
# TERN_LIBTORCH, Torch_DIR or CMAKE_PREFIX_PATH name a LibTorch folder (with lib/ and include/; that of an installed
# Python package works); without one, the folder that scripts/bootstrap.sh prepares is taken, to which
# scripts/get_cuda_libtorch.sh adds the CUDA libraries.
#
# find_package(Torch) is not used. It refuses to configure a CPU build without a CUDA toolkit, although torch_cpu needs
# nothing of it; and it brings compile flags into CUDA builds, while here both builds compile the same objects with the
# same flags, so that ccache serves the second one.
if(DEFINED ENV{TERN_DEPS})
  set(tern_deps_default $ENV{TERN_DEPS})
else()
  set(tern_deps_default $ENV{HOME}/.cache/tern)
endif()
set(TERN_DEPS ${tern_deps_default} CACHE PATH "Folder of downloaded dependencies, outside the clone")
set(TERN_LIBTORCH "" CACHE PATH "LibTorch folder (with lib/ and include/)")

set(candidates ${TERN_LIBTORCH})
if(Torch_DIR)
  list(APPEND candidates ${Torch_DIR}/../../..)
endif()
list(APPEND candidates ${CMAKE_PREFIX_PATH} ${TERN_DEPS}/libtorch-2.11.0)
foreach(candidate IN LISTS candidates)
  if(EXISTS ${candidate}/lib/libtorch_cpu.so AND EXISTS ${candidate}/include/ATen/ATen.h)
    get_filename_component(torch_root ${candidate} REALPATH)
    break()
  endif()
endforeach()
if(NOT torch_root)
  message(FATAL_ERROR "LibTorch not found in: ${candidates}. Run scripts/bootstrap.sh, or set TERN_LIBTORCH, Torch_DIR or CMAKE_PREFIX_PATH.")
endif()
message(STATUS "LibTorch: ${torch_root}")

add_library(tern_torch INTERFACE)
target_include_directories(tern_torch SYSTEM INTERFACE
  ${torch_root}/include ${torch_root}/include/torch/csrc/api/include)
target_compile_definitions(tern_torch INTERFACE USE_DISTRIBUTED USE_C10D_GLOO)
# at::parallel_for is serial in a source compiled without OpenMP. Its runtime has to be the one that LibTorch brings: a
# second one would have threads of its own, which at::set_num_threads does not reach.
file(GLOB torch_openmp ${torch_root}/lib/libgomp*.so*)
target_link_libraries(tern_torch INTERFACE ${torch_root}/lib/libtorch_cpu.so ${torch_root}/lib/libc10.so ${torch_openmp})
# torch_cpu needs cupti and cudart, which lie beside it and are found by its own RPATH at run time.
target_link_options(tern_torch INTERFACE -Wl,--allow-shlib-undefined -Wl,-rpath,${torch_root}/lib)
if(TERN_CUDA)
  include(TernCuda)
endif()

# fmt is torch's own copy, used header-only: torch's include path shadows any fmt of the system.
target_compile_definitions(tern_torch INTERFACE FMT_HEADER_ONLY)
add_library(tern_fmt INTERFACE)
target_compile_definitions(tern_fmt INTERFACE FMT_HEADER_ONLY)
get_target_property(torch_include tern_torch INTERFACE_INCLUDE_DIRECTORIES)
target_include_directories(tern_fmt SYSTEM INTERFACE ${torch_include})
