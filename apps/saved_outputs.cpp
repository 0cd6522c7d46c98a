#include "apps/saved_outputs.h"

#include <map>

#include <ATen/ops/cat.h>

#include "engine/checkpoint/torch_file.h"

namespace tern {

void SavedOutputs::add(const trm::PuzzleBatch& batch, const trm::Outputs& outputs, const at::Tensor& preds) {
  const std::map<std::string, at::Tensor> available = {{"inputs", batch.inputs},
                                                       {"labels", batch.labels},
                                                       {"puzzle_identifiers", batch.puzzle_identifiers},
                                                       {"preds", preds},
                                                       {"logits", outputs.logits},
                                                       {"q_halt_logits", outputs.q_halt_logits},
                                                       {"q_continue_logits", outputs.q_continue_logits}};
  for (size_t i = 0; i < names_.size(); ++i) parts_[i].push_back(available.at(names_[i]).to(at::kCPU));
}

void SavedOutputs::write(const std::filesystem::path& path) const {
  TensorList tensors;
  for (size_t i = 0; i < names_.size(); ++i) {
    if (!parts_[i].empty()) tensors.emplace_back(names_[i], at::cat(parts_[i]));
  }
  if (!tensors.empty()) write_torch_file(path, tensors);
}

}  // namespace tern
