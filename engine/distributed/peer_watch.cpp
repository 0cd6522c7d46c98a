#include "engine/distributed/peer_watch.h"

#include <chrono>
#include <csignal>
#include <optional>
#include <vector>

#include <fmt/format.h>

namespace tern {

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kBeatInterval = std::chrono::seconds(1);
constexpr auto kPollInterval = std::chrono::milliseconds(50);

std::string beat_key(int rank) {
  return "beats/" + std::to_string(rank);
}
std::string failure_key(int rank) {
  return "failure/" + std::to_string(rank);
}
std::string left_key(int rank) {
  return "left/" + std::to_string(rank);
}

Clock::time_point in_seconds(double seconds) {
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

}  // namespace

PeerWatch::PeerWatch(const SharedStore& store, int rank, int world_size)
    : rank_(rank), world_size_(world_size), store_(store.clone()), beats_(store.clone()) {
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);  // signals are for the threads that handle them
  thread_ = std::thread([this] { beat(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

PeerWatch::~PeerWatch() {
  {
    const std::lock_guard guard(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void PeerWatch::beat() {
  std::unique_lock guard(mutex_);
  do {
    guard.unlock();
    try {
      beats_->add(beat_key(rank_), 1);
    } catch (const std::exception&) {  // rank 0 is gone: the next collective will say so
      return;
    }
    guard.lock();
  } while (!changed_.wait_for(guard, kBeatInterval, [this] { return stop_; }));
}

std::string PeerWatch::diagnose() {
  const auto end = in_seconds(kPatience);
  std::set<int> silent;
  for (int rank = 0; rank < world_size_; ++rank) {
    if (rank != rank_) silent.insert(rank);
  }
  try {
    std::vector<int64_t> beats;
    for (int rank = 0; rank < world_size_; ++rank) beats.push_back(store_->add(beat_key(rank), 0));
    while (!silent.empty() && Clock::now() < end) {
      for (int rank = 0; rank < world_size_; ++rank) {
        if (const auto failure = store_->find(failure_key(rank))) {
          return rank_name(*store_, rank) + " failed: " + *failure;
        }
      }
      std::erase_if(silent, [&](int rank) {
        return store_->add(beat_key(rank), 0) > beats[static_cast<size_t>(rank)] || store_->find(left_key(rank));
      });
      std::this_thread::sleep_for(kPollInterval);
    }
    gone_ = silent;
    if (silent.empty()) return "every rank still runs";
    return rank_name(*store_, *silent.begin()) + " is gone";
  } catch (const std::exception&) {
    return "rank 0, which hosts the rendezvous, is gone";
  }
}

void PeerWatch::leave(const std::string& failure, double patience) noexcept {
  try {
    if (!failure.empty()) store_->set(failure_key(rank_), failure);
    store_->set(left_key(rank_), "");
    if (rank_ != 0) return;
    const auto end = in_seconds(patience);
    for (int rank = 1; rank < world_size_; ++rank) {
      while (!gone_.contains(rank) && !store_->find(left_key(rank)) && Clock::now() < end) {
        std::this_thread::sleep_for(kPollInterval);
      }
    }
  } catch (const std::exception&) {  // there is no one left to tell
  }
}

}  // namespace tern
