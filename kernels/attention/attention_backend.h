// Which code computes attention:
//
//   fused   this project's own: on a GPU the kernel of attention.cuh, on the CPU ATen's flash attention behind the
//   fused
//           rotation
//   flash   ATen's FlashAttention (GPU)
//   cudnn   cuDNN's, through ATen (GPU)
//   math    plain matrix products in float32 (float64 for float64); any device and shape, memory grows with seq^2
#pragma once

#include <string>
#include <string_view>

namespace tern::kernels {

enum class AttentionBackend { fused, flash, cudnn, math };

[[nodiscard]] std::string_view attention_backend_name(AttentionBackend backend);

// Throws tern::Error (usage) for a name that isn't one of the four.
[[nodiscard]] AttentionBackend parse_attention_backend(std::string_view name);

}  // namespace tern::kernels
