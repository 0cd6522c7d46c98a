#include "data/text/byte_sink.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"

namespace tern::text {

namespace {

namespace fs = std::filesystem;

constexpr size_t kChunk = size_t{1} << 18;

[[noreturn]] void fail(const std::string& what, const fs::path& path, int code) {
  throw Error(ErrorKind::data, what + " failed: " + std::strerror(code), path.string(),
              "free space on the disk, or check that the folder can be written");
}

class PlainSink : public ByteSink {
 public:
  explicit PlainSink(const fs::path& path)
      : path_(path),
        temporary_(path.string() + ".tmp"),
        descriptor_(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) {
    if (descriptor_ < 0) fail("open for writing", temporary_, errno);
  }
  ~PlainSink() override {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (!done_) ::unlink(temporary_.c_str());
  }
  PlainSink(const PlainSink&) = delete;
  PlainSink& operator=(const PlainSink&) = delete;

  void write(std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) fail("write", path_, errno);
      bytes.remove_prefix(static_cast<size_t>(count));
    }
  }

  void close() override {
    const int descriptor = descriptor_;
    descriptor_ = -1;
    if (::close(descriptor) != 0) fail("write", path_, errno);
    sync_and_rename(temporary_, path_);
    done_ = true;
  }

 private:
  fs::path path_;
  fs::path temporary_;
  int descriptor_;
  bool done_ = false;
};

class GzipSink : public ByteSink {
 public:
  explicit GzipSink(const fs::path& path) : file_(path), packed_(kChunk) {
    constexpr int kGzip = 16;
    constexpr int kMemory = 8;
    const int window = MAX_WBITS + kGzip;
    if (deflateInit2(&stream_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, window, kMemory, Z_DEFAULT_STRATEGY) != Z_OK) {
      throw std::bad_alloc();
    }
  }
  ~GzipSink() override { deflateEnd(&stream_); }
  GzipSink(const GzipSink&) = delete;
  GzipSink& operator=(const GzipSink&) = delete;

  void write(std::string_view bytes) override {
    for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), kChunk))) {
      pack(bytes.substr(0, kChunk), Z_NO_FLUSH);
    }
  }
  void close() override {
    pack({}, Z_FINISH);
    file_.close();
  }

 private:
  void pack(std::string_view bytes, int flush) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(packed_.data());
      stream_.avail_out = static_cast<uInt>(packed_.size());
      deflate(&stream_, flush);
      file_.write({packed_.data(), packed_.size() - stream_.avail_out});
    } while (stream_.avail_out == 0);
  }

  PlainSink file_;
  std::vector<char> packed_;
  z_stream stream_{};
};

class ZstdSink : public ByteSink {
 public:
  explicit ZstdSink(const fs::path& path) : file_(path), packed_(kChunk), stream_(ZSTD_createCStream()) {
    if (!stream_) throw std::bad_alloc();
    ZSTD_CCtx_setParameter(stream_.get(), ZSTD_c_compressionLevel, 3);
    ZSTD_CCtx_setParameter(stream_.get(), ZSTD_c_checksumFlag, 1);
  }

  void write(std::string_view bytes) override { pack(bytes, ZSTD_e_continue); }
  void close() override {
    pack({}, ZSTD_e_end);
    file_.close();
  }

 private:
  struct Free {
    void operator()(ZSTD_CStream* stream) const { ZSTD_freeCStream(stream); }
  };

  void pack(std::string_view bytes, ZSTD_EndDirective end) {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    for (bool more = true; more;) {
      ZSTD_outBuffer out{packed_.data(), packed_.size(), 0};
      const size_t left = ZSTD_compressStream2(stream_.get(), &out, &in, end);
      TERN_CHECK(ZSTD_isError(left) == 0, ZSTD_getErrorName(left));
      file_.write({packed_.data(), out.pos});
      more = end == ZSTD_e_end ? left > 0 : in.pos < in.size;
    }
  }

  PlainSink file_;
  std::vector<char> packed_;
  std::unique_ptr<ZSTD_CStream, Free> stream_;
};

}  // namespace

std::unique_ptr<ByteSink> create_file(const fs::path& path) {
  if (path.extension() == ".gz") return std::make_unique<GzipSink>(path);
  if (path.extension() == ".zst") return std::make_unique<ZstdSink>(path);
  return std::make_unique<PlainSink>(path);
}

void sync_and_rename(const fs::path& from, const fs::path& to) {
  const int descriptor = ::open(from.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) fail("open", from, errno);
  const int synced = ::fsync(descriptor);
  const int code = errno;
  ::close(descriptor);
  if (synced != 0) fail("fsync", from, code);
  if (::rename(from.c_str(), to.c_str()) != 0) fail("rename", to, errno);
  fsync_folder(to.has_parent_path() ? to.parent_path() : ".");
}

}  // namespace tern::text
