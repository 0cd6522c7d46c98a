// Rotary position embedding (Su et al. 2021) of q and k inside the packed projection, in the half-split layout: element
// i of a head is paired with element i + head_dim / 2. For a token at position p, with c = cos[p][i], s = sin[p][i]:
//
//   counter-clockwise (TRM):      a' = a c - b s        b' = b c + a s
//   clockwise (nanochat's GPT):   a' = a c + b s        b' = b c - a s
//
// Each is the other's inverse, and the inverse is also the derivative: rotate the gradient the other way.
//
// qkv: [batch, seq, (num_heads + 2 num_kv_heads) head_dim], contiguous: the query heads, then the key heads, then the
// value heads (left as they are). float32, bfloat16 or float64; arithmetic in float32 (float64 for float64).
// cos, sin: [positions, head_dim / 2], float32 (float64 for float64 qkv), contiguous; row first_position + t is used
// for token t. Results are the same for every number of threads. Errors: tern::Error (usage) naming the argument,
// before anything is written.
#pragma once

#include <ATen/core/Tensor.h>

namespace tern::kernels {

enum class RopeDirection { counter_clockwise, clockwise };

[[nodiscard]] constexpr RopeDirection inverse(RopeDirection direction) {
  return direction == RopeDirection::clockwise ? RopeDirection::counter_clockwise : RopeDirection::clockwise;
}

struct RopeTable {
  at::Tensor cos{};  // undefined: no rotation
  at::Tensor sin{};
  RopeDirection direction = RopeDirection::counter_clockwise;
  int64_t first_position = 0;
};

// Angles p * theta^(-2 i / head_dim), computed in float32 step by step as both originals do. head_dim must be even.
[[nodiscard]] RopeTable make_rope_table(int64_t positions, int64_t head_dim, double theta,
                                        RopeDirection direction = RopeDirection::counter_clockwise,
                                        at::ScalarType dtype = at::kFloat);

struct QkvLayout {
  int64_t num_heads = 0;
  int64_t num_kv_heads = 0;
  int64_t head_dim = 0;

  [[nodiscard]] int64_t width() const { return (num_heads + 2 * num_kv_heads) * head_dim; }
};

// Rotates the q and k heads of qkv in place. `op` names the caller in errors.
void rope_qkv_(at::Tensor& qkv, const QkvLayout& layout, const RopeTable& table, const char* op = "rope");

// With autograd: a rotated copy. The input need not be contiguous.
[[nodiscard]] at::Tensor rope_qkv(const at::Tensor& qkv, const QkvLayout& layout, const RopeTable& table);

// The checks of rope_qkv_, for ops that fuse the rotation. qkv itself must be checked already.
void check_rope_table(const char* op, const RopeTable& table, const QkvLayout& layout, const at::Tensor& qkv);

}  // namespace tern::kernels
