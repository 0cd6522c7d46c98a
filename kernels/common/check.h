// Argument checks of the fused ops. Each failure throws tern::Error (kind usage) that names the op, the argument, what
// was expected and what came: "[rms_norm] y must be contiguous, got strides [1, 4]". Checks come before any work, so a
// refused call has changed nothing.
#pragma once

#include <ATen/core/Tensor.h>

#include <initializer_list>
#include <string>
#include <string_view>

namespace tern::kernels {

// Throws the error described above.
[[noreturn]] void bad_argument(std::string_view op, std::string_view argument, std::string_view expected,
                               std::string_view got);

// A chain of requirements on one argument:
//   ArgumentCheck("rms_norm", "y", y).dtype_of("x", x).shape_of("x", x).contiguous();
// Every check but the constructor assumes a defined tensor, and the constructor makes sure of it.
class ArgumentCheck {
 public:
  ArgumentCheck(std::string_view op, std::string_view argument, const at::Tensor& tensor);

  const ArgumentCheck& dtype(std::initializer_list<at::ScalarType> allowed) const;
  const ArgumentCheck& dtype_of(std::string_view other_name, const at::Tensor& other) const;
  // float32, bfloat16 or float64: what every floating point op here takes.
  const ArgumentCheck& floating() const;

  // Exact sizes; -1 stands for any size.
  const ArgumentCheck& shape(at::IntArrayRef sizes) const;
  const ArgumentCheck& shape_of(std::string_view other_name, const at::Tensor& other) const;
  const ArgumentCheck& min_dims(int64_t dims) const;
  // Last dimension is `size`.
  const ArgumentCheck& width(int64_t size) const;
  // Last dimension is at most `size`, on a GPU.
  const ArgumentCheck& max_cuda_width(int64_t size) const;

  const ArgumentCheck& contiguous() const;
  // On the CPU: what an op without CUDA kernels takes.
  const ArgumentCheck& on_cpu() const;
  // On the CPU or a GPU; on a GPU of dtype float32 or bfloat16.
  const ArgumentCheck& on_cpu_or_cuda() const;
  const ArgumentCheck& device_of(std::string_view other_name, const at::Tensor& other) const;

 private:
  [[noreturn]] void fail(const std::string& expected, const std::string& got) const;

  std::string_view op_;
  std::string_view argument_;
  const at::Tensor& tensor_;
};

// Leaves a defined output alone and otherwise gives it memory: shape `sizes`, dtype, the device of `like`.
void allocate_if_undefined(at::Tensor& output, at::IntArrayRef sizes, const at::Tensor& like, at::ScalarType dtype);

// Product of all dimensions but the last; 0 for an empty tensor.
[[nodiscard]] int64_t row_count(const at::Tensor& tensor);

}  // namespace tern::kernels
