// Writing a file from start to end, compressed or not, that appears only when it is complete.
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

namespace tern::text {

// Writes to path + ".tmp"; close() syncs it and gives it its name. Destroyed before close(), it leaves nothing.
// Not thread-safe.
class ByteSink {
 public:
  virtual ~ByteSink() = default;

  // Both throw Error(data) naming the file when writing fails.
  virtual void write(std::string_view bytes) = 0;
  virtual void close() = 0;
};

// gzip if the name ends in .gz, Zstandard (level 3) if it ends in .zst, else plain. Throws Error(data) when the file
// can't be created.
[[nodiscard]] std::unique_ptr<ByteSink> create_file(const std::filesystem::path& path);

// Syncs a complete temporary file and renames it. Throws Error(data).
void sync_and_rename(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace tern::text
