// The option table of the TRM architecture and the checks that span several of its keys.
#include "apps/trm_config.h"
#include "base/error.h"

namespace tern {

namespace {

using trm::TrmConfig;

config::Schema<TrmConfig> make_schema() {
  using C = TrmConfig;
  config::Schema<C> schema("arch");
  schema.section("Architecture (arch=trm)");
  schema.option("loss.loss_type", &C::loss_type, "loss of the grid cells")
      .one_of({"stablemax_cross_entropy", "softmax_cross_entropy"});
  schema.option("halt_exploration_prob", &C::halt_exploration_prob, "how often halting waits for a random step")
      .at_least(0)
      .at_most(1);
  schema.option("halt_max_steps", &C::halt_max_steps, "steps of improvement per puzzle at most").at_least(1);
  schema.option("H_cycles", &C::H_cycles, "updates of the answer per step; only the last has a gradient").at_least(1);
  schema.option("L_cycles", &C::L_cycles, "updates of the latent state per update of the answer").at_least(1);
  schema.option("H_layers", &C::H_layers, "ignored, as upstream").at_least(0);
  schema.option("L_layers", &C::L_layers, "transformer blocks").at_least(1);
  schema.option("hidden_size", &C::hidden_size, "width").at_least(1).at_most(1 << 20);
  schema.option("num_heads", &C::num_heads, "attention heads, a divisor of hidden_size").at_least(1).at_most(1 << 20);
  schema.option("expansion", &C::expansion, "width of the MLP, as a multiple of hidden_size").above(0);
  schema.option("puzzle_emb_ndim", &C::puzzle_emb_ndim, "numbers per puzzle in the puzzle embedding; 0: none")
      .at_least(0)
      .at_most(1 << 30)
      .default_value = config::Node(std::string("${.hidden_size}"));
  schema.option("pos_encodings", &C::pos_encodings, "positions").one_of({"rope", "learned", "none"});
  schema.option("forward_dtype", &C::forward_dtype, "type of the activations").one_of({"bfloat16", "float32"});
  schema.option("mlp_t", &C::mlp_t, "an MLP over positions in place of attention");
  schema
      .option("puzzle_emb_len", &C::puzzle_emb_len,
              "positions of the puzzle embedding; 0: as many as puzzle_emb_ndim fills")
      .at_least(0)
      .at_most(1 << 20);
  schema.option("no_ACT_continue", &C::no_ACT_continue, "halt on q_halt alone, without the q_continue loss");
  schema.option("rms_norm_eps", &C::rms_norm_eps, "epsilon of the RMS norm").above(0);
  schema.option("rope_theta", &C::rope_theta, "base of the rotary positions").above(0);
  return schema;
}

std::string assign(const std::string& key, int64_t value) {
  return "arch." + key + "=" + std::to_string(value);
}

class Checks {
 public:
  Checks(const TrmConfig& config, const config::Node* source) : config_(config), source_(source) {}

  void heads() const {
    const int64_t heads = config_.num_heads;
    if (config_.hidden_size % heads != 0) {
      const int64_t below = config_.hidden_size / heads * heads;
      fail(assign("hidden_size", config_.hidden_size) + " is not divisible by " + assign("num_heads", heads),
           {"hidden_size", "num_heads"},
           "use arch.hidden_size=" + (below > 0 ? std::to_string(below) + " or " : "") + std::to_string(below + heads));
    }
    const int64_t head_dim = config_.hidden_size / heads;
    if (config_.pos_encodings == "rope" && head_dim % 2 != 0) {
      fail("arch.pos_encodings=rope needs an even head size, not " + std::to_string(head_dim) +
               " (hidden_size/num_heads)",
           {"hidden_size", "num_heads"},
           "use " + assign("hidden_size", (head_dim + 1) * heads) + " or arch.pos_encodings=learned");
    }
  }

  void puzzle_embedding() const {
    const int64_t room = config_.puzzle_emb_len * config_.hidden_size;
    if (config_.puzzle_emb_len != 0 && config_.puzzle_emb_ndim > room) {
      fail(assign("puzzle_emb_ndim", config_.puzzle_emb_ndim) + " does not fit " +
               assign("puzzle_emb_len", config_.puzzle_emb_len) + " positions of " +
               assign("hidden_size", config_.hidden_size),
           {"puzzle_emb_ndim", "puzzle_emb_len"},
           "use at most " + assign("puzzle_emb_ndim", room) + ", or arch.puzzle_emb_len=0");
    }
    if (config_.puzzle_emb_ndim == 0 && config_.puzzle_emb_len != 0) {
      fail(assign("puzzle_emb_len", config_.puzzle_emb_len) +
               " positions without a puzzle embedding (arch.puzzle_emb_ndim=0)",
           {"puzzle_emb_ndim", "puzzle_emb_len"}, "add arch.puzzle_emb_len=0");
    }
  }

 private:
  [[noreturn]] void fail(const std::string& what, std::vector<std::string> keys, const std::string& fix) const {
    for (std::string& key : keys) key = "arch." + key;
    throw Error(ErrorKind::usage, what, config::places_of(source_, keys), fix);
  }

  const TrmConfig& config_;
  const config::Node* source_;
};

}  // namespace

const config::Schema<TrmConfig>& trm_schema() {
  static const config::Schema<TrmConfig> schema = make_schema();
  return schema;
}

void check_trm_config(const TrmConfig& config, const config::Node* source) {
  const Checks checks(config, source);
  if (!config.mlp_t) checks.heads();
  checks.puzzle_embedding();
}

}  // namespace tern
