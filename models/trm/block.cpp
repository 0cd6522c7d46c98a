#include "models/trm/block.h"

#include <cmath>
#include <utility>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/add.h>
#include <ATen/ops/empty_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/attention/attention.h"
#include "kernels/rms_norm/rms_norm.h"
#include "kernels/swiglu/swiglu.h"

namespace tern::trm {

namespace {

// What the backward pass of one post-norm SwiGLU sublayer needs: y = rms_norm(x + down(swiglu(gate_up(x)))).
struct SwiGluSaved {
  at::Tensor x;        // [N, width]
  at::Tensor gate_up;  // [N, 2 * inter]
  at::Tensor y;        // [N, width]
  at::Tensor rstd;     // [N]
};

struct AttentionSaved {
  at::Tensor x;    // [N, hidden]
  at::Tensor qkv;  // [B, S, 3 * hidden], q and k rotated
  kernels::AttentionForward attention;
  at::Tensor y;
  at::Tensor rstd;
};

struct BlockSaved {
  AttentionSaved attention;  // unused with mlp_t
  SwiGluSaved mlp_t;         // unused without; in the layout [B * D, S]
  SwiGluSaved mlp;
};

at::Tensor rows(const at::Tensor& x) {
  return x.reshape({-1, x.size(-1)});
}

SwiGluSaved swiglu_sublayer(const SwiGluWeights& weights, const at::Tensor& x, double eps) {
  SwiGluSaved saved;
  saved.x = x;
  saved.gate_up = weights.gate_up.forward(x);
  at::Tensor inner;
  kernels::swiglu_forward(saved.gate_up, inner);
  const at::Tensor out = weights.down.forward(inner);
  saved.y = out;
  kernels::rms_norm_residual_forward(x, out, eps, saved.y, saved.rstd);
  return saved;
}

// Consumes saved.gate_up. dy may be overwritten.
at::Tensor swiglu_sublayer_backward(const SwiGluWeights& weights, SwiGluSaved& saved, at::Tensor dy) {
  kernels::rms_norm_backward(dy, saved.y, saved.rstd, dy);
  at::Tensor d_inner = weights.down.backward_input(dy);
  at::Tensor d_gate_up = saved.gate_up;  // written in place
  at::Tensor inner;
  kernels::swiglu_backward_recompute(d_inner, saved.gate_up, d_gate_up, inner);
  d_inner.reset();
  weights.down.accumulate_weight_grad(dy, inner);
  inner.reset();
  weights.gate_up.accumulate_weight_grad(d_gate_up, saved.x);
  weights.gate_up.add_backward_input(dy, d_gate_up);
  saved = {};
  return dy;
}

AttentionSaved attention_sublayer(const Block& block, const BlockContext& context, const at::Tensor& x_BSD) {
  AttentionSaved saved;
  saved.x = rows(x_BSD);
  saved.qkv = block.qkv_proj.forward(saved.x).view({x_BSD.size(0), x_BSD.size(1), -1});
  saved.attention = kernels::attention_forward_(saved.qkv, attention_options(context, x_BSD.size(2)));
  saved.y = block.o_proj.forward(rows(saved.attention.out));
  kernels::rms_norm_residual_forward(saved.x, saved.y, context.rms_norm_eps, saved.y, saved.rstd);
  return saved;
}

at::Tensor attention_sublayer_backward(const Block& block, const BlockContext& context, AttentionSaved& saved,
                                       at::Tensor dy) {
  kernels::rms_norm_backward(dy, saved.y, saved.rstd, dy);
  block.o_proj.accumulate_weight_grad(dy, rows(saved.attention.out));
  const at::Tensor d_out = block.o_proj.backward_input(dy).view(saved.attention.out.sizes());
  at::Tensor d_qkv;
  kernels::attention_backward(d_out, saved.qkv, saved.attention, attention_options(context, saved.x.size(1)), d_qkv);
  block.qkv_proj.accumulate_weight_grad(rows(d_qkv), saved.x);
  block.qkv_proj.add_backward_input(dy, rows(d_qkv));
  saved = {};
  return dy;
}

// [B, S, D] -> [B * D, S] and back: mlp_t mixes along positions.
at::Tensor positions_last(const at::Tensor& x_BSD) {
  return rows(x_BSD.transpose(1, 2).contiguous());
}

at::Tensor positions_first(const at::Tensor& x_NS, int64_t batch) {
  return x_NS.view({batch, -1, x_NS.size(1)}).transpose(1, 2).contiguous();
}

BlockSaved block_forward(const Block& block, const BlockContext& context, const at::Tensor& x_BSD) {
  BlockSaved saved;
  at::Tensor h;
  if (context.mlp_t) {
    saved.mlp_t = swiglu_sublayer(block.mlp_t, positions_last(x_BSD), context.rms_norm_eps);
    h = rows(positions_first(saved.mlp_t.y, x_BSD.size(0)));
  } else {
    saved.attention = attention_sublayer(block, context, x_BSD);
    h = saved.attention.y;
  }
  saved.mlp = swiglu_sublayer(block.mlp, h, context.rms_norm_eps);
  return saved;
}

at::Tensor block_backward(const Block& block, const BlockContext& context, BlockSaved& saved, const at::Tensor& dy,
                          int64_t batch) {
  at::Tensor dh = swiglu_sublayer_backward(block.mlp, saved.mlp, dy);
  if (!context.mlp_t) return attention_sublayer_backward(block, context, saved.attention, dh);
  const at::Tensor dh_BSD = dh.view({batch, -1, dh.size(1)});
  const at::Tensor dx = swiglu_sublayer_backward(block.mlp_t, saved.mlp_t, positions_last(dh_BSD));
  return rows(positions_first(dx, batch));
}

// Autograd node of a whole stack of layers. Saved tensors are held by the context object's saved_data, as the node is
// made anew in each forward pass and dropped after its backward.
struct SavedStack : torch::CustomClassHolder {
  const std::vector<Block>* blocks = nullptr;
  BlockContext context;
  std::vector<BlockSaved> layers;
};

class BlocksFunction : public torch::autograd::Function<BlocksFunction> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* ctx, const at::Tensor& x, const at::Tensor& injection,
                            const c10::intrusive_ptr<SavedStack>& stack) {
    at::Tensor h = at::add(x, injection);
    for (const Block& block : *stack->blocks) {
      stack->layers.push_back(block_forward(block, stack->context, h));
      h = stack->layers.back().mlp.y.view(x.sizes());
    }
    ctx->saved_data["stack"] = c10::IValue::make_capsule(stack);
    return h;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                 const torch::autograd::variable_list& grads) {
    const auto stack = c10::static_intrusive_pointer_cast<SavedStack>(ctx->saved_data["stack"].toCapsule());
    const at::Tensor dy = grads[0];
    at::Tensor d = rows(dy).clone();  // the layers overwrite it; autograd may still need dy elsewhere
    for (size_t i = stack->blocks->size(); i-- > 0;) {
      d = block_backward((*stack->blocks)[i], stack->context, stack->layers[i], d, dy.size(0));
    }
    d = d.view(dy.sizes());
    return {d, d, at::Tensor()};
  }
};

}  // namespace

kernels::AttentionOptions attention_options(const BlockContext& context, int64_t hidden_size) {
  kernels::AttentionOptions options;
  options.layout = {context.num_heads, context.num_heads, hidden_size / context.num_heads};
  options.rope = context.rope;
  options.backend = context.attention_backend;
  return options;
}

int64_t swiglu_inner_width(int64_t width, double expansion) {
  // Python's round() is to even on a tie; nearbyint does the same under the default rounding mode.
  const auto inner = static_cast<int64_t>(std::nearbyint(expansion * static_cast<double>(width) * 2 / 3));
  return (inner + 255) / 256 * 256;
}

at::Tensor run_blocks(const std::vector<Block>& blocks, const BlockContext& context, const at::Tensor& x,
                      const at::Tensor& injection) {
  auto stack = c10::make_intrusive<SavedStack>();
  stack->blocks = &blocks;
  stack->context = context;
  return BlocksFunction::apply(x, injection, stack);
}

at::Tensor run_blocks_inference(const std::vector<Block>& blocks, const BlockContext& context, const at::Tensor& x,
                                const at::Tensor& injection) {
  const at::NoGradGuard no_grad;
  at::Tensor h = at::add(x, injection);
  for (const Block& block : blocks) h = block_forward(block, context, h).mlp.y.view(x.sizes());
  return h;
}

}  // namespace tern::trm
