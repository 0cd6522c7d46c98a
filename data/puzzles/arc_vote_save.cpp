// The saved form of an ArcVote: "tern-arc-vote 1\n", then for every test input the puzzle's name, the input and the
// candidates in order of their first vote. Strings have a u32 length before them; numbers are little-endian.
#include <bit>
#include <cstring>
#include <limits>
#include <type_traits>

#include "base/error.h"
#include "data/puzzles/arc_vote.h"
#include "data/puzzles/packed_grid.h"

namespace tern::puzzles {

namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::string_view kMagic = "tern-arc-vote 1\n";

template <class T>
void put(std::string& out, T value) {
  static_assert(std::is_arithmetic_v<T>);
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void put_text(std::string& out, std::string_view text) {
  put(out, static_cast<uint32_t>(text.size()));
  out += text;
}

class VoteReader {
 public:
  explicit VoteReader(std::string_view bytes) : rest_(bytes) {}

  [[noreturn]] static void damaged() { throw Error(ErrorKind::checkpoint, "saved votes are damaged"); }

  std::string_view take(size_t size) {
    if (size > rest_.size()) damaged();
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  template <class T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }

  std::string_view text() { return take(number<uint32_t>()); }

  Candidate candidate() {
    Candidate out{std::string(text()), number<int64_t>(), number<double>()};
    (void)unpack(out.grid);
    if (out.count < 1 || !(out.q_sum >= 0) || out.q_sum > static_cast<double>(out.count)) damaged();
    return out;
  }

  [[nodiscard]] bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

}  // namespace

std::string ArcVote::save() const {
  std::string out(kMagic);
  size_t next_tally = 0;
  for (const Puzzle& puzzle : puzzles_) {
    for (const TestInput& test : puzzle.tests) {
      if (test.tally != next_tally) continue;  // shared with an earlier input
      ++next_tally;
      put_text(out, puzzle.name);
      put_text(out, test.input);
      const std::vector<Candidate> candidates = tallies_[test.tally].candidates();
      put(out, static_cast<uint32_t>(candidates.size()));
      for (const Candidate& candidate : candidates) {
        put_text(out, candidate.grid);
        put(out, candidate.count);
        put(out, candidate.q_sum);
      }
    }
  }
  return out;
}

void ArcVote::merge(std::string_view saved) {
  VoteReader reader(saved);
  if (!saved.starts_with(kMagic)) VoteReader::damaged();
  (void)reader.take(kMagic.size());
  std::vector<std::vector<Candidate>> all;
  for (const Puzzle& puzzle : puzzles_) {
    for (const TestInput& test : puzzle.tests) {
      if (test.tally != all.size()) continue;
      const std::string_view name = reader.text();
      const std::string_view input = reader.text();
      if (name != puzzle.name || input != test.input) {
        throw Error(ErrorKind::checkpoint, "saved votes belong to other test puzzles", "puzzle " + std::string(name),
                    "evaluate with the run's own test data");
      }
      std::vector<Candidate>& candidates = all.emplace_back();
      for (auto left = reader.number<uint32_t>(); left > 0; --left) candidates.push_back(reader.candidate());
    }
  }
  if (!reader.at_end()) VoteReader::damaged();
  for (size_t i = 0; i < all.size(); ++i) {
    for (Candidate& candidate : all[i]) tallies_[i].add(std::move(candidate));
  }
}

}  // namespace tern::puzzles
