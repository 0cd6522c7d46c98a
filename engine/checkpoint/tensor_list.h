// Named tensors in a fixed order: the currency of checkpoints.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <utility>
#include <vector>

namespace tern {

// Order is kept by every reader and writer of this folder; names are unique within a list.
using TensorList = std::vector<std::pair<std::string, at::Tensor>>;

}  // namespace tern
