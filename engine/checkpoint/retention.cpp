#include "engine/checkpoint/retention.h"

#include <optional>
#include <vector>

#include "engine/checkpoint/run_folder.h"
#include "engine/checkpoint/store.h"

namespace fs = std::filesystem;

namespace tern {

namespace {

// Earlier ones win ties: later equals are no improvement.
std::optional<fs::path> best_checkpoint(const std::vector<FoundCheckpoint>& newest_first,
                                        const RetentionPolicy& policy) {
  std::optional<fs::path> best;
  double best_value = 0;
  for (auto found = newest_first.rbegin(); found != newest_first.rend(); ++found) {
    if (!found->manifest) continue;
    const auto metric = found->manifest->metrics.find(policy.best_metric);
    if (metric == found->manifest->metrics.end()) continue;
    const double value = policy.lower_is_better ? -metric->second : metric->second;
    if (!best || value > best_value) {
      best = found->folder;
      best_value = value;
    }
  }
  return best;
}

std::vector<fs::path> superfluous(const fs::path& run_dir, const RetentionPolicy& policy) {
  std::vector<fs::path> result;
  if (policy.keep_last <= 0) return result;
  const std::vector<FoundCheckpoint> newest_first = scan_checkpoints(run_dir);
  const std::optional<fs::path> best = best_checkpoint(newest_first, policy);
  int64_t readable = 0;
  for (const FoundCheckpoint& found : newest_first) {
    if (!found.manifest || ++readable <= policy.keep_last) continue;
    if (found.folder != best) result.push_back(found.folder);
  }
  return result;
}

void delete_or_report(const fs::path& folder, const std::function<void(const std::string&)>& on_message) {
  try {
    delete_checkpoint(folder);
  } catch (const std::exception& e) {
    on_message(std::string("an old checkpoint can't be deleted: ") + e.what());
  }
}

}  // namespace

void apply_retention(const fs::path& run_dir, const RetentionPolicy& policy, const fs::path& just_written,
                     const std::function<void(const std::string&)>& on_message) {
  try {
    for (const fs::path& folder : superfluous(run_dir, policy)) {
      if (folder != just_written) delete_or_report(folder, on_message);
    }
  } catch (const std::exception& e) {
    on_message(std::string("old checkpoints stay: ") + e.what());
  }
}

}  // namespace tern
