#include "models/trm/block.h"

#include <cmath>
#include <utility>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/add.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/attention/attention.h"
#include "kernels/post_norm/post_norm.h"
#include "kernels/swiglu/swiglu.h"

namespace tern::trm {

namespace {

// A derivative that is still in two parts: of the residual path and of the mixer. The next kernel adds them.
struct Parts {
  at::Tensor residual, mixer;
};

// What the backward pass needs of one post-norm sublayer, y = rms_norm(x + mixer(x)). y is the x of the sublayer above.
struct NormSaved {
  at::Tensor kept;  // [N, width], see post_norm.h
  at::Tensor rstd;  // [N]
};

struct SwiGluSaved {
  at::Tensor gate_up;  // [N, 2 * inter]
  NormSaved norm;
};

struct AttentionSaved {
  at::Tensor qkv;  // [B, S, 3 * hidden], q and k rotated
  kernels::AttentionForward attention;
  NormSaved norm;
};

struct BlockSaved {
  AttentionSaved attention;  // unused with mlp_t
  SwiGluSaved mlp_t;         // unused without; in the layout [B * D, S]
  SwiGluSaved mlp;
};

at::Tensor rows(const at::Tensor& x) {
  return x.reshape({-1, x.size(-1)});
}

at::Tensor output_of(const NormSaved& norm) {
  return kernels::post_norm_output(norm.kept, norm.rstd);
}

// y; the memory of mixed is kept.
at::Tensor normalise(const at::Tensor& x, at::Tensor mixed, double eps, int64_t columns, NormSaved& saved) {
  saved.kept = std::move(mixed);
  return kernels::post_norm_forward_(x, saved.kept, eps, columns, saved.rstd);
}

at::Tensor normalise_backward(const Parts& dy, const NormSaved& saved, int64_t columns) {
  at::Tensor ds;
  kernels::post_norm_backward(dy.residual, dy.mixer, saved.kept, saved.rstd, columns, ds);
  return ds;
}

// columns: see post_norm.h.
at::Tensor swiglu_sublayer(const SwiGluWeights& weights, const at::Tensor& x, double eps, int64_t columns,
                           SwiGluSaved& saved) {
  saved.gate_up = weights.gate_up.forward(x);
  at::Tensor inner;
  kernels::swiglu_forward(saved.gate_up, inner);
  return normalise(x, weights.down.forward(inner), eps, columns, saved.norm);
}

// Consumes saved.
Parts swiglu_sublayer_backward(const SwiGluWeights& weights, const at::Tensor& x, SwiGluSaved& saved, const Parts& dy,
                               int64_t columns) {
  const at::Tensor ds = normalise_backward(dy, saved.norm, columns);
  saved.norm = {};
  at::Tensor inner = weights.down.backward_input(ds);  // its derivative, which the recomputed values replace
  at::Tensor d_gate_up = saved.gate_up;                // written in place
  kernels::swiglu_backward_recompute(inner, saved.gate_up, d_gate_up, inner);
  weights.down.accumulate_weight_grad(ds, inner);
  inner.reset();
  weights.gate_up.accumulate_weight_grad(d_gate_up, x);
  saved.gate_up.reset();
  return {ds, weights.gate_up.backward_input(d_gate_up)};
}

at::Tensor attention_sublayer(const Block& block, const BlockContext& context, const at::Tensor& x, int64_t batch,
                              AttentionSaved& saved) {
  saved.qkv = block.qkv_proj.forward(x).view({batch, x.size(0) / batch, -1});
  saved.attention = kernels::attention_forward_(saved.qkv, attention_options(context, x.size(1)));
  return normalise(x, block.o_proj.forward(rows(saved.attention.out)), context.rms_norm_eps, 0, saved.norm);
}

Parts attention_sublayer_backward(const Block& block, const BlockContext& context, const at::Tensor& x,
                                  AttentionSaved& saved, const Parts& dy) {
  const at::Tensor ds = normalise_backward(dy, saved.norm, 0);
  saved.norm = {};
  block.o_proj.accumulate_weight_grad(ds, rows(saved.attention.out));
  const at::Tensor d_out = block.o_proj.backward_input(ds).view(saved.attention.out.sizes());
  at::Tensor d_qkv;
  kernels::attention_backward(d_out, saved.qkv, saved.attention, attention_options(context, x.size(1)), d_qkv);
  saved = {};
  block.qkv_proj.accumulate_weight_grad(rows(d_qkv), x);
  return {ds, block.qkv_proj.backward_input(rows(d_qkv))};
}

// [B * S, D] -> [B * D, S] and back: mlp_t mixes along positions.
at::Tensor positions_last(const at::Tensor& x, int64_t batch) {
  return rows(x.view({batch, -1, x.size(1)}).transpose(1, 2).contiguous());
}

at::Tensor positions_first(const at::Tensor& x, int64_t batch) {
  return rows(x.view({batch, -1, x.size(1)}).transpose(1, 2).contiguous());
}

at::Tensor block_forward(const Block& block, const BlockContext& context, const at::Tensor& x, int64_t batch,
                         BlockSaved& saved) {
  const double eps = context.rms_norm_eps;
  const at::Tensor h =
      context.mlp_t
          ? positions_first(swiglu_sublayer(block.mlp_t, positions_last(x, batch), eps, x.size(1), saved.mlp_t), batch)
          : attention_sublayer(block, context, x, batch, saved.attention);
  return swiglu_sublayer(block.mlp, h, eps, 0, saved.mlp);
}

Parts block_backward(const Block& block, const BlockContext& context, const at::Tensor& x, BlockSaved& saved,
                     const Parts& dy, int64_t batch) {
  if (!context.mlp_t) {
    const Parts dh = swiglu_sublayer_backward(block.mlp, output_of(saved.attention.norm), saved.mlp, dy, 0);
    return attention_sublayer_backward(block, context, x, saved.attention, dh);
  }
  const at::Tensor h = positions_first(output_of(saved.mlp_t.norm), batch);
  const Parts dh = swiglu_sublayer_backward(block.mlp, h, saved.mlp, dy, 0);
  const Parts dx = swiglu_sublayer_backward(block.mlp_t, positions_last(x, batch), saved.mlp_t,
                                            {positions_last(dh.residual.add(dh.mixer), batch), {}}, x.size(1));
  return {positions_first(dx.residual.add(dx.mixer), batch), {}};
}

// Autograd node of a whole stack of layers. Saved tensors are held by the context object's saved_data, as the node is
// made anew in each forward pass and dropped after its backward.
struct SavedStack : torch::CustomClassHolder {
  const std::vector<Block>* blocks = nullptr;
  BlockContext context;
  at::Tensor x;  // [B * S, D], what the first layer saw
  std::vector<BlockSaved> layers;
};

class BlocksFunction : public torch::autograd::Function<BlocksFunction> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* ctx, const at::Tensor& x, const at::Tensor& injection,
                            const c10::intrusive_ptr<SavedStack>& stack) {
    at::Tensor h = stack->x = rows(at::add(x, injection));
    stack->layers.resize(stack->blocks->size());
    for (size_t i = 0; i < stack->blocks->size(); ++i) {
      h = block_forward((*stack->blocks)[i], stack->context, h, x.size(0), stack->layers[i]);
    }
    ctx->saved_data["stack"] = c10::IValue::make_capsule(stack);
    return h.view(x.sizes());
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                 const torch::autograd::variable_list& grads) {
    const auto stack = c10::static_intrusive_pointer_cast<SavedStack>(ctx->saved_data["stack"].toCapsule());
    const int64_t batch = grads[0].size(0);
    Parts d{rows(grads[0].contiguous()), {}};
    for (size_t i = stack->blocks->size(); i-- > 0;) {
      const at::Tensor x = i == 0 ? stack->x : output_of(stack->layers[i - 1].mlp.norm);
      d = block_backward((*stack->blocks)[i], stack->context, x, stack->layers[i], d, batch);
    }
    const at::Tensor dx = (d.mixer.defined() ? d.residual.add_(d.mixer) : d.residual).view(grads[0].sizes());
    return {dx, dx, at::Tensor()};
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
  at::Tensor h = rows(at::add(x, injection));
  for (const Block& block : blocks) {
    BlockSaved dropped;
    h = block_forward(block, context, h, x.size(0), dropped);
  }
  return h.view(x.sizes());
}

}  // namespace tern::trm
