#include "engine/checkpoint/staging.h"

#include <ATen/ops/empty.h>

namespace tern {

namespace {

bool fits(const at::Tensor& buffer, const at::Tensor& source) {
  return buffer.defined() && buffer.scalar_type() == source.scalar_type() && buffer.sizes() == source.sizes();
}

// Pinned where the source is on a device: that copy is twice as fast.
at::Tensor make_buffer(const at::Tensor& source) {
  return at::empty(source.sizes(), at::TensorOptions(source.scalar_type()).pinned_memory(source.is_cuda()));
}

void copy_list(const TensorList& source, TensorList& target) {
  target.resize(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    target[i].first = source[i].first;
    at::Tensor& buffer = target[i].second;
    // detach: a parameter would pull the copy into its autograd graph.
    const at::Tensor tensor = source[i].second.detach();
    if (!fits(buffer, tensor)) {
      buffer.reset();  // first, so that old and new never exist together
      buffer = make_buffer(tensor);
    }
    buffer.copy_(tensor);  // torch's own threads share the work
  }
}

}  // namespace

void StagedSnapshot::copy(const Snapshot& source) {
  snapshot_.step = source.step;
  copy_list(source.model, snapshot_.model);
  copy_list(source.ema, snapshot_.ema);
  copy_list(source.optimizer, snapshot_.optimizer);
  copy_list(source.state, snapshot_.state);
  snapshot_.counters = source.counters;
  snapshot_.metrics = source.metrics;
  snapshot_.config_yaml = source.config_yaml;
  snapshot_.rank = source.rank;
  snapshot_.world_size = source.world_size;
}

}  // namespace tern
