// One TRM layer, post-norm:
//
//   h = rms_norm(x + mixer(x))      mixer: self-attention, or with mlp_t a SwiGLU over positions
//   y = rms_norm(h + swiglu(h))
//
// with a backward pass by hand, which keeps per layer: the rotated qkv, the attention's output and lse, the SwiGLU's
// gate_up, and of each sublayer one tensor around its norm (post_norm.h) and a row of rstd. Everything else is
// recomputed from these. (Autograd over the same ops keeps about twice as much.) On the CPU every float32 operation
// keeps upstream's order, so that outputs and gradients have the bits of its eager mode.
#pragma once

#include <memory>
#include <vector>

#include "kernels/attention/attention.h"
#include "kernels/rope/rope.h"
#include "models/trm/config.h"
#include "models/trm/linear.h"

namespace tern::trm {

struct SwiGluWeights {
  Linear gate_up;  // [2 * inter, width]
  Linear down;     // [width, inter]
};

struct Block {
  // Attention's weights, unused with mlp_t.
  Linear qkv_proj;  // [3 * hidden, hidden]
  Linear o_proj;    // [hidden, hidden]
  // The MLP over positions, with mlp_t.
  SwiGluWeights mlp_t;
  SwiGluWeights mlp;
};

// What all layers share.
struct BlockContext {
  bool mlp_t = false;
  int64_t num_heads = 0;
  double rms_norm_eps = 1e-5;
  kernels::RopeTable rope;  // undefined tables: no rotation
  kernels::AttentionBackend attention_backend = kernels::AttentionBackend::fused;
};

// Width of a SwiGLU's inner layer: 2/3 of expansion * width, rounded up to a multiple of 256.
[[nodiscard]] int64_t swiglu_inner_width(int64_t width, double expansion);

// How attention is computed in all layers of this width.
[[nodiscard]] kernels::AttentionOptions attention_options(const BlockContext& context, int64_t hidden_size);

// Layers applied one after another to x + injection (x_BSD, float32 or bfloat16, contiguous). With autograd: the result
// carries the graph to x and injection; the layers' weight gradients are accumulated into their weight.grad(). The
// blocks must live, unchanged, until the backward pass is over.
[[nodiscard]] at::Tensor run_blocks(const std::vector<Block>& blocks, const BlockContext& context, const at::Tensor& x,
                                    const at::Tensor& injection);

// Without a gradient: nothing is kept.
[[nodiscard]] at::Tensor run_blocks_inference(const std::vector<Block>& blocks, const BlockContext& context,
                                              const at::Tensor& x, const at::Tensor& injection);

}  // namespace tern::trm
