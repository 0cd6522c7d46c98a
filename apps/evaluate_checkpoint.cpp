#include "apps/evaluate_checkpoint.h"

#include <ATen/CPUGeneratorImpl.h>
#include <fmt/format.h>

#include "apps/device.h"
#include "apps/trm_config.h"
#include "apps/trm_evaluation.h"
#include "apps/trm_tensors.h"
#include "base/error.h"
#include "engine/checkpoint/manifest.h"

namespace fs = std::filesystem;

namespace tern {

namespace {

void remark(const std::string& text) {
  fmt::print(stderr, "warning: {}\n", text);
}

// Of the folder that the weights came from; a file has none.
Manifest manifest_of(const Weights& weights) {
  return fs::is_directory(weights.source) ? read_manifest(weights.source) : Manifest();
}

TrmJob make_job(const CheckpointEvaluation& request, const Weights& weights, const Manifest& manifest) {
  if (manifest.config_yaml.empty() && !request.data) {
    throw Error(ErrorKind::usage, "the checkpoint doesn't say which data it belongs to", weights.source,
                "add --data DIR");
  }
  TrmJob job = parse_trm_job(manifest.config_yaml, request.overrides);
  TrainConfig& train = job.train;
  if (request.data) train.data_paths_test = {*request.data};
  if (request.batch_size) train.global_batch_size = *request.batch_size;
  for (EvaluatorConfig& evaluator : train.evaluators) {
    if (request.pass_ks) evaluator.pass_Ks = *request.pass_ks;
    if (request.submission_k) evaluator.submission_K = *request.submission_k;
  }
  return job;
}

void make_folder(const fs::path& folder) {
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) throw Error(ErrorKind::data, "can't make the output folder: " + failure.message(), folder.string());
}

}  // namespace

EvalResult evaluate_checkpoint(const CheckpointEvaluation& request) {
  const Weights weights = read_weights(request.checkpoint, request.weights, remark);
  const Manifest manifest = manifest_of(weights);
  const TrmJob job = make_job(request, weights, manifest);
  prepare_cpu(job.train.threads);
  const at::Device device = choose_device(job.train.device);

  TrmEvaluation evaluation(job.train, device, OnFailure::raise);
  const puzzles::Metadata metadata = puzzles::Loader(evaluation.loader_config()).metadata();
  at::Generator generator = at::detail::createCPUGenerator(0);  // the weights it draws are replaced
  trm::Trm model(complete_config(job.arch, job.train.global_batch_size, metadata), generator, device);
  if (const std::string why = model.choose_attention_backend(job.train.attention_backend); !why.empty()) remark(why);
  load_model_weights(model, weights.tensors, weights.source, remark);
  make_folder(request.out);
  fmt::print(stderr, "evaluating the {}weights of {}\n", weights.ema ? "averaged " : "", weights.source);
  EvalResult result = evaluation.run(model, job.arch.loss_type, manifest.step, request.out, OutputLayout::plain);
  for (const std::string& warning : result.warnings) remark(warning);
  return result;
}

}  // namespace tern
