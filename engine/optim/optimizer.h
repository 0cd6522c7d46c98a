// What the training loop asks of the optimizer of the dense weights.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/checkpoint/tensor_list.h"

namespace tern {

class Optimizer {
 public:
  virtual ~Optimizer() = default;

  // With several processes: called between the backward pass and grad_norm(), on every rank alike. The gradients that
  // this rank's step() reads become the means over the ranks.
  virtual void reduce_gradients() {}

  // One update of every parameter from its .grad(), and of every average. lr: this step's rate.
  virtual void step(double lr) = 0;
  // What to report as the learning rate of a step(lr) just taken, for optimizers that have schedules of their own.
  [[nodiscard]] virtual double rate(double lr) const { return lr; }
  virtual void zero_grad() = 0;
  // One update of every average alone.
  virtual void update_ema() = 0;

  // L2 norm over all gradients; the same on every rank.
  [[nodiscard]] virtual double grad_norm() const = 0;

  [[nodiscard]] virtual const TensorList& parameters() const = 0;
  // Exponential moving averages of the parameters, in their order; empty where none are kept.
  [[nodiscard]] virtual const TensorList& ema() const = 0;
  // Everything else that a checkpoint has to hold: live tensors.
  [[nodiscard]] virtual TensorList state() const = 0;
  [[nodiscard]] virtual int64_t steps() const = 0;

  // The states of all ranks of a job of another size, in their order, as the state of this rank. Throws
  // Error(checkpoint) when they don't make up a whole, and for an optimizer that doesn't share out its state.
  [[nodiscard]] virtual TensorList reshard(const std::vector<TensorList>& ranks) const;

  // Copies state, averages and the step count back. Throws Error(checkpoint) naming a tensor that is missing or has
  // another shape. saved_ema may be empty (a run that begins to average now).
  virtual void restore(const TensorList& saved_state, const TensorList& saved_ema, int64_t steps) = 0;
};

// While it lives, the parameters have the averages as their values; no data is copied.
class EmaWeights {
 public:
  explicit EmaWeights(Optimizer& optimizer);
  ~EmaWeights();
  EmaWeights(const EmaWeights&) = delete;
  EmaWeights& operator=(const EmaWeights&) = delete;

 private:
  void swap();
  Optimizer& optimizer_;
};

// Copies the tensors of `from` into the ones of `to` with the same names. Throws Error(checkpoint) for one that is
// missing or has another shape, naming it and `where`; then nothing was copied.
void copy_by_name(const TensorList& from, const TensorList& to, const std::string& where);

}  // namespace tern
