#include "data/puzzles/staged_output.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>  // renameat2
#include <cstring>
#include <system_error>

#include "base/error.h"
#include "base/file.h"

namespace tern::puzzles {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail(const std::string& what, const fs::path& path, const std::string& fix = "") {
  throw Error(ErrorKind::data, what, path.string(), fix);
}

// Without symbolic links and trailing slash, so that the neighbour lies on the same file system as the target.
fs::path normal_target(const fs::path& target) {
  const fs::path canonical = fs::weakly_canonical(fs::absolute(target));
  return canonical.has_filename() ? canonical : canonical.parent_path();
}

void remove_entries(const fs::path& folder) {
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) fs::remove_all(entry.path());
}

// Puts the staged output where something else stands, without a moment in which neither is there.
void exchange(const fs::path& staged, const fs::path& target) {
  if (::renameat2(AT_FDCWD, staged.c_str(), AT_FDCWD, target.c_str(), RENAME_EXCHANGE) == 0) return;
  if (errno != EINVAL && errno != ENOSYS) fail(std::string("rename failed: ") + std::strerror(errno), target);
  // File systems without exchange: the old output steps aside first, and comes back if the new one can't move in.
  const fs::path aside = target.string() + ".old";
  fs::rename(target, aside);
  std::error_code error;
  fs::rename(staged, target, error);
  if (error) {
    fs::rename(aside, target);
    fail("rename failed: " + error.message(), target);
  }
  fs::rename(aside, staged);
}

}  // namespace

StagedOutput::StagedOutput(const fs::path& target, Kind kind, bool force)
    : target_(normal_target(target)), staging_(target_.string() + ".partial"), kind_(kind), force_(force) {
  try {
    const bool occupied = fs::is_directory(target_) ? !fs::is_empty(target_) : fs::exists(target_);
    if (occupied && !force) {
      fail(fs::is_directory(target_) ? "output folder is not empty" : "output exists", target_, "--force replaces it");
    }
    fs::create_directories(target_.parent_path());
    fs::create_directory(staging_);
    lock_staging_folder();
    remove_entries(staging_);
  } catch (const fs::filesystem_error& e) {
    if (lock_ >= 0) ::close(lock_);
    fail("output can't be written: " + e.code().message(), target_, "choose another --output-dir");
  }
}

void StagedOutput::lock_staging_folder() {
  lock_ = ::open(staging_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock_ < 0) fail(std::string("open failed: ") + std::strerror(errno), staging_);
  if (::flock(lock_, LOCK_EX | LOCK_NB) == 0) return;
  ::close(lock_);
  fail("another process is building this dataset", staging_, "wait for it, or choose another --output-dir");
}

StagedOutput::~StagedOutput() {
  std::error_code ignored;  // nothing can be done about it here, and the next build clears the folder
  if (!moved_) fs::remove_all(staging_, ignored);
  ::close(lock_);
}

void StagedOutput::commit() {
  const fs::path source = kind_ == Kind::folder ? staging_ : file();
  try {
    fsync_folder(staging_);
    if (force_ && fs::exists(target_)) {
      exchange(source, target_);  // the old output now lies in the staging folder and goes with it
    } else {
      fs::rename(source, target_);  // replaces an empty folder, refuses any other
      moved_ = kind_ == Kind::folder;
    }
  } catch (const fs::filesystem_error& e) {
    fail("output can't be put in place: " + e.code().message(), target_);
  }
  fsync_folder(target_.parent_path());
}

}  // namespace tern::puzzles
