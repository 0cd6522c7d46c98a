// A file of known size that several threads fill at their own positions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

namespace tern::puzzles {

class OutputFile {
 public:
  // Creates the file and reserves size bytes where the file system can, so that a full disk shows at once. Throws
  // Error(data) naming the file, as the other members do.
  OutputFile(std::filesystem::path path, int64_t size);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  // Writes all bytes at position; several threads may write at once.
  void write(int64_t position, std::span<const std::byte> bytes);
  void write(int64_t position, std::string_view text) { write(position, std::as_bytes(std::span(text))); }

  // Returns when the content is on the disk.
  void sync();

 private:
  [[noreturn]] void fail(const char* action, int code) const;

  std::filesystem::path path_;
  int fd_;
};

// Returns when a file that was written by other means is on the disk. Throws Error(data) naming it.
void sync_file(const std::filesystem::path& path);

}  // namespace tern::puzzles
