// What a launch of the CUDA attention kernels needs besides the choice of tiles (attention_config.h). Plain data that
// host and device share; no tensor library.
//
// q, out, dout, dq: [batch, seq_q, num_heads, head_dim]; k, v, dk, dv: [batch, seq_k, num_kv_heads, head_dim],
// bfloat16. Any strides, so that q, k and v may point into one packed projection; the elements of a head are
// neighbours, data and strides are multiples of 16 bytes (why_not_fused in attention_config.h checks). Inputs stay as
// they are: rotation and norm happen as tiles are loaded, in the backward pass again, and their derivatives as dq and
// dk are stored.
#pragma once

#include <cstdint>

namespace tern::kernels {

struct Bf16;  // kernels/simt/tile_ops.h

// Offsets within a tile of 128 tokens fit into 32 bits.
constexpr int kAttentionMaxTokenStride = 1 << 24;

// Strides in elements, token below the maximum.
template <class T>
struct AttentionTensor {
  T* data = nullptr;
  int64_t batch = 0, head = 0;
  int token = 0;
};

constexpr int kAttentionUnlimited = 1 << 30;

// The query in row t stands at position t + seq_k - seq_q among the keys (the last query beside the last key, as in
// decoding with cached keys) and sees those from position - keys_left to position + keys_right. Causal: keys_right = 0;
// a window: keys_left is its reach.
struct AttentionShape {
  int batch = 0, seq_q = 0, seq_k = 0;
  int num_heads = 0, num_kv_heads = 0;
  int keys_left = kAttentionUnlimited, keys_right = kAttentionUnlimited;
};

// Rotary embedding of q and k, kernels/rope/rope.h. cos, sin: [positions, head_dim / 2], row 0 belonging to key 0.
struct AttentionRotation {
  const float* cos = nullptr;  // null: no rotation
  const float* sin = nullptr;
  float direction = 1;  // 1 counter-clockwise (TRM), -1 clockwise (GPT)
};

// RMS norm of each head of q and k after the rotation, times gain.
struct AttentionNorm {
  float gain = 0;  // 0: no norm
  float eps = 0;
};

struct AttentionInputs {
  AttentionTensor<const Bf16> q, k, v;
  AttentionShape shape;
  AttentionRotation rotation;
  AttentionNorm norm;
  float scale_log2 = 0;  // scale of the scores (above 0) times log2(e): weights are powers of 2
};

struct AttentionForwardParams {
  AttentionInputs in;
  AttentionTensor<Bf16> out;
  float* lse = nullptr;  // [batch, num_heads, seq_q]: log of the row's sum of exponents; -inf for a row without a key
};

// What the backward pass needs to know of a query besides its vectors.
struct alignas(8) AttentionRowStats {
  float lse_log2;  // log2 of the sum of exponents; +inf for a row without a key, which makes its weights 0
  float delta;     // sum of dout * out
};

// Rows of the workspaces per head: whole tiles, so that kernels need no check of their ends.
constexpr int attention_padded_rows(int seq_q) {
  return (seq_q + 63) / 64 * 64;
}

struct AttentionBackwardParams {
  AttentionInputs in;
  AttentionTensor<const Bf16> out, dout;
  const float* lse = nullptr;
  AttentionTensor<Bf16> dq, dk, dv;
  AttentionRowStats* stats = nullptr;  // workspace [batch, num_heads, padded rows]
  float* dq_sum = nullptr;  // workspace [batch, num_heads, padded rows, head_dim]; null: dq by a pass of its own
};

}  // namespace tern::kernels
