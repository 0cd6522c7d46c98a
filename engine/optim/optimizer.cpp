#include "engine/optim/optimizer.h"

#include <map>
#include <sstream>
#include <utility>
#include <vector>

#include <ATen/core/grad_mode.h>

#include "base/error.h"
#include "kernels/common/shadow_weight.h"

namespace tern {

namespace {

std::string shape_text(const at::Tensor& tensor) {
  std::ostringstream text;
  text << tensor.sizes();
  return text.str();
}

}  // namespace

TensorList Optimizer::reshard(const std::vector<TensorList>& ranks) const {
  throw Error(ErrorKind::checkpoint,
              "the state was written by " + std::to_string(ranks.size()) + " processes and can't be shared out anew",
              "optimizer state", "start as many, or take only the weights with load_checkpoint");
}

EmaWeights::EmaWeights(Optimizer& optimizer) : optimizer_(optimizer) {
  swap();
}

EmaWeights::~EmaWeights() {
  swap();
}

void EmaWeights::swap() {
  for (size_t i = 0; i < optimizer_.ema().size(); ++i) {
    at::Tensor parameter = optimizer_.parameters()[i].second;
    at::Tensor average = optimizer_.ema()[i].second;
    const at::Tensor raw = parameter.detach();  // shares the storage that the parameter has now
    const at::Tensor averaged = average.detach();
    parameter.set_data(averaged);
    average.set_data(raw);
    kernels::mark_changed(parameter);
  }
}

void copy_by_name(const TensorList& from, const TensorList& to, const std::string& where) {
  const at::NoGradGuard no_grad;
  const std::map<std::string, at::Tensor> by_name(from.begin(), from.end());
  std::vector<std::pair<at::Tensor, at::Tensor>> copies;
  for (const auto& [name, tensor] : to) {
    const auto found = by_name.find(name);
    if (found == by_name.end()) throw Error(ErrorKind::checkpoint, "tensor " + name + " is missing", where);
    if (found->second.sizes() != tensor.sizes()) {
      throw Error(ErrorKind::checkpoint,
                  "tensor " + name + " has shape " + shape_text(found->second) + " instead of " + shape_text(tensor),
                  where, "use the configuration that the checkpoint was made with");
    }
    copies.emplace_back(found->second, tensor.detach());
  }
  for (auto& [source, target] : copies) target.copy_(source);
}

}  // namespace tern
