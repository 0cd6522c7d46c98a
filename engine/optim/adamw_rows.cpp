#include "engine/optim/adamw_rows.h"

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <array>

namespace tern {

namespace {

constexpr int64_t kSliceElements = int64_t{1} << 20;  // small enough for a processor's cache, enough for its threads

at::Tensor narrow(const at::Tensor& tensor, int64_t first, int64_t count) {
  return tensor.defined() ? tensor.narrow(0, first, count) : tensor;
}

}  // namespace

// Slice by slice of rows, with the gradient of a slice dense in a scratch tensor that is zero in between.
void adamw_step_rows(const kernels::AdamTensor& table, const kernels::RowGradients& gradient,
                     const kernels::AdamOptions& options, double eps) {
  const int64_t rows = table.param.size(0), width = gradient.values.size(1);
  const int64_t slice_rows =
      std::clamp<int64_t>(kSliceElements / std::max<int64_t>(width, 1), 1, std::max<int64_t>(rows, 1));
  at::Tensor scratch = at::zeros({slice_rows, width}, gradient.values.options());
  for (int64_t first = 0; first < rows; first += slice_rows) {
    const int64_t count = std::min(slice_rows, rows - first);
    const kernels::RowGradients slice = gradient.narrow(first, count);
    scratch.index_copy_(0, slice.rows, slice.values);
    const std::array tensors = {kernels::AdamTensor{.param = narrow(table.param, first, count),
                                                    .grad = narrow(scratch, 0, count),
                                                    .exp_avg = narrow(table.exp_avg, first, count),
                                                    .exp_avg_sq = narrow(table.exp_avg_sq, first, count),
                                                    .ema = narrow(table.ema, first, count),
                                                    .shadow = narrow(table.shadow, first, count)}};
    kernels::adamw_step(tensors, options, eps);
    scratch.index_fill_(0, slice.rows, 0);
  }
}

}  // namespace tern
