// Files: read-only mappings, and writes that are either whole or not there.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace tern {

// A file mapped read-only for its lifetime. Throws Error(kind given) when it can't be opened or mapped.
class MappedFile {
 public:
  MappedFile() = default;
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  [[nodiscard]] std::span<const std::byte> bytes() const { return {data_, size_}; }
  [[nodiscard]] std::string_view text() const { return {reinterpret_cast<const char*>(data_), size_}; }

 private:
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

// Whole file as a string. Throws Error(data) naming the file.
[[nodiscard]] std::string read_file(const std::filesystem::path& path);

// Writes path by way of a temporary neighbour, fsync and rename: readers see the old or the new content, never a part.
// Throws Error(data) with the reason (disk full, read-only folder, ...); the temporary file is then removed.
void write_file_atomically(const std::filesystem::path& path, std::string_view content);

// Makes a rename or a new entry in this folder durable.
void fsync_folder(const std::filesystem::path& folder);

}  // namespace tern
