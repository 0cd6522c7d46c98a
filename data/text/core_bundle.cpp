#include "data/text/core_bundle.h"

#include <yaml-cpp/yaml.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "data/text/python_random.h"

namespace fs = std::filesystem;

namespace tern::text {

namespace {

constexpr uint64_t kShuffleSeed = 1337;  // nanochat's

[[noreturn]] void refuse(const std::string& what, const std::string& where, const std::string& fix = "") {
  throw Error(ErrorKind::data, what, where, fix);
}

// Fields of one line of CSV; a quoted field may hold commas and doubled quotes.
std::vector<std::string> split_csv(const std::string& line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"') {
      fields.back() += line[++i];
    } else if (line[i] == '"') {
      quoted = !quoted;
    } else if (line[i] == ',' && !quoted) {
      fields.emplace_back();
    } else if (line[i] != '\r') {
      fields.back() += line[i];
    }
  }
  return fields;
}

size_t column(const std::vector<std::string>& header, const std::string& name, const std::string& where) {
  const auto found = std::ranges::find(header, name);
  if (found == header.end()) refuse("no column '" + name + "'", where);
  return static_cast<size_t>(found - header.begin());
}

double parse_number(const std::string& text, const std::string& where) {
  size_t end = 0;
  double value = 0;
  try {
    value = std::stod(text, &end);
  } catch (const std::exception&) {
    end = 0;
  }
  if (end == 0 || end != text.size() || !std::isfinite(value)) refuse("'" + text + "' is not a number", where);
  return value;
}

std::map<std::string, double> read_baselines(const fs::path& path) {
  std::istringstream lines(read_file(path));
  std::string line;
  if (!std::getline(lines, line)) refuse("empty file", path.string());
  const std::vector<std::string> header = split_csv(line);
  const size_t task = column(header, "Eval Task", path.string());
  const size_t baseline = column(header, "Random baseline", path.string());
  std::map<std::string, double> baselines;
  for (int64_t number = 2; std::getline(lines, line); ++number) {
    if (line.empty() || line == "\r") continue;
    const std::string where = path.string() + " line " + std::to_string(number);
    const std::vector<std::string> fields = split_csv(line);
    if (fields.size() <= std::max(task, baseline)) refuse("too few fields", where);
    baselines[fields[task]] = parse_number(fields[baseline], where);
  }
  return baselines;
}

CoreTaskKind parse_kind(const std::string& name, const std::string& where) {
  if (name == "multiple_choice") return CoreTaskKind::multiple_choice;
  if (name == "schema") return CoreTaskKind::schema;
  if (name == "language_modeling") return CoreTaskKind::language_modeling;
  refuse("unknown task type '" + name + "'", where, "known: multiple_choice, schema, language_modeling");
}

CoreExample parse_example(const std::string& line, CoreTaskKind kind) {
  const nlohmann::json json = nlohmann::json::parse(line);
  CoreExample example;
  switch (kind) {
    case CoreTaskKind::multiple_choice:
      example.context = json.at("query").get<std::string>();
      example.options = json.at("choices").get<std::vector<std::string>>();
      break;
    case CoreTaskKind::schema:
      example.options = json.at("context_options").get<std::vector<std::string>>();
      example.continuation = json.at("continuation").get<std::string>();
      break;
    case CoreTaskKind::language_modeling:
      example.context = json.at("context").get<std::string>();
      example.continuation = json.at("continuation").get<std::string>();
      return example;
  }
  example.gold = json.at("gold").get_ref<const nlohmann::json::number_unsigned_t&>();  // nothing is converted
  return example;
}

std::vector<CoreExample> read_examples(const fs::path& path, CoreTaskKind kind) {
  std::istringstream lines(read_file(path));
  std::vector<CoreExample> examples;
  std::string line;
  for (int64_t number = 1; std::getline(lines, line); ++number) {
    const std::string where = path.string() + " line " + std::to_string(number);
    try {
      examples.push_back(parse_example(line, kind));
    } catch (const nlohmann::json::exception& error) {
      refuse(std::string("not an example of this task: ") + error.what(), where);
    }
    const CoreExample& example = examples.back();
    if (kind == CoreTaskKind::language_modeling) continue;
    if (example.gold >= example.options.size()) {
      refuse("gold is " + std::to_string(example.gold) + " of " + std::to_string(example.options.size()) + " options",
             where);
    }
  }
  if (examples.empty()) refuse("no examples", path.string());
  return examples;
}

CoreTask read_task(const YAML::Node& node, const fs::path& folder, const std::map<std::string, double>& baselines,
                   int64_t max_per_task, const std::string& where) {
  CoreTask task;
  task.label = node["label"].as<std::string>();
  task.kind = parse_kind(node["icl_task_type"].as<std::string>(), where);
  task.num_fewshot = node["num_fewshot"][0].as<size_t>();
  if (node["continuation_delimiter"]) task.continuation_delimiter = node["continuation_delimiter"].as<std::string>();
  const auto baseline = baselines.find(task.label);
  if (baseline == baselines.end()) {
    refuse("no random baseline of task " + task.label, (folder / "eval_meta_data.csv").string());
  }
  if (baseline->second >= 100) refuse("guessing is always right in task " + task.label, where);
  task.random_baseline = baseline->second;

  const fs::path uri = node["dataset_uri"].as<std::string>();
  if (uri.is_absolute() || std::ranges::find(uri, "..") != uri.end()) {
    refuse("dataset_uri " + uri.string() + " leads out of the folder", where);
  }
  const fs::path path = folder / "eval_data" / uri;
  task.examples = read_examples(path, task.kind);
  PythonRandom(kShuffleSeed).shuffle(task.examples);
  if (max_per_task > 0 && task.examples.size() > static_cast<size_t>(max_per_task)) {
    task.examples.resize(static_cast<size_t>(max_per_task));
  }
  if (task.num_fewshot >= task.examples.size()) {
    refuse(std::to_string(task.examples.size()) + " examples are too few for " + std::to_string(task.num_fewshot) +
               " before each question",
           path.string(), max_per_task > 0 ? "raise the number of examples per task" : "");
  }
  return task;
}

}  // namespace

std::vector<CoreTask> read_core_bundle(const fs::path& folder, int64_t max_per_task) {
  const fs::path path = folder / "core.yaml";
  const std::string text = read_file(path);
  const std::map<std::string, double> baselines = read_baselines(folder / "eval_meta_data.csv");
  std::vector<CoreTask> tasks;
  try {
    const YAML::Node list = YAML::Load(text)["icl_tasks"];
    for (size_t i = 0; i < list.size(); ++i) {
      const std::string where = path.string() + " task " + std::to_string(i + 1);
      tasks.push_back(read_task(list[i], folder, baselines, max_per_task, where));
    }
  } catch (const YAML::Exception& error) {
    refuse(std::string("not a list of tasks: ") + error.what(), path.string());
  }
  if (tasks.empty()) refuse("no tasks under icl_tasks", path.string());
  return tasks;
}

}  // namespace tern::text
