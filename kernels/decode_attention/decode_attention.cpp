#include "kernels/decode_attention/decode_attention.h"

#include <string>

#include "kernels/common/check.h"
#include "kernels/common/team.h"
#include "kernels/decode_attention/decode_attention_cpu.h"

namespace tern::kernels {

void decode_attention(const DecodeAttention& problem, int64_t begin, int64_t end) {
  with_cpu_level([&]<CpuLevel level>() { decode_attention_cpu<level>(problem, begin, end); });
}

void decode_attention(const at::Tensor& q, const at::Tensor& keys, const at::Tensor& values, int64_t length,
                      int64_t seen, double scale, at::Tensor& scores, at::Tensor& out) {
  constexpr const char* kOp = "decode_attention";
  ArgumentCheck(kOp, "keys", keys).on_cpu().dtype({at::kFloat}).shape({-1, -1, -1, -1}).contiguous();
  ArgumentCheck(kOp, "values", values).on_cpu().dtype({at::kFloat}).shape_of("keys", keys).contiguous();
  const int64_t rows = keys.size(0), kv_heads = keys.size(1), positions = keys.size(2), head_dim = keys.size(3);
  ArgumentCheck(kOp, "q", q).on_cpu().dtype({at::kFloat}).shape({rows, -1});
  const int64_t heads = head_dim > 0 ? q.size(1) / head_dim : 0;
  if (q.stride(1) != 1) bad_argument(kOp, "q", "dense along its last dimension", std::to_string(q.stride(1)));
  if (heads < 1 || heads * head_dim != q.size(1) || heads % kv_heads != 0) {
    bad_argument(kOp, "q",
                 "as wide as a multiple of " + std::to_string(kv_heads) + " heads of " + std::to_string(head_dim),
                 std::to_string(q.size(1)));
  }
  if (seen < 1 || seen > length || length > positions) {
    bad_argument(kOp, "seen and length", "1 <= seen <= length <= " + std::to_string(positions),
                 std::to_string(seen) + " and " + std::to_string(length));
  }
  ArgumentCheck(kOp, "scores", scores).on_cpu().dtype({at::kFloat}).shape({rows, heads, positions}).contiguous();
  ArgumentCheck(kOp, "out", out).on_cpu().dtype({at::kFloat}).shape({rows, heads * head_dim}).contiguous();
  const DecodeAttention problem{.q = q.const_data_ptr<float>(),
                                .keys = keys.const_data_ptr<float>(),
                                .values = values.const_data_ptr<float>(),
                                .scores = scores.mutable_data_ptr<float>(),
                                .out = out.mutable_data_ptr<float>(),
                                .rows = rows,
                                .num_heads = heads,
                                .num_kv_heads = kv_heads,
                                .head_dim = head_dim,
                                .positions = positions,
                                .q_stride = q.stride(0),
                                .length = length,
                                .seen = seen,
                                .scale = static_cast<float>(scale)};
  run_team([&](const Team& team) {
    const auto [begin, end] = team.share(rows * heads);
    decode_attention(problem, begin, end);
  });
}

}  // namespace tern::kernels
