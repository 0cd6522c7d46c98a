// A folder that appears only when everything in it is there.
#pragma once

#include <filesystem>

namespace tern::text {

// Files are written in staging(), a neighbour named FOLDER.partial; publish() gives it the folder's name. Destroyed
// before publish(), it removes what was written.
class StagedFolder {
 public:
  // Throws Error(data) if folder exists and isn't empty, unless replace is set: publish() then takes its place.
  StagedFolder(const std::filesystem::path& folder, bool replace);
  ~StagedFolder();
  StagedFolder(const StagedFolder&) = delete;
  StagedFolder& operator=(const StagedFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& staging() const { return staging_; }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

  // Throws Error(data) when renaming fails; a folder that was to be replaced is then still there.
  void publish();

 private:
  std::filesystem::path folder_;
  std::filesystem::path staging_;
};

}  // namespace tern::text
