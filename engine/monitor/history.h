// The numbers of a run so far, condensed to what charts need: bounded memory however long the run is.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/monitor/records.h"

namespace tern {

// Neighbouring values summed up.
struct SeriesPoint {
  double step = 0;  // mean step of the values
  double low = 0;
  double mean = 0;
  double high = 0;
};

// One curve. Steps are gathered in equal buckets; once there are more than kMaxPoints, neighbours are merged two by
// two. What it holds depends only on the values, so a resumed run's curve equals an undisturbed one's.
class Series {
 public:
  static constexpr size_t kMaxPoints = 600;

  // Steps must not fall. Values that aren't finite are counted apart and don't enter the curve.
  void add(int64_t step, double value);

  [[nodiscard]] std::vector<SeriesPoint> points() const;
  [[nodiscard]] bool empty() const { return buckets_.empty(); }
  [[nodiscard]] double last() const { return last_; }
  [[nodiscard]] int64_t non_finite() const { return non_finite_; }
  // Steps per point.
  [[nodiscard]] int64_t width() const { return width_; }

 private:
  struct Bucket {
    int64_t index;  // step / width
    int64_t count;
    double step_sum, sum, low, high;
  };
  void merge_neighbours();

  std::vector<Bucket> buckets_;
  int64_t width_ = 1;
  int64_t non_finite_ = 0;
  double last_ = 0;
};

struct BestValue {
  std::string metric = {};
  double value = 0;
  int64_t step = 0;
};

class History {
 public:
  // Metrics of a step that saw no finished example ("train/count" is 0, then upstream's accuracies are 0 by convention)
  // don't enter the curves, except losses.
  void add(const StepReport& report);
  void add(const EvalReport& report) { evals_.push_back(report); }

  // Step metrics by name, and "loss", "lr", "examples_per_second", "memory_bytes".
  [[nodiscard]] const std::map<std::string, Series, std::less<>>& series() const { return series_; }
  [[nodiscard]] const std::vector<EvalReport>& evals() const { return evals_; }

  [[nodiscard]] int64_t last_step() const { return last_step_; }
  // Wall time of all steps and evaluations, over all processes of the run.
  [[nodiscard]] double train_seconds() const { return train_seconds_; }
  [[nodiscard]] double eval_seconds() const;

 private:
  std::map<std::string, Series, std::less<>> series_;
  std::vector<EvalReport> evals_;
  int64_t last_step_ = 0;
  double train_seconds_ = 0;
};

// Whether smaller is better: losses, errors and perplexities.
[[nodiscard]] bool smaller_is_better(std::string_view metric);

// The best value an evaluation reached; the earlier one of equals. An empty name picks the first metric that is a
// pass@K, else the first exact_accuracy, else the first of all. None without a finite value.
[[nodiscard]] std::optional<BestValue> best_value(const std::vector<EvalReport>& evals, const std::string& metric);

}  // namespace tern
