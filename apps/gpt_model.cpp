#include "apps/gpt_model.h"

#include <ATen/CPUGeneratorImpl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <vector>

#include "apps/device.h"
#include "apps/gpt_evaluation.h"
#include "apps/gpt_tensors.h"
#include "apps/gpt_train_config.h"
#include "apps/nanochat_checkpoint.h"
#include "base/error.h"
#include "engine/checkpoint/layout.h"
#include "engine/checkpoint/manifest.h"
#include "engine/checkpoint/reader.h"
#include "engine/checkpoint/weights.h"
#include "engine/config/yaml_read.h"

namespace fs = std::filesystem;

namespace tern {

namespace {

// 12 of "d12" and "d12_long", none of other names.
std::optional<int64_t> depth_of(const std::string& tag) {
  int64_t depth = 0;
  if (!tag.starts_with('d')) return std::nullopt;
  const auto parsed = std::from_chars(tag.data() + 1, tag.data() + tag.size(), depth);
  return parsed.ec == std::errc() ? std::optional(depth) : std::nullopt;
}

// nanochat's guess: the deepest of the models that are named by their depth, else the one written last.
fs::path largest_model(const fs::path& base) {
  std::vector<fs::path> models;
  for (const char* folder : {"models", "base_checkpoints"}) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(base / folder, error)) {
      if (entry.is_directory()) models.push_back(entry.path());
    }
  }
  if (models.empty()) {
    throw Error(ErrorKind::checkpoint, "no models", (base / "models").string(), "train one with gpt_train");
  }
  const auto rank = [](const fs::path& path) {
    return std::pair(depth_of(path.filename().string()).value_or(-1), fs::last_write_time(path));
  };
  return *std::ranges::max_element(models, {}, rank);
}

bool is_of_nanochat(const fs::path& folder) {
  std::error_code error;
  const auto files = fs::directory_iterator(folder, error);
  return std::any_of(begin(files), end(files), [](const fs::directory_entry& entry) {
    return entry.path().filename().string().starts_with("model_") && entry.path().extension() == ".pt";
  });
}

LoadedGpt build(const gpt::GptConfig& config, const TensorList& weights, int64_t step, const std::string& source,
                const GptLoaderConfig& loader, at::Device device) {
  at::Generator generator = at::detail::createCPUGenerator(0);
  LoadedGpt loaded{gpt::Gpt(config, generator, device), step, source, text::parse_packing(loader.packing)};
  load_gpt_weights(loaded.model, weights, source);
  return loaded;
}

LoadedGpt load_nanochat(const fs::path& folder, const GptChoice& choice, const text::Tokenizer& tokenizer) {
  const GptParts release = shipped_gpt_parts(choice.gpt);
  gpt::GptConfig base = release.model;
  base.forward_dtype = choice.dtype;
  const NanochatCheckpoint checkpoint = read_nanochat(folder, choice.step, base);
  check_vocabulary(checkpoint.config, tokenizer);
  return build(checkpoint.config, checkpoint.weights, checkpoint.step, folder.string(), release.loader, choice.device);
}

LoadedGpt load_tern(const fs::path& folder, const GptChoice& choice, const text::Tokenizer& tokenizer) {
  const bool is_run = !fs::exists(folder / kManifestName);
  const fs::path wanted = is_run && choice.step ? folder / step_folder(*choice.step) : folder;
  const Weights weights =
      read_weights(wanted, WeightSet::raw, [](const std::string& text) { fmt::print(stderr, "warning: {}\n", text); });
  const Manifest manifest = read_manifest(weights.source);
  if (choice.step && manifest.step != *choice.step) {
    throw Error(ErrorKind::checkpoint, fmt::format("is not of step {}", *choice.step), weights.source,
                "leave --step out, or name the run folder");
  }
  const int64_t vocab_size = trained_vocab_size(load_counters(weights.source), weights.source);
  const GptJob job = read_gpt_job(config::read_yaml(manifest.config_yaml, weights.source + "/config"));
  gpt::GptConfig config = model_config(job, vocab_size);
  config.forward_dtype = choice.dtype;
  check_vocabulary(config, tokenizer);
  return build(config, weights.tensors, manifest.step, weights.source, job.parts.loader, choice.device);
}

}  // namespace

void add_gpt_flags(cxxopts::Options& options) {
  options.add_options()("g,model-tag", "Model in BASE/models or BASE/base_checkpoints (default: the deepest d<depth>)",
                        cxxopts::value<std::string>())("s,step", "Step of its checkpoint (default: the last)",
                                                       cxxopts::value<int64_t>())(
      "checkpoint", "A run folder, a step_N folder or a checkpoint folder of nanochat instead",
      cxxopts::value<std::string>())(
      "gpt", "Release that a folder of nanochat is from: nanochat (the present one) or nanochat_2025_10",
      cxxopts::value<std::string>()->default_value("nanochat"))(
      "device-type", "Where to compute: cpu or cuda; empty: cuda where there is a GPU",
      cxxopts::value<std::string>()->default_value(""))(
      "dtype", "Type of the activations: float32, bfloat16 or auto (float32 on CPUs, bfloat16 on GPUs)",
      cxxopts::value<std::string>()->default_value("auto"))(
      "decode-dtype",
      "Type of the matrices while a text is generated: forward (that of the activations), float32, bf16 or int8",
      cxxopts::value<std::string>()->default_value("forward"))("threads", "Threads, 0 for all cores",
                                                               cxxopts::value<int64_t>()->default_value("0"));
}

GptChoice read_gpt_flags(const cxxopts::ParseResult& flags, int local_rank) {
  prepare_cpu(thread_count(flags));
  GptChoice choice;
  if (flags.count("checkpoint") > 0) choice.folder = flags["checkpoint"].as<std::string>();
  if (flags.count("model-tag") > 0) choice.model_tag = flags["model-tag"].as<std::string>();
  if (choice.folder && choice.model_tag) {
    throw Error(ErrorKind::usage, "two models to load", "--checkpoint and --model-tag", "give one of them");
  }
  if (flags.count("step") > 0) choice.step = flag_in_range(flags, "step", 0, INT64_MAX);
  choice.gpt = flags["gpt"].as<std::string>();
  choice.decode_dtype = gpt::decode_dtype_by_name(flags["decode-dtype"].as<std::string>());
  const auto device_type = flags["device-type"].as<std::string>();
  if (!device_type.empty() && device_type != "cpu" && device_type != "cuda") {
    throw Error(ErrorKind::usage, "no device is called '" + device_type + "'", "--device-type", "use cpu or cuda");
  }
  choice.device = choose_device(device_type, local_rank);
  choice.dtype = flags["dtype"].as<std::string>();
  if (choice.dtype == "auto") choice.dtype = activation_dtype(choice.device);
  if (choice.dtype != "float32" && choice.dtype != "bfloat16") {
    throw Error(ErrorKind::usage, "unknown type '" + choice.dtype + "'", "--dtype", "use float32, bfloat16 or auto");
  }
  return choice;
}

fs::path find_gpt(const fs::path& base, const GptChoice& choice) {
  fs::path folder;
  if (choice.folder) {
    folder = *choice.folder;
  } else if (!choice.model_tag) {
    folder = largest_model(base);
  } else {
    folder = base / "models" / *choice.model_tag;
    const fs::path nanochat = base / "base_checkpoints" / *choice.model_tag;
    if (!fs::is_directory(folder) && fs::is_directory(nanochat)) folder = nanochat;
  }
  if (!fs::is_directory(folder)) throw Error(ErrorKind::checkpoint, "no such folder", folder.string());
  return folder;
}

LoadedGpt load_gpt(const fs::path& base, const GptChoice& choice, const text::Tokenizer& tokenizer) {
  const fs::path folder = find_gpt(base, choice);
  return is_of_nanochat(folder) ? load_nanochat(folder, choice, tokenizer) : load_tern(folder, choice, tokenizer);
}

}  // namespace tern
