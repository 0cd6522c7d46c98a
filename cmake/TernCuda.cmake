# What a CUDA build has beyond a CPU build: the CUDA language, LibTorch's CUDA libraries in tern_torch, and
#
#   tern_cuda_library(NAME source.cu ...)   static library of CUDA sources
#
# CMAKE_CUDA_ARCHITECTURES is the list of GPUs to compile for. The default is what a release holds; a list like
# "80;90a" (-DCMAKE_CUDA_ARCHITECTURES=80\;90a) compiles faster.
find_program(tern_cuda_compiler nvcc HINTS ENV CUDACXX PATHS /usr/local/cuda/bin)
if(NOT tern_cuda_compiler)
  message(FATAL_ERROR "The cuda preset needs an installed CUDA 13 toolkit: no nvcc on PATH, in CUDACXX or in "
    "/usr/local/cuda. On a machine without one use the cpu preset; its tests run the kernels' proofs all the same.")
endif()
if(NOT CMAKE_CUDA_COMPILER)
  set(CMAKE_CUDA_COMPILER ${tern_cuda_compiler})
endif()
# The last entry keeps code for GPUs that don't exist yet.
set(CMAKE_CUDA_ARCHITECTURES 80-real 86-real 89-real 90a-real 100a-real 120 CACHE STRING
  "GPU architectures to compile CUDA kernels for")
enable_language(CUDA)
if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25 doesn't know that nvcc speaks C++20
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
endif()
set(CMAKE_CUDA_STANDARD 20)
set(CMAKE_CUDA_EXTENSIONS OFF)
# One libcudart in a process: the one that torch_cuda loads.
set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)
set(CMAKE_CUDA_FLAGS_RELEASE "-O3 -DNDEBUG")

foreach(library libtorch_cuda.so libc10_cuda.so)
  if(NOT EXISTS ${torch_root}/lib/${library})
    message(FATAL_ERROR "${torch_root}/lib has no ${library}. Run scripts/get_cuda_libtorch.sh, or name a LibTorch "
      "with CUDA by TERN_LIBTORCH.")
  endif()
endforeach()
# Nothing refers to torch_cuda by a symbol: it registers itself when it is loaded.
target_link_options(tern_torch INTERFACE -Wl,--no-as-needed)
target_link_libraries(tern_torch INTERFACE ${torch_root}/lib/libtorch_cuda.so ${torch_root}/lib/libc10_cuda.so)

function(tern_cuda_library name)
  add_library(${name} STATIC ${ARGN})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR})
  # The flags of the kernel proofs (cmake/TernNvcc.cmake).
  target_compile_options(${name} PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:--expt-relaxed-constexpr -Xcompiler=-Wall,-Werror>)
endfunction()
