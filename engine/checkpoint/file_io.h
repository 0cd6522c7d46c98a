// Reading and writing checkpoint files with explicit I/O: every failure is an Error(checkpoint) that names the file.
// Files are read into their final memory and never mapped, so a file that shrinks meanwhile is an error, not a SIGBUS.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace tern {

// Streaming XXH3-128: fast enough (GB/s) to hash every byte of every checkpoint, 128 bits against accidents.
class Checksum {
 public:
  Checksum();
  ~Checksum();
  Checksum(const Checksum&) = delete;
  Checksum& operator=(const Checksum&) = delete;

  void update(const void* data, size_t size);
  [[nodiscard]] std::string hex() const;  // 32 lower-case digits, as xxh128sum prints

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct FileDigest {
  uint64_t bytes = 0;
  std::string checksum;  // Checksum::hex of the whole file
};

// A new file (an existing one is emptied), hashed while it is written.
class OutputFile {
 public:
  explicit OutputFile(std::filesystem::path path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(const void* data, size_t size);
  void write(std::string_view text) { write(text.data(), text.size()); }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  // Makes the content durable and closes.
  FileDigest finish();

 private:
  std::filesystem::path path_;
  int fd_ = -1;
  uint64_t bytes_ = 0;
  Checksum checksum_;
};

// Writes path by way of a temporary neighbour: path is the old file or the whole new one, at any instant.
void write_whole_file(const std::filesystem::path& path, const std::function<void(OutputFile&)>& fill);

class InputFile {
 public:
  explicit InputFile(std::filesystem::path path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  [[nodiscard]] uint64_t size() const { return size_; }
  // Exactly size bytes from offset.
  void read(uint64_t offset, void* data, size_t size) const;

 private:
  std::filesystem::path path_;
  int fd_ = -1;
  uint64_t size_ = 0;
};

[[nodiscard]] FileDigest digest_file(const std::filesystem::path& path);

// A small file as a string; Error(checkpoint) when it is larger than max_bytes.
[[nodiscard]] std::string read_small_file(const std::filesystem::path& path, uint64_t max_bytes);

// Throws Error(checkpoint): "<action> failed: <reason of errno code>, path".
[[noreturn]] void throw_io_error(const std::string& action, const std::filesystem::path& path, int code);

}  // namespace tern
