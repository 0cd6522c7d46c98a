// What the ranks of a data-parallel job send each other around a step of MuonAdamW, as nanochat does: gradients are
// reduce-scattered to the rank that owns a part, and the updated parts all-gathered, stack by stack and parameter by
// parameter; small parameters are all-reduced. Everything is begun before anything is waited for.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/distributed/process_group.h"
#include "engine/optim/muon_adamw.h"

namespace tern {

class GradientExchange {
 public:
  // group must outlive this; its ranks are those of the optimizer's shards.
  GradientExchange(ProcessGroup& group, std::vector<ShardedUnit> units);

  // After the backward pass: the gradients of what this rank owns become the means over all ranks. The others' are
  // dropped or left as they are; only step() may follow.
  void reduce();
  // L2 norm of the mean gradient, the same on every rank. After reduce().
  [[nodiscard]] double norm() const;

  // Begins to send this rank's updated part of a unit and to receive the others'.
  void begin_gather(size_t unit);
  // When it returns, every parameter is the same on every rank. After begin_gather of every unit.
  void finish_gathers();

 private:
  // A unit with its buffers: equal parts of all ranks one after the other, the last ones padded with zeros.
  struct Exchange {
    ShardedUnit unit;
    Slice owned;       // by this rank
    int64_t part = 0;  // items of a rank
    at::Tensor whole;  // [world_size * part, ...]; undefined: the tensor itself serves
    at::Tensor mine;   // [part, ...]
    ProcessGroup::Pending pending;
  };

  [[nodiscard]] bool fits(const Exchange& exchange) const;
  void begin_reduce(Exchange& exchange);
  void finish_reduce(Exchange& exchange);
  void finish_gather(Exchange& exchange);

  ProcessGroup& group_;
  std::vector<Exchange> exchanges_;
};

}  // namespace tern
