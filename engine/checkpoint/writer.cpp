#include "engine/checkpoint/writer.h"

#include <chrono>
#include <csignal>

#include "base/error.h"
#include "engine/checkpoint/folder_io.h"
#include "engine/checkpoint/layout.h"
#include "engine/checkpoint/store.h"

namespace fs = std::filesystem;

namespace tern {

namespace {

class Stopwatch {
 public:
  // Seconds since construction or the last call.
  double lap() {
    const auto now = Clock::now();
    const std::chrono::duration<double> elapsed = now - start_;
    start_ = now;
    return elapsed.count();
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

fs::path create_run_dir(const fs::path& run_dir) {
  const fs::path full = full_path(run_dir);
  make_folder(full);
  sync_folder(full.parent_path());
  return full;
}

// Starts work with every signal blocked: they are for the threads that handle them, and a file size limit then is an
// error of write() and not the end of the process.
std::thread start_without_signals(const std::function<void()>& work) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread(work);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

}  // namespace

CheckpointWriter::CheckpointWriter(const fs::path& run_dir, RetentionPolicy retention, MessageCallback on_message,
                                   BeforeWrite before_write, CheckpointRank rank)
    : run_dir_(rank.rank == 0 ? create_run_dir(run_dir) : full_path(run_dir)),
      retention_(std::move(retention)),
      on_message_(std::move(on_message)),
      before_write_(std::move(before_write)),
      rank_(std::move(rank)) {
  if (rank_.rank == 0) lock_.emplace(run_dir_);
  if (lock_ && !lock_->held()) {
    throw Error(ErrorKind::checkpoint, "another run is writing into this folder", run_dir_.string(),
                "stop it or choose another checkpoint_path");
  }
  thread_ = start_without_signals([this] { run(); });
}

CheckpointWriter::~CheckpointWriter() {
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
    if (in_flight_ && rank_.peers) rank_.peers->give_up();
  }
  changed_.notify_all();
  thread_.join();
}

JointWrite CheckpointWriter::joint_write() {
  if (!rank_.peers) return {};
  return {*rank_.peers, "checkpoint/" + std::to_string(saves_) + "/", rank_.rank, rank_.world_size};
}

void CheckpointWriter::save(const Snapshot& snapshot) {
  TERN_CHECK(snapshot.rank == rank_.rank && snapshot.world_size == rank_.world_size, "a snapshot of another rank");
  check_snapshot(snapshot);
  Stopwatch watch;
  wait();
  ++saves_;
  staged_report_ = {.step = snapshot.step, .wait_seconds = watch.lap()};
  try {
    staged_.copy(snapshot);
  } catch (const std::exception& e) {  // no memory; torch's text carries a stack trace behind the first line
    staged_.clear();
    const std::string what = e.what();
    const std::string reason = "the copy of the state failed: " + what.substr(0, what.find('\n'));
    joint_write().fail(reason);
    report_failure(snapshot.step, reason);
    return;
  }
  staged_report_.copy_seconds = watch.lap();
  {
    const std::lock_guard guard(mutex_);
    in_flight_ = true;
  }
  changed_.notify_all();
}

void CheckpointWriter::wait() {
  std::unique_lock guard(mutex_);
  changed_.wait(guard, [this] { return !in_flight_; });
}

std::optional<std::string> CheckpointWriter::last_error() const {
  const std::lock_guard guard(mutex_);
  return last_error_;
}

std::optional<SaveReport> CheckpointWriter::last_saved() const {
  const std::lock_guard guard(mutex_);
  return last_saved_;
}

void CheckpointWriter::run() {
  std::unique_lock guard(mutex_);
  while (true) {
    changed_.wait(guard, [this] { return in_flight_ || stopping_; });
    if (!in_flight_) return;
    guard.unlock();
    write_staged();
    guard.lock();
    in_flight_ = false;
    changed_.notify_all();
  }
}

void CheckpointWriter::write_staged() {
  const int64_t step = staged_.snapshot().step;
  JointWrite joint = joint_write();
  try {
    Stopwatch watch;
    if (before_write_) before_write_(staged_.snapshot());
    if (rank_.rank == 0) repair_run_folder(run_dir_, on_message_);
    const Manifest manifest = write_checkpoint(run_dir_, staged_.snapshot(), joint);
    SaveReport report = staged_report_;
    report.write_seconds = watch.lap();
    for (const ManifestFile& file : manifest.files) report.bytes += file.bytes;
    {
      const std::lock_guard guard(mutex_);
      last_error_.reset();
      last_saved_ = report;
    }
    if (rank_.rank == 0) apply_retention(run_dir_, retention_, run_dir_ / step_folder(step), on_message_);
  } catch (const std::exception& e) {
    joint.fail(e.what());
    report_failure(step, e.what());
  }
}

void CheckpointWriter::report_failure(int64_t step, const std::string& reason) {
  const std::string message =
      "checkpoint of step " + std::to_string(step) + " was not written: " + reason + "; older checkpoints are kept";
  {
    const std::lock_guard guard(mutex_);
    last_error_ = message;
  }
  on_message_(message);
}

}  // namespace tern
