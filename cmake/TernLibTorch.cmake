# Defines tern_torch, the one target that brings LibTorch.
#
# CPU builds link only torch_cpu and c10: find_package(Torch) of the PyPI wheel refuses to configure without a CUDA
# toolkit although nothing of it is needed. CUDA builds use find_package(Torch), which honours CMAKE_PREFIX_PATH and
# Torch_DIR. TERN_LIBTORCH names the folder with lib/ and include/ that scripts/bootstrap.sh prepares.
if(DEFINED ENV{TERN_DEPS})
  set(tern_deps_default $ENV{TERN_DEPS})
else()
  set(tern_deps_default $ENV{HOME}/.cache/tern)
endif()
set(TERN_DEPS ${tern_deps_default} CACHE PATH "Folder of downloaded dependencies, outside the clone")
set(TERN_LIBTORCH "" CACHE PATH "LibTorch folder (with lib/ and include/)")

add_library(tern_torch INTERFACE)

if(TERN_CUDA)
  if(TERN_LIBTORCH)
    list(APPEND CMAKE_PREFIX_PATH ${TERN_LIBTORCH})
  endif()
  find_package(Torch REQUIRED)
  target_link_libraries(tern_torch INTERFACE ${TORCH_LIBRARIES})
  target_include_directories(tern_torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
else()
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
  target_include_directories(tern_torch SYSTEM INTERFACE
    ${torch_root}/include ${torch_root}/include/torch/csrc/api/include)
  target_compile_definitions(tern_torch INTERFACE USE_DISTRIBUTED USE_C10D_GLOO)
  target_link_libraries(tern_torch INTERFACE ${torch_root}/lib/libtorch_cpu.so ${torch_root}/lib/libc10.so)
  # torch_cpu needs cupti and cudart, which lie beside it and are found by its own RPATH at run time.
  target_link_options(tern_torch INTERFACE -Wl,--allow-shlib-undefined -Wl,-rpath,${torch_root}/lib)
endif()

# fmt is torch's own copy, used header-only: torch's include path shadows any fmt of the system.
target_compile_definitions(tern_torch INTERFACE FMT_HEADER_ONLY)
add_library(tern_fmt INTERFACE)
target_compile_definitions(tern_fmt INTERFACE FMT_HEADER_ONLY)
get_target_property(torch_include tern_torch INTERFACE_INCLUDE_DIRECTORIES)
target_include_directories(tern_fmt SYSTEM INTERFACE ${torch_include})
