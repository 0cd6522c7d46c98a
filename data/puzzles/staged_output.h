// A folder or file that appears at its place only when it is complete.
#pragma once

#include <filesystem>

namespace tern::puzzles {

// Everything is written into a neighbour, TARGET.partial, which becomes TARGET in one rename. The destructor removes
// what was not committed. A neighbour left by a killed process is cleared by the next build of the same target; one
// that a living process holds is refused.
class StagedOutput {
 public:
  // Where the finished output comes to lie.
  enum class Kind { folder, single_file };

  // Throws Error(data) when target exists and is not an empty folder (unless force), when its parent can't be written,
  // or when another process is building the same target.
  StagedOutput(const std::filesystem::path& target, Kind kind, bool force);
  ~StagedOutput();
  StagedOutput(const StagedOutput&) = delete;
  StagedOutput& operator=(const StagedOutput&) = delete;

  // The folder to write into; for Kind::single_file the content goes to file().
  [[nodiscard]] const std::filesystem::path& folder() const { return staging_; }
  [[nodiscard]] std::filesystem::path file() const { return staging_ / target_.filename(); }

  // Moves the output to its place, which replaces what was there, and makes it durable. File contents must have been
  // synced before.
  void commit();

 private:
  void lock_staging_folder();

  std::filesystem::path target_;
  std::filesystem::path staging_;
  Kind kind_;
  bool force_;
  bool moved_ = false;  // nothing is left at staging_
  int lock_ = -1;       // descriptor of the staging folder; the kernel drops the lock with the process
};

}  // namespace tern::puzzles
