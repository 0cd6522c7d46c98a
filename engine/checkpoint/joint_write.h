// One checkpoint, written by all ranks of a job into a folder that they share: rank 0 makes the folder, every rank
// writes its files into it and tells rank 0 their checksums, and rank 0 publishes the whole, or nobody does.
#pragma once

#include <string>
#include <vector>

#include "engine/checkpoint/manifest.h"
#include "engine/checkpoint/peers.h"

namespace tern {

// One rank's part of that conversation. With one rank there is none, and every call returns at once. Calls throw
// Error(checkpoint) when another rank failed; what fails here the others learn by fail().
class JointWrite {
 public:
  JointWrite() = default;
  // key: of this checkpoint, the same on every rank.
  JointWrite(CheckpointPeers& peers, std::string key, int rank, int world_size);

  [[nodiscard]] int rank() const { return rank_; }

  // Rank 0: the folder is there; all files are collected, in the order of the ranks; the checkpoint has its name.
  void folder_is_ready();
  [[nodiscard]] std::vector<ManifestFile> collect_files();
  void is_published();

  // The other ranks.
  void wait_for_folder();
  void files_are_written(const std::vector<ManifestFile>& files);
  void wait_until_published();

  // Whatever the others wait for comes as this failure. Does nothing when they wait for nothing any more.
  void fail(const std::string& reason) noexcept;

 private:
  void say(const std::string& what, const std::string& text);
  [[nodiscard]] std::string hear(const std::string& what, int from);

  CheckpointPeers* peers_ = nullptr;
  std::string key_;
  int rank_ = 0;
  int world_size_ = 1;
  int said_ = 0;  // of the things that this rank has to say
};

}  // namespace tern
