// An evaluation bundle: core.yaml, eval_meta_data.csv and the examples of a task, parted by lines "----". What is
// accepted makes prompts whose scored parts lie within them.
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "base/error.h"
#include "base/file.h"
#include "data/text/core_bundle.h"
#include "data/text/core_prompts.h"

namespace {

namespace fs = std::filesystem;
using namespace tern::text;

// One folder for the life of the process, in memory where the system has such a place.
struct ScratchFolder {
  fs::path path = (fs::is_directory("/dev/shm") ? fs::path("/dev/shm") : fs::temp_directory_path()) /
                  ("tern_core_fuzz_" + std::to_string(::getpid()));
  ScratchFolder() { fs::create_directories(path / "eval_data"); }
  ~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
};

Tokenizer byte_tokenizer() {
  std::vector<std::string> bytes;
  for (int i = 0; i < 256; ++i) bytes.emplace_back(1, static_cast<char>(i));
  return Tokenizer(bytes);
}

void write_parts(const fs::path& folder, std::string_view text) {
  constexpr std::string_view kSeparator = "\n----\n";
  for (const char* name : {"core.yaml", "eval_meta_data.csv", "eval_data/e.jsonl"}) {
    const size_t end = text.find(kSeparator);
    tern::write_file_atomically(folder / name, text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + kSeparator.size());
  }
}

void check_prompts(const CoreTask& task, Encoder& encoder) {
  for (size_t i = 0; i < std::min<size_t>(task.examples.size(), 3); ++i) {
    for (const CoreRow& row : core_rows(task, i, encoder)) {
      if (row.first < 1 || row.first > row.last || row.last > row.tokens.size()) std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const ScratchFolder folder;
  static Encoder encoder(byte_tokenizer());
  write_parts(folder.path, {reinterpret_cast<const char*>(data), size});
  try {
    for (const CoreTask& task : read_core_bundle(folder.path, 5)) check_prompts(task, encoder);
  } catch (const tern::Error&) {
  }
  return 0;
}
