#include "apps/trm_tensors.h"

#include <cstring>
#include <set>
#include <string>

#include <ATen/Context.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include "base/error.h"
#include "engine/optim/optimizer.h"

namespace tern {

namespace {

constexpr const char* kPuzzleEmbedding = "model.inner.puzzle_emb.weights";
constexpr const char* kTokenEmbedding = "model.inner.embed_tokens.embedding_weight";

at::Tensor to_tensor(const puzzles::TokenBuffer& values, at::IntArrayRef shape, at::Device device) {
  // Pinned memory is copied while the GPU works; its allocator keeps it until the copy is done.
  const bool pinned = device.is_cuda() && at::globalContext().hasCUDA();
  at::Tensor tensor = at::empty(shape, at::dtype(at::kInt).pinned_memory(pinned));
  std::memcpy(tensor.data_ptr(), values.data(), values.size() * sizeof(int32_t));
  return tensor.to(device, at::kInt, /*non_blocking=*/pinned);
}

void refuse_unknown_names(const trm::NamedTensors& state, const trm::NamedTensors& weights, const std::string& path) {
  std::set<std::string> known;
  for (const auto& [name, tensor] : state) known.insert(name);
  for (const auto& [name, tensor] : weights) {
    if (!known.contains(name)) {
      throw Error(ErrorKind::checkpoint, "tensor " + name + " has no place in this model", path,
                  "use the architecture that the checkpoint was made with");
    }
  }
}

void check_vocabulary(const trm::TrmConfig& config, const trm::NamedTensors& weights, const std::string& path) {
  for (const auto& [name, tensor] : weights) {
    if (name != kTokenEmbedding || tensor.dim() != 2 || tensor.size(0) == config.vocab_size) continue;
    throw Error(ErrorKind::checkpoint,
                fmt::format("the model knows {} tokens and the dataset has {}", tensor.size(0), config.vocab_size),
                path, "use a dataset of the kind that it was trained on");
  }
}

}  // namespace

trm::PuzzleBatch to_tensors(const puzzles::Batch& batch, at::Device device) {
  return {to_tensor(batch.inputs, {batch.batch, batch.seq_len}, device),
          to_tensor(batch.labels, {batch.batch, batch.seq_len}, device),
          to_tensor(batch.puzzle_identifiers, {batch.batch}, device)};
}

trm::TrmConfig complete_config(trm::TrmConfig config, int64_t batch_size, const puzzles::Metadata& metadata) {
  config.batch_size = batch_size;
  config.seq_len = metadata.seq_len;
  config.vocab_size = metadata.vocab_size;
  config.num_puzzle_identifiers = metadata.num_puzzle_identifiers;
  return config;
}

void load_model_weights(trm::Trm& model, const trm::NamedTensors& weights, const std::string& path,
                        const std::function<void(const std::string&)>& remark) {
  const at::NoGradGuard no_grad;
  const trm::NamedTensors state = model.state();
  refuse_unknown_names(state, weights, path);
  check_vocabulary(model.config(), weights, path);
  trm::NamedTensors fitted = weights;
  for (auto& [name, tensor] : fitted) {
    if (name != kPuzzleEmbedding) continue;
    const auto& expected = model.puzzle_embedding().weights;
    const bool same_width = tensor.dim() == 2 && tensor.size(1) == expected.size(1);
    if (tensor.sizes() == expected.sizes() || !same_width || tensor.size(0) == 0) continue;
    remark(fmt::format("the puzzle embedding of {} has {} rows, this dataset {}: every row starts as the mean", path,
                       tensor.size(0), expected.size(0)));
    tensor = tensor.mean(0, /*keepdim=*/true).expand(expected.sizes());
  }
  copy_by_name(fitted, state, path);
}

}  // namespace tern
