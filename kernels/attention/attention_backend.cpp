#include "kernels/attention/attention_backend.h"

#include <ATen/Version.h>
#include <ATen/native/CPUBlas.h>

#include <array>

#include "base/error.h"
#include "kernels/attention/attention_fused.h"
#include "kernels/attention/attention_path.h"
#include "kernels/common/log_once.h"

namespace tern::kernels {
namespace {

constexpr std::array<std::string_view, 4> kNames = {"fused", "flash", "cudnn", "math"};

// Limits of ATen's kernels that sdp_utils states; what else they refuse, they say themselves.
std::string why_not_aten(const AttentionOptions& options, const at::Tensor& qkv, int64_t max_head_dim,
                         bool has_window) {
  const int64_t head_dim = options.layout.head_dim;
  if (!qkv.is_cuda()) return "it needs a GPU";
  if (qkv.scalar_type() != at::kBFloat16) return "it needs bfloat16";
  const bool windowed = options.window_left >= 0 && options.window_left < qkv.size(1) - 1;
  if (windowed && !has_window) return "it has no sliding window";
  if (head_dim % 8 != 0 || head_dim > max_head_dim) {
    return "its head sizes are multiples of 8 up to " + std::to_string(max_head_dim) + ", not " +
           std::to_string(head_dim);
  }
  return "";
}

// LibTorch 2.11 packs bfloat16 for oneDNN's products wherever the processor has them, by code that AVX-512 alone has.
std::string why_not_cpu(const at::Tensor& qkv) {
  const bool packs = qkv.scalar_type() == at::kBFloat16 && at::native::cpublas::could_pack(at::kBFloat16);
  if (!packs || at::get_cpu_capability().starts_with("AVX512")) return "";
  return "LibTorch's needs AVX-512 for bfloat16 on this processor, and ATEN_CPU_CAPABILITY forbids it";
}

}  // namespace

std::string_view attention_backend_name(AttentionBackend backend) {
  return kNames.at(static_cast<size_t>(backend));
}

AttentionBackend parse_attention_backend(std::string_view name) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<AttentionBackend>(i);
  }
  throw Error(ErrorKind::usage, "unknown attention backend '" + std::string(name) + "'", "attention.backend",
              "use fused, flash, cudnn or math");
}

std::string why_not_backend(AttentionBackend backend, const AttentionOptions& options, const at::Tensor& qkv) {
  switch (backend) {
    case AttentionBackend::fused: return qkv.is_cpu() ? why_not_cpu(qkv) : why_not_attention_fused(qkv, options);
    case AttentionBackend::flash: return why_not_aten(options, qkv, 256, true);
    case AttentionBackend::cudnn: return why_not_aten(options, qkv, 128, false);
    case AttentionBackend::math: break;
  }
  return "";
}

AttentionBackend usable_backend(const AttentionOptions& options, const at::Tensor& qkv) {
  const std::string reason = why_not_backend(options.backend, options, qkv);
  if (reason.empty()) return options.backend;
  const bool flash = why_not_backend(AttentionBackend::flash, options, qkv).empty();
  const AttentionBackend used = flash ? AttentionBackend::flash : AttentionBackend::math;
  log_once("attention: " + std::string(attention_backend_name(options.backend)) + " can't run this (" + reason +
           "), using " + std::string(attention_backend_name(used)));
  return used;
}

}  // namespace tern::kernels
