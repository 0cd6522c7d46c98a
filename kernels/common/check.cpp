#include "kernels/common/check.h"

#include <ATen/ops/empty.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"

namespace tern::kernels {
namespace {

std::string list(at::IntArrayRef sizes) {
  return fmt::format("[{}]", fmt::join(sizes, ", "));
}

std::string name(at::ScalarType type) {
  switch (type) {
    case at::kFloat: return "float32";
    case at::kDouble: return "float64";
    case at::kBFloat16: return "bfloat16";
    case at::kHalf: return "float16";
    case at::kInt: return "int32";
    case at::kLong: return "int64";
    default: return c10::toString(type);
  }
}

}  // namespace

void bad_argument(std::string_view op, std::string_view argument, std::string_view expected, std::string_view got) {
  throw Error(ErrorKind::usage, fmt::format("[{}] {} must be {}", op, argument, expected), fmt::format("got {}", got));
}

ArgumentCheck::ArgumentCheck(std::string_view op, std::string_view argument, const at::Tensor& tensor)
    : op_(op), argument_(argument), tensor_(tensor) {
  if (!tensor.defined()) fail("a tensor", "an undefined tensor");
}

void ArgumentCheck::fail(const std::string& expected, const std::string& got) const {
  bad_argument(op_, argument_, expected, got);
}

const ArgumentCheck& ArgumentCheck::dtype(std::initializer_list<at::ScalarType> allowed) const {
  for (auto type : allowed) {
    if (tensor_.scalar_type() == type) return *this;
  }
  std::string names;
  for (auto type : allowed) names += (names.empty() ? "" : " or ") + name(type);
  fail("of dtype " + names, name(tensor_.scalar_type()));
}

const ArgumentCheck& ArgumentCheck::dtype_of(std::string_view other_name, const at::Tensor& other) const {
  if (tensor_.scalar_type() == other.scalar_type()) return *this;
  fail(fmt::format("of the dtype of {} ({})", other_name, name(other.scalar_type())), name(tensor_.scalar_type()));
}

const ArgumentCheck& ArgumentCheck::floating() const {
  return dtype({at::kFloat, at::kBFloat16, at::kDouble});
}

const ArgumentCheck& ArgumentCheck::shape(at::IntArrayRef sizes) const {
  bool fits = tensor_.dim() == static_cast<int64_t>(sizes.size());
  for (size_t i = 0; fits && i < sizes.size(); ++i) {
    fits = sizes[i] == -1 || sizes[i] == tensor_.size(static_cast<int64_t>(i));
  }
  if (fits) return *this;
  fail("of shape " + list(sizes), list(tensor_.sizes()));
}

const ArgumentCheck& ArgumentCheck::shape_of(std::string_view other_name, const at::Tensor& other) const {
  if (tensor_.sizes() == other.sizes()) return *this;
  fail(fmt::format("of the shape of {} {}", other_name, list(other.sizes())), list(tensor_.sizes()));
}

const ArgumentCheck& ArgumentCheck::min_dims(int64_t dims) const {
  if (tensor_.dim() >= dims) return *this;
  fail(fmt::format("of at least {} dimension{}", dims, dims == 1 ? "" : "s"), "shape " + list(tensor_.sizes()));
}

const ArgumentCheck& ArgumentCheck::width(int64_t size) const {
  if (tensor_.dim() > 0 && tensor_.size(-1) == size) return *this;
  fail(fmt::format("of last dimension {}", size), "shape " + list(tensor_.sizes()));
}

const ArgumentCheck& ArgumentCheck::max_cuda_width(int64_t size) const {
  if (!tensor_.is_cuda() || tensor_.size(-1) <= size) return *this;
  fail(fmt::format("of last dimension {} at most on a GPU", size), "shape " + list(tensor_.sizes()));
}

const ArgumentCheck& ArgumentCheck::contiguous() const {
  if (tensor_.is_contiguous()) return *this;
  fail("contiguous", "strides " + list(tensor_.strides()));
}

const ArgumentCheck& ArgumentCheck::on_cpu() const {
  if (tensor_.is_cpu()) return *this;
  fail("on the CPU", "device " + tensor_.device().str());
}

const ArgumentCheck& ArgumentCheck::on_cpu_or_cuda() const {
  if (tensor_.is_cpu()) return *this;
  if (!tensor_.is_cuda()) fail("on the CPU or a GPU", "device " + tensor_.device().str());
  const at::ScalarType type = tensor_.scalar_type();
  if (type == at::kFloat || type == at::kBFloat16) return *this;
  fail("of dtype float32 or bfloat16 on a GPU", name(type));
}

const ArgumentCheck& ArgumentCheck::device_of(std::string_view other_name, const at::Tensor& other) const {
  if (tensor_.device() == other.device()) return *this;
  fail(fmt::format("on the device of {} ({})", other_name, other.device().str()), tensor_.device().str());
}

void allocate_if_undefined(at::Tensor& output, at::IntArrayRef sizes, const at::Tensor& like, at::ScalarType dtype) {
  if (!output.defined()) output = at::empty(sizes, like.options().dtype(dtype));
}

int64_t row_count(const at::Tensor& tensor) {
  const int64_t width = tensor.size(-1);
  return width == 0 ? 0 : tensor.numel() / width;
}

}  // namespace tern::kernels
