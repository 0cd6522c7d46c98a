// Reading files from start to end, compressed or not.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace tern::text {

// A stream of bytes. Not thread-safe.
class ByteSource {
 public:
  virtual ~ByteSource() = default;

  // Reads up to size bytes; 0 only at the end. Throws Error(data) naming the file when it can't be read or its
  // compressed content is damaged or cut off.
  virtual size_t read(char* buffer, size_t size) = 0;

  // Bytes taken from the file so far, as they lie on the disk: for progress.
  [[nodiscard]] virtual uint64_t consumed() const = 0;
};

// Opens a file: gzip if its name ends in .gz, Zstandard if it ends in .zst, else as it is. Several gzip members or
// Zstandard frames one after another are one stream. Throws Error(data) when it can't be opened.
[[nodiscard]] std::unique_ptr<ByteSource> open_bytes(const std::filesystem::path& path);

// Lines of a stream.
class LineReader {
 public:
  explicit LineReader(std::unique_ptr<ByteSource> source);

  // The next line without its line feed; false at the end. A last line without a line feed counts.
  bool next(std::string& line);

  // Everything from the next line on, exactly as it is.
  [[nodiscard]] std::string rest();

  // Of the line last returned: its number, from 1, and the position of its first byte in the (unpacked) stream.
  [[nodiscard]] uint64_t number() const { return number_; }
  [[nodiscard]] uint64_t offset() const { return offset_; }
  [[nodiscard]] uint64_t consumed() const { return source_->consumed(); }

 private:
  bool fill();

  std::unique_ptr<ByteSource> source_;
  std::string buffer_;
  size_t position_ = 0;
  uint64_t number_ = 0;
  uint64_t offset_ = 0;
  uint64_t next_offset_ = 0;
};

}  // namespace tern::text
