#include "kernels/cross_entropy/cross_entropy.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <algorithm>

#include "kernels/common/check.h"
#include "kernels/common/cuda_dispatch.h"
#include "kernels/cross_entropy/cross_entropy_cpu.h"
#include "kernels/cross_entropy/cross_entropy_cuda.h"

namespace tern::kernels {
namespace {

constexpr const char* kOp = "cross_entropy";

at::ScalarType loss_dtype(const at::Tensor& logits, const CrossEntropyOptions& options) {
  return options.float64_loss || logits.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

int64_t vocab_of(int64_t width, const CrossEntropyOptions& options) {
  return options.vocab == 0 ? width : options.vocab;
}

// Returns the labels as int64.
at::Tensor check(const at::Tensor& logits, const at::Tensor& labels, const CrossEntropyOptions& options) {
  ArgumentCheck(kOp, "logits", logits).on_cpu_or_cuda().floating().min_dims(2).contiguous();
  if (logits.size(-1) == 0) bad_argument(kOp, "logits", "of last dimension 1 or more", "0");
  ArgumentCheck(kOp, "labels", labels).device_of("logits", logits);
  if (options.float64_loss && !logits.is_cpu()) bad_argument(kOp, "logits", "on the CPU, for float64_loss", "on a GPU");
  return check_cross_entropy_labels(kOp, labels, logits.sizes().slice(0, logits.dim() - 1), logits.size(-1), options);
}

void check_backward(const at::Tensor& logits, const at::Tensor& row_grad, const CrossEntropyOptions& options,
                    at::Tensor& d_logits) {
  ArgumentCheck(kOp, "row_grad", row_grad)
      .device_of("logits", logits)
      .dtype({loss_dtype(logits, options)})
      .shape(logits.sizes().slice(0, logits.dim() - 1))
      .contiguous();
  allocate_if_undefined(d_logits, logits.sizes(), logits, logits.scalar_type());
  ArgumentCheck(kOp, "d_logits", d_logits)
      .device_of("logits", logits)
      .dtype_of("logits", logits)
      .shape_of("logits", logits)
      .contiguous();
}

// Each of result, row_grad and d_logits may be null.
void run_on_cuda(const at::Tensor& logits, const at::Tensor& labels, const CrossEntropyOptions& options,
                 const CrossEntropyResult* result, const at::Tensor* row_grad, const at::Tensor* d_logits) {
  with_cuda_type(logits, [&]<class T>(CudaStream stream) {
    cuda_kernels<CrossEntropyCuda<T>>(kOp).launch(
        {.logits = cuda_data<const T>(logits),
         .labels = cuda_data<const int64_t>(labels),
         .row_grad = cuda_data<const float>(row_grad),
         .loss = result == nullptr ? nullptr : cuda_data<float>(result->loss),
         .argmax = result == nullptr ? nullptr : cuda_data<int64_t>(result->argmax),
         .valid_count = result == nullptr ? nullptr : cuda_data<int64_t>(result->valid_count),
         .correct_count = result == nullptr ? nullptr : cuda_data<int64_t>(result->correct_count),
         .d_logits = cuda_data<T>(d_logits),
         .rows = row_count(logits),
         .seq_len = std::max<int64_t>(labels.size(-1), 1),
         .ignore_index = options.ignore_index,
         .width = static_cast<int>(logits.size(-1)),
         .vocab = static_cast<int>(vocab_of(logits.size(-1), options)),
         .softcap = static_cast<float>(options.softcap)},
        options.kind == CrossEntropyKind::stablemax, stream);
  });
}

// The same; valid_count and correct_count are left to the caller on the CPU.
void run(const at::Tensor& logits, const at::Tensor& labels, const CrossEntropyOptions& options,
         CrossEntropyResult* result, const at::Tensor* row_grad, at::Tensor* d_logits) {
  if (logits.is_cuda()) return run_on_cuda(logits, labels, options, result, row_grad, d_logits);
  with_cpu_level_and_type(logits.scalar_type(), [&]<CpuLevel level, class T>() {
    const auto with_loss_type = [&]<class L>() {
      cross_entropy_cpu<level>(
          CrossEntropyRows<T, L>{.logits = logits.const_data_ptr<T>(),
                                 .labels = labels.const_data_ptr<int64_t>(),
                                 .row_grad = row_grad == nullptr ? nullptr : row_grad->const_data_ptr<L>(),
                                 .loss = result == nullptr ? nullptr : result->loss.mutable_data_ptr<L>(),
                                 .argmax = result == nullptr ? nullptr : result->argmax.mutable_data_ptr<int64_t>(),
                                 .d_logits = d_logits == nullptr ? nullptr : d_logits->mutable_data_ptr<T>(),
                                 .rows = row_count(logits),
                                 .width = logits.size(-1),
                                 .vocab = vocab_of(logits.size(-1), options),
                                 .ignore_index = options.ignore_index,
                                 .softcap = options.softcap,
                                 .stablemax = options.kind == CrossEntropyKind::stablemax});
    };
    options.float64_loss ? with_loss_type.template operator()<double>()
                         : with_loss_type.template operator()<LossType<T>>();
  });
}

CrossEntropyResult allocate_result(const at::Tensor& logits, const CrossEntropyOptions& options) {
  const auto rows = logits.sizes().slice(0, logits.dim() - 1);
  const auto sequences = rows.slice(0, rows.size() - 1);
  const auto integers = logits.options().dtype(at::kLong);
  return {.loss = at::empty(rows, logits.options().dtype(loss_dtype(logits, options))),
          .argmax = at::empty(rows, integers),
          .valid_count = at::zeros(sequences, integers),
          .correct_count = at::zeros(sequences, integers)};
}

// The CUDA kernel has counted already.
void count_per_sequence(const at::Tensor& labels, int64_t ignore_index, CrossEntropyResult& result) {
  if (!labels.is_cpu()) return;
  const int64_t* label = labels.const_data_ptr<int64_t>();
  const int64_t* predicted = result.argmax.const_data_ptr<int64_t>();
  int64_t* valid_count = result.valid_count.mutable_data_ptr<int64_t>();
  int64_t* correct_count = result.correct_count.mutable_data_ptr<int64_t>();
  const int64_t seq_len = labels.size(-1);
  for (int64_t sequence = 0; sequence < result.valid_count.numel(); ++sequence) {
    int64_t valid = 0, correct = 0;
    for (int64_t i = sequence * seq_len; i < (sequence + 1) * seq_len; ++i) {
      const bool counts = label[i] != ignore_index;
      valid += counts ? 1 : 0;
      correct += counts && predicted[i] == label[i] ? 1 : 0;
    }
    valid_count[sequence] = valid;
    correct_count[sequence] = correct;
  }
}

}  // namespace

at::Tensor check_cross_entropy_labels(const char* op, const at::Tensor& labels, at::IntArrayRef shape, int64_t width,
                                      const CrossEntropyOptions& options) {
  const int64_t vocab = vocab_of(width, options);
  if (vocab < 1 || vocab > width) {
    bad_argument(op, "vocab", fmt::format("in 1..{} (the number of logits)", width), std::to_string(vocab));
  }
  if (!(options.softcap >= 0)) bad_argument(op, "softcap", "0 or more", fmt::format("{}", options.softcap));
  ArgumentCheck(op, "labels", labels).dtype({at::kInt, at::kLong}).shape(shape).contiguous();
  const at::Tensor wide = labels.to(at::kLong);
  if (!labels.is_cpu()) return wide;  // a look at each would wait for the device; the kernel makes their rows NaN
  const int64_t* values = wide.const_data_ptr<int64_t>();
  for (int64_t i = 0; i < wide.numel(); ++i) {
    if (values[i] != options.ignore_index && (values[i] < 0 || values[i] >= vocab)) {
      bad_argument(op, "labels", fmt::format("{} (ignored) or in 0..{}", options.ignore_index, vocab - 1),
                   fmt::format("{} at element {}", values[i], i));
    }
  }
  return wide;
}

CrossEntropyResult cross_entropy_forward(const at::Tensor& logits, const at::Tensor& labels,
                                         const CrossEntropyOptions& options) {
  const at::Tensor wide_labels = check(logits, labels, options);
  CrossEntropyResult result = allocate_result(logits, options);
  run(logits, wide_labels, options, &result, nullptr, nullptr);
  count_per_sequence(wide_labels, options.ignore_index, result);
  return result;
}

CrossEntropyResult cross_entropy_forward_backward(const at::Tensor& logits, const at::Tensor& labels,
                                                  const at::Tensor& row_grad, const CrossEntropyOptions& options,
                                                  at::Tensor& d_logits) {
  const at::Tensor wide_labels = check(logits, labels, options);
  check_backward(logits, row_grad, options, d_logits);
  CrossEntropyResult result = allocate_result(logits, options);
  run(logits, wide_labels, options, &result, &row_grad, &d_logits);
  count_per_sequence(wide_labels, options.ignore_index, result);
  return result;
}

void cross_entropy_backward(const at::Tensor& logits, const at::Tensor& labels, const at::Tensor& row_grad,
                            const CrossEntropyOptions& options, at::Tensor& d_logits) {
  const at::Tensor wide_labels = check(logits, labels, options);
  check_backward(logits, row_grad, options, d_logits);
  run(logits, wide_labels, options, nullptr, &row_grad, &d_logits);
}

}  // namespace tern::kernels
