#include "engine/monitor/history.h"

#include <algorithm>
#include <cmath>

namespace tern {

namespace {

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != text.npos;
}

bool is_per_example_of_batch(std::string_view metric) {
  return metric.ends_with("loss");
}

std::string pick_metric(const NamedValues& metrics) {
  for (const std::string_view wanted : {"pass@2", "pass@1", "exact_accuracy"}) {
    for (const auto& [name, value] : metrics) {
      if (name.ends_with(wanted)) return name;
    }
  }
  return metrics.empty() ? "" : metrics.front().first;
}

}  // namespace

void Series::add(int64_t step, double value) {
  if (!std::isfinite(value)) {
    ++non_finite_;
    return;
  }
  last_ = value;
  const auto x = static_cast<double>(step);
  const int64_t index = step / width_;
  if (!buckets_.empty() && buckets_.back().index == index) {
    Bucket& b = buckets_.back();
    b = {index, b.count + 1, b.step_sum + x, b.sum + value, std::min(b.low, value), std::max(b.high, value)};
    return;
  }
  buckets_.push_back({index, 1, x, value, value, value});
  while (buckets_.size() > kMaxPoints) merge_neighbours();
}

void Series::merge_neighbours() {
  width_ *= 2;
  size_t kept = 0;
  for (const Bucket& b : buckets_) {
    const int64_t index = b.index / 2;
    if (kept > 0 && buckets_[kept - 1].index == index) {
      Bucket& into = buckets_[kept - 1];
      into = {index,
              into.count + b.count,
              into.step_sum + b.step_sum,
              into.sum + b.sum,
              std::min(into.low, b.low),
              std::max(into.high, b.high)};
    } else {
      buckets_[kept] = b;
      buckets_[kept++].index = index;
    }
  }
  buckets_.resize(kept);
}

std::vector<SeriesPoint> Series::points() const {
  std::vector<SeriesPoint> points;
  points.reserve(buckets_.size());
  for (const Bucket& b : buckets_) {
    const auto count = static_cast<double>(b.count);
    points.push_back({b.step_sum / count, b.low, b.sum / count, b.high});
  }
  return points;
}

void History::add(const StepReport& r) {
  const auto count = std::find_if(r.metrics.begin(), r.metrics.end(),
                                  [](const auto& metric) { return metric.first == "train/count"; });
  const bool nothing_finished = count != r.metrics.end() && count->second == 0;
  for (const auto& [name, value] : r.metrics) {
    // Upstream also lists the learning rate among the metrics; here it has its own field.
    if (name == "train/count" || name == "train/lr" || (nothing_finished && !is_per_example_of_batch(name))) continue;
    series_[name].add(r.step, value);
  }
  series_["loss"].add(r.step, r.loss);
  series_["lr"].add(r.step, r.lr);
  if (r.seconds > 0) series_["examples_per_second"].add(r.step, static_cast<double>(r.examples) / r.seconds);
  if (r.memory_bytes > 0) series_["memory_bytes"].add(r.step, static_cast<double>(r.memory_bytes));
  last_step_ = r.step;
  if (std::isfinite(r.seconds)) train_seconds_ += r.seconds;
}

double History::eval_seconds() const {
  double seconds = 0;
  for (const EvalReport& r : evals_) seconds += std::isfinite(r.seconds) ? r.seconds : 0;
  return seconds;
}

bool smaller_is_better(std::string_view metric) {
  return contains(metric, "loss") || contains(metric, "error") || contains(metric, "perplexity") ||
         contains(metric, "bpb");
}

std::optional<BestValue> best_value(const std::vector<EvalReport>& evals, const std::string& metric) {
  std::string wanted = metric;
  for (auto r = evals.begin(); wanted.empty() && r != evals.end(); ++r) wanted = pick_metric(r->metrics);
  const double sign = smaller_is_better(wanted) ? -1 : 1;
  std::optional<BestValue> best;
  for (const EvalReport& r : evals) {
    for (const auto& [name, value] : r.metrics) {
      if (name != wanted || !std::isfinite(value)) continue;
      if (!best || sign * value > sign * best->value) best = {.metric = name, .value = value, .step = r.step};
    }
  }
  return best;
}

}  // namespace tern
