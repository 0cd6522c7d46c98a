#include "engine/checkpoint/publish.h"

#include <fcntl.h>
#include <stdio.h>  // renameat2

#include <cerrno>

#include "engine/checkpoint/file_io.h"
#include "engine/checkpoint/folder_io.h"
#include "engine/checkpoint/layout.h"

namespace fs = std::filesystem;

namespace tern {

namespace {

// By now the new checkpoint stands; the next repair tries again.
void remove_if_possible(const fs::path& old) {
  std::error_code ignored;
  fs::remove_all(old, ignored);
}

bool can_not_exchange(int code) {
  return code == EINVAL || code == ENOSYS || code == ENOTSUP;
}

}  // namespace

void publish(const fs::path& fresh, const fs::path& folder) {
  if (!path_exists(folder)) {
    rename_path(fresh, folder);
  } else if (::renameat2(AT_FDCWD, fresh.c_str(), AT_FDCWD, folder.c_str(), RENAME_EXCHANGE) == 0) {
    sync_folder(folder.parent_path());
    remove_if_possible(fresh);  // the old content, under the name that the new one had
  } else if (can_not_exchange(errno)) {
    replace_by_two_renames(fresh, folder);
  } else {
    throw_io_error("exchange with " + folder.filename().string(), fresh, errno);
  }
  sync_folder(folder.parent_path());
}

void replace_by_two_renames(const fs::path& fresh, const fs::path& folder) {
  const fs::path old = with_suffix(folder, kReplacedSuffix);
  remove_tree(old);
  rename_path(folder, old);
  try {
    rename_path(fresh, folder);
  } catch (...) {
    rename_path(old, folder);
    throw;
  }
  sync_folder(folder.parent_path());
  remove_if_possible(old);
}

}  // namespace tern
