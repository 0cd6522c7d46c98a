#include "models/gpt/shape.h"

#include <algorithm>
#include <array>

#include "base/error.h"

namespace tern::gpt {

namespace {

std::string text(const char* key, int64_t value) {
  return std::string(key) + "=" + std::to_string(value);
}

[[noreturn]] void refuse(const std::string& what, const std::string& fix) {
  throw Error(ErrorKind::usage, what, "in the model's configuration", fix);
}

void check_positive(const GptConfig& config) {
  const std::array<std::pair<const char*, int64_t>, 8> keys = {{{"sequence_len", config.sequence_len},
                                                                {"vocab_size", config.vocab_size},
                                                                {"n_layer", config.n_layer},
                                                                {"n_head", config.n_head},
                                                                {"n_kv_head", config.n_kv_head},
                                                                {"n_embd", config.n_embd},
                                                                {"pad_vocab_to", config.pad_vocab_to},
                                                                {"ve_gate_channels", config.ve_gate_channels}}};
  for (const auto& [key, value] : keys) {
    if (value < 1) refuse(text(key, value) + " is not positive", std::string("use ") + key + "=1 or more");
  }
}

void check_heads(const GptConfig& config) {
  if (config.n_embd % config.n_head != 0) {
    refuse(text("n_embd", config.n_embd) + " is not divisible by " + text("n_head", config.n_head),
           "use " + text("n_embd", (config.n_embd / config.n_head + 1) * config.n_head));
  }
  if (config.head_dim() % 2 != 0) {
    refuse("the head dimension " + std::to_string(config.head_dim()) + " (n_embd / n_head) is odd",
           "rotary positions turn pairs: use an even one");
  }
  if (config.n_head % config.n_kv_head != 0) {
    refuse(text("n_head", config.n_head) + " is not divisible by " + text("n_kv_head", config.n_kv_head),
           "use a divisor of n_head");
  }
}

void check_gates(const GptConfig& config) {
  if (config.value_embeds && config.ve_gate_channels > config.n_embd) {
    refuse(text("ve_gate_channels", config.ve_gate_channels) + " is more than " + text("n_embd", config.n_embd),
           "use n_embd or fewer");
  }
  if (config.smear && (config.smear_channels < 1 || config.smear_channels > config.n_embd)) {
    refuse(text("smear_channels", config.smear_channels) + " is not in 1 to " + text("n_embd", config.n_embd),
           "use n_embd or fewer");
  }
}

int64_t ceil_to(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

}  // namespace

void check_config(const GptConfig& config) {
  check_positive(config);
  check_heads(config);
  check_gates(config);
  if (config.window_pattern.empty() || config.window_pattern.find_first_not_of("SLsl") != std::string::npos) {
    refuse("window_pattern '" + config.window_pattern + "' is not made of S and L", "use e.g. L or SSSL");
  }
  if (config.init != "nanochat" && config.init != "nanochat_2025_10") {
    refuse("unknown init '" + config.init + "'", "use nanochat or nanochat_2025_10");
  }
  if (config.forward_dtype != "float32" && config.forward_dtype != "bfloat16" && config.forward_dtype != "float64") {
    refuse("unknown forward_dtype '" + config.forward_dtype + "'", "use float32 or bfloat16");
  }
}

GptConfig with_depth(GptConfig base, int64_t depth, int64_t aspect_ratio, int64_t head_dim) {
  if (depth < 1) refuse(text("depth", depth) + " is not positive", "use depth=1 or more");
  if (aspect_ratio < 1) refuse(text("aspect_ratio", aspect_ratio) + " is not positive", "use 64");
  if (head_dim < 2 || head_dim % 2 != 0) refuse(text("head_dim", head_dim) + " is not even and positive", "use 128");
  base.n_layer = depth;
  const int64_t rounded = ceil_to(depth * aspect_ratio, head_dim);
  base.n_embd = base.round_width ? rounded : depth * aspect_ratio;
  base.n_head = rounded / head_dim;
  base.n_kv_head = base.n_head;
  if (base.n_embd % base.n_head != 0) {
    refuse(text("depth", depth) + " makes a width of " + std::to_string(base.n_embd) + ", which " +
               std::to_string(base.n_head) + " heads don't share evenly",
           "use another depth, or gpt.round_width=True");
  }
  return base;
}

bool has_value_embedding(const GptConfig& config, int64_t layer) {
  return config.value_embeds && layer % 2 == (config.n_layer - 1) % 2;
}

std::vector<int64_t> window_sizes(const GptConfig& config) {
  const int64_t quarter = (config.sequence_len + 3) / 4;
  std::vector<int64_t> windows;
  for (int64_t layer = 0; layer < config.n_layer; ++layer) {
    const char kind = config.window_pattern[static_cast<size_t>(layer) % config.window_pattern.size()];
    const bool whole = kind == 'L' || kind == 'l' || layer == config.n_layer - 1;
    windows.push_back(whole ? config.sequence_len : ceil_to(quarter, 128));
  }
  return windows;
}

ParameterCounts count_parameters(const GptConfig& config) {
  const int64_t width = config.n_embd;
  const int64_t kv_width = config.n_kv_head * config.head_dim();
  ParameterCounts counts;
  counts.wte = config.padded_vocab() * width;
  counts.lm_head = config.padded_vocab() * width;
  counts.transformer_matrices = config.n_layer * (2 * width * width + 2 * kv_width * width + 8 * width * width);
  for (int64_t layer = 0; layer < config.n_layer; ++layer) {
    if (!has_value_embedding(config, layer)) continue;
    counts.value_embeds += config.padded_vocab() * kv_width;
    counts.transformer_matrices += config.n_kv_head * config.ve_gate_channels;
  }
  if (config.resid_lambdas) counts.scalars += config.n_layer;
  if (config.x0_lambdas) counts.scalars += config.n_layer;
  if (config.smear) counts.scalars += config.smear_channels + 1;
  if (config.backout) counts.scalars += 1;
  return counts;
}

double flops_per_token(const GptConfig& config) {
  const ParameterCounts counts = count_parameters(config);
  int64_t matmul_parameters = counts.lm_head + counts.transformer_matrices;
  if (config.smear) matmul_parameters += config.smear_channels;
  double attention = 0;
  for (const int64_t window : window_sizes(config)) {
    attention += 12.0 * static_cast<double>(config.n_embd * std::min(window, config.sequence_len));
  }
  return 6.0 * static_cast<double>(matmul_parameters) + attention;
}

}  // namespace tern::gpt
