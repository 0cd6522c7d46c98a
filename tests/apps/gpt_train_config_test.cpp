#include "apps/gpt_train_config.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "engine/optim/scaling_rules.h"
#include "models/gpt/shape.h"
#include "tests/engine/config/expect_error.h"

namespace tern {
namespace {

GptJob parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "gpt_train");
  return parse_gpt_command_line(static_cast<int>(arguments.size()), arguments.data()).job;
}

TEST(GptTrainConfig, ComputesInFloat32OnCpusUnlessToldOtherwise) {
  EXPECT_EQ(model_config(parse({}), 32768).forward_dtype, "float32");
  EXPECT_EQ(model_config(parse({"gpt=nanochat_2025_10"}), 32768).forward_dtype, "float32");
  EXPECT_EQ(model_config(parse({"gpt.forward_dtype=bfloat16"}), 32768).forward_dtype, "bfloat16");
}

TEST(GptTrainConfig, FlagsAndOverridesMeanTheSame) {
  const GptJob flags = parse({"--depth", "4", "--max-seq-len=512", "--total-batch-size=1024"});
  const GptJob overrides = parse({"depth=4", "max_seq_len=512", "total_batch_size=1024"});
  EXPECT_EQ(flags.resolved_yaml, overrides.resolved_yaml);
  EXPECT_EQ(flags.train.depth, 4);
  EXPECT_EQ(flags.train.max_seq_len, 512);
}

TEST(GptTrainConfig, DefaultsAreNanochats) {
  const GptTrainConfig& config = parse({}).train;
  EXPECT_EQ(config.run, "dummy");
  EXPECT_EQ(config.depth, 20);
  EXPECT_EQ(config.aspect_ratio, 64);
  EXPECT_EQ(config.head_dim, 128);
  EXPECT_EQ(config.max_seq_len, 2048);
  EXPECT_EQ(config.num_iterations, -1);
  EXPECT_EQ(config.target_flops, -1);
  EXPECT_EQ(config.target_param_data_ratio, 12);
  EXPECT_EQ(config.device_batch_size, 32);
  EXPECT_EQ(config.total_batch_size, -1);
  EXPECT_EQ(config.embedding_lr, 0.3);
  EXPECT_EQ(config.unembedding_lr, 0.008);
  EXPECT_EQ(config.weight_decay, 0.28);
  EXPECT_EQ(config.matrix_lr, 0.02);
  EXPECT_EQ(config.scalar_lr, 0.5);
  EXPECT_EQ(config.warmup_steps, 40);
  EXPECT_EQ(config.warmdown_ratio, 0.65);
  EXPECT_EQ(config.final_lr_frac, 0.05);
  EXPECT_EQ(config.resume_from_step, -1);
  EXPECT_EQ(config.eval_every, 250);
  EXPECT_EQ(config.eval_tokens, 80 * 524288);
  EXPECT_EQ(config.core_metric_every, 2000);
  EXPECT_EQ(config.core_metric_max_per_task, 500);
  EXPECT_EQ(config.sample_every, 2000);
  EXPECT_EQ(config.save_every, -1);
  EXPECT_FALSE(config.model_tag.has_value());
  EXPECT_EQ(parse({}).parts.model.window_pattern, "SSSL");
}

// What nanochat prints for --depth=12 and its reference batch: nothing is scaled.
TEST(GptTrainConfig, TheReferenceModelIsNotRescaled) {
  const GptPlan plan = make_gpt_plan(parse({"--depth=12"}), 32768, 1);
  EXPECT_EQ(plan.task.total_batch_size, kReferenceBatch);
  EXPECT_EQ(plan.task.num_iterations, 12 * 110100912LL / kReferenceBatch);
  EXPECT_EQ(plan.rates.matrix_lr, 0.02);
  EXPECT_NEAR(plan.schedule.weight_decay, 0.28, 1e-8);
}

TEST(GptTrainConfig, AnotherBatchRescalesRatesAndDecay) {
  const GptPlan plan = make_gpt_plan(
      parse({"--depth=4", "--max-seq-len=1024", "--device-batch-size=1", "--total-batch-size=1024"}), 32768, 1);
  const double scale = std::sqrt(1024.0 / kReferenceBatch);
  EXPECT_EQ(plan.model.n_embd, 256);
  EXPECT_EQ(plan.model.sequence_len, 1024);
  EXPECT_DOUBLE_EQ(plan.rates.embedding_lr, 0.3 * scale);
  EXPECT_DOUBLE_EQ(plan.rates.scalar_lr, 0.5 * scale);
  const double tokens = 12.0 * (8388608 + 3145776), reference = 12.0 * 110100912;
  EXPECT_DOUBLE_EQ(plan.schedule.weight_decay, 0.28 * scale * (reference / tokens));
}

TEST(GptTrainConfig, TheFirstReleaseIsOneWord) {
  const GptJob job = parse({"gpt=nanochat_2025_10", "--depth=20", "--total-batch-size=524288"});
  const GptPlan plan = make_gpt_plan(job, 65536, 1);
  EXPECT_EQ(gpt::count_parameters(plan.model).total(), 560988160);
  EXPECT_EQ(job.parts.optimizer.orthogonalization, "newton_schulz");
}

// The table is what both releases' own scripts compute: tests/reference/gpt/record_depths.py.
TEST(GptTrainConfig, EveryDepthHasUpstreamsWidthAndHeads) {
  const auto tables = nlohmann::json::parse(read_file(std::filesystem::path(TERN_TEST_REFERENCE) / "gpt/depths.json"));
  for (const auto& [release, rows] : tables.items()) {
    ASSERT_EQ(rows.size(), 32U) << release;
    const std::string group = "gpt=" + release;
    for (const auto& row : rows) {
      const auto [depth, width, heads] = row.get<std::array<int64_t, 3>>();
      const std::string flag = "--depth=" + std::to_string(depth);
      const GptJob job = parse({group.c_str(), flag.c_str()});
      if (heads == 0) {  // upstream stops at an assertion in its model
        const std::string message = test::usage_error([&] { (void)model_config(job, 32768); });
        EXPECT_TRUE(message.starts_with("depth=" + std::to_string(depth) + " makes a width of ")) << message;
        continue;
      }
      const gpt::GptConfig config = model_config(job, 32768);
      EXPECT_EQ(config.n_embd, width) << release << " " << flag;
      EXPECT_EQ(config.n_head, heads) << release << " " << flag;
      EXPECT_EQ(config.n_kv_head, heads) << release << " " << flag;
      EXPECT_NO_THROW(gpt::check_config(config));
    }
  }
  EXPECT_EQ(test::usage_error([] {
              (void)model_config(parse({"gpt=nanochat_2025_10", "--depth=5"}), 32768);
            }),
            "depth=5 makes a width of 320, which 3 heads don't share evenly, in the model's configuration, use another "
            "depth, or gpt.round_width=True");
}

struct Environment {
  const char* config;
  int64_t ranks, depth, sequence, device_batch, total_batch, accumulation;
};

TEST(GptTrainConfig, TheThreeEnvironmentsAreTheMissions) {
  for (const Environment& expected : std::vector<Environment>{{"gpt_train_cpu", 1, 4, 1024, 1, 1024, 1},
                                                              {"gpt_train_8xh100", 8, 20, 2048, 32, 524288, 1},
                                                              {"gpt_train_slurm_8xa100", 8, 20, 2048, 32, 524288, 1}}) {
    const GptPlan plan = make_gpt_plan(parse({"--config-name", expected.config}), 32768, expected.ranks);
    EXPECT_EQ(plan.model.n_layer, expected.depth) << expected.config;
    EXPECT_EQ(plan.model.sequence_len, expected.sequence);
    EXPECT_EQ(plan.task.device_batch_size, expected.device_batch);
    EXPECT_EQ(plan.task.total_batch_size, expected.total_batch);
    EXPECT_EQ(accumulation_steps(plan.task, plan.model.sequence_len, expected.ranks), expected.accumulation);
  }
  EXPECT_EQ(make_gpt_plan(parse({"--config-name", "gpt_train_cpu"}), 32768, 1).task.num_iterations, 50);
  EXPECT_NEAR(make_gpt_plan(parse({"--config-name", "gpt_train_8xh100"}), 32768, 8).task.num_iterations, 9960, 1);
}

TEST(GptTrainConfig, TheQuickStartIsAConfigurationToo) {
  const GptJob job = parse({"--config-name=gpt_train_quickstart"});
  EXPECT_EQ(model_tag(job.train), "kjv");
  EXPECT_EQ(make_gpt_plan(job, 2048, 1).task.num_iterations, 600);
}

TEST(GptTrainConfig, TheFirstReleaseClipsInEachProcessAndStringsDocumentsTogether) {
  const GptPlan first = make_gpt_plan(parse({"gpt=nanochat_2025_10"}), 65536, 8);
  EXPECT_TRUE(first.schedule.clip_before_mean);
  EXPECT_EQ(first.task.packing, text::Packing::stream);
  const GptPlan today = make_gpt_plan(parse({}), 65536, 8);
  EXPECT_FALSE(today.schedule.clip_before_mean);
  EXPECT_EQ(today.task.packing, text::Packing::best_fit);
  const GptPlan mixed = make_gpt_plan(
      parse({"gpt=nanochat_2025_10", "gpt.loader.packing=best_fit", "gpt.optimizer.grad_clip_of=mean"}), 65536, 8);
  EXPECT_FALSE(mixed.schedule.clip_before_mean);
  EXPECT_EQ(mixed.task.packing, text::Packing::best_fit);
}

TEST(GptTrainConfig, HelpIsPinned) {
  const char* arguments[] = {"gpt_train", "--help"};
  EXPECT_EQ(parse_gpt_command_line(2, arguments).answer,
            read_file(std::filesystem::path(TERN_TEST_REFERENCE) / "config/gpt_train_help.txt"));
}

TEST(GptTrainConfig, ErrorsNameTheOption) {
  EXPECT_NE(test::usage_error([] { (void)parse({"--dept=4"}); }).find("--depth"), std::string::npos);
  EXPECT_EQ(test::usage_error([] {
              (void)parse({"--multirun", "depth=1,2"});
            }),
            "gpt_train has no --multirun, command line, start it once per configuration");
  EXPECT_NE(test::usage_error([] { (void)parse({"depth=0"}); }).find("depth needs an integer"), std::string::npos);
  EXPECT_EQ(test::usage_error([] {
              (void)make_gpt_plan(parse({"--total-batch-size=1000", "--num-iterations=1"}), 32768, 1);
            }).substr(0, 53),
            "total_batch_size=1000 is not a multiple of 65536 toke");
  EXPECT_EQ(test::usage_error([] {
              (void)make_gpt_plan(parse({"--target-param-data-ratio=-1", "--num-iterations=1"}), 32768, 1);
            }),
            "the best batch size follows from target_param_data_ratio, which is off, in the configuration, give "
            "total_batch_size");
}

TEST(GptTrainConfig, LoopGoesOnFromTheStepAskedFor) {
  EXPECT_EQ(loop_config(parse({}).train, "m/d20").resume, "never");
  EXPECT_EQ(loop_config(parse({"--resume-from-step=30"}).train, "m/d20").resume, "m/d20/step_30");
  EXPECT_EQ(loop_config(parse({"--save-every=7"}).train, "m/d20").checkpoint_interval, 7);
  EXPECT_EQ(model_tag(parse({"--model-tag=x"}).train), "x");
  EXPECT_EQ(loop_config(parse({"--model-tag=x"}).train, "m").run_name, "x");
  EXPECT_EQ(loop_config(parse({"--run=first"}).train, "m").run_name, "first");
}

}  // namespace
}  // namespace tern
