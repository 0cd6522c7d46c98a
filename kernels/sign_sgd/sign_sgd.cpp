#include "kernels/sign_sgd/sign_sgd.h"

#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "kernels/common/check.h"
#include "kernels/common/cuda_dispatch.h"
#include "kernels/sign_sgd/sign_sgd_cpu.h"
#include "kernels/sign_sgd/sign_sgd_cuda.h"

namespace tern::kernels {
namespace {

constexpr const char* kOp = "sign_sgd";

std::vector<int64_t> checked_ids(const at::Tensor& device_ids, int64_t num_rows) {
  const at::Tensor ids = device_ids.cpu();
  std::vector<int64_t> values(static_cast<size_t>(ids.numel()));
  if (ids.scalar_type() == at::kInt) {
    std::copy_n(ids.const_data_ptr<int32_t>(), values.size(), values.begin());
  } else {
    std::copy_n(ids.const_data_ptr<int64_t>(), values.size(), values.begin());
  }
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] < 0 || values[i] >= num_rows) {
      bad_argument(kOp, "ids", fmt::format("in 0..{}", num_rows - 1), fmt::format("ids[{}] = {}", i, values[i]));
    }
  }
  return values;
}

std::vector<RowSegment> segments_of(const std::vector<int64_t>& ids, const std::vector<int64_t>& order) {
  std::vector<RowSegment> segments;
  for (int64_t i = 0; i < static_cast<int64_t>(order.size()); ++i) {
    const int64_t id = ids[static_cast<size_t>(order[static_cast<size_t>(i)])];
    if (segments.empty() || segments.back().row != id) segments.push_back({id, i, i});
    segments.back().end = i + 1;
  }
  return segments;
}

void run_on_cuda(const at::Tensor& weights, const at::Tensor& grads, const at::Tensor& ids, const SignSgdStep& step) {
  const auto count = static_cast<int>(ids.size(0));
  const at::Tensor wide_ids = ids.to(at::kLong);
  const at::Tensor scratch = at::zeros({count + 1}, ids.options().dtype(at::kInt));
  with_cuda_type(grads, [&]<class G>(CudaStream stream) {
    int* order = cuda_data<int>(scratch);
    cuda_kernels<SignSgdCuda<G>>(kOp).step(cuda_data<float>(weights), cuda_data<const G>(grads),
                                           cuda_data<const int64_t>(wide_ids), order, order + count, count,
                                           weights.size(0), static_cast<int>(weights.size(1)), step, stream);
  });
}

}  // namespace

void sign_sgd_sparse_step(at::Tensor& weights, const at::Tensor& grads, const at::Tensor& ids, double lr,
                          double weight_decay) {
  ArgumentCheck(kOp, "weights", weights).on_cpu_or_cuda().dtype({at::kFloat, at::kDouble}).shape({-1, -1}).contiguous();
  const bool is_double = weights.scalar_type() == at::kDouble;
  ArgumentCheck(kOp, "ids", ids).device_of("weights", weights).dtype({at::kInt, at::kLong}).shape({-1}).contiguous();
  ArgumentCheck(kOp, "grads", grads)
      .device_of("weights", weights)
      .dtype({weights.scalar_type(), is_double ? at::kDouble : at::kBFloat16})
      .shape({ids.size(0), weights.size(1)})
      .contiguous();
  if (!(lr >= 0)) bad_argument(kOp, "lr", "0 or more", fmt::format("{}", lr));
  if (!(weight_decay >= 0)) bad_argument(kOp, "weight_decay", "0 or more", fmt::format("{}", weight_decay));

  const std::vector<int64_t> values = checked_ids(ids, weights.size(0));
  if (weights.is_cuda()) {
    const SignSgdStep step{static_cast<float>(1 - lr * weight_decay), static_cast<float>(lr)};
    run_on_cuda(weights, grads, ids, step);
    return;
  }
  std::vector<int64_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return values[static_cast<size_t>(a)] < values[static_cast<size_t>(b)];
  });
  const std::vector<RowSegment> segments = segments_of(values, order);

  const auto run = [&]<class W, class G>() {
    with_cpu_level([&]<CpuLevel level>() {
      sign_sgd_cpu<level>(weights.mutable_data_ptr<W>(), grads.const_data_ptr<G>(), order.data(), segments.data(),
                          static_cast<int64_t>(segments.size()), weights.size(1), lr, weight_decay);
    });
  };
  if (is_double) {
    run.operator()<double, double>();
  } else if (grads.scalar_type() == at::kBFloat16) {
    run.operator()<float, c10::BFloat16>();
  } else {
    run.operator()<float, float>();
  }
}

}  // namespace tern::kernels
