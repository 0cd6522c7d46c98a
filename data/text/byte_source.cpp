#include "data/text/byte_source.h"

#include <zlib.h>
#include <zstd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include "base/error.h"

namespace tern::text {

namespace {

constexpr size_t kChunk = size_t{1} << 18;

class PlainSource : public ByteSource {
 public:
  explicit PlainSource(const std::filesystem::path& path) : path_(path), file_(std::fopen(path.c_str(), "rb")) {
    if (!file_) throw Error(ErrorKind::data, std::string("open failed: ") + std::strerror(errno), path.string());
  }

  size_t read(char* buffer, size_t size) override {
    const size_t count = std::fread(buffer, 1, size, file_.get());
    if (count == 0 && std::ferror(file_.get()) != 0) {
      throw Error(ErrorKind::data, std::string("read failed: ") + std::strerror(errno), path_.string());
    }
    consumed_ += count;
    return count;
  }

  [[nodiscard]] uint64_t consumed() const override { return consumed_; }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::filesystem::path path_;
  std::unique_ptr<std::FILE, Close> file_;
  uint64_t consumed_ = 0;
};

// What the two decompressors share: packed bytes come in chunks from the file.
class PackedSource : public ByteSource {
 public:
  explicit PackedSource(const std::filesystem::path& path) : file_(path), where_(path.string()), packed_(kChunk) {}

  [[nodiscard]] uint64_t consumed() const override { return file_.consumed(); }

 protected:
  size_t next_chunk() { return file_.read(packed_.data(), packed_.size()); }
  [[nodiscard]] char* packed() { return packed_.data(); }

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorKind::data, what, where_, "copy or download the file again");
  }

 private:
  PlainSource file_;
  std::string where_;
  std::vector<char> packed_;
};

class GzipSource : public PackedSource {
 public:
  explicit GzipSource(const std::filesystem::path& path) : PackedSource(path) {
    constexpr int kGzipOnly = 16;
    if (inflateInit2(&stream_, MAX_WBITS + kGzipOnly) != Z_OK) throw std::bad_alloc();
  }
  ~GzipSource() override { inflateEnd(&stream_); }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;

  size_t read(char* buffer, size_t size) override {
    stream_.next_out = reinterpret_cast<Bytef*>(buffer);
    stream_.avail_out = static_cast<uInt>(size);
    while (stream_.avail_out == size) {
      if (stream_.avail_in == 0) {
        stream_.next_in = reinterpret_cast<Bytef*>(packed());
        stream_.avail_in = static_cast<uInt>(next_chunk());
        if (stream_.avail_in == 0) {
          if (inside_member_ || !any_member_) fail("gzip data is cut off");
          return 0;
        }
      }
      if (!inside_member_) inflateReset(&stream_);
      inside_member_ = any_member_ = true;
      const int status = inflate(&stream_, Z_NO_FLUSH);
      if (status == Z_STREAM_END) {
        inside_member_ = false;
      } else if (status != Z_OK && status != Z_BUF_ERROR) {
        fail("gzip data is damaged");
      }
    }
    return size - stream_.avail_out;
  }

 private:
  z_stream stream_{};
  bool inside_member_ = false;
  bool any_member_ = false;
};

class ZstdSource : public PackedSource {
 public:
  explicit ZstdSource(const std::filesystem::path& path) : PackedSource(path), stream_(ZSTD_createDStream()) {
    if (!stream_) throw std::bad_alloc();
  }

  size_t read(char* buffer, size_t size) override {
    ZSTD_outBuffer out{buffer, size, 0};
    while (out.pos == 0) {
      if (in_.pos == in_.size && !more_inside_) {
        in_ = {packed(), next_chunk(), 0};
        if (in_.size == 0) {
          if (inside_frame_) fail("zstd data is cut off");
          return 0;
        }
      }
      const size_t status = ZSTD_decompressStream(stream_.get(), &out, &in_);
      if (ZSTD_isError(status) != 0) fail("zstd data is damaged");
      inside_frame_ = status != 0;
      more_inside_ = inside_frame_ && out.pos == out.size;
    }
    return out.pos;
  }

 private:
  struct Free {
    void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
  };
  std::unique_ptr<ZSTD_DStream, Free> stream_;
  ZSTD_inBuffer in_{};
  bool inside_frame_ = true;  // an empty file isn't a frame
  bool more_inside_ = false;  // the output was full: the decompressor may hold more of it
};

}  // namespace

std::unique_ptr<ByteSource> open_bytes(const std::filesystem::path& path) {
  if (path.extension() == ".gz") return std::make_unique<GzipSource>(path);
  if (path.extension() == ".zst") return std::make_unique<ZstdSource>(path);
  return std::make_unique<PlainSource>(path);
}

LineReader::LineReader(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {}

bool LineReader::fill() {
  buffer_.resize(kChunk);
  buffer_.resize(source_->read(buffer_.data(), buffer_.size()));
  position_ = 0;
  return !buffer_.empty();
}

bool LineReader::next(std::string& line) {
  line.clear();
  if (position_ == buffer_.size() && !fill()) return false;
  ++number_;
  offset_ = next_offset_;
  for (;;) {
    const size_t end = buffer_.find('\n', position_);
    line.append(buffer_, position_, end == std::string::npos ? end : end - position_);
    if (end != std::string::npos) {
      position_ = end + 1;
      next_offset_ = offset_ + line.size() + 1;
      return true;
    }
    if (!fill()) {
      next_offset_ = offset_ + line.size();
      return true;
    }
  }
}

std::string LineReader::rest() {
  std::string all = buffer_.substr(position_);
  while (fill()) all += buffer_;
  position_ = buffer_.size();
  return all;
}

}  // namespace tern::text
