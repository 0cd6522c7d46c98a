// Which checkpoints a run folder keeps.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace tern {

struct RetentionPolicy {
  int64_t keep_last = 3;         // the most recently written ones; 0: all stay
  std::string best_metric = {};  // the best checkpoint by this metric stays too; empty: no best
  bool lower_is_better = false;  // of best_metric
};

// Deletes what policy lets go. just_written (durable by now) always stays, as does every folder whose manifest can't be
// read: it doesn't count, and a person may want to look at it. Of equally good ones the earliest written is the best.
// A deletion that fails is named to on_message; nothing throws.
void apply_retention(const std::filesystem::path& run_dir, const RetentionPolicy& policy,
                     const std::filesystem::path& just_written,
                     const std::function<void(const std::string&)>& on_message);

}  // namespace tern
