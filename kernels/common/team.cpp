#include "kernels/common/team.h"

#include <ATen/Parallel.h>

#ifdef _OPENMP
#include <omp.h>
#endif

namespace tern::kernels {
namespace {

void pause_briefly() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

Team::Range Team::take(int64_t total, int64_t unit) {
  int64_t begin = shared_.next.load(std::memory_order_relaxed), end = begin;
  while (begin < total) {
    const int64_t units = std::max<int64_t>((total - begin) / (4 * size_ * unit), 1);
    end = std::min(total, begin + units * unit);
    if (shared_.next.compare_exchange_weak(begin, end, std::memory_order_relaxed)) break;
  }
  return {begin, end};
}

void Team::meet() {
  if (size_ == 1) {
    shared_.next.store(0, std::memory_order_relaxed);
    return;
  }
  // Only the last to arrive raises the round, so it is still this meeting's.
  const int64_t round = shared_.round.load(std::memory_order_relaxed);
  if (shared_.arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == size_) {
    shared_.arrived.store(0, std::memory_order_relaxed);
    shared_.next.store(0, std::memory_order_relaxed);
    shared_.round.store(round + 1, std::memory_order_release);
    shared_.round.notify_all();
    return;
  }
  // Steps are microseconds long. Who waits for longer leaves the processor to a member that has none.
  constexpr int kSpins = 1000;
  for (int spins = 0; spins < kSpins; ++spins) {
    if (shared_.round.load(std::memory_order_acquire) != round) return;
    pause_briefly();
  }
  shared_.round.wait(round, std::memory_order_acquire);
}

int64_t max_team_size() {
#ifdef _OPENMP
  if (!at::in_parallel_region()) return at::get_num_threads();
#endif
  return 1;
}

void run_team(c10::function_ref<void(Team&)> body) {
  Team::Shared shared;
#ifdef _OPENMP
  const auto size = static_cast<int>(max_team_size());
#pragma omp parallel num_threads(size) if (size > 1)
  {
    Team member(shared, omp_get_thread_num(), omp_get_num_threads());  // there may be fewer than were asked for
    body(member);
  }
#else
  Team member(shared, 0, 1);
  body(member);
#endif
}

}  // namespace tern::kernels
