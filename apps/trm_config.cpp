#include "apps/trm_config.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <filesystem>
#include <map>

#include "apps/run_names.h"
#include "apps/shipped_configs.h"
#include "base/error.h"
#include "base/version.h"
#include "engine/config/compose.h"
#include "engine/config/interpolate.h"
#include "engine/config/nearest.h"
#include "engine/config/sweep.h"
#include "engine/config/yaml_write.h"
#include "engine/train/train_options.h"

namespace tern {

namespace {

using config::Node;

// Architectures by upstream's class name. A new one becomes available here.
struct Architecture {
  const char* name;
  bool available;
};
constexpr std::array kArchitectures = {
    Architecture{"recursive_reasoning.trm@TinyRecursiveReasoningModel_ACTV1", true},
    Architecture{"recursive_reasoning.trm_singlez@TinyRecursiveReasoningModel_ACTV1", false},
    Architecture{"recursive_reasoning.trm_hier6@TinyRecursiveReasoningModel_ACTV1", false},
    Architecture{"recursive_reasoning.hrm@HierarchicalReasoningModel_ACTV1", false},
    Architecture{"recursive_reasoning.transformers_baseline@Model_ACTV2", false},
};

// Which classes make up the architecture: upstream's names, `file@Class`.
struct ArchClasses {
  std::string name = kArchitectures[0].name;
  std::string loss = "losses@ACTLossHead";
};

const config::Schema<ArchClasses>& classes_schema() {
  static const config::Schema<ArchClasses> schema = [] {
    config::Schema<ArchClasses> table("arch");
    table.section("Classes (arch=trm sets them)");
    table.option("name", &ArchClasses::name, "architecture");
    table.option("loss.name", &ArchClasses::loss, "loss head").one_of({"losses@ACTLossHead"});
    return table;
  }();
  return schema;
}

// Comes before all other checks: other architectures have other keys.
void check_architecture(const std::string& name, const Node& config) {
  const auto known = std::ranges::find_if(kArchitectures, [&](const auto& arch) { return name == arch.name; });
  if (known != kArchitectures.end() && known->available) return;
  std::vector<std::string> available;
  for (const Architecture& arch : kArchitectures) {
    if (arch.available) available.emplace_back(arch.name);
  }
  const Node* written = select(config, "arch.name");
  const std::string where = written == nullptr ? "" : "in " + written->origin.describe();
  if (known != kArchitectures.end()) {
    throw Error(ErrorKind::usage, "architecture '" + name + "' is not available yet", where,
                "available: " + config::join_words(available));
  }
  throw Error(ErrorKind::usage, "unknown architecture '" + name + "'", where,
              config::did_you_mean(name, available, "available: " + config::join_words(available)));
}

std::vector<std::string> known_keys() {
  std::vector<std::string> keys = train_schema().keys();
  for (const auto& more : {classes_schema().keys("arch"), trm_schema().keys("arch")}) {
    keys.insert(keys.end(), more.begin(), more.end());
  }
  return keys;
}

// What both families of options say together.
void check_together(const TrmJob& job, const Node& source) {
  if (job.train.freeze_weights && job.arch.puzzle_emb_ndim == 0) {
    throw Error(ErrorKind::usage, "freeze_weights=True leaves nothing to train with arch.puzzle_emb_ndim=0",
                config::places_of(&source, {"freeze_weights", "arch.puzzle_emb_ndim"}),
                "use freeze_weights=False or a puzzle embedding");
  }
}

std::string dump(const TrmJob& job) {
  Node arch = classes_schema().dump({job.arch_name, ArchClasses().loss});
  merge(arch, trm_schema().dump(job.arch));
  Node all((Node::Map()));
  all.set("arch", std::move(arch));
  merge(all, train_schema().dump(job.train));
  return config::write_yaml(all);
}

// Fills in the names that are null. A drawn name never leads into a folder that exists: resume=auto would go on there.
void name_job(TrmJob& job, uint64_t seed) {
  TrainConfig& train = job.train;
  if (!train.project_name) train.project_name = default_project_name(train.data_paths.front());
  const bool draw = !train.run_name;
  const auto folder = [&] { return "runs/" + *train.project_name + "/" + *train.run_name; };
  do {
    if (draw) train.run_name = job.arch_name.substr(job.arch_name.rfind('@') + 1) + " " + two_words(seed++);
  } while (draw && !train.checkpoint_path && std::filesystem::exists(folder()));
  if (!train.checkpoint_path) train.checkpoint_path = folder();
}

// Two jobs must not write into one folder.
void separate_jobs(std::vector<TrmJob>& jobs, const std::vector<bool>& has_path) {
  std::map<std::string, int> users;
  for (const TrmJob& job : jobs) ++users[*job.train.checkpoint_path];
  for (size_t i = 0; i < jobs.size(); ++i) {
    TrainConfig& train = jobs[i].train;
    if (users[*train.checkpoint_path] == 1) continue;
    const std::string index = std::to_string(i);
    *train.run_name += "-" + index;
    *train.checkpoint_path += (has_path[i] ? "/" : "-") + index;
  }
}

std::vector<config::Override> parse_overrides(const std::vector<std::string>& arguments) {
  std::vector<config::Override> overrides;
  for (const std::string& argument : arguments) {
    overrides.push_back(config::parse_override(argument, static_cast<int>(overrides.size()) + 1));
  }
  return overrides;
}

class FrontEnd {
 public:
  explicit FrontEnd(const CommandLine& line) : line_(line) {
    if (!line.config_dir.empty()) tree_.add_folder(line.config_dir);
    tree_.add_embedded(shipped_configs());
  }

  TrmCommandLine run(uint64_t seed) {
    const std::vector<config::Override> overrides = parse_overrides(line_.arguments);
    if (!line_.multirun) config::refuse_sweeps(overrides);
    TrmCommandLine result;
    std::vector<bool> has_path;
    for (const config::SweepJob& job : config::expand_sweeps(tree_, overrides)) {
      const Node composed = compose_job(job);
      const auto resolved = [&] { return config::resolve(composed, context(job, has_path.size())); };
      if (line_.print_config) {
        result.answer = result.answer ? *result.answer + "---\n" : "";
        *result.answer += config::write_yaml(line_.resolve ? resolved() : composed);
        continue;
      }
      result.jobs.push_back(read_trm_job(resolved()));
      result.jobs.back().sweep = job.description;
      has_path.push_back(result.jobs.back().train.checkpoint_path.has_value());
      name_job(result.jobs.back(), seed);
    }
    separate_jobs(result.jobs, has_path);
    for (TrmJob& job : result.jobs) job.resolved_yaml = dump(job);
    return result;
  }

 private:
  Node compose_job(const config::SweepJob& job) {
    config::Composed composed = config::compose(tree_, {line_.config_name, job.overrides, known_keys()});
    choices_ = std::move(composed.choices);
    return std::move(composed.config);
  }

  [[nodiscard]] config::ResolveContext context(const config::SweepJob& job, size_t number) const {
    config::ResolveContext context;
    context.now = now_;
    context.hydra = {{"job.num", std::to_string(number)},
                     {"job.override_dirname", job.description},
                     {"job.config_name", line_.config_name},
                     {"runtime.cwd", std::filesystem::current_path().string()}};
    for (const auto& [group, option] : choices_) context.hydra["runtime.choices." + group] = option;
    return context;
  }

  const CommandLine& line_;
  config::ConfigTree tree_;
  std::map<std::string, std::string> choices_;
  std::time_t now_ = std::time(nullptr);
};

std::string help(const ProgramText& program) {
  return flag_help(program) + "\n" + config::help_text(train_schema().options()) + "\n" +
         config::help_text(trm_schema().options(), "arch") + "\n" +
         config::help_text(classes_schema().options(), "arch");
}

}  // namespace

TrmCommandLine parse_trm_command_line(int argc, const char* const* argv, const ProgramText& program,
                                      std::optional<uint64_t> seed) {
  const CommandLine line = parse_command_line(argc, argv, program);
  if (line.help) return {help(program), {}};
  if (line.version) return {program.name + " " TERN_VERSION "\n", {}};
  refuse_flags(line.arguments);
  return FrontEnd(line).run(seed.value_or(name_seed()));
}

TrmJob read_trm_job(const Node& resolved) {
  const Node* arch = resolved.find("arch");
  if (arch == nullptr) {
    throw Error(ErrorKind::usage, "no architecture is chosen", "in the configuration", "choose one by arch=trm");
  }
  if (!arch->is_map()) {
    throw Error(ErrorKind::usage, std::string("arch needs a mapping, not ") + arch->kind(),
                "in " + arch->origin.describe(), "choose an architecture by arch=trm");
  }
  const ArchClasses classes = classes_schema().read(*arch, "arch");
  check_architecture(classes.name, resolved);
  config::refuse_unknown_keys(resolved, known_keys());
  TrmJob job;
  job.arch_name = classes.name;
  job.train = train_schema().read(resolved);
  job.arch = trm_schema().read(*arch, "arch");
  check_train_config(job.train, &resolved);
  check_trm_config(job.arch, &resolved);
  check_together(job, resolved);
  return job;
}

TrmJob parse_trm_job(const std::string& config_yaml, const std::vector<std::string>& overrides) {
  config::ConfigTree tree;
  const std::array saved = {config::EmbeddedFile{"checkpoint.yaml", config_yaml}};
  if (!config_yaml.empty()) tree.add_embedded(saved);
  tree.add_embedded(shipped_configs());
  const std::vector<config::Override> parsed = parse_overrides(overrides);
  config::refuse_sweeps(parsed);
  const std::string name = config_yaml.empty() ? "cfg_pretrain" : "checkpoint";
  const config::Composed composed = config::compose(tree, {name, parsed, known_keys()});
  TrmJob job = read_trm_job(config::resolve(composed.config, {}));
  job.resolved_yaml = dump(job);
  return job;
}

}  // namespace tern
