// A damaged shard is refused with an Error, at opening or at reading; what can be read is UTF-8.
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "data/text/shard.h"
#include "data/text/utf8.h"

namespace {

// One file for the life of the process, in memory where the system has such a folder.
std::filesystem::path scratch_file() {
  const std::filesystem::path memory = "/dev/shm";
  const auto folder = std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path();
  return folder / ("tern_shard_fuzz_" + std::to_string(::getpid()) + ".parquet");
}

struct ScratchFile {
  std::filesystem::path path = scratch_file();
  ~ScratchFile() {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const ScratchFile file;
  tern::write_file_atomically(file.path, {reinterpret_cast<const char*>(data), size});
  try {
    tern::text::ShardReader shard(file.path);
    for (int64_t group = 0; group < shard.num_row_groups(); ++group) {
      for (const auto& document : shard.read_row_group(group)) {
        if (tern::text::find_invalid_utf8(document)) std::abort();
      }
    }
  } catch (const tern::Error&) {
  }
  return 0;
}
