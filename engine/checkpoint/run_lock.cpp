#include "engine/checkpoint/run_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "engine/checkpoint/file_io.h"

namespace tern {

RunLock::RunLock(const std::filesystem::path& run_dir) {
  fd_ = ::open(run_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd_ < 0) throw_io_error("open", run_dir, errno);
  held_ = ::flock(fd_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

RunLock::~RunLock() {
  ::close(fd_);
}

}  // namespace tern
