// The CORE metric of a recorded model, example by example, against nanochat's own: tests/reference/core/record.py.
#include "apps/gpt_core.h"

#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "apps/gpt_tensors.h"
#include "base/file.h"
#include "engine/checkpoint/weights.h"

namespace tern {
namespace {

const std::filesystem::path kReference = TERN_TEST_REFERENCE;

gpt::Gpt recorded_model() {
  gpt::GptConfig config;  // of tests/reference/gpt/gpt_small
  config.sequence_len = 256;
  config.vocab_size = 500;
  config.n_layer = 4;
  config.n_head = 4;
  config.n_kv_head = 2;
  config.n_embd = 128;
  config.forward_dtype = "float32";
  at::Generator generator = at::detail::createCPUGenerator(0);
  gpt::Gpt model(config, generator);
  load_gpt_weights(model, load_weights(kReference / "gpt/gpt_small/final.pt"), "gpt_small");
  at::Tensor head = model.lm_head().detach();  // the recording's: only lower-case letters have logits
  head.narrow(0, 0, 'a').zero_();
  head.narrow(0, 'z' + 1, head.size(0) - 'z' - 1).zero_();
  return model;
}

text::Tokenizer byte_tokenizer() {
  std::vector<std::string> bytes;
  for (int i = 0; i < 256; ++i) bytes.emplace_back(1, static_cast<char>(i));
  return text::Tokenizer(bytes);
}

TEST(GptCore, AnswersAsNanochatDoes) {
  const gpt::Gpt model = recorded_model();
  text::Encoder encoder(byte_tokenizer());
  const auto expected = nlohmann::json::parse(read_file(kReference / "core/expected.json"));
  int64_t right = 0, wrong = 0;
  for (const text::CoreTask& task : text::read_core_bundle(kReference / "core/bundle", -1)) {
    const auto& answers = expected.at(task.label).at("right");
    ASSERT_EQ(answers.size(), task.examples.size());
    for (size_t i = 0; i < answers.size(); ++i) {
      EXPECT_EQ(answers_rightly(model, task, i, encoder), answers[i].get<bool>()) << task.label << " " << i;
      (answers[i].get<bool>() ? right : wrong)++;
    }
  }
  EXPECT_GT(right, 10) << "the recording would tell nothing";
  EXPECT_GT(wrong, 10);
}

TEST(GptCore, MetricIsTheMeanOfCenteredAccuracies) {
  const gpt::Gpt model = recorded_model();
  const auto tasks = text::read_core_bundle(kReference / "core/bundle", 12);
  std::vector<std::string> told;
  const CoreResult result =
      evaluate_core(model, byte_tokenizer(), tasks, [&](const CoreTaskResult& task) { told.push_back(task.label); });
  ASSERT_EQ(result.tasks.size(), tasks.size());
  double sum = 0;
  for (size_t i = 0; i < tasks.size(); ++i) {
    EXPECT_EQ(told[i], tasks[i].label);
    EXPECT_DOUBLE_EQ(result.tasks[i].centered, tasks[i].centered(result.tasks[i].accuracy));
    sum += result.tasks[i].centered;
  }
  EXPECT_NEAR(result.core_metric, sum / 5, 1e-15);
}

TEST(GptCore, CsvIsNanochats) {
  const CoreResult result{{{"arc_easy", 0.5, 0.3333333}}, 0.3333333};
  EXPECT_EQ(core_csv(result),
            "Task                               , Accuracy  , Centered  \n"
            "arc_easy                           , 0.500000  , 0.333333  \n"
            "CORE                               ,           , 0.333333  \n");
}

}  // namespace
}  // namespace tern
