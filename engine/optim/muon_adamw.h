// Muon for the weight matrices and AdamW for everything else, as one optimizer.
//
// State is sharded over the ranks of a data-parallel job (ZeRO's second stage, Rajbhandari et al. 2020, arXiv
// 1910.02054): a rank keeps momentum and moments only of what it owns and updates only that. Parameters of AdamW are
// cut along their first dimension, stacks of matrices between matrices; what is smaller than kSmallest is updated by
// every rank. The exchange itself stays with the caller (gradient_exchange.h): every rank's gradients are averaged
// before step(), and after it each rank sends out what it owns.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/checkpoint/tensor_list.h"
#include "engine/optim/muon.h"
#include "engine/optim/shard.h"
#include "kernels/common/shadow_weight.h"

namespace tern {

// Parameters that share their rates. A learning rate here is the initial one; step() multiplies it.
struct AdamWGroup {
  TensorList parameters;
  kernels::ShadowWeights shadows = {};  // of the parameters, in their order, written in the same pass; empty: none
  double lr = 0;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-10;
  double weight_decay = 0;
};

struct MuonGroup {
  TensorList parameters;  // matrices, of any shapes: those of one shape are stacked and updated together
  double lr = 0.02;
  double beta2 = 0.9;  // of the variance reduction
  muon::Recipe recipe;
};

// What the schedules say about a step.
struct MuonAdamWStep {
  double lr_multiplier = 1;
  double muon_momentum = 0.95;
  double muon_weight_decay = 0;
  double grad_scale = 1;  // a factor on every gradient
};

// Parameters that the ranks share out in one way.
struct ShardedUnit {
  enum class Kind {
    whole,  // one tensor that every rank updates
    rows,   // one tensor, cut along its first dimension
    stack,  // tensors of one shape, each updated by one rank
  };
  Kind kind = Kind::whole;
  std::vector<at::Tensor> tensors;

  // What is cut: rows, or tensors.
  [[nodiscard]] int64_t items() const {
    return kind == Kind::rows ? tensors[0].size(0) : static_cast<int64_t>(tensors.size());
  }
};

class MuonAdamW {
 public:
  static constexpr int64_t kSmallest = 1024;  // elements; below, an AdamW parameter is not sharded

  // parameters: float32 (or float64), contiguous; gradients are read from .grad() at each step, undefined ones count as
  // zeros; row gradients (kernels/embedding/row_gradients.h) have the effect of the dense ones. Throws Error(usage) for
  // a Muon parameter that isn't a matrix.
  MuonAdamW(const std::vector<AdamWGroup>& adamw_groups, const MuonGroup& muon_group, Shard shard = {});

  // One update of what this rank owns. Counts as a change of all parameters: the other ranks' parts are about to come.
  // on_unit, if given, is called with an index into units() when that one's update is done, in ascending order.
  void step(const MuonAdamWStep& step, const std::function<void(size_t)>& on_unit = {});
  // Drops the gradients and their memory.
  void zero_grad();
  // L2 norm over all gradients.
  [[nodiscard]] double grad_norm() const;
  // Multiplies every gradient.
  void scale_gradients(double factor);

  // All of them: AdamW's in the order of the groups, then Muon's by stacks.
  [[nodiscard]] const TensorList& parameters() const { return parameters_; }

  // All parameters by the way in which the ranks share them out: of a unit's items, a rank owns its owned_slice.
  [[nodiscard]] std::vector<ShardedUnit> units() const;

  // This rank's state, live tensors: exp_avg.NAME and exp_avg_sq.NAME of every AdamW parameter, momentum_buffer.MxN and
  // second_momentum_buffer.MxN of every stack of [M, N] matrices. Along the first dimension the ranks' tensors of one
  // name lie one after the other, except for parameters below kSmallest, which all ranks have whole.
  [[nodiscard]] TensorList state() const;
  // All stacks with the names of all their matrices in order.
  struct StackNames {
    std::string name;  // MxN
    std::vector<std::string> members;
  };
  [[nodiscard]] std::vector<StackNames> stacks() const;
  [[nodiscard]] std::vector<AdamWGroup> adamw_groups() const;
  [[nodiscard]] const MuonGroup& muon_group() const { return muon_; }  // without its parameters: see stacks
  [[nodiscard]] int64_t steps() const { return steps_; }

  // The states of the ranks of a job of any size, in their order, as this rank's. Throws Error(checkpoint) naming a
  // tensor whose parts don't make up the whole.
  [[nodiscard]] TensorList reshard(const std::vector<TensorList>& ranks) const;

  // Copies state and step count back. Throws Error(checkpoint) naming a tensor that is missing or has another shape.
  void restore(const TensorList& saved_state, int64_t steps);

 private:
  struct AdamWState {
    AdamWGroup group;
    std::vector<Slice> slices;  // by parameter
    std::vector<at::Tensor> exp_avg, exp_avg_sq;
  };
  struct Stack {
    TensorList parameters;
    std::string name;  // MxN
    Slice slice;
    at::Tensor momentum, second_moment;  // undefined where the rank owns no matrix
  };

  void add_group(const AdamWGroup& group);
  void add_stacks(const MuonGroup& group);
  void step_group(const AdamWState& state, const MuonAdamWStep& step) const;
  void step_stack(Stack& stack, const MuonAdamWStep& step) const;

  Shard shard_;
  TensorList parameters_;
  std::vector<AdamWState> groups_;
  MuonGroup muon_;  // its parameters are in the stacks
  std::vector<Stack> stacks_;
  int64_t steps_ = 0;
};

}  // namespace tern
