#include "apps/gpt_options.h"

#include <vector>

#include "apps/shipped_configs.h"
#include "base/error.h"
#include "engine/config/yaml_read.h"

namespace tern {

const config::Schema<gpt::GptConfig>& gpt_schema() {
  using C = gpt::GptConfig;
  static const config::Schema<C> schema = [] {
    config::Schema<C> table("gpt");
    table.section("Model (gpt=nanochat or gpt=nanochat_2025_10 sets these)");
    table.option("window_pattern", &C::window_pattern, "L: a layer sees the whole context; S: a quarter; repeated")
        .not_empty();
    table.option("rope_base", &C::rope_base, "base of the rotary positions").above(0);
    table.option("qk_norm", &C::qk_norm, "RMS norm of queries and keys");
    table.option("qk_scale", &C::qk_scale, "factor on queries and keys").above(0);
    table.option("value_embeds", &C::value_embeds, "gated embeddings into the values of every other layer");
    table.option("ve_gate_channels", &C::ve_gate_channels, "channels that their gates look at").at_least(1);
    table.option("resid_lambdas", &C::resid_lambdas, "learned factor on the stream before each layer");
    table.option("x0_lambdas", &C::x0_lambdas, "learned share of the first stream before each layer");
    table.option("smear", &C::smear, "gated share of the previous token's embedding");
    table.option("smear_channels", &C::smear_channels, "channels that its gate looks at").at_least(1);
    table.option("backout", &C::backout, "the middle layer's stream is taken off at the end");
    table.option("softcap", &C::softcap, "bound of the logits; 0: none").at_least(0);
    table.option("norm_eps", &C::norm_eps, "epsilon of the RMS norms").above(0);
    table.option("round_width", &C::round_width, "the width is a multiple of head_dim; False: heads may be smaller");
    table.option("pad_vocab_to", &C::pad_vocab_to, "the vocabulary is padded to a multiple of this").at_least(1);
    table.option("init", &C::init, "initial weights").one_of({"nanochat", "nanochat_2025_10"});
    table.option("forward_dtype", &C::forward_dtype, "type of the activations; auto: float32 on CPUs, bfloat16 on GPUs")
        .one_of({"auto", "bfloat16", "float32"});
    return table;
  }();
  return schema;
}

const config::Schema<GptOptimizerConfig>& gpt_optimizer_schema() {
  using C = GptOptimizerConfig;
  static const config::Schema<C> schema = [] {
    config::Schema<C> table("gpt.optimizer");
    table.section("Optimizer");
    table.option("orthogonalization", &C::orthogonalization, "Muon's iteration")
        .one_of({"polar_express", "newton_schulz"});
    table.option("iterations", &C::iterations, "steps of it").at_least(1).at_most(5);
    table.option("equilibrate", &C::equilibrate, "rows to one norm before it");
    table.option("renormalize", &C::renormalize, "an orthogonal matrix's norm after it");
    table.option("reduce_variance", &C::reduce_variance, "NorMuon's scaling by row or column");
    table.option("muon_beta2", &C::muon_beta2, "its averaging").at_least(0).below(1);
    table.option("unembedding_beta2", &C::unembedding_beta2, "AdamW's beta2 of lm_head").at_least(0).below(1);
    table.option("unembedding_weight_decay", &C::unembedding_weight_decay, "of lm_head").at_least(0);
    table.option("embedding_beta2", &C::embedding_beta2, "AdamW's beta2 of the embeddings").at_least(0).below(1);
    table.option("embedding_weight_decay", &C::embedding_weight_decay, "of the token embedding").at_least(0);
    table.option("momentum_peak", &C::momentum_peak, "Muon's momentum after its rise from 0.85").at_least(0).below(1);
    table.option("momentum_end", &C::momentum_end, "and at the end of the warm-down").at_least(0).below(1);
    table.option("momentum_steps", &C::momentum_steps, "steps of the rise").at_least(0);
    table.option("grad_clip_of", &C::grad_clip_of, "the mean gradient is clipped, or each process's own before it")
        .one_of({"mean", "process"});
    return table;
  }();
  return schema;
}

const config::Schema<GptLoaderConfig>& gpt_loader_schema() {
  using C = GptLoaderConfig;
  static const config::Schema<C> schema = [] {
    config::Schema<C> table("gpt.loader");
    table.section("Loader");
    table.option("packing", &C::packing, "documents chosen to fit into rows, or strung together")
        .one_of({"best_fit", "stream"});
    return table;
  }();
  return schema;
}

std::vector<std::string> gpt_keys() {
  std::vector<std::string> keys = gpt_schema().keys("gpt");
  for (const auto& more : {gpt_optimizer_schema().keys("gpt.optimizer"), gpt_loader_schema().keys("gpt.loader")}) {
    keys.insert(keys.end(), more.begin(), more.end());
  }
  return keys;
}

config::Node dump_gpt_parts(const GptParts& parts) {
  config::Node gpt = gpt_schema().dump(parts.model);
  gpt.set("optimizer", gpt_optimizer_schema().dump(parts.optimizer));
  gpt.set("loader", gpt_loader_schema().dump(parts.loader));
  return gpt;
}

GptParts shipped_gpt_parts(const std::string& name) {
  std::string known;
  for (const config::EmbeddedFile& file : shipped_configs()) {
    if (!file.path.starts_with("gpt/")) continue;
    const std::string found(file.path.substr(4, file.path.size() - 9));  // without gpt/ and .yaml
    if (found != name) {
      known += (known.empty() ? "" : ", ") + found;
      continue;
    }
    const config::Node content = config::read_yaml(std::string(file.text), std::string(file.path));
    const config::Node* inner = content.find("gpt");  // of a file that sets more than the group's own keys
    return read_gpt_parts(inner != nullptr ? *inner : content);
  }
  throw Error(ErrorKind::usage, "unknown release '" + name + "'", "gpt", "known: " + known);
}

GptParts read_gpt_parts(const config::Node& gpt) {
  config::Node whole((config::Node::Map()));  // so that messages have whole keys
  whole.set("gpt", gpt);
  config::refuse_unknown_keys(whole, gpt_keys());
  GptParts parts{.model = gpt_schema().read(gpt, "gpt"), .optimizer = {}, .loader = {}};
  if (const config::Node* optimizer = gpt.find("optimizer")) {
    parts.optimizer = gpt_optimizer_schema().read(*optimizer, "gpt.optimizer");
  }
  if (const config::Node* loader = gpt.find("loader")) parts.loader = gpt_loader_schema().read(*loader, "gpt.loader");
  return parts;
}

}  // namespace tern
