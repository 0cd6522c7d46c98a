#include "apps/trm_votes.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include "base/error.h"
#include "base/file.h"

namespace tern {

namespace {

constexpr size_t kNamedPuzzles = 5;

std::string unanswered_text(const std::vector<std::string>& puzzles) {
  std::string text = fmt::format("{} test inputs have no predictions:", puzzles.size());
  for (size_t i = 0; i < std::min(puzzles.size(), kNamedPuzzles); ++i) text += (i == 0 ? " " : ", ") + puzzles[i];
  return text + (puzzles.size() > kNamedPuzzles ? ", ..." : "");
}

at::Tensor to_tensor(const std::string& bytes) {
  at::Tensor tensor = at::empty({static_cast<int64_t>(bytes.size())}, at::dtype(at::kByte));
  if (!bytes.empty()) std::memcpy(tensor.mutable_data_ptr(), bytes.data(), bytes.size());
  return tensor;
}

std::string to_bytes(const at::Tensor& tensor) {
  return {reinterpret_cast<const char*>(tensor.const_data_ptr<uint8_t>()), static_cast<size_t>(tensor.numel())};
}

}  // namespace

TrmVotes::TrmVotes(const std::vector<EvaluatorConfig>& evaluators, const std::vector<std::filesystem::path>& datasets,
                   OnFailure on_failure)
    : on_failure_(on_failure) {
  for (const EvaluatorConfig& evaluator : evaluators) {
    for (size_t i = 0; i < datasets.size(); ++i) {
      const std::string name = entries_.empty() ? "ARC" : "ARC" + std::to_string(entries_.size());
      entries_.push_back({.name = name,
                          .config = evaluator,
                          .dataset = i,
                          .path = datasets[i],
                          .vote = nullptr,
                          .earlier = {},
                          .failed = false});
    }
  }
}

TrmVotes::~TrmVotes() = default;

// Runs work unless the entry failed before; a failure takes its votes of this evaluation back.
template <class Work>
void TrmVotes::guarded(Entry& entry, std::vector<std::string>& warnings, const Work& work) {
  if (entry.failed) return;
  try {
    work();
  } catch (const std::exception& e) {
    if (on_failure_ == OnFailure::raise) throw;
    entry.failed = true;
    warnings.push_back(fmt::format("evaluator {} ({}) is left out, {}", entry.name, entry.config.name, e.what()));
  }
}

void TrmVotes::open(int64_t blank_identifier_id, std::vector<std::string>& warnings) {
  for (Entry& entry : entries_) {
    entry.failed = false;
    guarded(entry, warnings, [&] {
      if (entry.vote) return;
      const EvaluatorConfig& config = entry.config;
      auto vote =
          std::make_unique<puzzles::ArcVote>(entry.path, blank_identifier_id,
                                             puzzles::ArcVoteOptions{.pass_ks = config.pass_Ks,
                                                                     .submission_k = config.submission_K,
                                                                     .aggregated_voting = config.aggregated_voting});
      const std::string saved = std::exchange(entry.earlier, {});
      try {
        if (!saved.empty()) vote->merge(saved);
      } catch (const Error& e) {
        warnings.push_back(fmt::format("evaluator {} starts to count anew, {}", entry.name, e.what()));
      }
      entry.vote = std::move(vote);
    });
  }
}

void TrmVotes::begin(int64_t blank_identifier_id, std::vector<std::string>& warnings) {
  open(blank_identifier_id, warnings);
  running_ = true;
  for (Entry& entry : entries_) {
    if (!entry.vote) continue;
    entry.vote->begin_eval();
    entry.earlier = entry.vote->save();
  }
}

void TrmVotes::update(size_t dataset, const puzzles::ArcPredictions& predictions, std::vector<std::string>& warnings) {
  for (Entry& entry : entries_) {
    if (entry.dataset != dataset) continue;
    guarded(entry, warnings, [&] { entry.vote->update(predictions); });
  }
}

void TrmVotes::cancel() {
  for (Entry& entry : entries_) take_back(entry);
  running_ = false;
}

void TrmVotes::take_back(Entry& entry) const {
  if (!running_ || !entry.vote) return;
  entry.vote->clear();
  entry.vote->merge(entry.earlier);
  entry.earlier = {};
}

void TrmVotes::finish(const std::function<std::filesystem::path(const std::string&)>& folder_of, NamedValues& metrics,
                      std::vector<std::string>& warnings) {
  for (Entry& entry : entries_) {
    guarded(entry, warnings, [&] {
      const puzzles::ArcScores scores = entry.vote->result();
      if (!scores.unanswered.empty()) warnings.push_back(unanswered_text(scores.unanswered));
      const std::filesystem::path folder = folder_of(entry.name);
      std::filesystem::create_directories(folder);
      write_file_atomically(folder / "submission.json", scores.submission_json);
      for (const auto& [name, value] : scores.scores) {
        metrics.emplace_back(entry.name + name.substr(name.find('/')), value);
      }
    });
    if (entry.failed) take_back(entry);
    if (entry.vote) entry.earlier = {};
  }
  running_ = false;
}

std::string TrmVotes::puzzle_name(size_t dataset, int32_t identifier) const {
  for (const Entry& entry : entries_) {
    if (entry.dataset == dataset && entry.vote) return entry.vote->puzzle_name(identifier);
  }
  return "";
}

TensorList TrmVotes::save() const {
  TensorList out;
  for (const Entry& entry : entries_) {
    if (!entry.config.aggregated_voting) continue;
    const std::string votes = entry.vote ? entry.vote->save() : entry.earlier;
    if (!votes.empty()) out.emplace_back("votes." + entry.name, to_tensor(votes));
  }
  return out;
}

void TrmVotes::restore(const TensorList& saved) {
  for (Entry& entry : entries_) {
    entry.earlier = {};
    for (const auto& [name, tensor] : saved) {
      if (name == "votes." + entry.name) entry.earlier = to_bytes(tensor);
    }
    if (!entry.vote) continue;
    entry.vote->clear();
    if (!entry.earlier.empty()) entry.vote->merge(std::exchange(entry.earlier, {}));
  }
}

}  // namespace tern
