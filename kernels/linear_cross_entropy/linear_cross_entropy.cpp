#include "kernels/linear_cross_entropy/linear_cross_entropy.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "kernels/common/check.h"
#include "kernels/linear_cross_entropy/linear_cross_entropy_tiles.h"

namespace tern::kernels {
namespace {

constexpr const char* kOp = "linear_cross_entropy";
constexpr int64_t kSliceElements = int64_t{1} << 20;  // of float32 copies of gradients, on the CPU

at::ScalarType loss_dtype(const at::Tensor& hidden) {
  return hidden.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

// Labels as int64, after all checks of the forward arguments.
at::Tensor check(const at::Tensor& hidden, const at::Tensor& weight, const at::Tensor& labels,
                 const CrossEntropyOptions& options) {
  ArgumentCheck(kOp, "hidden", hidden).on_cpu_or_cuda().floating().min_dims(2).contiguous();
  ArgumentCheck(kOp, "weight", weight)
      .device_of("hidden", hidden)
      .dtype_of("hidden", hidden)
      .shape({-1, hidden.size(-1)})
      .contiguous();
  ArgumentCheck(kOp, "labels", labels).device_of("hidden", hidden);
  return check_cross_entropy_labels(kOp, labels, hidden.sizes().slice(0, hidden.dim() - 1), weight.size(0), options);
}

CrossEntropyResult allocate_rows(const at::Tensor& hidden, int64_t rows) {
  const auto integers = hidden.options().dtype(at::kLong);
  return {.loss = at::empty({rows}, hidden.options().dtype(loss_dtype(hidden))),
          .argmax = at::empty({rows}, integers),
          .valid_count = {},
          .correct_count = {}};
}

// Runs body(first row, number of rows, room for the chunk's logits) over all rows.
template <class Body>
void for_each_chunk(const at::Tensor& hidden, const at::Tensor& weight, int64_t rows, int64_t chunk_bytes,
                    const Body& body) {
  const int64_t row_bytes = weight.size(0) * static_cast<int64_t>(hidden.element_size());
  const int64_t chunk_rows = std::clamp<int64_t>(chunk_bytes / row_bytes, 1, std::max<int64_t>(rows, 1));
  const at::Tensor room = at::empty({chunk_rows, weight.size(0)}, hidden.options());
  for (int64_t first = 0; first < rows; first += chunk_rows) {
    const int64_t count = std::min(chunk_rows, rows - first);
    body(first, count, room.narrow(0, 0, count));
  }
}

// sum[V, D] += d_logits[N, V]^T hidden[N, D], with products that are not rounded to the inputs' dtype.
void add_weight_gradient(at::Tensor& sum, const at::Tensor& d_logits, const at::Tensor& hidden) {
  if (sum.scalar_type() == hidden.scalar_type()) {
    sum.addmm_(d_logits.t(), hidden);
  } else if (sum.is_cuda()) {
    at::addmm_out(sum, sum, d_logits.t(), hidden, sum.scalar_type());
  } else {  // ATen has no such product on the CPU; the gradients are widened a slice of columns at a time
    const at::Tensor wide = hidden.to(sum.scalar_type());
    const int64_t width = d_logits.size(1), step = std::max<int64_t>(kSliceElements / d_logits.size(0), 1);
    for (int64_t first = 0; first < width; first += step) {
      const int64_t count = std::min(step, width - first);
      const at::Tensor slice = d_logits.narrow(1, first, count).to(sum.scalar_type());
      sum.narrow(0, first, count).addmm_(slice.t(), wide);
    }
  }
}

void keep(CrossEntropyResult& all, const CrossEntropyResult& chunk, int64_t first, int64_t count) {
  all.loss.narrow(0, first, count).copy_(chunk.loss);
  all.argmax.narrow(0, first, count).copy_(chunk.argmax);
}

// Gives the rows the shape of the labels and counts per sequence.
CrossEntropyResult finish(CrossEntropyResult rows, const at::Tensor& labels, const CrossEntropyOptions& options) {
  rows.loss = rows.loss.view(labels.sizes());
  rows.argmax = rows.argmax.view(labels.sizes());
  const at::Tensor valid = labels.ne(options.ignore_index);
  rows.valid_count = valid.sum(-1);
  rows.correct_count = valid.logical_and(labels.eq(rows.argmax)).sum(-1);
  return rows;
}

}  // namespace

CrossEntropyResult linear_cross_entropy_forward(const at::Tensor& hidden, const at::Tensor& weight,
                                                const at::Tensor& labels, const CrossEntropyOptions& options,
                                                int64_t chunk_bytes) {
  const at::NoGradGuard no_grad;
  const at::Tensor wide_labels = check(hidden, weight, labels, options);
  const int64_t rows = labels.numel();
  const at::Tensor flat_hidden = hidden.view({rows, hidden.size(-1)}), flat_labels = wide_labels.view({rows});
  CrossEntropyResult all = allocate_rows(hidden, rows);
  if (can_use_tiles(hidden, options)) {
    linear_cross_entropy_tiles({.hidden = flat_hidden,
                                .weight = weight,
                                .labels = flat_labels,
                                .row_weight = {},
                                .loss = all.loss,
                                .argmax = all.argmax,
                                .d_hidden = {},
                                .d_weight = {}},
                               options, chunk_bytes);
    return finish(std::move(all), wide_labels, options);
  }
  for_each_chunk(hidden, weight, rows, chunk_bytes, [&](int64_t first, int64_t count, at::Tensor logits) {
    at::mm_out(logits, flat_hidden.narrow(0, first, count), weight.t());
    keep(all, cross_entropy_forward(logits, flat_labels.narrow(0, first, count), options), first, count);
  });
  return finish(std::move(all), wide_labels, options);
}

CrossEntropyResult linear_cross_entropy_forward_backward(const at::Tensor& hidden, const at::Tensor& weight,
                                                         const at::Tensor& labels, const at::Tensor& row_weight,
                                                         const CrossEntropyOptions& options, at::Tensor& d_hidden,
                                                         at::Tensor& d_weight, int64_t chunk_bytes) {
  const at::NoGradGuard no_grad;
  const at::Tensor wide_labels = check(hidden, weight, labels, options);
  ArgumentCheck(kOp, "row_weight", row_weight)
      .device_of("hidden", hidden)
      .dtype({loss_dtype(hidden)})
      .shape_of("labels", labels)
      .contiguous();
  allocate_if_undefined(d_hidden, hidden.sizes(), hidden, hidden.scalar_type());
  allocate_if_undefined(d_weight, weight.sizes(), weight, weight.scalar_type());
  ArgumentCheck(kOp, "d_hidden", d_hidden)
      .device_of("hidden", hidden)
      .dtype_of("hidden", hidden)
      .shape_of("hidden", hidden)
      .contiguous();
  ArgumentCheck(kOp, "d_weight", d_weight)
      .device_of("weight", weight)
      .dtype_of("weight", weight)
      .shape_of("weight", weight)
      .contiguous();

  const int64_t rows = labels.numel();
  const at::Tensor flat_hidden = hidden.view({rows, hidden.size(-1)}), flat_labels = wide_labels.view({rows});
  const at::Tensor flat_weight = row_weight.view({rows}), flat_d_hidden = d_hidden.view(flat_hidden.sizes());
  if (can_use_tiles(hidden, options)) {
    CrossEntropyResult tiled = allocate_rows(hidden, rows);
    linear_cross_entropy_tiles({.hidden = flat_hidden,
                                .weight = weight,
                                .labels = flat_labels,
                                .row_weight = flat_weight,
                                .loss = tiled.loss,
                                .argmax = tiled.argmax,
                                .d_hidden = flat_d_hidden,
                                .d_weight = d_weight},
                               options, chunk_bytes);
    return finish(std::move(tiled), wide_labels, options);
  }
  const bool is_wide = weight.scalar_type() == loss_dtype(hidden);
  at::Tensor sum = is_wide ? d_weight.zero_() : at::zeros(weight.sizes(), weight.options().dtype(at::kFloat));
  CrossEntropyResult all = allocate_rows(hidden, rows);
  for_each_chunk(hidden, weight, rows, chunk_bytes, [&](int64_t first, int64_t count, at::Tensor logits) {
    const at::Tensor in = flat_hidden.narrow(0, first, count);
    at::mm_out(logits, in, weight.t());
    keep(all,
         cross_entropy_forward_backward(logits, flat_labels.narrow(0, first, count),
                                        flat_weight.narrow(0, first, count), options, logits),
         first, count);
    // The weight's share first: d_hidden may overwrite this chunk of hidden.
    add_weight_gradient(sum, logits, in);
    at::Tensor out = flat_d_hidden.narrow(0, first, count);
    at::mm_out(out, logits, weight);
  });
  if (!is_wide) d_weight.copy_(sum);
  return finish(std::move(all), wide_labels, options);
}

}  // namespace tern::kernels
