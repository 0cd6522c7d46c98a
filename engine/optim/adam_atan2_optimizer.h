// AdamATan2 (arXiv 2407.05872: Adam's quotient replaced by atan2, so that no epsilon is needed) over a list of
// parameters, with their moments and, where wanted, their exponential moving average.
#pragma once

#include <cstdint>

#include "engine/checkpoint/tensor_list.h"

namespace tern {

struct AdamATan2Options {
  double beta1 = 0.9;
  double beta2 = 0.95;
  double weight_decay = 0;
  bool ema = false;
  double ema_decay = 0.999;
};

class AdamATan2Optimizer {
 public:
  // parameters: float32, contiguous; their gradients are read from .grad(). The averages start as copies of them.
  AdamATan2Optimizer(TensorList parameters, const AdamATan2Options& options);

  // One update of every parameter and average.
  void step(double lr);
  void zero_grad();

  // L2 norm over all gradients.
  [[nodiscard]] double grad_norm() const;

  [[nodiscard]] const TensorList& parameters() const { return parameters_; }
  [[nodiscard]] const TensorList& ema() const { return ema_; }  // empty without ema
  // Moments, as exp_avg.NAME and exp_avg_sq.NAME: live tensors.
  [[nodiscard]] TensorList state() const;
  [[nodiscard]] int64_t steps() const { return steps_; }

  // Copies moments, averages and the step count back. Throws Error(checkpoint) naming a tensor that is missing or has
  // another shape. saved_ema may be empty (a run that begins to average now).
  void restore(const TensorList& saved_state, const TensorList& saved_ema, int64_t steps);

 private:
  TensorList parameters_;
  AdamATan2Options options_;
  TensorList exp_avg_;
  TensorList exp_avg_sq_;
  TensorList ema_;
  int64_t steps_ = 0;
};

// While it lives, the parameters have the averages as their values; no data is copied.
class EmaWeights {
 public:
  explicit EmaWeights(AdamATan2Optimizer& optimizer);
  ~EmaWeights();
  EmaWeights(const EmaWeights&) = delete;
  EmaWeights& operator=(const EmaWeights&) = delete;

 private:
  void swap();
  AdamATan2Optimizer& optimizer_;
};

// Copies the tensors of `from` into the ones of `to` with the same names. Throws Error(checkpoint) for one that is
// missing or has another shape, naming it and `where`.
void copy_by_name(const TensorList& from, const TensorList& to, const std::string& where);

}  // namespace tern
