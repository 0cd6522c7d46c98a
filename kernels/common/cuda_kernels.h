// Where the CUDA half of an op meets the host half, without a symbol of CUDA in programs of CPU builds:
//
//   <op>_cuda.h    a struct of function pointers, usually a template over the element type (float, Bf16)
//   <op>_cuda.cu   fills it in before main, by a CudaRegistration; only CUDA builds compile and link it
//   <op>.cpp       takes it from cuda_kernels (kernels/common/cuda_dispatch.h)
//
// Included by nvcc's files too: no ATen here, and no CUDA header.
#pragma once

struct CUstream_st;

namespace tern::kernels {

using CudaStream = CUstream_st*;  // the same type as cudaStream_t

struct Bf16;  // kernels/simt/tile_ops.h

// Null until registered.
template <class Kernels>
inline const Kernels* registered_cuda_kernels = nullptr;

// A static object of this type lends its kernels to the program.
template <class Kernels>
class CudaRegistration {
 public:
  explicit CudaRegistration(const Kernels& kernels) : kernels_(kernels) {
    registered_cuda_kernels<Kernels> = &kernels_;
  }
  ~CudaRegistration() { registered_cuda_kernels<Kernels> = nullptr; }
  CudaRegistration(const CudaRegistration&) = delete;
  CudaRegistration& operator=(const CudaRegistration&) = delete;

 private:
  Kernels kernels_;
};

}  // namespace tern::kernels
