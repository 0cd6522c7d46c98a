#include "apps/gpt_optimizer.h"

#include <functional>
#include <string_view>

#include "engine/optim/scaling_rules.h"

namespace tern {

namespace {

// Parameters by nanochat's groups.
struct Members {
  TensorList lm_head, wte, value_embeds, resid, x0, matrices;
  at::Tensor smear_gate, smear_lambda, backout_lambda;

  // In the order of nanochat's group.
  [[nodiscard]] TensorList smear() const {
    TensorList list;
    if (smear_gate.defined()) list.emplace_back("smear_gate.weight", smear_gate);
    if (smear_lambda.defined()) list.emplace_back("smear_lambda", smear_lambda);
    if (backout_lambda.defined()) list.emplace_back("backout_lambda", backout_lambda);
    return list;
  }
};

Members members(const gpt::Gpt& model) {
  Members m;
  for (const auto& [name, tensor] : model.parameters()) {
    const std::string_view view = name;
    if (name == "smear_gate.weight") {
      m.smear_gate = tensor;
    } else if (name == "smear_lambda") {
      m.smear_lambda = tensor;
    } else if (name == "backout_lambda") {
      m.backout_lambda = tensor;
    } else {
      TensorList& list = name == "lm_head.weight"            ? m.lm_head
                         : name == "transformer.wte.weight"  ? m.wte
                         : name == "resid_lambdas"           ? m.resid
                         : name == "x0_lambdas"              ? m.x0
                         : view.starts_with("value_embeds.") ? m.value_embeds
                                                             : m.matrices;
      list.emplace_back(name, tensor);
    }
  }
  return m;
}

}  // namespace

GptGroups gpt_groups(const gpt::Gpt& model, const GptRates& rates, const GptOptimizerConfig& config) {
  const Members m = members(model);
  const double by_width = width_lr_scale(model.config().n_embd);
  GptGroups groups;
  const auto add = [&](TensorList parameters, double lr, double beta1, double beta2, double weight_decay) {
    if (parameters.empty()) return;
    kernels::ShadowWeights shadows;
    for (const auto& [name, tensor] : parameters) shadows.push_back(model.shadow(name));
    groups.adamw.push_back({.parameters = std::move(parameters),
                            .shadows = std::move(shadows),
                            .lr = lr,
                            .beta1 = beta1,
                            .beta2 = beta2,
                            .eps = 1e-10,
                            .weight_decay = weight_decay});
  };
  add(m.lm_head, rates.unembedding_lr * by_width, 0.8, config.unembedding_beta2, config.unembedding_weight_decay);
  add(m.wte, rates.embedding_lr * by_width, 0.8, config.embedding_beta2, config.embedding_weight_decay);
  add(m.value_embeds, rates.embedding_lr * by_width * 0.5, 0.8, config.embedding_beta2, 0.01);
  add(m.resid, rates.scalar_lr * 0.01, 0.8, 0.95, 0.05);
  add(m.x0, rates.scalar_lr, 0.96, 0.95, 0);
  add(m.smear(), 0.2, 0.8, 0.95, 0);
  groups.muon = {.parameters = m.matrices,
                 .lr = rates.matrix_lr,
                 .beta2 = config.muon_beta2,
                 .recipe = {.orthogonalization = config.orthogonalization == "newton_schulz"
                                                     ? muon::Orthogonalization::newton_schulz
                                                     : muon::Orthogonalization::polar_express,
                            .iterations = config.iterations,
                            .equilibrate = config.equilibrate,
                            .renormalize = config.renormalize,
                            .reduce_variance = config.reduce_variance}};
  return groups;
}

}  // namespace tern
