#include "tests/models/gpt/small_gpt.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/randint.h>

namespace tern::test {

gpt::GptConfig bare_config() {
  gpt::GptConfig config;
  config.sequence_len = 32;
  config.vocab_size = 11;
  config.pad_vocab_to = 4;
  config.n_layer = 3;
  config.n_head = 2;
  config.n_kv_head = 2;
  config.n_embd = 8;
  config.window_pattern = "L";
  config.qk_norm = false;
  config.qk_scale = 1;
  config.value_embeds = false;
  config.ve_gate_channels = 3;
  config.resid_lambdas = false;
  config.x0_lambdas = false;
  config.smear = false;
  config.smear_channels = 4;
  config.backout = false;
  config.softcap = 0;
  config.forward_dtype = "float64";
  return config;
}

gpt::GptConfig full_config() {
  gpt::GptConfig config = bare_config();
  config.n_kv_head = 1;
  config.qk_norm = true;
  config.qk_scale = 1.2;
  config.value_embeds = true;
  config.resid_lambdas = true;
  config.x0_lambdas = true;
  config.smear = true;
  config.backout = true;
  config.softcap = 15;
  return config;
}

std::vector<NamedConfig> part_configs() {
  std::vector<NamedConfig> all;
  const auto add = [&](const char* name, auto change) {
    gpt::GptConfig config = bare_config();
    change(config);
    all.push_back({name, config});
  };
  add("bare", [](gpt::GptConfig&) {});
  add("qk_norm", [](gpt::GptConfig& c) { c.qk_norm = true; });
  add("qk_scale", [](gpt::GptConfig& c) { c.qk_scale = 1.2; });
  add("value_embeds", [](gpt::GptConfig& c) { c.value_embeds = true; });
  add("resid_lambdas", [](gpt::GptConfig& c) { c.resid_lambdas = true; });
  add("x0_lambdas", [](gpt::GptConfig& c) { c.x0_lambdas = true; });
  add("smear", [](gpt::GptConfig& c) { c.smear = true; });
  add("backout", [](gpt::GptConfig& c) { c.backout = true; });
  add("softcap", [](gpt::GptConfig& c) { c.softcap = 2; });
  add("grouped_heads", [](gpt::GptConfig& c) { c.n_kv_head = 1; });
  add("grouped_value_embeds", [](gpt::GptConfig& c) { c.n_kv_head = 1, c.value_embeds = true; });
  all.push_back({"everything", full_config()});
  gpt::GptConfig window = full_config();
  window.sequence_len = 150;
  window.window_pattern = "SL";
  all.push_back({"everything_with_windows", window});
  return all;
}

gpt::Gpt small_gpt(const gpt::GptConfig& config) {
  at::set_num_threads(1);  // tensors this small are not worth sharing, and thousands of passes add up
  at::Generator generator = at::detail::createCPUGenerator(7);
  gpt::Gpt model(config, generator);
  const at::NoGradGuard no_grad;
  for (const auto& [name, parameter] : model.parameters()) {
    at::Tensor values = parameter;
    values.normal_(0.1, 0.4, generator);
  }
  return model;
}

at::Tensor random_tokens(const gpt::GptConfig& config, int64_t rows, int64_t length, uint64_t seed) {
  at::Generator generator = at::detail::createCPUGenerator(seed);
  return at::randint(config.vocab_size, {rows, length}, generator, at::kLong);
}

}  // namespace tern::test
