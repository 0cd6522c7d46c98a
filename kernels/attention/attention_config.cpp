#include "kernels/attention/attention_config.h"

#include <cstdint>

namespace tern::kernels {
namespace {

constexpr int kWideQueries = 128;  // of a block with two row tiles per warp

// Blocks of two row tiles that a multiprocessor holds at once: two by registers and shared memory on every device.
constexpr int kWideBlocks = 2;

int64_t wide_blocks(const AttentionShape& shape) {
  const int64_t per_head = (shape.seq_q + kWideQueries - 1) / kWideQueries;
  return per_head * shape.num_heads * shape.batch;
}

std::string of_alignment(const char* name, const void* data, int64_t batch, int64_t head, int64_t token) {
  if (reinterpret_cast<uintptr_t>(data) % 16 != 0) return std::string(name) + " not aligned to 16 bytes";
  if (batch % 8 != 0 || head % 8 != 0 || token % 8 != 0)
    return std::string(name) + " with strides that are not multiples of 8 elements";
  if (token <= -kAttentionMaxTokenStride || token >= kAttentionMaxTokenStride)
    return std::string(name) + " with tokens " + std::to_string(token) + " elements apart";
  return "";
}

std::string of_shape(const AttentionShape& shape) {
  if (shape.num_kv_heads <= 0 || shape.num_heads % shape.num_kv_heads != 0)
    return std::to_string(shape.num_heads) + " query heads in " + std::to_string(shape.num_kv_heads) + " groups";
  // The grid's second and third dimension.
  if (shape.num_heads > 65535 || shape.batch > 65535)
    return "more than 65535 heads or sequences (" + std::to_string(shape.num_heads) + ", " +
           std::to_string(shape.batch) + ")";
  return "";
}

}  // namespace

AttentionConfig choose_attention(const AttentionShape& shape, int head_dim, bool deterministic,
                                 const AttentionDevice& device) {
  AttentionConfig config;
  // Wide blocks read shared memory half as often per product. They pay once they fill the device; below that, twice the
  // blocks are worth more.
  if (head_dim == 64 && wide_blocks(shape) >= int64_t{kWideBlocks} * device.multiprocessors)
    config.forward_row_tiles = 2;
  config.dq_by_atomics = !deterministic;
  return config;
}

AttentionWorkspace attention_workspace(const AttentionShape& shape, int head_dim, const AttentionConfig& config) {
  const int64_t rows = int64_t{shape.batch} * shape.num_heads * attention_padded_rows(shape.seq_q);
  return {rows, config.dq_by_atomics ? rows * head_dim : 0};
}

std::string why_not_fused(const AttentionInputs& in, int head_dim) {
  if (head_dim != 64 && head_dim != 128) return "head size " + std::to_string(head_dim) + ", not 64 or 128";
  if (const std::string why = of_shape(in.shape); !why.empty()) return why;
  if (!(in.scale_log2 > 0)) return "a scale that is not above 0";
  // Queries before the first key have no angles.
  if (in.rotation.cos && in.shape.seq_q > in.shape.seq_k) return "a rotation with more queries than keys";
  for (const auto& [name, tensor] : {std::pair{"q", in.q}, {"k", in.k}, {"v", in.v}})
    if (const std::string why = why_not_fused(name, tensor); !why.empty()) return why;
  if (reinterpret_cast<uintptr_t>(in.rotation.cos) % 16 != 0 || reinterpret_cast<uintptr_t>(in.rotation.sin) % 16 != 0)
    return "angles not aligned to 16 bytes";
  return "";
}

std::string why_not_fused(const char* name, const AttentionTensor<const Bf16>& tensor) {
  return of_alignment(name, tensor.data, tensor.batch, tensor.head, tensor.token);
}

}  // namespace tern::kernels
