// The fused CUDA kernels on packed tensors: q, k and v are strided views of qkv, the rotation happens while they are
// loaded, and qkv itself stays as it is.
#include "kernels/attention/attention_fused.h"

#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "kernels/attention/attention_cuda.h"
#include "kernels/common/cuda_device.h"
#include "kernels/common/cuda_dispatch.h"

namespace tern::kernels {
namespace {

constexpr const char* kOp = "attention";

// The heads from `first` on of a tensor [batch, seq, width].
template <class T>
AttentionTensor<T> heads_of(const at::Tensor& packed, int64_t head_dim, int64_t first) {
  return {.data = cuda_data<T>(packed.narrow(2, first * head_dim, head_dim)),
          .batch = packed.size(1) * packed.size(2),
          .head = head_dim,
          .token = static_cast<int>(packed.size(2))};
}

AttentionInputs inputs_of(const at::Tensor& qkv, const AttentionOptions& options) {
  const QkvLayout& layout = options.layout;
  const double scale = options.scale != 0 ? options.scale : 1 / std::sqrt(static_cast<double>(layout.head_dim));
  AttentionInputs in;
  in.q = heads_of<const Bf16>(qkv, layout.head_dim, 0);
  in.k = heads_of<const Bf16>(qkv, layout.head_dim, layout.num_heads);
  in.v = heads_of<const Bf16>(qkv, layout.head_dim, layout.num_heads + layout.num_kv_heads);
  in.shape.batch = static_cast<int>(qkv.size(0));
  in.shape.seq_q = in.shape.seq_k = static_cast<int>(qkv.size(1));
  in.shape.num_heads = static_cast<int>(layout.num_heads);
  in.shape.num_kv_heads = static_cast<int>(layout.num_kv_heads);
  if (options.causal) in.shape.keys_right = 0;
  if (options.window_left >= 0 && options.window_left < kAttentionUnlimited) {
    in.shape.keys_left = static_cast<int>(options.window_left);
  }
  if (options.rope.cos.defined()) {
    const int64_t first = options.rope.first_position * (layout.head_dim / 2);
    in.rotation = {.cos = cuda_data<const float>(options.rope.cos) + first,
                   .sin = cuda_data<const float>(options.rope.sin) + first,
                   .direction = options.rope.direction == RopeDirection::clockwise ? -1.0f : 1.0f};
  }
  in.norm = {.gain = static_cast<float>(options.norm.gain), .eps = static_cast<float>(options.norm.eps)};
  in.scale_log2 = static_cast<float>(scale * std::log2(std::exp(1.0)));
  return in;
}

AttentionConfig config_of(const AttentionShape& shape, const AttentionOptions& options) {
  const CudaDevice device = cuda_kernels<CudaDeviceQuery>(kOp).current();
  return choose_attention(shape, static_cast<int>(options.layout.head_dim), options.deterministic,
                          {device.compute_capability, device.multiprocessors});
}

std::string describe(const at::Tensor& qkv, const AttentionOptions& options) {
  const QkvLayout& layout = options.layout;
  std::string text = fmt::format("bfloat16, head size {}, {} heads, {} key/value heads, {} x {} tokens, {}",
                                 layout.head_dim, layout.num_heads, layout.num_kv_heads, qkv.size(0), qkv.size(1),
                                 options.causal ? "causal" : "not causal");
  if (options.window_left >= 0) text += fmt::format(", window {}", options.window_left);
  if (options.rope.cos.defined()) text += ", rotated";
  if (options.norm.gain != 0) text += ", normalised";
  return text;
}

// Calls body.operator()<head_dim>(stream) on the tensor's device. A launch that is refused names the kernel's instance;
// what the instance doesn't show is added here.
template <class Body>
void with_head_dim(const char* pass, const at::Tensor& qkv, const AttentionOptions& options, const Body& body) {
  const CudaScope scope(qkv);
  try {
    if (options.layout.head_dim == 64) return body.template operator()<64>(scope.stream());
    TERN_CHECK(options.layout.head_dim == 128, "why_not_fused lets two head sizes through");
    body.template operator()<128>(scope.stream());
  } catch (const Error& error) {
    throw Error(error.kind(), fmt::format("attention {} ({}): {}", pass, describe(qkv, options), error.what()));
  }
}

}  // namespace

std::string why_not_attention_fused(const at::Tensor& qkv, const AttentionOptions& options) {
  if (registered_cuda_kernels<AttentionCuda<64>> == nullptr) return "this build has no kernel of it";
  if (qkv.scalar_type() != at::kBFloat16) return "it needs bfloat16";
  if (qkv.numel() > 0 && std::max(qkv.size(0), qkv.size(1)) > std::numeric_limits<int>::max()) return "its size";
  return why_not_fused(inputs_of(qkv, options), static_cast<int>(options.layout.head_dim));
}

bool rotates_before_fused(const at::Tensor& qkv, const AttentionOptions& options) {
  constexpr int64_t kFewTokens = 128;  // the norm comes after the rotation, so it keeps both in the kernel
  return options.rope.cos.defined() && options.norm.gain == 0 && qkv.size(1) > kFewTokens;
}

void attention_fused_forward(const at::Tensor& qkv, const AttentionOptions& options, at::Tensor& out, at::Tensor& lse) {
  const int64_t head_dim = options.layout.head_dim;
  with_head_dim("forward", qkv, options, [&]<int size>(CudaStream stream) {
    AttentionForwardParams params;
    params.in = inputs_of(qkv, options);
    params.out = heads_of<Bf16>(out, head_dim, 0);
    params.lse = cuda_data<float>(lse);
    cuda_kernels<AttentionCuda<size>>(kOp).forward(params, config_of(params.in.shape, options), stream);
  });
}

void attention_fused_backward(const at::Tensor& dout, const at::Tensor& qkv, const AttentionForward& forward,
                              const AttentionOptions& options, at::Tensor& d_qkv) {
  const QkvLayout& layout = options.layout;
  const int64_t head_dim = layout.head_dim;
  with_head_dim("backward", qkv, options, [&]<int size>(CudaStream stream) {
    AttentionBackwardParams params;
    params.in = inputs_of(qkv, options);
    params.out = heads_of<const Bf16>(forward.out, head_dim, 0);
    params.dout = heads_of<const Bf16>(dout, head_dim, 0);
    params.lse = cuda_data<const float>(forward.lse);
    params.dq = heads_of<Bf16>(d_qkv, head_dim, 0);
    params.dk = heads_of<Bf16>(d_qkv, head_dim, layout.num_heads);
    params.dv = heads_of<Bf16>(d_qkv, head_dim, layout.num_heads + layout.num_kv_heads);
    const AttentionConfig config = config_of(params.in.shape, options);
    const AttentionWorkspace sizes = attention_workspace(params.in.shape, size, config);
    const auto floats = qkv.options().dtype(at::kFloat);
    const at::Tensor stats = at::empty({sizes.stats, 2}, floats), dq_sum = at::empty({sizes.dq_sum}, floats);
    params.stats = reinterpret_cast<AttentionRowStats*>(cuda_data<float>(stats));
    params.dq_sum = sizes.dq_sum > 0 ? cuda_data<float>(dq_sum) : nullptr;
    cuda_kernels<AttentionCuda<size>>(kOp).backward(params, config, stream);
  });
}

}  // namespace tern::kernels
