// Threads that go through one function together, for work in steps so short that starting threads for each of them
// would cost more than the steps: a token's way through a model's layers. Every member runs the whole function, does
// its share of the large parts, does the small parts for itself, and meets the others where it needs their results.
#pragma once

#include <c10/util/FunctionRef.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace tern::kernels {

class Team {
 public:
  struct Range {
    int64_t begin, end;
  };

  // What the members have in common.
  struct Shared {
    std::atomic<int64_t> arrived{0}, round{0}, next{0};
  };

  Team(Shared& shared, int64_t index, int64_t size) : shared_(shared), index_(index), size_(size) {}

  [[nodiscard]] int64_t index() const { return index_; }
  [[nodiscard]] int64_t size() const { return size_; }

  // This member's part of [0, total), the same every time; borders between members are multiples of `unit`.
  [[nodiscard]] Range share(int64_t total, int64_t unit = 1) const {
    const int64_t units = (total + unit - 1) / unit;
    const auto border = [&](int64_t member) { return std::min(total, units * member / size_ * unit); };
    return {border(index_), border(index_ + 1)};
  }

  // Calls body(begin, end) for pieces of [0, total), each of which goes to the member that is free first. The pieces
  // are multiples of `unit` and become smaller: few in all, and nobody waits for long at the end (guided
  // self-scheduling, Polychronopoulos and Kuck 1987). At most once between two meetings.
  template <class Body>
  void take_pieces(int64_t total, int64_t unit, const Body& body) {
    for (Range piece = take(total, unit); piece.begin < total; piece = take(total, unit)) body(piece.begin, piece.end);
  }

  // Returns when every member has called it; what they wrote before can be read after.
  void meet();

 private:
  Range take(int64_t total, int64_t unit);

  Shared& shared_;
  int64_t index_, size_;
};

// Most members that run_team starts from here: at::get_num_threads(), one inside a parallel region.
[[nodiscard]] int64_t max_team_size();

// Calls body once per member, on threads of their own, and returns when all have returned. body must not throw.
void run_team(c10::function_ref<void(Team&)> body);

}  // namespace tern::kernels
