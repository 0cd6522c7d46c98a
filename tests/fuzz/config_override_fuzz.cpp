// A command line, one override per line: parsed, composed with the shipped configuration, resolved, read and dumped.
#include <sstream>

#include "apps/shipped_configs.h"
#include "apps/trm_config.h"
#include "base/error.h"
#include "engine/config/compose.h"
#include "engine/config/interpolate.h"
#include "engine/config/sweep.h"
#include "engine/config/yaml_read.h"
#include "engine/config/yaml_write.h"
#include "engine/train/train_options.h"

namespace {

using namespace tern;

void require(bool holds) {
  if (!holds) __builtin_trap();
}

// A text value written as an override reads back as the same text.
void check_quoting(const config::Override& override) {
  if (!override.value || !override.value->is_text()) return;
  const std::string& text = override.value->text();
  const config::Override back = config::parse_override("k=" + config::quote_override_value(text), 1);
  require(back.value && back.value->is_text() && back.value->text() == text);
}

// A value written as YAML reads back as the same value.
void check_yaml(const config::Override& override) {
  if (!override.value) return;
  config::Node node((config::Node::Map()));
  node.set("k", *override.value);
  const std::string yaml = config::write_yaml(node);
  require(config::write_yaml(config::read_yaml(yaml, "written")) == yaml);
}

// Folders outside are not for a fuzzer to read.
bool leaves_the_tree(const std::string& line) {
  return line.find("searchpath") != std::string::npos || line.find('/') != std::string::npos;
}

config::ConfigTree shipped_tree() {
  config::ConfigTree tree;
  tree.add_embedded(shipped_configs());
  return tree;
}

void run(const std::string& input) {
  static config::ConfigTree tree = shipped_tree();
  std::vector<config::Override> overrides;
  std::istringstream lines(input);
  for (std::string line; std::getline(lines, line);) {
    config::Override override = config::parse_override(line, static_cast<int>(overrides.size()) + 1);
    check_quoting(override);
    check_yaml(override);
    if (!leaves_the_tree(line)) overrides.push_back(std::move(override));
  }
  const auto jobs = config::expand_sweeps(tree, overrides);
  const config::Node composed = config::compose(tree, {"cfg_pretrain", jobs.back().overrides, {}}).config;
  (void)config::write_yaml(composed);
  const TrmJob job = read_trm_job(config::resolve(composed));
  require(train_schema()
              .dump(train_schema().read(train_schema().dump(job.train)))
              .same_value(train_schema().dump(job.train)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 4096) return 0;
  try {
    run(std::string(reinterpret_cast<const char*>(data), size));
  } catch (const Error& e) {
    require(e.kind() == ErrorKind::usage);
  }
  return 0;
}
