// Writes checkpoints in the background: the step boundary pays for a copy of the tensors, nothing else.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "engine/checkpoint/joint_write.h"
#include "engine/checkpoint/peers.h"
#include "engine/checkpoint/retention.h"
#include "engine/checkpoint/run_lock.h"
#include "engine/checkpoint/snapshot.h"
#include "engine/checkpoint/staging.h"

namespace tern {

// What the last successful save cost.
struct SaveReport {
  int64_t step = 0;
  uint64_t bytes = 0;
  double wait_seconds = 0;   // in save(): for the write before it
  double copy_seconds = 0;   // in save(): the copy into the buffers
  double write_seconds = 0;  // in the background
};

using MessageCallback = std::function<void(const std::string&)>;

// Called on the background thread with the copy of a snapshot before anything of it is written. What it throws keeps
// the checkpoint from being written, and is the reason that is reported.
using BeforeWrite = std::function<void(const Snapshot&)>;

// A rank of a job whose checkpoints are written by all ranks together. All of them save the same steps; a save succeeds
// on every rank or on none.
struct CheckpointRank {
  int rank = 0;
  int world_size = 1;
  std::unique_ptr<CheckpointPeers> peers = nullptr;  // null with one rank
};

class CheckpointWriter {
 public:
  // Creates run_dir if needed and locks it against a second writer until destruction (on rank 0); throws
  // Error(checkpoint) when that fails. on_message gets one line for everything that goes wrong later. It is called from
  // the background thread or from save(), never from both at once, and must not throw.
  CheckpointWriter(const std::filesystem::path& run_dir, RetentionPolicy retention, MessageCallback on_message,
                   BeforeWrite before_write = {}, CheckpointRank rank = {});
  // Waits for the write in flight; gives it up where it is waiting for other ranks.
  ~CheckpointWriter();
  CheckpointWriter(const CheckpointWriter&) = delete;
  CheckpointWriter& operator=(const CheckpointWriter&) = delete;

  // Copies the snapshot's tensors (CPU or device; the source may change as soon as this returns) and hands them to the
  // background thread, which writes run_dir/step_N and then removes what the retention policy lets go. Waits first
  // while an earlier write is in flight, so that memory stays at one copy of the largest snapshot; the buffers are
  // kept for the next save. An existing step_N is replaced in one instant. A save that fails (disk full, no memory) is
  // reported and leaves older checkpoints as they are; it never throws for that. Throws Error(checkpoint) for a
  // snapshot that can't be stored: a duplicate name, an unsupported dtype.
  // Call it from one thread.
  void save(const Snapshot& snapshot);

  // Returns when nothing is in flight: what save() was given is on disk, or last_error() says why not.
  void wait();

  // Why the most recent finished save failed; empty when it succeeded. Call wait() first to judge the latest save.
  [[nodiscard]] std::optional<std::string> last_error() const;
  [[nodiscard]] std::optional<SaveReport> last_saved() const;

 private:
  void run();
  void write_staged();
  [[nodiscard]] JointWrite joint_write();
  void report_failure(int64_t step, const std::string& reason);

  const std::filesystem::path run_dir_;
  const RetentionPolicy retention_;
  const MessageCallback on_message_;
  const BeforeWrite before_write_;
  const CheckpointRank rank_;
  std::optional<RunLock> lock_;  // rank 0

  int64_t saves_ = 0;  // begun

  StagedSnapshot staged_;  // written by save() while nothing is in flight, read by the thread while something is
  SaveReport staged_report_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool in_flight_ = false;
  bool stopping_ = false;
  std::optional<std::string> last_error_;
  std::optional<SaveReport> last_saved_;

  std::thread thread_;  // last: starts when everything above exists
};

}  // namespace tern
