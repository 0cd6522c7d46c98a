#include "models/gpt/init.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty_like.h>

#include <algorithm>
#include <cmath>
#include <string_view>

namespace tern::gpt {

namespace {

double root(int64_t n) {
  return std::sqrt(static_cast<double>(n));
}

// Uniform with the given standard deviation.
void uniform_std(at::Tensor& tensor, double std, at::Generator& generator) {
  const double bound = std::sqrt(3.0) * std;
  tensor.uniform_(-bound, bound, generator);
}

// From `first` in layer 0 to `last` in the last layer.
void ramp(at::Tensor& lambdas, double first, double last) {
  const int64_t layers = lambdas.numel();
  for (int64_t i = 0; i < layers; ++i) {
    const double t = static_cast<double>(i) / static_cast<double>(std::max<int64_t>(layers - 1, 1));
    lambdas.select(0, i).fill_(first + (last - first) * t);
  }
}

class Init {
 public:
  Init(const GptConfig& config, at::Generator& generator)
      : width_(config.n_embd), first_release_(config.init == "nanochat_2025_10"), generator_(generator) {}

  void fill(std::string_view name, at::Tensor& tensor) const {
    if (name == "resid_lambdas") return ramp(tensor, 1.15, 1.05);
    if (name == "x0_lambdas") return ramp(tensor, 0.20, 0.05);
    if (name == "smear_lambda") return void(tensor.zero_());
    if (name == "backout_lambda") return void(tensor.fill_(0.2));
    if (name == "transformer.wte.weight") return void(tensor.normal_(0, first_release_ ? 1.0 : 0.8, generator_));
    if (name == "lm_head.weight") return head(tensor);
    if (name.find("gate") != std::string_view::npos) return void(tensor.uniform_(0, 0.02, generator_));
    if (name.starts_with("value_embeds.")) return uniform_std(tensor, 1 / root(width_), generator_);
    if (name.ends_with("c_proj.weight")) return void(tensor.zero_());
    matrix(tensor, name.ends_with("c_fc.weight") ? 0.4 : 1.0);
  }

 private:
  void head(at::Tensor& tensor) const {
    if (first_release_) {
      tensor.zero_();
    } else {
      tensor.normal_(0, 0.001, generator_);
    }
  }

  void matrix(at::Tensor& tensor, double factor) const {
    if (first_release_) {
      tensor.normal_(0, std::min(1.0, root(tensor.size(0)) / root(tensor.size(1))) / root(tensor.size(1)), generator_);
    } else {
      uniform_std(tensor, factor / root(width_), generator_);
    }
  }

  int64_t width_;
  bool first_release_;
  at::Generator& generator_;
};

}  // namespace

void init_weights(const GptConfig& config, const NamedTensors& parameters, at::Generator& generator) {
  const at::NoGradGuard no_grad;
  const Init init(config, generator);
  for (const auto& [name, parameter] : parameters) {
    at::Tensor drawn = parameter.is_cpu() ? parameter : at::empty_like(parameter, at::device(at::kCPU));
    init.fill(name, drawn);
    if (!parameter.is_cpu()) parameter.copy_(drawn);
  }
}

}  // namespace tern::gpt
