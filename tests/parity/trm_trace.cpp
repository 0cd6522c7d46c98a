#include "tests/parity/trm_trace.h"

#include <string>
#include <utility>
#include <vector>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/tensor.h>

#include "apps/trm_tensors.h"
#include "base/error.h"
#include "base/file.h"
#include "engine/checkpoint/weights.h"
#include "kernels/sign_sgd/sign_sgd.h"
#include "tests/parity/config_keys.h"

namespace tern {
namespace {

using nlohmann::ordered_json;

at::Tensor batch_tensor(const Trace& trace, const std::string& name, at::IntArrayRef shape, at::Device device) {
  const NpyArray& array = require_array(trace.batches, name, trace.folder / "batches.npz");
  return at::tensor(array.to_int64(), at::kInt).reshape(shape).to(device);
}

trm::Trm trainable_model(const Trace& trace, at::Generator& generator, at::Device device) {
  trm::Trm model(read_config(trace.json), generator, device);
  load_model_weights(model, trace.init, (trace.folder / "init.pt").string(), [](const std::string&) {});
  model.set_trainable(true);
  return model;
}

}  // namespace

trm::TrmConfig read_config(const ordered_json& trace) {
  trm::TrmConfig config;
  const ordered_json& arch = trace.at("config");
  read(arch, "H_cycles", config.H_cycles);
  read(arch, "L_cycles", config.L_cycles);
  read(arch, "H_layers", config.H_layers);
  read(arch, "L_layers", config.L_layers);
  read(arch, "hidden_size", config.hidden_size);
  read(arch, "expansion", config.expansion);
  read(arch, "num_heads", config.num_heads);
  read(arch, "pos_encodings", config.pos_encodings);
  read(arch, "rms_norm_eps", config.rms_norm_eps);
  read(arch, "rope_theta", config.rope_theta);
  read(arch, "mlp_t", config.mlp_t);
  read(arch, "forward_dtype", config.forward_dtype);
  read(arch, "puzzle_emb_ndim", config.puzzle_emb_ndim);
  read(arch, "puzzle_emb_len", config.puzzle_emb_len);
  read(arch, "halt_max_steps", config.halt_max_steps);
  read(arch, "halt_exploration_prob", config.halt_exploration_prob);
  read(arch, "no_ACT_continue", config.no_ACT_continue);
  config.loss_type = trace.at("loss").at("loss_type").get<std::string>();
  config.batch_size = trace.at("batch").get<int64_t>();
  config.seq_len = trace.at("seq_len").get<int64_t>();
  config.vocab_size = trace.at("vocab_size").get<int64_t>();
  config.num_puzzle_identifiers = trace.at("num_puzzle_identifiers").get<int64_t>();
  return config;
}

Trace read_trace(const std::filesystem::path& folder) {
  Trace trace;
  trace.folder = folder;
  const auto path = folder / "trace.json";
  try {
    trace.json = ordered_json::parse(read_file(path));
  } catch (const nlohmann::json::exception& e) {
    throw Error(ErrorKind::data, std::string("not valid JSON: ") + e.what(), path.string());
  }
  const auto arch = trace.json.at("arch").get<std::string>();
  if (arch != "trm") {
    throw Error(ErrorKind::usage, "architecture " + arch + " is not available yet", path.string(), "available: trm");
  }
  trace.batches = read_npz(folder / "batches.npz");
  trace.init = load_weights(folder / "init.pt");
  return trace;
}

trm::PuzzleBatch read_batch(const Trace& trace, const trm::TrmConfig& config, size_t i, at::Device device) {
  const std::string suffix = "_" + std::to_string(i);
  return {batch_tensor(trace, "inputs" + suffix, {config.batch_size, config.seq_len}, device),
          batch_tensor(trace, "labels" + suffix, {config.batch_size, config.seq_len}, device),
          batch_tensor(trace, "puzzle_identifiers" + suffix, {config.batch_size}, device)};
}

TraceTraining::TraceTraining(const Trace& trace, at::Device device)
    : generator_(at::detail::createCPUGenerator(0)),
      model_(trainable_model(trace, generator_, device)),
      optimizer_(model_.parameters(), {.beta1 = trace.json.at("betas").at(0).get<double>(),
                                       .beta2 = trace.json.at("betas").at(1).get<double>(),
                                       .weight_decay = trace.json.at("weight_decay").get<double>()}),
      lr_(trace.json.at("lr").get<double>()),
      puzzle_emb_lr_(trace.json.at("puzzle_emb_lr").get<double>()),
      weight_decay_(trace.json.at("weight_decay").get<double>()) {}

TraceTraining::Gradients TraceTraining::gradients(const trm::PuzzleBatch& batch) {
  if (!carry_) carry_ = trm::initial_carry(model_, batch);
  Gradients result;
  result.step = trm::act_train_step(model_, *carry_, batch, generator_);
  result.loss = trm::act_loss(result.step, model_.config().loss_type);
  (result.loss.total / static_cast<double>(model_.config().batch_size)).backward();
  return result;
}

void TraceTraining::update(trm::Carry carry) {
  trm::PuzzleEmbedding& embedding = model_.puzzle_embedding();
  if (embedding.weights.defined()) {
    kernels::sign_sgd_sparse_step(embedding.weights, embedding.local_weights.grad(), embedding.local_ids,
                                  puzzle_emb_lr_, weight_decay_);
  }
  optimizer_.step(lr_);
  optimizer_.zero_grad();
  carry_ = std::move(carry);
}

}  // namespace tern
