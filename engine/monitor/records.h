// What a step and an evaluation report. metrics.jsonl, TensorBoard, the log line and the report are made of these.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tern {

// Names as upstream logs them ("train/lm_loss", "all/exact_accuracy", "ARC/pass@2"), in the order they are shown.
using NamedValues = std::vector<std::pair<std::string, double>>;

struct StepReport {
  int64_t step = 0;  // steps done so far, so the first step reports 1
  double loss = 0;   // as minimised, per example
  double lr = 0;
  int64_t examples = 0;  // of all ranks in this step
  NamedValues metrics = {};

  // Timing: differs between two otherwise equal runs.
  double seconds = 0;         // wall time of this step
  uint64_t memory_bytes = 0;  // the most that was in use on a GPU; 0: this process's resident memory is taken
};

struct EvalReport {
  int64_t step = 0;
  NamedValues metrics = {};
  double seconds = 0;  // timing: wall time of the evaluation
};

// How the speed of a training step is told, where examples per second don't say enough.
struct StepDisplay {
  std::string unit = "ex";
  double units_per_example = 1;
  double flops_per_example = 0;  // floating point operations of a step, for MFU
  double peak_flops = 0;         // per second, of all devices together; 0: unknown, then there is no MFU
  bool eta = false;              // the time left, in log lines too
  std::string loss = {};         // a metric to show in the place of the loss, such as its running mean
};

}  // namespace tern
