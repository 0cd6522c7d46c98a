// One kernel source, two compilers: nvcc gets CUDA itself, the host compiler gets an emulation in which every CUDA
// thread is a fiber. A kernel's .cuh includes this file, tile_ops.h and kernels/common/*.cuh, nothing else.
//
// What both sides define beyond CUDA's own names:
//   SIMT_PARAM                          kernel parameter passed by value and never copied to local memory
//   SIMT_SHARED(type, name)             static shared variable
//   SIMT_SHARED_ARRAY(type, name, n)    static shared array
//   SIMT_DYN_SHARED(name)               dynamic shared memory as unsigned char*, 128-byte aligned
//   SIMT_LAUNCH(kernel, grid, block, shared_bytes, stream, args...)
//                                       launch; put a template kernel in parentheses: (f<64, true>). Throws on failure,
//                                       naming kernel, grid, block and shared memory
//   kSharedRedzone, shared_redzone(p)   gap to leave between parts of dynamic shared memory: 0 bytes on the device,
//                                       128 poisoned bytes under AddressSanitizer
#pragma once

#if defined(__CUDACC__)
#include "kernels/simt/simt_nvcc.h"
#else
#include "kernels/simt/simt_host.h"
#endif
