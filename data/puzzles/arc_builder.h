// Builds an ARC dataset from Kaggle JSON files, start to end: plan, write aside, check, put in place.
#pragma once

#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "data/puzzles/arc_plan.h"

namespace tern::puzzles {

enum class Container { npy, h5, lazy };

struct ArcBuildOptions {
  ArcPlanOptions plan;
  // A folder, made if missing. For h5 and lazy a path that ends in .h5 is the file itself; otherwise the file is
  // dataset.h5 in the folder.
  std::filesystem::path output;
  Container container = Container::npy;
  int threads = 1;
  bool force = false;            // replace an output that is not empty
  bool fail_on_overlap = false;  // refuse to build when a held-out pair also occurs in train
};

struct BuildProgress {
  std::string stage;  // "Plan training", "Write"
  std::string unit;   // "puzzles", "examples"
  int64_t done = 0;
  int64_t total = 0;
};

struct BuildHooks {
  std::function<void(const BuildProgress&)> progress = [](const BuildProgress&) {};
  std::function<void(const std::string&)> warn = [](const std::string&) {};
  std::function<bool()> stop_requested = [] { return false; };  // polled about ten times a second
};

// Thrown when stop_requested said so; nothing is left behind.
struct BuildStopped : std::runtime_error {
  BuildStopped() : std::runtime_error("stopped") {}
};

struct SplitSummary {
  std::string name;
  int64_t groups = 0;
  int64_t puzzles = 0;
  int64_t examples = 0;
};

struct BuildSummary {
  std::filesystem::path output;
  std::vector<SplitSummary> splits;
  int64_t identifiers = 0;  // including blank ones
  int64_t bytes = 0;
  int64_t puzzles_short_of_augmentations = 0;
  int64_t num_test_pairs = 0;
  std::vector<Overlap> overlaps;
  double plan_seconds = 0;
  double write_seconds = 0;  // making and writing rows, until all is on the disk
  double total_seconds = 0;
};

// The output is either complete or untouched. Throws Error(data) for bad input (arc_json.h), an occupied or unwritable
// output, a full disk, overlaps where fail_on_overlap is set, or an output that doesn't read back as it was planned.
BuildSummary build_arc_dataset(const ArcBuildOptions& options, const BuildHooks& hooks);

}  // namespace tern::puzzles
