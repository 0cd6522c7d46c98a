#include "engine/monitor/append_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace tern {

namespace {

constexpr size_t kMaxWaiting = size_t{64} << 20;

}  // namespace

AppendFile::AppendFile(std::filesystem::path path, Sharing sharing)
    : path_(std::move(path)), fd_(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
  if (fd_ < 0) throw Error(ErrorKind::data, std::string("open for appending failed: ") + std::strerror(errno), path_);
  // A file system without locks (some network mounts) answers with another error, and the run goes on unguarded.
  if (sharing == Sharing::exclusive && ::flock(fd_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    ::close(fd_);
    throw Error(ErrorKind::data, "another process is writing this file", path_,
                "stop it first, or give this run another folder");
  }
  size_ = ::lseek(fd_, 0, SEEK_END);
}

AppendFile::~AppendFile() {
  if (fd_ >= 0) ::close(fd_);
}

AppendFile::AppendFile(AppendFile&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      size_(other.size_),
      waiting_(std::move(other.waiting_)),
      reason_(std::move(other.reason_)),
      lost_bytes_(other.lost_bytes_) {}

AppendFile& AppendFile::operator=(AppendFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  std::swap(size_, other.size_);
  std::swap(waiting_, other.waiting_);
  std::swap(reason_, other.reason_);
  std::swap(lost_bytes_, other.lost_bytes_);
  return *this;
}

bool AppendFile::append(std::string_view text) {
  if (waiting_.size() + text.size() > kMaxWaiting) {
    lost_bytes_ += text.size();
    return false;
  }
  waiting_ += text;
  return write_waiting();
}

bool AppendFile::sync() {
  if (!write_waiting()) return false;
  if (::fsync(fd_) == 0) return true;
  reason_ = std::strerror(errno);
  return false;
}

int AppendFile::duplicate() const {
  return ::fcntl(fd_, F_DUPFD_CLOEXEC, 0);
}

bool AppendFile::write_waiting() {
  size_t written = 0;
  while (written < waiting_.size()) {
    const ssize_t n =
        ::pwrite(fd_, waiting_.data() + written, waiting_.size() - written, size_ + static_cast<off_t>(written));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      reason_ = std::strerror(n < 0 ? errno : ENOSPC);
      // Shrinking needs no space. Should it fail all the same, half a line stays until the next write replaces it.
      [[maybe_unused]] const int shrunk = ::ftruncate(fd_, size_);
      return false;
    }
    written += static_cast<size_t>(n);
  }
  size_ += static_cast<off_t>(written);
  waiting_.clear();
  return true;
}

}  // namespace tern
