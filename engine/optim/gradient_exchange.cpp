#include "engine/optim/gradient_exchange.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <cmath>
#include <utility>

#include "kernels/embedding/row_gradients.h"

namespace tern {

namespace {

using Kind = ShardedUnit::Kind;

// Dense and contiguous, zeros where the backward pass came by without one: every rank has to send the same.
at::Tensor own_gradient(const at::Tensor& parameter) {
  at::Tensor gradient = kernels::dense_gradient(parameter.grad());
  if (!gradient.defined()) gradient = at::zeros_like(parameter.detach());
  if (!gradient.is_contiguous()) gradient = gradient.contiguous();
  parameter.mutable_grad() = gradient;
  return gradient;
}

at::Tensor buffer(const ShardedUnit& unit, int64_t items) {
  const at::Tensor like = unit.tensors[0].detach();
  at::DimVector sizes(like.sizes());
  if (unit.kind == Kind::rows) {
    sizes[0] = items;
  } else {
    sizes.insert(sizes.begin(), items);
  }
  return at::empty(sizes, like.options());
}

double square_sum(const at::Tensor& tensor) {
  const auto norm = tensor.norm().item<double>();
  return norm * norm;
}

}  // namespace

GradientExchange::GradientExchange(ProcessGroup& group, std::vector<ShardedUnit> units) : group_(group) {
  const Shard shard{group.rank(), group.world_size()};
  for (ShardedUnit& unit : units) {
    Exchange exchange;
    exchange.owned = owned_slice(unit.items(), shard);
    exchange.part = owned_slice(unit.items(), {0, shard.world_size}).count;
    exchange.unit = std::move(unit);
    exchanges_.push_back(std::move(exchange));
  }
}

// Whether a parameter that is cut by rows has equal parts, so that no copy is needed.
bool GradientExchange::fits(const Exchange& exchange) const {
  return exchange.unit.kind == Kind::rows && exchange.part * group_.world_size() == exchange.unit.items();
}

void GradientExchange::reduce() {
  const at::NoGradGuard no_grad;
  for (Exchange& exchange : exchanges_) begin_reduce(exchange);
  for (Exchange& exchange : exchanges_) finish_reduce(exchange);
}

void GradientExchange::begin_reduce(Exchange& exchange) {
  const ShardedUnit& unit = exchange.unit;
  if (unit.kind == Kind::whole) {
    exchange.pending = group_.all_reduce(own_gradient(unit.tensors[0]));
    return;
  }
  const int64_t items = unit.items();
  exchange.mine = buffer(unit, exchange.part);
  if (fits(exchange)) {
    exchange.pending = group_.reduce_scatter(own_gradient(unit.tensors[0]), exchange.mine);
    return;
  }
  exchange.whole = buffer(unit, exchange.part * group_.world_size());
  exchange.whole.narrow(0, items, exchange.whole.size(0) - items).zero_();
  if (unit.kind == Kind::rows) {
    exchange.whole.narrow(0, 0, items).copy_(own_gradient(unit.tensors[0]));
  } else {
    for (int64_t i = 0; i < items; ++i) {
      const at::Tensor& tensor = unit.tensors[static_cast<size_t>(i)];
      exchange.whole.select(0, i).copy_(own_gradient(tensor));
      tensor.mutable_grad().reset();
    }
  }
  exchange.pending = group_.reduce_scatter(exchange.whole, exchange.mine);
}

void GradientExchange::finish_reduce(Exchange& exchange) {
  const double weight = 1.0 / group_.world_size();
  exchange.pending.wait();
  const std::vector<at::Tensor>& tensors = exchange.unit.tensors;
  const auto [first, count] = exchange.owned;
  switch (exchange.unit.kind) {
    case Kind::whole: tensors[0].mutable_grad().mul_(weight); return;
    case Kind::rows:
      exchange.mine.mul_(weight);
      tensors[0].mutable_grad().narrow(0, first, count).copy_(exchange.mine.narrow(0, 0, count));
      return;
    case Kind::stack:
      exchange.mine.mul_(weight);
      for (int64_t i = 0; i < count; ++i) {
        tensors[static_cast<size_t>(first + i)].mutable_grad() = exchange.mine.select(0, i);
      }
      return;
  }
}

double GradientExchange::norm() const {
  double sum = 0;
  for (const Exchange& exchange : exchanges_) {
    if (exchange.unit.kind != Kind::whole) {
      sum += square_sum(exchange.mine.narrow(0, 0, exchange.owned.count));
    } else if (group_.leads()) {  // every rank has it
      sum += square_sum(exchange.unit.tensors[0].grad());
    }
  }
  return std::sqrt(group_.sum(sum));
}

void GradientExchange::begin_gather(size_t unit) {
  const at::NoGradGuard no_grad;
  Exchange& exchange = exchanges_[unit];
  const std::vector<at::Tensor>& tensors = exchange.unit.tensors;
  const auto [first, count] = exchange.owned;
  if (exchange.unit.kind == Kind::whole) return;
  if (fits(exchange)) {
    const at::Tensor whole = tensors[0].detach();
    exchange.pending = group_.all_gather(whole.narrow(0, first, count), whole);
    return;
  }
  at::Tensor mine = buffer(exchange.unit, exchange.part);  // the other one is the gradient
  mine.narrow(0, count, exchange.part - count).zero_();
  if (exchange.unit.kind == Kind::rows) {
    mine.narrow(0, 0, count).copy_(tensors[0].detach().narrow(0, first, count));
  } else {
    for (int64_t i = 0; i < count; ++i) mine.select(0, i).copy_(tensors[static_cast<size_t>(first + i)].detach());
  }
  exchange.mine = mine;
  exchange.pending = group_.all_gather(exchange.mine, exchange.whole);
}

void GradientExchange::finish_gathers() {
  const at::NoGradGuard no_grad;
  for (Exchange& exchange : exchanges_) finish_gather(exchange);
}

void GradientExchange::finish_gather(Exchange& exchange) {
  exchange.pending.wait();
  const std::vector<at::Tensor>& tensors = exchange.unit.tensors;
  if (exchange.whole.defined() && exchange.unit.kind == Kind::rows) {
    tensors[0].detach().copy_(exchange.whole.narrow(0, 0, exchange.unit.items()));
  } else if (exchange.whole.defined()) {
    for (size_t i = 0; i < tensors.size(); ++i) {
      tensors[i].detach().copy_(exchange.whole.select(0, static_cast<int64_t>(i)));
    }
  }
  exchange.whole.reset();  // as large as the gradients: not kept through the next forward pass
  exchange.mine.reset();
}

}  // namespace tern
