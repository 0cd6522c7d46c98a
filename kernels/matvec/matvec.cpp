#include "kernels/matvec/matvec.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/round.h>

#include <algorithm>
#include <string>
#include <utility>

#include "kernels/common/check.h"
#include "kernels/common/team.h"
#include "kernels/matvec/matvec_cpu.h"

namespace tern::kernels {
namespace {

constexpr const char* kOp = "matvec";

void check_weight(const std::string& name, const MatvecWeight& weight, const MatvecWeight& first) {
  ArgumentCheck check(kOp, name, weight.values);
  check.on_cpu().dtype({at::kFloat, at::kBFloat16, at::kChar}).shape({-1, -1}).contiguous();
  check.dtype_of("weights[0]", first.values).shape({-1, first.values.size(1)});
  if (weight.values.scalar_type() != at::kChar) return;
  ArgumentCheck(kOp, name + ".scales", weight.scales)
      .on_cpu()
      .dtype({at::kFloat})
      .shape({weight.values.size(0)})
      .contiguous();
}

template <class W>
void run(const MatvecPart& part, const float* x, int64_t rows, int64_t in, int64_t begin, int64_t end, float* y,
         int64_t stride) {
  with_cpu_level([&]<CpuLevel level>() { matvec_cpu<level, W>(x, rows, in, part, begin, end, y, stride); });
}

}  // namespace

MatvecWeight pack_matvec_weight(const at::Tensor& weight, at::ScalarType type) {
  ArgumentCheck(kOp, "weight", weight).on_cpu().dtype({at::kFloat}).shape({-1, -1}).contiguous();
  if (type == at::kFloat || type == at::kBFloat16) return {weight.detach().to(type), {}};
  if (type != at::kChar) bad_argument(kOp, "type", "float32, bfloat16 or int8", c10::toString(type));
  const at::Tensor values = weight.detach();
  // A row of zeros has any scale.
  const at::Tensor scales = (values.abs().amax({1}) / 127).clamp_min(1e-30);
  return {at::round(values / scales.unsqueeze(1)).to(at::kChar), scales};
}

at::Tensor unpack_matvec_weight(const MatvecWeight& weight) {
  const at::Tensor values = weight.values.to(at::kFloat);
  return weight.scales.defined() ? values * weight.scales.unsqueeze(1) : values;
}

Matvec::Matvec(std::vector<MatvecWeight> weights) : weights_(std::move(weights)) {
  if (weights_.empty()) bad_argument(kOp, "weights", "one or more", "none");
  for (size_t i = 0; i < weights_.size(); ++i) {
    check_weight("weights[" + std::to_string(i) + "]", weights_[i], weights_[0]);
    out_ += weights_[i].values.size(0);
  }
}

void Matvec::compute(const float* x, int64_t rows, int64_t begin, int64_t end, float* y) const {
  int64_t first = 0;
  for (const MatvecWeight& weight : weights_) {
    const MatvecPart part{.values = weight.values.const_data_ptr(),
                          .scales = weight.scales.defined() ? weight.scales.const_data_ptr<float>() : nullptr,
                          .first = first,
                          .out = weight.values.size(0)};
    first += part.out;
    const int64_t from = std::max(begin, part.first), to = std::min(end, first);
    if (from >= to) continue;
    switch (dtype()) {
      case at::kChar: run<int8_t>(part, x, rows, in(), from, to, y, out_); break;
      case at::kBFloat16: run<c10::BFloat16>(part, x, rows, in(), from, to, y, out_); break;
      default: run<float>(part, x, rows, in(), from, to, y, out_);
    }
  }
}

void matvec(const at::Tensor& x, std::span<const MatvecWeight> weights, at::Tensor& y) {
  const Matvec product({weights.begin(), weights.end()});
  ArgumentCheck(kOp, "x", x).on_cpu().dtype({at::kFloat}).shape({-1, product.in()}).contiguous();
  allocate_if_undefined(y, {x.size(0), product.out()}, x, at::kFloat);
  ArgumentCheck(kOp, "y", y).on_cpu().dtype({at::kFloat}).shape({x.size(0), product.out()}).contiguous();
  const auto* from = x.const_data_ptr<float>();
  auto* to = y.mutable_data_ptr<float>();
  run_team([&](const Team& team) {
    const auto [begin, end] = team.share(product.out(), Matvec::kUnit);
    product.compute(from, x.size(0), begin, end, to);
  });
}

}  // namespace tern::kernels
