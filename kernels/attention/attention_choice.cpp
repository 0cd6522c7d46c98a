#include "kernels/attention/attention_choice.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/randn.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <limits>
#include <vector>

#include "base/error.h"
#include "kernels/attention/attention_path.h"

namespace tern::kernels {
namespace {

constexpr std::array kRacers = {AttentionBackend::fused, AttentionBackend::flash, AttentionBackend::cudnn};

// Largest difference over the largest expected value; NaN where either has one.
double relative_error(const at::Tensor& actual, const at::Tensor& expected) {
  const at::Tensor a = actual.to(at::kDouble), e = expected.to(at::kDouble);
  return std::abs((a - e).abs().max().item<double>() / std::max(e.abs().max().item<double>(), 1e-30));
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

void wait_for(at::Device device) {
  if (device.is_cpu()) return;
  c10::impl::VirtualGuardImpl(device.type()).getStream(device).synchronize();
}

double median_seconds(const std::function<void()>& run) {
  run();  // a GPU's first call loads code
  std::array<double, 5> times;
  for (double& time : times) {
    const auto start = std::chrono::steady_clock::now();
    run();
    time = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  std::ranges::sort(times);
  return times[times.size() / 2];
}

// bfloat16: weights, scores and results are rounded to 2^-9 of values of the size of the largest, a handful of times.
double tolerance_of(at::ScalarType dtype) {
  switch (dtype) {
    case at::kBFloat16: return 0x1p-5;
    case at::kDouble: return 1e-9;
    default: return 1e-4;
  }
}

std::string name_of(AttentionBackend backend) {
  return std::string(attention_backend_name(backend));
}

// Empty: the passes are right.
std::string what_is_wrong(const AttentionPasses& got, const AttentionPasses& expected, double tolerance) {
  const double in_out = relative_error(got.out, expected.out);
  const double in_gradient = relative_error(got.d_qkv, expected.d_qkv);
  if (in_out <= tolerance && in_gradient <= tolerance) return "";
  return fmt::format("wrong by {:.2g} of the largest value, in the gradient by {:.2g} ({:.2g} allowed)", in_out,
                     in_gradient, tolerance);
}

// What every backend is given: a small problem to be right in, and one to be fast in. On the CPU that is the same one;
// a GPU is filled, since small problems take as long as their launches.
class Trial {
 public:
  Trial(const AttentionOptions& options, int64_t seq_len, at::ScalarType dtype, at::Device device) : device_(device) {
    constexpr int64_t kBatch = 2, kMaxSeqLen = 128, kFullTokens = 32768;
    auto generator = at::detail::createCPUGenerator(/*seed=*/1);
    const auto sample = [&](int64_t batch, int64_t tokens) {
      const auto draw = [&](int64_t width) {
        return at::randn({batch, tokens, width}, generator, at::dtype(at::kFloat)).to(device, dtype);
      };
      return Sample{options, draw(options.layout.width()), draw(options.layout.num_heads * options.layout.head_dim)};
    };
    small_ = sample(kBatch, std::min(seq_len, kMaxSeqLen));
    if (options.window_left >= 0) {  // one that hides something
      small_.options.window_left = std::min(options.window_left, small_.qkv.size(1) / 2);
    }
    full_ = device.is_cpu() ? small_ : sample(std::max<int64_t>(kFullTokens / seq_len, 1), seq_len);
  }

  [[nodiscard]] std::string why_not(AttentionBackend backend) const {
    if (backend == AttentionBackend::cudnn && at::globalContext().deterministicAlgorithms()) {
      return "its gradients differ from run to run";
    }
    return why_not_backend(backend, full_.options, full_.qkv);
  }

  [[nodiscard]] AttentionPasses run(AttentionBackend backend) const { return run(backend, small_); }
  [[nodiscard]] AttentionPasses run_full(AttentionBackend backend) const { return run(backend, full_); }

 private:
  struct Sample {
    AttentionOptions options;
    at::Tensor qkv, dout;
  };

  [[nodiscard]] AttentionPasses run(AttentionBackend backend, const Sample& sample) const {
    AttentionOptions chosen = sample.options;
    chosen.backend = backend;
    at::Tensor packed = sample.qkv.clone(), d_qkv;
    const AttentionForward forward = attention_forward_(packed, chosen);
    attention_backward(sample.dout, packed, forward, chosen, d_qkv);
    wait_for(device_);
    return {forward.out, d_qkv};
  }

  at::Device device_;
  Sample small_, full_;
};

}  // namespace

AttentionWinner choose_attention_candidate(const AttentionPasses& expected, double tolerance,
                                           std::span<const AttentionCandidate> candidates,
                                           const std::function<double(const std::function<void()>&)>& seconds) {
  constexpr double kClearlyFaster = 0.9;
  AttentionWinner winner;
  double best = std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < candidates.size(); ++i) {
    const AttentionCandidate& candidate = candidates[i];
    const auto note = [&](const std::string& text) {
      winner.findings += (i == 0 ? "" : "; ") + candidate.name + " " + text;
    };
    if (!candidate.why_not.empty()) {
      note("can't: " + candidate.why_not);
      continue;
    }
    try {
      if (const std::string wrong = what_is_wrong(candidate.run(), expected, tolerance); !wrong.empty()) {
        note(wrong);
        continue;
      }
      const double time = seconds(candidate.run_timed);
      note(fmt::format("{:.2f} ms", time * 1e3));
      if (time < kClearlyFaster * best) {
        best = time;
        winner.index = static_cast<int>(i);
      }
    } catch (const std::exception& error) {
      note("failed: " + first_line(error.what()));
    }
  }
  return winner;
}

AttentionChoice try_attention_backends(const AttentionOptions& options, int64_t seq_len, at::ScalarType dtype,
                                       at::Device device) {
  const Trial trial(options, seq_len, dtype, device);
  std::vector<AttentionCandidate> candidates;
  for (const AttentionBackend backend : kRacers) {
    if (device.is_cpu() && backend != AttentionBackend::fused) continue;  // the others are for GPUs alone
    const std::string why_not = trial.why_not(backend);
    candidates.push_back({name_of(backend), why_not, [&trial, backend] { return trial.run(backend); },
                          [&trial, backend] { (void)trial.run_full(backend); }});
  }
  const AttentionWinner winner =
      choose_attention_candidate(trial.run(AttentionBackend::math), tolerance_of(dtype), candidates, median_seconds);
  if (winner.index < 0) {
    return {AttentionBackend::math, "attention: math, as nothing else passed (" + winner.findings + ")"};
  }
  const AttentionBackend backend = parse_attention_backend(candidates[static_cast<size_t>(winner.index)].name);
  return {backend,
          "attention: " + name_of(backend) + ", the fastest that agrees with the math path (" + winner.findings + ")"};
}

AttentionChoice keep_attention_backend(AttentionBackend before, const AttentionOptions& options, int64_t seq_len,
                                       at::ScalarType dtype, at::Device device) {
  const Trial trial(options, seq_len, dtype, device);
  std::string defect = trial.why_not(before);
  if (!defect.empty()) {
    defect = "can't: " + defect;
  } else {
    try {
      defect = what_is_wrong(trial.run(before), trial.run(AttentionBackend::math), tolerance_of(dtype));
    } catch (const std::exception& error) {
      defect = "failed: " + first_line(error.what());
    }
  }
  if (defect.empty()) return {before, "attention: " + name_of(before) + ", as when the run began"};
  AttentionChoice anew = try_attention_backends(options, seq_len, dtype, device);
  anew.reason += "; not " + name_of(before) + " as when the run began, which " + defect;
  return anew;
}

AttentionChoice resolve_attention_backend(const std::string& name, const AttentionOptions& options, int64_t seq_len,
                                          at::ScalarType dtype, at::Device device,
                                          std::optional<AttentionBackend> before) {
  if (name == "auto" && before) return keep_attention_backend(*before, options, seq_len, dtype, device);
  if (name == "auto") return try_attention_backends(options, seq_len, dtype, device);
  const AttentionBackend backend = parse_attention_backend(name);
  if (device.is_cpu() && (backend == AttentionBackend::flash || backend == AttentionBackend::cudnn)) {
    throw Error(ErrorKind::usage, "attention.backend=" + name + " needs a GPU, and this run computes on the CPU",
                "in the configuration", "use attention.backend=auto, fused or math");
  }
  return {backend, "attention: " + name + ", as configured"};
}

}  // namespace tern::kernels
