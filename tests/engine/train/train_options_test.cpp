#include "engine/train/train_options.h"

#include <gtest/gtest.h>

#include "engine/config/yaml_read.h"
#include "tests/engine/config/expect_error.h"

namespace tern {
namespace {

using test::usage_error;

// Reads and checks, as programs do.
TrainConfig read(const std::string& yaml) {
  const config::Node node = config::read_yaml(yaml, "a.yaml");
  config::refuse_unknown_keys(node, train_schema().keys());
  const TrainConfig config = train_schema().read(node);
  check_train_config(config, &node);
  return config;
}

std::string error_of(const std::string& yaml) {
  return usage_error([&] { (void)read(yaml); });
}

TEST(TrainOptions, DefaultsAreValid) {
  EXPECT_NO_THROW(check_train_config(TrainConfig()));
}

TEST(TrainOptions, KeysThatUpstreamLeavesOutMeanWhatUpstreamMeans) {
  const TrainConfig config = read("epochs: 7");
  EXPECT_TRUE(config.evaluators.empty());
  EXPECT_FALSE(config.eval_interval.has_value());
  EXPECT_FALSE(config.checkpoint_every_eval);
  EXPECT_EQ(config.lr, 1e-4);
}

TEST(TrainOptions, EvalIntervalDividesEpochs) {
  EXPECT_NO_THROW((void)read("{epochs: 50000, eval_interval: 5000}"));
  EXPECT_NO_THROW((void)read("{epochs: 7, eval_interval: null}"));
  EXPECT_EQ(error_of("epochs: 100\neval_interval: 7"),
            "eval_interval=7 does not divide epochs=100, in a.yaml:2:16 and a.yaml:1:9, use eval_interval=5 or 10");
  EXPECT_EQ(error_of("{epochs: 100, eval_interval: 300}"),
            "eval_interval=300 does not divide epochs=100, in a.yaml:1:30 and a.yaml:1:10, use eval_interval=100");
}

TEST(TrainOptions, BatchIsAMultipleOfTheRanks) {
  TrainConfig config;
  config.global_batch_size = 768;
  EXPECT_NO_THROW(check_world_size(config, 1));
  EXPECT_NO_THROW(check_world_size(config, 8));
  EXPECT_EQ(
      usage_error([&] { check_world_size(config, 7); }),
      "global_batch_size=768 is not divisible by the 7 ranks, in the configuration, use global_batch_size=763 or 770");
  config.global_batch_size = 3;
  EXPECT_EQ(usage_error([&] { check_world_size(config, 4); }),
            "global_batch_size=3 is not divisible by the 4 ranks, in the configuration, use global_batch_size=4");
}

TEST(TrainOptions, EarlyStopNeedsAMetric) {
  EXPECT_NO_THROW((void)read("{early_stop: 3, best_metric: ARC/pass@2}"));
  EXPECT_EQ(error_of("early_stop: 3"),
            "early_stop=3 needs a best_metric, in a.yaml:1:13, add best_metric=NAME, e.g. "
            "best_metric=all/exact_accuracy");
}

TEST(TrainOptions, PathsAreGiven) {
  EXPECT_EQ(error_of("data_paths: []"), "data_paths needs a list (not empty) of text, not '[]', in a.yaml:1:13");
  EXPECT_EQ(error_of("data_paths: [a, '']"), "an empty path in data_paths, in a.yaml:1:13, remove it");
  EXPECT_EQ(error_of("data_paths_test: ['']"), "an empty path in data_paths_test, in a.yaml:1:18, remove it");
  EXPECT_EQ(error_of("data_paths: data/arc1"),
            "data_paths needs a list (not empty) of text, not 'data/arc1', in a.yaml:1:13, "
            "write data_paths=[data/arc1]");
}

TEST(TrainOptions, EvaluatorsAreKnown) {
  const TrainConfig config =
      read("evaluators: [{name: arc@ARC, pass_Ks: [1, 3], submission_K: 3, aggregated_voting: no}]");
  ASSERT_EQ(config.evaluators.size(), 1U);
  EXPECT_EQ(config.evaluators[0].pass_Ks, (std::vector<int64_t>{1, 3}));
  EXPECT_FALSE(config.evaluators[0].aggregated_voting);
  EXPECT_EQ(error_of("evaluators: [{name: arc@ARK}]"),
            "evaluators.0.name needs arc@ARC, not 'arc@ARK', in a.yaml:1:21, did you mean 'arc@ARC'?");
  EXPECT_EQ(error_of("evaluators: [{submission_K: 2}]"), "evaluators.0.name is missing, in a.yaml:1:14, give arc@ARC");
  EXPECT_EQ(error_of("evaluators: [{name: arc@ARC, pass_Ks: []}]"),
            "evaluators.0.pass_Ks needs a list (not empty) of integers >= 1, not '[]', in a.yaml:1:39");
}

// Every bounded option refuses a value outside, by its own declaration.
TEST(TrainOptions, EveryBoundIsEnforced) {
  int bounds = 0;
  for (const config::OptionInfo& option : train_schema().options()) {
    std::vector<double> outside;
    if (option.minimum) outside.push_back(*option.minimum - 1);
    if (option.maximum) outside.push_back(*option.maximum + 1);
    for (const double value : outside) {
      ++bounds;
      const std::string text = std::to_string(static_cast<int64_t>(value));
      const std::string error = error_of(option.key + ": " + text);
      EXPECT_EQ(error, option.key + " needs " + option.expected() + ", not '" + text +
                           "', in a.yaml:1:" + std::to_string(option.key.size() + 3));
    }
  }
  EXPECT_GE(bounds, 20);
}

// "a.b" and "c" as the YAML "a: {b: c}".
std::string yaml_of(const std::string& key, const std::string& value) {
  const size_t dot = key.find('.');
  return dot == std::string::npos ? key + ": " + value
                                  : key.substr(0, dot) + ": {" + yaml_of(key.substr(dot + 1), value) + "}";
}

TEST(TrainOptions, EveryChoiceIsEnforced) {
  for (const config::OptionInfo& option : train_schema().options()) {
    if (option.choices.empty()) continue;
    const std::string value = option.is_list ? "[xyzzy]" : "xyzzy";
    EXPECT_NE(error_of(yaml_of(option.key, value)).find("needs one of "), std::string::npos) << option.key;
    for (const std::string& choice : option.choices) {
      EXPECT_NO_THROW((void)read(yaml_of(option.key, option.is_list ? "[" + choice + "]" : choice))) << option.key;
    }
  }
}

}  // namespace
}  // namespace tern
