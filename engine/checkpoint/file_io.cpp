#include "engine/checkpoint/file_io.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include <fmt/format.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/error.h"
#include "engine/checkpoint/folder_io.h"

namespace tern {

namespace {

// Small enough that what was hashed is still in the cache when it is written.
constexpr size_t kChunk = 1 << 20;

std::string fix_for(int code) {
  switch (code) {
    case ENOSPC:
    case EDQUOT: return "free some space";
    case EACCES:
    case EPERM: return "check the permissions";
    case EROFS: return "the file system is read-only";
    default: return "";
  }
}

}  // namespace

struct Checksum::State {
  XXH3_state_t xxh3;
};

Checksum::Checksum() : state_(std::make_unique<State>()) {
  XXH3_128bits_reset(&state_->xxh3);
}
Checksum::~Checksum() = default;

void Checksum::update(const void* data, size_t size) {
  if (size > 0) XXH3_128bits_update(&state_->xxh3, data, size);
}

std::string Checksum::hex() const {
  const XXH128_hash_t hash = XXH3_128bits_digest(&state_->xxh3);
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

void throw_io_error(const std::string& action, const std::filesystem::path& path, int code) {
  throw Error(ErrorKind::checkpoint, action + " failed: " + std::strerror(code), path.string(), fix_for(code));
}

OutputFile::OutputFile(std::filesystem::path path) : path_(std::move(path)) {
  fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd_ < 0) throw_io_error("open for writing", path_, errno);
}

OutputFile::~OutputFile() {
  if (fd_ >= 0) ::close(fd_);
}

void OutputFile::write(const void* data, size_t size) {
  const char* bytes = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = ::write(fd_, bytes, std::min(size, kChunk));
    if (written < 0) {
      if (errno == EINTR) continue;
      throw_io_error("write", path_, errno);
    }
    checksum_.update(bytes, static_cast<size_t>(written));
    bytes += written;
    size -= static_cast<size_t>(written);
    bytes_ += static_cast<uint64_t>(written);
  }
}

FileDigest OutputFile::finish() {
  if (::fsync(fd_) != 0) throw_io_error("fsync", path_, errno);
  const int fd = fd_;
  fd_ = -1;
  if (::close(fd) != 0) throw_io_error("close", path_, errno);
  return {bytes_, checksum_.hex()};
}

void write_whole_file(const std::filesystem::path& path, const std::function<void(OutputFile&)>& fill) {
  const std::filesystem::path temporary = path.string() + ".writing";
  try {
    OutputFile file(temporary);
    fill(file);
    file.finish();
    if (::rename(temporary.c_str(), path.c_str()) != 0) throw_io_error("rename", path, errno);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  sync_folder(full_path(path).parent_path());
}

InputFile::InputFile(std::filesystem::path path) : path_(std::move(path)) {
  fd_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd_ < 0) throw_io_error("open", path_, errno);
  struct stat info {};
  const int failed = ::fstat(fd_, &info);
  if (failed != 0 || !S_ISREG(info.st_mode)) {
    const int code = errno;
    ::close(fd_);
    if (failed != 0) throw_io_error("stat", path_, code);
    throw Error(ErrorKind::checkpoint, "not a regular file", path_.string());
  }
  size_ = static_cast<uint64_t>(info.st_size);
}

InputFile::~InputFile() {
  ::close(fd_);
}

void InputFile::read(uint64_t offset, void* data, size_t size) const {
  char* bytes = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t count = ::pread(fd_, bytes, size, static_cast<off_t>(offset));
    if (count < 0) {
      if (errno == EINTR) continue;
      throw_io_error("read", path_, errno);
    }
    if (count == 0) throw Error(ErrorKind::checkpoint, "file ends too early", path_.string());
    bytes += count;
    offset += static_cast<uint64_t>(count);
    size -= static_cast<size_t>(count);
  }
}

FileDigest digest_file(const std::filesystem::path& path) {
  const InputFile file(path);
  Checksum checksum;
  std::vector<char> buffer(kChunk);
  for (uint64_t offset = 0; offset < file.size();) {
    const size_t size = static_cast<size_t>(std::min<uint64_t>(kChunk, file.size() - offset));
    file.read(offset, buffer.data(), size);
    checksum.update(buffer.data(), size);
    offset += size;
  }
  return {file.size(), checksum.hex()};
}

std::string read_small_file(const std::filesystem::path& path, uint64_t max_bytes) {
  const InputFile file(path);
  if (file.size() > max_bytes) {
    throw Error(ErrorKind::checkpoint, fmt::format("file is too large ({} bytes)", file.size()), path.string());
  }
  std::string text(file.size(), '\0');
  file.read(0, text.data(), text.size());
  return text;
}

}  // namespace tern
