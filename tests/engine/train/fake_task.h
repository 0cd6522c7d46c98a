// A task without a model: one weight whose gradient the test writes down, step by step. Shows what the loop calls, in
// which order, and what it does with losses that a real model gives only by bad luck.
#pragma once

#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/train/task.h"

namespace tern::test {

class FakeTask : public Task {
 public:
  // batches_per_iteration batches, then the end of the iteration, again and again.
  explicit FakeTask(int64_t batches_per_iteration) : batches_per_iteration_(batches_per_iteration) {
    weight_ = at::full({2}, 1.0);
    weight_.set_requires_grad(true);
    weight_.mutable_grad() = at::zeros({2});
  }

  std::vector<int64_t> nan_batches = {};    // numbers of drawn batches (from 1) whose loss is NaN
  std::vector<int64_t> nan_gradients = {};  // ... whose gradient is
  std::vector<double> scores = {};          // metric "score" of the evaluations, in order; then 0
  std::function<void()> during_batch = {};
  std::string calls;  // "b" batch drawn, "e" end of an iteration, "f" forward, "a" accepted, "E" evaluated

  bool next_batch() override {
    if (position_ == batches_per_iteration_) {
      position_ = 0;
      calls += "e";
      return false;
    }
    ++position_;
    ++drawn_;
    calls += "b";
    return true;
  }

  StepResult forward_backward() override {
    calls += "f";
    if (during_batch) during_batch();
    const auto is_listed = [&](const std::vector<int64_t>& list) {
      return std::find(list.begin(), list.end(), drawn_) != list.end();
    };
    constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
    weight_.mutable_grad().add_(is_listed(nan_gradients) ? kNan : std::sin(static_cast<double>(drawn_)));
    return {
        .loss = is_listed(nan_batches) ? kNan : weight_.detach().sum().item<double>(), .metrics = {}, .examples = 1};
  }

  void accept_step() override {
    calls += "a";
    carry_.add_(1);
  }

  TensorList parameters() override { return {{"weight", weight_}}; }
  TensorList model_state() override { return {{"weight", weight_.detach()}}; }
  std::optional<SparseRows> sparse_rows() override { return std::nullopt; }

  EvalResult evaluate(int64_t, const std::filesystem::path&) override {
    calls += "E";
    evaluated_weights.push_back(weight_.detach()[0].item<double>());
    const double score = evaluations_ < scores.size() ? scores[evaluations_] : 0.0;
    ++evaluations_;
    return {.metrics = {{"score", score}, {"loss", score}}, .pictures = {}, .warnings = {"evaluated"}};
  }
  std::vector<double> evaluated_weights;

  TensorList carry_state(bool with_carry) override { return with_carry ? TensorList{{"carry", carry_}} : TensorList{}; }
  nlohmann::ordered_json counters() override { return {{"position", position_}, {"drawn", drawn_}}; }
  void restore(const TensorList& state, const nlohmann::ordered_json& counters, bool keep_position) override {
    for (const auto& [name, tensor] : state) carry_.copy_(tensor);
    if (keep_position) return;
    position_ = counters.at("position").get<int64_t>();
    drawn_ = counters.at("drawn").get<int64_t>();
  }

  [[nodiscard]] double weight() const { return weight_.detach()[0].item<double>(); }
  [[nodiscard]] double carry() const { return carry_.item<double>(); }

 private:
  const int64_t batches_per_iteration_;
  int64_t position_ = 0;
  int64_t drawn_ = 0;
  size_t evaluations_ = 0;
  at::Tensor weight_;
  at::Tensor carry_ = at::zeros({1});
};

}  // namespace tern::test
