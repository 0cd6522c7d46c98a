# The CUDA compiler for kernel proofs, which need no GPU and no toolkit:
#
#   TERN_NVCC        nvcc of an installed toolkit, else out of the PyPI wheels that scripts/get_nvcc.sh unpacks
#   TERN_CUOBJDUMP   cuobjdump and nvdisasm for the instruction counts (scripts/get_sass_tools.sh)
#   TERN_CUDA_INCLUDE  headers of that toolkit (cuda_occupancy.h)
#
# A tool that isn't there is left empty, with one line that says what is skipped.
#
#   tern_ptx(OUT_VARIABLE source.cu ARCHES 80 100a)
#
# compiles a .cu to PTX per architecture and puts the files' paths into OUT_VARIABLE.
#
#   tern_cubin_reports(OUT_VARIABLE source.cu ARCHES 80 90a)
#
# compiles it to machine code per architecture and puts the paths of ptxas's reports (.ptxas) into OUT_VARIABLE; the
# disassembly lies beside each (.sass) where TERN_CUOBJDUMP was found.
include_guard(GLOBAL)

if(NOT TERN_DEPS)
  if(DEFINED ENV{TERN_DEPS})
    set(TERN_DEPS $ENV{TERN_DEPS})
  else()
    set(TERN_DEPS $ENV{HOME}/.cache/tern)
  endif()
endif()

find_program(TERN_NVCC nvcc HINTS ENV CUDACXX PATHS /usr/local/cuda/bin ${TERN_DEPS}/nvcc-13.0/nvidia/cu13/bin
  DOC "CUDA compiler for the kernel proofs")
find_program(TERN_CUOBJDUMP cuobjdump PATHS ${TERN_DEPS}/sass-tools-13.5/nvidia/cu13/bin
  NO_DEFAULT_PATH DOC "cuobjdump that reads the cubins of every supported architecture")
if(TERN_NVCC)
  get_filename_component(tern_nvcc_real ${TERN_NVCC} REALPATH)
  get_filename_component(tern_nvcc_bin ${tern_nvcc_real} DIRECTORY)
  find_path(TERN_CUDA_INCLUDE cuda_occupancy.h PATHS ${tern_nvcc_bin}/../include ${tern_nvcc_bin}/../targets/x86_64-linux/include
    NO_DEFAULT_PATH)
  message(STATUS "Kernel proofs: nvcc ${TERN_NVCC}")
else()
  message(STATUS "Kernel proofs: no nvcc, PTX and static checks are skipped (scripts/get_nvcc.sh fetches one)")
endif()
if(TERN_NVCC AND NOT TERN_CUOBJDUMP)
  message(STATUS "Kernel proofs: no cuobjdump, instruction counts are skipped (scripts/get_sass_tools.sh fetches it)")
endif()

# Flags shared by every compilation of a kernel. The host side of nvcc is g++ in C++20, as everywhere.
set(tern_nvcc_flags -std=c++20 -O3 -I${CMAKE_SOURCE_DIR} --expt-relaxed-constexpr)

function(tern_ptx out source)
  cmake_parse_arguments(ARG "" "" "ARCHES" ${ARGN})
  get_filename_component(name ${source} NAME_WE)
  get_filename_component(source ${source} ABSOLUTE)
  set(files)
  foreach(arch IN LISTS ARG_ARCHES)
    set(file ${CMAKE_CURRENT_BINARY_DIR}/${name}.compute_${arch}.ptx)
    add_custom_command(OUTPUT ${file}
      COMMAND ${TERN_NVCC} ${tern_nvcc_flags} -arch=compute_${arch} -ptx ${source} -o ${file} -MD -MF ${file}.d -MT ${file}
      DEPENDS ${source} DEPFILE ${file}.d VERBATIM)
    list(APPEND files ${file})
  endforeach()
  set(${out} ${files} PARENT_SCOPE)
endfunction()

function(tern_cubin_reports out source)
  cmake_parse_arguments(ARG "" "" "ARCHES" ${ARGN})
  get_filename_component(name ${source} NAME_WE)
  get_filename_component(source ${source} ABSOLUTE)
  set(files)
  foreach(arch IN LISTS ARG_ARCHES)
    set(stem ${CMAKE_CURRENT_BINARY_DIR}/${name}.sm_${arch})
    set(disassemble)
    if(TERN_CUOBJDUMP)
      set(disassemble COMMAND ${TERN_CUOBJDUMP} -sass ${stem}.cubin > ${stem}.sass)
    endif()
    add_custom_command(OUTPUT ${stem}.ptxas
      COMMAND ${TERN_NVCC} ${tern_nvcc_flags} -arch=sm_${arch} -cubin -Xptxas -v ${source} -o ${stem}.cubin
        -MD -MF ${stem}.d -MT ${stem}.ptxas 2> ${stem}.ptxas
      ${disassemble}
      DEPENDS ${source} DEPFILE ${stem}.d VERBATIM)
    list(APPEND files ${stem}.ptxas)
  endforeach()
  set(${out} ${files} PARENT_SCOPE)
endfunction()
