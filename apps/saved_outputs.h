// Model outputs that eval_save_outputs asks for, gathered over an evaluation.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/checkpoint/tensor_list.h"
#include "models/trm/losses.h"

namespace tern {

class SavedOutputs {
 public:
  // names: any of inputs, labels, puzzle_identifiers, preds, logits, q_halt_logits, q_continue_logits.
  explicit SavedOutputs(std::vector<std::string> names) : names_(std::move(names)), parts_(names_.size()) {}

  // Keeps a copy on the CPU.
  void add(const trm::PuzzleBatch& batch, const trm::Outputs& outputs, const at::Tensor& preds);

  // Writes everything, padding rows included, as a dict that Python's torch.load reads; nothing where nothing was
  // asked for.
  void write(const std::filesystem::path& path) const;

 private:
  std::vector<std::string> names_;
  std::vector<std::vector<at::Tensor>> parts_;  // by name, then by batch
};

}  // namespace tern
