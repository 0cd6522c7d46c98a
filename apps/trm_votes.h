// The evaluators of a run: an ARC vote per evaluator and test dataset, kept over evaluations (aggregated voting).
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "data/puzzles/arc_vote.h"
#include "engine/checkpoint/tensor_list.h"
#include "engine/monitor/records.h"
#include "engine/train/train_config.h"

namespace tern {

// What becomes of an evaluator that fails.
enum class OnFailure {
  warn,   // it says why and sits this evaluation out, without a trace in its votes; the others go on
  raise,  // for a program that does nothing else
};

// The first vote is called ARC, as upstream's; further ones, which upstream lets overwrite the first, ARC1, ARC2, ...
// Rows of a dataset are shown to the votes of that dataset only.
class TrmVotes {
 public:
  // Opens nothing yet.
  TrmVotes(const std::vector<EvaluatorConfig>& evaluators, const std::vector<std::filesystem::path>& datasets,
           OnFailure on_failure);
  ~TrmVotes();

  [[nodiscard]] bool empty() const { return entries_.empty(); }

  // Opens what isn't open; an evaluator that can't be opened appends its reason to warnings.
  void open(int64_t blank_identifier_id, std::vector<std::string>& warnings);

  // One evaluation: begin, update per batch, then finish or cancel (the votes are as before begin; nothing to do where
  // none was begun).
  void begin(int64_t blank_identifier_id, std::vector<std::string>& warnings);
  void update(size_t dataset, const puzzles::ArcPredictions& predictions, std::vector<std::string>& warnings);
  void cancel();
  // Appends ARC/pass@K to metrics and writes submission.json into the folder named by folder_of("ARC").
  void finish(const std::function<std::filesystem::path(const std::string&)>& folder_of, NamedValues& metrics,
              std::vector<std::string>& warnings);

  // Name of the puzzle behind an identifier of a dataset; empty where no vote knows it.
  [[nodiscard]] std::string puzzle_name(size_t dataset, int32_t identifier) const;

  // Votes that later evaluations add to, as tensors votes.ARC, ...: for a checkpoint.
  [[nodiscard]] TensorList save() const;
  // Puts saved votes back, also before open.
  void restore(const TensorList& saved);

 private:
  struct Entry {
    std::string name;
    EvaluatorConfig config;
    size_t dataset = 0;
    std::filesystem::path path;
    std::unique_ptr<puzzles::ArcVote> vote;  // null: not open
    std::string earlier;                     // while an evaluation runs or the vote isn't open: the votes before it
    bool failed = false;                     // in this evaluation
  };
  template <class Work>
  void guarded(Entry& entry, std::vector<std::string>& warnings, const Work& work);
  void take_back(Entry& entry) const;

  std::vector<Entry> entries_;
  const OnFailure on_failure_;
  bool running_ = false;  // between begin and finish or cancel
};

}  // namespace tern
