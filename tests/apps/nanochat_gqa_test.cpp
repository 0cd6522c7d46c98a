// A checkpoint of nanochat's with fewer key/value heads than query heads: four over two, after 7 of 8 steps, made by
// tests/reference/gpt/record.py.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/tensor.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <variant>

#include "apps/gpt_optimizer.h"
#include "apps/gpt_tensors.h"
#include "apps/nanochat_checkpoint.h"
#include "base/file.h"
#include "base/npy.h"
#include "engine/checkpoint/pickle.h"
#include "engine/checkpoint/torch_file.h"
#include "engine/checkpoint/weights.h"
#include "models/gpt/loss.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tensors.h"

namespace tern::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

const fs::path kReference = fs::path(TERN_TEST_REFERENCE) / "gpt/checkpoint_gqa";

struct Imported {
  explicit Imported(const fs::path& folder) : checkpoint(read_nanochat(folder, 7, float32())), model(make_model()) {
    load_gpt_weights(model, checkpoint.weights, folder.string());
  }

  static gpt::GptConfig float32() {
    gpt::GptConfig config;
    config.forward_dtype = "float32";
    return config;
  }
  [[nodiscard]] gpt::Gpt make_model() const {
    at::Generator generator = at::detail::createCPUGenerator(0);
    return {checkpoint.config, generator};
  }
  [[nodiscard]] MuonAdamW optimizer() const {
    const GptGroups groups =
        gpt_groups(model, {.embedding_lr = 0.2, .unembedding_lr = 0.004, .matrix_lr = 0.02, .scalar_lr = 0.5}, {});
    return {groups.adamw, groups.muon};
  }

  NanochatCheckpoint checkpoint;
  gpt::Gpt model;
};

// The recorded batch of a step, counted from 0: inputs and, one further, targets.
at::Tensor batch(int64_t step) {
  const NpyArray array = open_npy(kReference / "tokens.npy");
  return at::tensor(array.to_int64(), at::kLong).reshape(array.shape)[step];
}

gpt::Loss loss_of(const gpt::Gpt& model, const at::Tensor& tokens) {
  const int64_t length = tokens.size(1) - 1;
  return gpt::token_loss(model, model.hidden(tokens.narrow(1, 0, length)), tokens.narrow(1, 1, length));
}

TEST(NanochatGroupedQueries, ForwardAndTheNextStepAreUpstreams) {
  const Imported imported(kReference);
  EXPECT_EQ(imported.checkpoint.config.n_head, 4);
  EXPECT_EQ(imported.checkpoint.config.n_kv_head, 2);
  MuonAdamW optimizer = imported.optimizer();
  read_nanochat_optimizer(kReference, 7, optimizer);
  EXPECT_EQ(optimizer.steps(), 7);
  const auto trace = ordered_json::parse(read_file(kReference / "trace.json"));
  const gpt::Loss loss = loss_of(imported.model, batch(7));
  EXPECT_NEAR(loss.mean.item<double>() / trace.at("trace").at(7).at("loss").get<double>(), 1, 1e-5);
  loss.mean.backward();
  optimizer.step({.lr_multiplier = 1, .muon_momentum = 0.95, .muon_weight_decay = 0.1});
  const auto& norms = trace.at("final_norm");
  for (const auto& [name, tensor] : imported.model.parameters()) {
    EXPECT_NEAR(tensor.detach().norm().item<double>() / norms.at(name).get<double>(), 1, 1e-4) << name;
  }
}

std::string shape_of(const at::Tensor& tensor) {
  return fmt::format("{} [{}]", at::toString(tensor.scalar_type()), fmt::join(tensor.sizes(), ", "));
}

std::string layout_of(const TensorList& weights) {
  std::string text;
  for (const auto& [name, tensor] : weights) text += name + ": " + shape_of(tensor) + "\n";
  return text;
}

// Every entry of an object on a line of its own, tensors as their shapes. Rates are left out: they are the run's.
void write_layout(PickleRef value, const std::string& path, std::string& text) {
  const auto line = [&](const std::string& content) { text += path + ": " + content + "\n"; };
  if (const auto* dict = std::get_if<PickleDict>(&value->data)) {
    for (const auto& [key, item] : dict->items) {
      const auto* name = std::get_if<std::string>(&key->data);
      write_layout(item, path + "/" + (name != nullptr ? *name : std::to_string(std::get<int64_t>(key->data))), text);
    }
  } else if (const auto* list = std::get_if<PickleList>(&value->data)) {
    for (size_t i = 0; i < list->items.size(); ++i) {
      write_layout(list->items[i], path + "/" + std::to_string(i), text);
    }
  } else if (const auto* tensor = std::get_if<at::Tensor>(&value->data)) {
    line(shape_of(*tensor));
  } else if (const auto* number = std::get_if<int64_t>(&value->data)) {
    line(std::to_string(*number));
  } else if (const auto* word = std::get_if<std::string>(&value->data)) {
    line(*word);
  } else {
    line("");
  }
}

std::string optimizer_layout(const fs::path& folder) {
  std::string text;
  read_torch_object(folder / "optim_000007_rank0.pt", [&](PickleRef root) { write_layout(root, "", text); });
  return text;
}

TEST(NanochatGroupedQueries, AnExportHasUpstreamsNamesAndShapes) {
  const TempFolder folder;
  const Imported imported(kReference);
  MuonAdamW optimizer = imported.optimizer();
  read_nanochat_optimizer(kReference, 7, optimizer);
  write_nanochat(folder.path(), 7, imported.model, {});
  write_nanochat_optimizer(folder.path(), 7, optimizer);
  const std::string names = layout_of(load_weights(folder / "model_000007.pt"));
  EXPECT_EQ(names, layout_of(load_weights(kReference / "model_000007.pt")));
  EXPECT_NE(names.find("transformer.h.0.attn.c_k.weight: Float [16, 32]\n"), std::string::npos) << names;
  EXPECT_EQ(optimizer_layout(folder.path()), optimizer_layout(kReference));
  const auto ours = ordered_json::parse(read_file(folder / "meta_000007.json"));
  const auto theirs = ordered_json::parse(read_file(kReference / "meta_000007.json"));
  EXPECT_EQ(ours.at("model_config"), theirs.at("model_config"));

  const Imported again(folder.path());
  const at::NoGradGuard no_grad;
  EXPECT_TRUE(same(loss_of(again.model, batch(0)).per_token, loss_of(imported.model, batch(0)).per_token));
}

}  // namespace
}  // namespace tern::test
