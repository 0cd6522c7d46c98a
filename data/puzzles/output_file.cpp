#include "data/puzzles/output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace tern::puzzles {

namespace {

[[noreturn]] void fail_on(const std::filesystem::path& path, const char* action, int code) {
  throw Error(ErrorKind::data, std::string(action) + " failed: " + std::strerror(code), path.string());
}

}  // namespace

OutputFile::OutputFile(std::filesystem::path path, int64_t size)
    : path_(std::move(path)), fd_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) {
  if (fd_ < 0) fail("open for writing", errno);
  // Not posix_fallocate: where the file system can't reserve, that one writes the whole file once in zeros.
  const int code = size > 0 && ::fallocate(fd_, 0, 0, size) != 0 ? errno : 0;
  if (code == 0 || code == EOPNOTSUPP || code == ENOSYS) return;
  ::close(fd_);
  fail("reserving space", code);
}

OutputFile::~OutputFile() {
  ::close(fd_);
}

void OutputFile::write(int64_t position, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd_, bytes.data(), bytes.size(), position);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail("write", errno);
    bytes = bytes.subspan(static_cast<size_t>(n));
    position += n;
  }
}

void OutputFile::sync() {
  if (::fsync(fd_) != 0) fail("fsync", errno);
}

void OutputFile::fail(const char* action, int code) const {
  fail_on(path_, action, code);
}

void sync_file(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail_on(path, "open", errno);
  const int code = ::fsync(fd) != 0 ? errno : 0;
  ::close(fd);
  if (code != 0) fail_on(path, "fsync", code);
}

}  // namespace tern::puzzles
