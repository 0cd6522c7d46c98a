// Hydra and OmegaConf recorded (tests/reference/config/record.py) against this implementation.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "engine/config/compose.h"
#include "engine/config/interpolate.h"
#include "engine/config/sweep.h"
#include "engine/config/yaml_read.h"
#include "engine/config/yaml_write.h"
#include "tests/engine/config/canonical.h"

namespace tern::config {
namespace {

using Json = nlohmann::json;
using test::canonical;

const std::string kFolder = TERN_TEST_REFERENCE "/config/";

class HydraParity : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    std::ifstream file(kFolder + "hydra.json");
    recorded_ = new Json(Json::parse(file));
    ::setenv("TERN_TEST_SET", "from environment", 1);
    ::setenv("TERN_TEST_NUMBER", "17", 1);
  }
  static void TearDownTestSuite() { delete recorded_; }

  static const Json& cases(const char* name) { return recorded_->at(name); }

  static Json* recorded_;
};
Json* HydraParity::recorded_ = nullptr;

const char* type_name(Override::Type type) {
  switch (type) {
    case Override::Type::change: return "CHANGE";
    case Override::Type::add: return "ADD";
    case Override::Type::force_add: return "FORCE_ADD";
    case Override::Type::remove: return "DEL";
  }
  return "";
}

std::string list_text(const std::vector<Node>& nodes) {
  return canonical(Node(Node::List(nodes)));
}

std::string glob_text(const Sweep& sweep) {
  Node::List include(sweep.include.begin(), sweep.include.end());
  Node::List exclude(sweep.exclude.begin(), sweep.exclude.end());
  return list_text({Node(include), Node(exclude)});
}

// What record_override records.
Json as_recorded(const std::string& text) {
  Json out = {{"text", text}};
  try {
    const Override parsed = parse_override(text, 1);
    out["type"] = type_name(parsed.type);
    out["key"] = parsed.key;
    if (parsed.package) out["package"] = *parsed.package;
    if (parsed.value) out["value"] = canonical(*parsed.value);
    if (parsed.sweep && !parsed.sweep->include.empty()) {
      out["glob"] = glob_text(*parsed.sweep);
    } else if (parsed.sweep) {
      out["sweep"] = list_text(parsed.sweep->values);
    }
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::usage);
    out["error"] = true;
  }
  return out;
}

TEST_F(HydraParity, OverridesParseToTheSameKeysAndValues) {
  for (const Json& expected : cases("overrides")) {
    // Hydra's grammar allows an empty key, with which nothing can be done.
    if (expected.value("key", "-").empty()) {
      EXPECT_THROW((void)parse_override(expected.at("text"), 1), Error);
      continue;
    }
    EXPECT_EQ(as_recorded(expected.at("text")).dump(), expected.dump());
  }
}

TEST_F(HydraParity, CompositionsAreTheSameYamlInTheSameOrder) {
  for (const Json& expected : cases("compose")) {
    SCOPED_TRACE(expected.at("tree").dump() + " " + expected.at("name").dump() + " " + expected.at("overrides").dump());
    ConfigTree tree;
    tree.add_folder(kFolder + expected.at("tree").get<std::string>());
    ComposeRequest request{expected.at("name"), {}, {}};
    std::optional<Node> config;
    try {
      for (const std::string text : expected.at("overrides")) {
        request.overrides.push_back(parse_override(text, static_cast<int>(request.overrides.size()) + 1));
      }
      refuse_sweeps(request.overrides);
      config = compose(tree, request).config;
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::usage);
      EXPECT_TRUE(expected.contains("error")) << e.what();
      continue;
    }
    EXPECT_FALSE(expected.contains("error")) << write_yaml(*config);
    if (expected.contains("error")) continue;
    EXPECT_EQ(write_yaml(*config), expected.at("yaml").get<std::string>());
    try {
      EXPECT_EQ(canonical(resolve(*config)), expected.value("resolved", "resolve error"));
    } catch (const Error& e) {
      EXPECT_TRUE(expected.contains("resolve_error")) << e.what();
    }
  }
}

TEST_F(HydraParity, InterpolationsResolveToTheSameValues) {
  for (const Json& expected : cases("interpolations")) {
    SCOPED_TRACE(expected.at("text").dump());
    try {
      const Node config = read_yaml(expected.at("text"), "test");
      EXPECT_EQ(canonical(resolve(config)), expected.value("resolved", "error"));
    } catch (const Error& e) {
      EXPECT_TRUE(expected.contains("error")) << e.what();
    }
  }
}

void compare_yaml(const Json& recorded) {
  for (const Json& expected : recorded) {
    SCOPED_TRACE(expected.at("text").dump());
    try {
      const Node node = read_yaml(expected.at("text"), "test");
      EXPECT_EQ(canonical(node), expected.value("value", "error"));
      EXPECT_EQ(write_yaml(node), expected.value("yaml", "error"));
    } catch (const Error& e) {
      EXPECT_TRUE(expected.contains("error")) << e.what();
    }
  }
}

TEST_F(HydraParity, ScalarsHaveTheSameTypes) {
  compare_yaml(cases("scalars"));
}

TEST_F(HydraParity, YamlIsReadAndWrittenTheSame) {
  compare_yaml(cases("yaml"));
}

TEST_F(HydraParity, SweepsExpandToTheSameJobsInTheSameOrder) {
  for (const Json& expected : cases("sweeps")) {
    SCOPED_TRACE(expected.at("overrides").dump());
    std::vector<Override> overrides;
    for (const std::string text : expected.at("overrides")) overrides.push_back(parse_override(text, 1));
    const std::vector<SweepJob> jobs = expand_sweeps(ConfigTree(), overrides);
    ASSERT_EQ(jobs.size(), expected.at("jobs").size());
    for (size_t i = 0; i < jobs.size(); ++i) {
      const Json& lines = expected.at("jobs")[i];
      ASSERT_EQ(jobs[i].overrides.size(), lines.size());
      for (size_t k = 0; k < lines.size(); ++k) {
        const Override same = parse_override(lines[k], 1);
        EXPECT_EQ(jobs[i].overrides[k].key, same.key);
        EXPECT_EQ(canonical(jobs[i].overrides[k].value.value_or(Node())), canonical(same.value.value_or(Node())));
      }
    }
  }
}

}  // namespace
}  // namespace tern::config
