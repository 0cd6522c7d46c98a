#include "data/text/staged_folder.h"

#include <fcntl.h>
#include <stdio.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/file.h"

namespace tern::text {

namespace fs = std::filesystem;

StagedFolder::StagedFolder(const fs::path& folder, bool replace) : folder_(fs::absolute(folder).lexically_normal()) {
  if (!folder_.has_filename()) folder_ = folder_.parent_path();
  const bool is_free = !fs::exists(folder_) || (fs::is_directory(folder_) && fs::is_empty(folder_));
  if (!is_free && !replace) {
    throw Error(ErrorKind::data, "output folder is not empty", folder_.string(),
                "name another folder, or pass --overwrite to replace it");
  }
  if (!is_free && !fs::is_directory(folder_)) {
    throw Error(ErrorKind::data, "output is a file, not a folder", folder_.string(), "name another folder");
  }
  staging_ = folder_.string() + ".partial";
  std::error_code error;
  fs::remove_all(staging_, error);  // what a killed run left
  fs::create_directories(staging_, error);
  if (error) {
    throw Error(ErrorKind::data, "can't create the folder: " + error.message(), staging_.string(),
                "check that its parent can be written");
  }
}

StagedFolder::~StagedFolder() {
  std::error_code ignored;
  fs::remove_all(staging_, ignored);
}

void StagedFolder::publish() {
  fsync_folder(staging_);
  // Exchanging the two names is one step: at no time is there no folder. The old one then lies in staging_.
  const bool exists = fs::exists(folder_);
  const unsigned flags = exists ? RENAME_EXCHANGE : 0;
  if (::renameat2(AT_FDCWD, staging_.c_str(), AT_FDCWD, folder_.c_str(), flags) != 0) {
    throw Error(ErrorKind::data, std::string("can't put the folder in place: ") + std::strerror(errno),
                folder_.string());
  }
  fsync_folder(folder_.parent_path());
  std::error_code ignored;
  if (exists) fs::remove_all(staging_, ignored);
}

}  // namespace tern::text
