// The part of HDF5 that datasets use, without its handles and error stack.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace tern::puzzles {

// Element types of our arrays.
enum class H5Type { uint8, int32 };
template <typename T>
inline constexpr H5Type h5_type_of = sizeof(T) == 1 ? H5Type::uint8 : H5Type::int32;

class H5Array;

// An open file; closed with the last H5File or H5Array that refers to it. HDF5 itself works on one thread at a time:
// all members take one lock, so they may be called from any thread. All throw Error(data) naming file and array.
class H5File {
 public:
  static H5File create(const std::filesystem::path& path);
  static H5File open(const std::filesystem::path& path);

  void write_attribute(const std::string& name, const std::string& value);
  void write_attribute(const std::string& name, int64_t value);
  [[nodiscard]] std::string read_text_attribute(const std::string& name) const;
  [[nodiscard]] int64_t read_int_attribute(const std::string& name) const;

  // A chunked, deflated array whose chunks are given ready-made. Groups on the way are made. chunk_rows counts the
  // first dimension; the other dimensions are never cut.
  H5Array create_array(const std::string& name, H5Type type, const std::vector<int64_t>& shape, int64_t chunk_rows);

  [[nodiscard]] H5Array open_array(const std::string& name) const;

  // Writes everything out; the data is on the disk after the caller's fsync.
  void flush();

 private:
  friend class H5Array;
  struct Handle;
  std::shared_ptr<Handle> file_;
};

class H5Array {
 public:
  [[nodiscard]] const std::vector<int64_t>& shape() const { return shape_; }
  [[nodiscard]] int64_t rows() const { return shape_[0]; }
  [[nodiscard]] int64_t row_bytes() const;  // bytes of one index of the first dimension
  [[nodiscard]] int64_t chunk_rows() const { return chunk_rows_; }
  [[nodiscard]] int64_t num_chunks() const { return (rows() + chunk_rows_ - 1) / chunk_rows_; }
  [[nodiscard]] const std::string& name() const { return name_; }  // "file.h5:train/all/inputs"

  // Throws unless the array has this type and as many dimensions; a size of -1 matches any.
  void require(H5Type type, const std::vector<int64_t>& shape) const;

  // A chunk as it is stored, deflated.
  void write_chunk(int64_t chunk, std::span<const std::byte> deflated);
  // Inflates a chunk to chunk_rows * row_bytes bytes (the last chunk is padded). Only fetching the stored bytes takes
  // the lock; inflating runs in parallel.
  void read_chunk(int64_t chunk, std::span<std::byte> out) const;

  // The whole array. It must be of T's type.
  template <typename T>
  [[nodiscard]] std::vector<T> read_all() const {
    std::vector<T> out(checked_bytes() / sizeof(T));
    read_bytes(std::as_writable_bytes(std::span(out)));
    return out;
  }

 private:
  friend class H5File;
  H5Array() = default;
  [[nodiscard]] size_t checked_bytes() const;  // size of the whole array, if its stored chunks can hold so much
  void read_bytes(std::span<std::byte> out) const;
  [[noreturn]] void fail(const std::string& what) const;

  struct Handle;
  std::shared_ptr<const void> file_;  // keeps the file open
  std::shared_ptr<Handle> array_;
  std::string name_;
  H5Type type_ = H5Type::uint8;
  std::vector<int64_t> shape_;
  int64_t chunk_rows_ = 0;
};

// Zlib stream of a chunk at a quick level. Keeps its memory between calls; one per thread.
class ChunkDeflater {
 public:
  ChunkDeflater();
  ~ChunkDeflater();
  ChunkDeflater(const ChunkDeflater&) = delete;
  ChunkDeflater& operator=(const ChunkDeflater&) = delete;

  // Deflates chunk bytes into out, replacing its content.
  void deflate(std::span<const std::byte> chunk, std::vector<std::byte>& out);

 private:
  struct Compressor;
  std::unique_ptr<Compressor> compressor_;
};

}  // namespace tern::puzzles
