// Initial values of TRM's weights.
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

namespace tern::trm {

// Fills tensor in place with a normal distribution cut at two standard deviations, whose standard deviation after the
// cut is std (the formula of JAX's variance-scaling initialisers, which upstream uses too; PyTorch's own trunc_normal_
// does not correct for the cut). std == 0 fills with zeros and draws nothing.
void trunc_normal_(at::Tensor& tensor, double std, at::Generator& generator);

}  // namespace tern::trm
