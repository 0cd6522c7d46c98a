#include "engine/checkpoint/run_folder.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "engine/checkpoint/file_io.h"
#include "engine/checkpoint/layout.h"

namespace fs = std::filesystem;

namespace tern {

namespace {

FoundCheckpoint look_at(const fs::path& folder, int64_t step) {
  FoundCheckpoint found{.folder = folder, .step = step, .manifest = {}, .problem = {}};
  try {
    found.manifest = read_manifest(folder);
  } catch (const Error& e) {
    found.problem = e.what();
  }
  return found;
}

// Newest is what was written last: a run that went back to an older checkpoint continues its own line.
std::pair<int64_t, int64_t> age_key(const FoundCheckpoint& found) {
  return {found.manifest ? found.manifest->sequence : -1, found.step};
}

}  // namespace

std::vector<FoundCheckpoint> scan_checkpoints(const fs::path& run_dir) {
  std::error_code error;
  fs::directory_iterator entries(run_dir, error);
  if (error == std::errc::no_such_file_or_directory) return {};
  if (error) throw_io_error("list", run_dir, error.value());
  std::vector<FoundCheckpoint> all;
  for (const fs::directory_entry& entry : entries) {
    const std::optional<int64_t> step = parse_step_folder(entry.path().filename().string());
    if (step) all.push_back(look_at(entry.path(), *step));
  }
  std::sort(all.begin(), all.end(),
            [](const FoundCheckpoint& a, const FoundCheckpoint& b) { return age_key(a) > age_key(b); });
  return all;
}

}  // namespace tern
