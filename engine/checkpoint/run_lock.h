// One writer per run folder: an advisory lock that ends with the process, however it ends.
#pragma once

#include <filesystem>

namespace tern {

class RunLock {
 public:
  // Tries to lock the folder, without waiting. File systems that know no locks count as locked by us.
  explicit RunLock(const std::filesystem::path& run_dir);
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

  // False: another RunLock, of this or another process, holds the folder.
  [[nodiscard]] bool held() const { return held_; }

 private:
  int fd_ = -1;
  bool held_ = false;
};

}  // namespace tern
