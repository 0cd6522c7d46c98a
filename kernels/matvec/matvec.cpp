#include "kernels/matvec/matvec.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/round.h>

#include <string>
#include <vector>

#include "kernels/common/check.h"
#include "kernels/matvec/matvec_cpu.h"

namespace tern::kernels {
namespace {

constexpr const char* kOp = "matvec";

void check_weight(const std::string& name, const MatvecWeight& weight, const at::Tensor& x, const MatvecWeight& first) {
  ArgumentCheck(kOp, name, weight.values)
      .on_cpu()
      .dtype({at::kFloat, at::kBFloat16, at::kChar})
      .dtype_of("weights[0]", first.values)
      .shape({-1, x.size(1)})
      .contiguous();
  if (weight.values.scalar_type() != at::kChar) return;
  ArgumentCheck(kOp, name + ".scales", weight.scales)
      .on_cpu()
      .dtype({at::kFloat})
      .shape({weight.values.size(0)})
      .contiguous();
}

template <class W>
void run(const at::Tensor& x, std::span<const MatvecWeight> weights, at::Tensor& y) {
  std::vector<MatvecPart<W>> parts;
  for (const MatvecWeight& weight : weights) {
    parts.push_back({weight.values.const_data_ptr<W>(),
                     weight.scales.defined() ? weight.scales.const_data_ptr<float>() : nullptr, weight.values.size(0)});
  }
  with_cpu_level([&]<CpuLevel level>() {
    matvec_cpu<level>(x.const_data_ptr<float>(), x.size(0), x.size(1), parts.data(), static_cast<int64_t>(parts.size()),
                      y.mutable_data_ptr<float>());
  });
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

void matvec(const at::Tensor& x, std::span<const MatvecWeight> weights, at::Tensor& y) {
  ArgumentCheck(kOp, "x", x).on_cpu().dtype({at::kFloat}).shape({-1, -1}).contiguous();
  if (weights.empty()) bad_argument(kOp, "weights", "one or more", "none");
  int64_t out = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    check_weight("weights[" + std::to_string(i) + "]", weights[i], x, weights[0]);
    out += weights[i].values.size(0);
  }
  allocate_if_undefined(y, {x.size(0), out}, x, at::kFloat);
  ArgumentCheck(kOp, "y", y).on_cpu().dtype({at::kFloat}).shape({x.size(0), out}).contiguous();
  switch (weights[0].values.scalar_type()) {
    case at::kChar: return run<int8_t>(x, weights, y);
    case at::kBFloat16: return run<c10::BFloat16>(x, weights, y);
    default: return run<float>(x, weights, y);
  }
}

}  // namespace tern::kernels
