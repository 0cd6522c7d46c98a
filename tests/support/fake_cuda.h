// CUDA tensors on a machine without a GPU, for tests of everything between an op's call and its launch: host memory
// that claims to lie on a device, a stand-in for LibTorch's CUDA half that knows devices and streams, and every ATen op
// on such tensors, computed by its CPU kernel. An op whose tensors lie on different devices throws, as on a GPU. Not
// for CUDA builds, which have the real one.
#pragma once

#include <ATen/core/Tensor.h>

namespace tern::test {

// Fakes two devices from now on, until the program ends. Their current streams have the handles 0x100 and 0x101.
void install_fake_cuda();
[[nodiscard]] void* fake_stream_handle(int device);
// Index of the device that is current now.
[[nodiscard]] int fake_current_device();

// The same memory as `host`, which the result keeps alive, as a tensor on device cuda:<device>. Same sizes and strides.
[[nodiscard]] at::Tensor as_cuda(const at::Tensor& host, int device = 0);

}  // namespace tern::test
