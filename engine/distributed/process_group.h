// The processes of a data-parallel job and what they compute together. Every rank makes the same calls in the same
// order; results are bit for bit the same on every rank and in every run.
//
//   ProcessGroup group(read_process_environment(), at::kCPU);
//   return group.run([&] {
//     group.all_reduce(gradient).wait();
//     ...
//   });
//
// Tensors travel by gloo where they are on the CPU and by NCCL where they are on GPUs; numbers and texts always by
// gloo and the store. A call that fails throws Error(distributed): which rank failed or is gone, as far as can be told.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/distributed/environment.h"

namespace tern {

class SharedStore;

class ProcessGroup {
 public:
  // One process alone: nothing is exchanged, no other process needed.
  ProcessGroup();
  // Meets the other processes of the environment. device: where the tensors of the job are. Throws Error(distributed)
  // as meet() does, and when the connections between the ranks fail.
  ProcessGroup(const ProcessEnvironment& environment, at::Device device);
  ~ProcessGroup();
  ProcessGroup(const ProcessGroup&) = delete;
  ProcessGroup& operator=(const ProcessGroup&) = delete;

  [[nodiscard]] int rank() const { return rank_; }
  [[nodiscard]] int world_size() const { return world_size_; }
  [[nodiscard]] bool is_alone() const { return world_size_ == 1; }
  // Writes the files and talks to the person.
  [[nodiscard]] bool leads() const { return rank_ == 0; }

  // Runs the job. When it ends, waits for the others to end too; an error is told to them before it goes on.
  int run(const std::function<int()>& job);

  // A call under way. Its tensors may not be touched until wait(), which throws when it failed. Not waiting is allowed
  // only while an error unwinds.
  class Pending {
   public:
    explicit Pending(std::function<void()> wait = {}) : wait_(std::move(wait)) {}
    void wait() {
      if (wait_) std::exchange(wait_, {})();
    }

   private:
    std::function<void()> wait_;
  };

  // Tensors are contiguous, of the same dtype and shape on every rank.
  // tensor <- sum over the ranks.
  [[nodiscard]] Pending all_reduce(const at::Tensor& tensor);
  // part <- this rank's part of the sum of `whole` over the ranks: whole is world_size parts along its first dimension.
  [[nodiscard]] Pending reduce_scatter(const at::Tensor& whole, const at::Tensor& part);
  // whole <- every rank's part, one after the other. part may lie in whole, at its place.
  [[nodiscard]] Pending all_gather(const at::Tensor& part, const at::Tensor& whole);
  // tensor <- that of rank 0.
  [[nodiscard]] Pending broadcast(const at::Tensor& tensor);

  // Sums over the ranks, number by number, in float64.
  [[nodiscard]] std::vector<double> sum(std::vector<double> numbers);
  [[nodiscard]] double sum(double number) { return sum(std::vector<double>{number}).at(0); }
  // The largest over the ranks.
  [[nodiscard]] int64_t largest(int64_t number);
  // Returns when every rank has called it.
  void barrier();
  // Rank 0's text, on every rank.
  [[nodiscard]] std::string broadcast_text(const std::string& text);
  // Throws Error(distributed) naming `what` and a rank where the text isn't rank 0's.
  void require_same(const std::string& text, const std::string& what);

  // A connection to the store for a thread of its own. Not for a process alone.
  [[nodiscard]] std::unique_ptr<SharedStore> connect_to_store() const;
  [[nodiscard]] double collective_timeout() const { return collective_timeout_; }

 private:
  struct Connections;
  [[noreturn]] void fail(const char* what, const std::string& reason) const;

  int rank_ = 0;
  int world_size_ = 1;
  double collective_timeout_ = 0;
  int64_t texts_ = 0;                         // broadcast so far
  std::unique_ptr<Connections> connections_;  // null: alone
};

}  // namespace tern
