#include "engine/distributed/checkpoint_peers.h"

#include <atomic>
#include <chrono>

#include <fmt/format.h>

#include "base/error.h"
#include "engine/distributed/rendezvous.h"

namespace tern {

namespace {

class StorePeers : public CheckpointPeers {
 public:
  StorePeers(std::unique_ptr<SharedStore> store, double seconds) : store_(std::move(store)), limit_(seconds) {}

  void publish(const std::string& key, const std::string& text) override { store_->set(key, text); }

  std::string await(const std::string& key) override {
    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + std::chrono::duration<double>(limit_);
    while (Clock::now() < end && !gave_up_.load()) {
      if (auto text = store_->await(key, kSlice)) return *text;
    }
    throw Error(ErrorKind::distributed, gave_up_.load() ? "this process ends before the other ranks have written"
                                                        : fmt::format("another rank was silent for {} s", limit_));
  }

  void give_up() override { gave_up_.store(true); }

 private:
  static constexpr double kSlice = 0.1;  // seconds

  std::unique_ptr<SharedStore> store_;
  double limit_;
  std::atomic<bool> gave_up_{false};
};

}  // namespace

CheckpointRank checkpoint_rank(const ProcessGroup& group) {
  if (group.is_alone()) return {};
  return {group.rank(), group.world_size(),
          std::make_unique<StorePeers>(group.connect_to_store(), group.collective_timeout())};
}

}  // namespace tern
