// Who of the ranks still runs: every process leaves a sign of life in the shared store once a second, so that a rank
// whose collective failed can say whose fault it was.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "engine/distributed/rendezvous.h"

namespace tern {

class PeerWatch {
 public:
  // store: one that meet() gave; connections of its own are made from it.
  PeerWatch(const SharedStore& store, int rank, int world_size);
  ~PeerWatch();
  PeerWatch(const PeerWatch&) = delete;
  PeerWatch& operator=(const PeerWatch&) = delete;

  // What became of the others: who failed and why, who is gone, or that all are there. Takes up to kPatience.
  [[nodiscard]] std::string diagnose();

  // Tells the others that this process ends. failure: its error, where it is its own; empty: it is done, or ends
  // because of another. Rank 0, which hosts the store, waits so many seconds for those who still run.
  void leave(const std::string& failure, double patience = kPatience) noexcept;

  static constexpr double kPatience = 5;  // seconds

 private:
  void beat();

  const int rank_;
  const int world_size_;
  std::unique_ptr<SharedStore> store_;  // of diagnose and leave
  std::unique_ptr<SharedStore> beats_;  // of the thread
  std::set<int> gone_;                  // that diagnose() found

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stop_ = false;
  std::thread thread_;  // last: starts when everything above exists
};

}  // namespace tern
