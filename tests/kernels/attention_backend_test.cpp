// The backends of attention and the choice among them.
#include "kernels/attention/attention_backend.h"

#include <gtest/gtest.h>

#include "kernels/attention/attention_choice.h"
#include "kernels/attention/attention_path.h"
#include "kernels/common/log_once.h"
#include "tests/kernels/cases.h"
#include "tests/support/tensors.h"

namespace tern::test {
namespace {

using kernels::AttentionBackend;
using kernels::AttentionCandidate;
using kernels::AttentionOptions;
using kernels::AttentionPasses;

AttentionPasses passes(double out, double d_qkv) {
  return {at::full({3}, out, at::kFloat), at::full({5}, d_qkv, at::kFloat)};
}

AttentionCandidate candidate(const std::string& name, const AttentionPasses& result) {
  return {name, "", [result] { return result; }, [] {}};
}

// Times by the order of the candidates that come so far.
auto stopwatch(std::vector<double> times) {
  return [times, next = size_t{0}](const std::function<void()>&) mutable { return times.at(next++); };
}

TEST(AttentionChoice, TakesTheFastestThatIsRight) {
  const std::vector<AttentionCandidate> candidates = {candidate("slow", passes(1, 2)), candidate("fast", passes(1, 2)),
                                                      candidate("slower", passes(1, 2))};
  const auto winner = choose_attention_candidate(passes(1, 2), 0.01, candidates, stopwatch({3e-3, 1e-3, 5e-3}));
  EXPECT_EQ(winner.index, 1);
  EXPECT_EQ(winner.findings, "slow 3.00 ms; fast 1.00 ms; slower 5.00 ms");
}

TEST(AttentionChoice, AWrongResultOrGradientIsOutHoweverFast) {
  const std::vector<AttentionCandidate> candidates = {
      candidate("drifts", passes(1.02, 2)), candidate("bad gradient", passes(1, 1.9)),
      candidate("nan", passes(std::nan(""), 2)), candidate("right", passes(1.005, 2))};
  const auto winner = choose_attention_candidate(passes(1, 2), 0.01, candidates, stopwatch({1}));
  EXPECT_EQ(winner.index, 3);
  EXPECT_EQ(winner.findings,
            "drifts wrong by 0.02 of the largest value, in the gradient by 0 (0.01 allowed); "
            "bad gradient wrong by 0 of the largest value, in the gradient by 0.05 (0.01 allowed); "
            "nan wrong by nan of the largest value, in the gradient by 0 (0.01 allowed); "
            "right 1000.00 ms");
}

TEST(AttentionChoice, AFailureIsOutAndReportedByItsFirstLine) {
  const std::vector<AttentionCandidate> candidates = {
      {"dies", "", []() -> AttentionPasses { throw std::runtime_error("no engine\nframe 0"); }, {}},
      {"unfit", "it needs bfloat16", []() -> AttentionPasses { throw std::logic_error("must not run"); }, {}},
      candidate("works", passes(1, 1))};
  const auto winner = choose_attention_candidate(passes(1, 1), 0.01, candidates, stopwatch({1e-3}));
  EXPECT_EQ(winner.index, 2);
  EXPECT_EQ(winner.findings, "dies failed: no engine; unfit can't: it needs bfloat16; works 1.00 ms");
}

TEST(AttentionChoice, AFailureWhileBeingTimedIsOut) {
  const std::vector<AttentionCandidate> candidates = {
      {"once", "", [] { return passes(1, 1); }, [] { throw std::runtime_error("tired"); }}};
  const auto winner = choose_attention_candidate(passes(1, 1), 0.01, candidates, [](const auto& run) {
    run();
    return 1.0;
  });
  EXPECT_EQ(winner.index, -1);
  EXPECT_EQ(winner.findings, "once failed: tired");
}

TEST(AttentionChoice, EarlierOnesKeepTheirPlaceUnlessClearlySlower) {
  const std::vector<AttentionCandidate> candidates = {candidate("first", passes(1, 1)),
                                                      candidate("second", passes(1, 1))};
  const auto choose = [&](double second) {
    return choose_attention_candidate(passes(1, 1), 0.01, candidates, stopwatch({1, second})).index;
  };
  EXPECT_EQ(choose(0.95), 0);
  EXPECT_EQ(choose(0.85), 1);
}

TEST(AttentionBackend, NamesAndParses) {
  for (const char* name : {"fused", "flash", "cudnn", "math"}) {
    EXPECT_EQ(attention_backend_name(kernels::parse_attention_backend(name)), name);
  }
  expect_usage_error([] { (void)kernels::parse_attention_backend("fast"); },
                     "unknown attention backend 'fast', attention.backend, use fused, flash, cudnn or math");
}

AttentionOptions some_options(at::ScalarType dtype) {
  AttentionOptions options{.layout = {4, 2, 16}, .causal = true, .window_left = 9};
  options.rope = kernels::make_rope_table(64, 16, 10000, kernels::RopeDirection::counter_clockwise,
                                          dtype == at::kDouble ? at::kDouble : at::kFloat);
  return options;
}

TEST(AttentionBackend, AutoOnTheCpuTriesTheFusedPathAndSaysWhy) {
  for (const auto dtype : float_types()) {
    const auto choice = kernels::resolve_attention_backend("auto", some_options(dtype), 40, dtype, at::kCPU);
    const AttentionOptions options = some_options(dtype);
    const std::string why_not =
        why_not_backend(AttentionBackend::fused, options, at::zeros({1, 40, options.layout.width()}, at::dtype(dtype)));
    if (!why_not.empty()) {  // bfloat16 on some processors at lower instruction levels
      EXPECT_EQ(choice.reason, "attention: math, as nothing else passed (fused can't: " + why_not + ")");
      continue;
    }
    EXPECT_EQ(choice.backend, AttentionBackend::fused) << dtype;
    EXPECT_TRUE(choice.reason.starts_with("attention: fused, the fastest that agrees with the math path (fused "))
        << choice.reason;
  }
}

TEST(AttentionBackend, AutoKeepsWhatARunWasBegunWithWhileItPasses) {
  const auto resume = [](AttentionBackend before, const std::string& name = "auto") {
    return kernels::resolve_attention_backend(name, some_options(at::kFloat), 40, at::kFloat, at::kCPU, before);
  };
  for (const auto before : {AttentionBackend::fused, AttentionBackend::math}) {
    const auto choice = resume(before);
    EXPECT_EQ(choice.backend, before);
    EXPECT_EQ(choice.reason, "attention: " + std::string(attention_backend_name(before)) + ", as when the run began");
  }
  const auto anew = resume(AttentionBackend::cudnn);
  EXPECT_EQ(anew.backend, AttentionBackend::fused);
  EXPECT_TRUE(anew.reason.starts_with("attention: fused, the fastest ")) << anew.reason;
  EXPECT_TRUE(anew.reason.ends_with("; not cudnn as when the run began, which can't: it needs a GPU")) << anew.reason;
  EXPECT_EQ(resume(AttentionBackend::math, "fused").reason, "attention: fused, as configured");
}

TEST(AttentionBackend, ConfiguredOnesAreTakenAsTheyAre) {
  const auto resolve = [](const std::string& name) {
    return kernels::resolve_attention_backend(name, some_options(at::kFloat), 40, at::kFloat, at::kCPU);
  };
  EXPECT_EQ(resolve("math").backend, AttentionBackend::math);
  EXPECT_EQ(resolve("fused").backend, AttentionBackend::fused);
  EXPECT_EQ(resolve("math").reason, "attention: math, as configured");
  for (const char* name : {"flash", "cudnn"}) {
    expect_usage_error([&] { (void)resolve(name); },
                       std::string("attention.backend=") + name +
                           " needs a GPU, and this run computes on the CPU, in the configuration, use "
                           "attention.backend=auto, fused or math");
  }
}

TEST(AttentionBackend, WhatCantRunAProblemFallsBackWithOneLine) {
  std::vector<std::string> lines;
  kernels::set_log_once_sink([&](const std::string& line) { lines.push_back(line); });
  AttentionOptions options{.layout = {2, 2, 8}};
  options.backend = AttentionBackend::cudnn;
  at::Tensor qkv = randn({1, 5, options.layout.width()}, 1, at::kFloat);
  const auto fallen = kernels::attention_forward_(qkv, options);
  const auto again = kernels::attention_forward_(qkv, options);
  kernels::set_log_once_sink({});
  EXPECT_EQ(fallen.backend, AttentionBackend::math);
  EXPECT_EQ(lines, std::vector<std::string>{"attention: cudnn can't run this (it needs a GPU), using math"});
  options.backend = AttentionBackend::math;
  EXPECT_TRUE(same(fallen.out, kernels::attention_forward_(qkv, options).out));
}

}  // namespace
}  // namespace tern::test
