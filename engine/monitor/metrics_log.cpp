#include "engine/monitor/metrics_log.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/file.h"

namespace tern {

namespace {

using Json = nlohmann::ordered_json;

Json number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return value;
}

double to_double(const Json& value) {
  if (value.is_number()) return value.get<double>();
  if (value == "Infinity") return std::numeric_limits<double>::infinity();
  if (value == "-Infinity") return -std::numeric_limits<double>::infinity();
  return std::numeric_limits<double>::quiet_NaN();
}

Json to_json(const NamedValues& values) {
  Json object = Json::object();
  for (const auto& [name, value] : values) object[name] = number(value);
  return object;
}

NamedValues to_values(const Json& object) {
  NamedValues values;
  for (const auto& [name, value] : object.items()) values.emplace_back(name, to_double(value));
  return values;
}

Json to_json(const StepReport& r) {
  const double speed = r.seconds > 0 ? static_cast<double>(r.examples) / r.seconds : 0;
  return {{"kind", "step"},
          {"step", r.step},
          {"loss", number(r.loss)},
          {"lr", number(r.lr)},
          {"examples", r.examples},
          {"metrics", to_json(r.metrics)},
          {"timing",
           {{"seconds", number(r.seconds)}, {"examples_per_second", number(speed)}, {"memory_bytes", r.memory_bytes}}}};
}

Json to_json(const EvalReport& r) {
  return {{"kind", "eval"},
          {"step", r.step},
          {"metrics", to_json(r.metrics)},
          {"timing", {{"seconds", number(r.seconds)}}}};
}

StepReport to_step(const Json& row) {
  const Json& timing = row.at("timing");
  return {.step = row.at("step").get<int64_t>(),
          .loss = to_double(row.at("loss")),
          .lr = to_double(row.at("lr")),
          .examples = row.at("examples").get<int64_t>(),
          .metrics = to_values(row.at("metrics")),
          .seconds = to_double(timing.at("seconds")),
          .memory_bytes = timing.at("memory_bytes").get<uint64_t>()};
}

EvalReport to_eval(const Json& row) {
  return {.step = row.at("step").get<int64_t>(),
          .metrics = to_values(row.at("metrics")),
          .seconds = to_double(row.at("timing").at("seconds"))};
}

int64_t step_of(const MetricsRow& row) {
  return std::visit([](const auto& report) { return report.step; }, row);
}

// Step of a line in exactly the form metrics_line writes; -1 for any other. A long run's file is rewound by this in a
// fraction of the time that parsing all its numbers takes.
int64_t step_of_own_line(std::string_view line) {
  if (!line.ends_with("}}")) return -1;
  for (const std::string_view start : {R"({"kind":"step","step":)", R"({"kind":"eval","step":)"}) {
    if (!line.starts_with(start)) continue;
    int64_t step = -1;
    const auto [end, error] = std::from_chars(line.data() + start.size(), line.data() + line.size(), step);
    return error == std::errc() && *end == ',' ? step : -1;
  }
  return -1;
}

// Kind and step of a line; the step is meaningful for rows only.
std::pair<LineKind, int64_t> classify(std::string_view line) {
  if (const int64_t step = step_of_own_line(line); step >= 0) return {LineKind::step, step};
  MetricsRow row;
  const LineKind kind = parse_metrics_line(line, row);
  return {kind, step_of(row)};
}

// Calls visit(line without its end, whether it has one) for each line.
template <class Visit>
void for_each_line(std::string_view text, const Visit& visit) {
  while (!text.empty()) {
    const size_t end = text.find('\n');
    visit(text.substr(0, end), end != text.npos);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
}

}  // namespace

std::string metrics_line(const MetricsRow& row) {
  const Json json = std::visit([](const auto& report) { return to_json(report); }, row);
  // A metric's name that isn't UTF-8 gets replacement characters: a step is never lost over its name.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

LineKind parse_metrics_line(std::string_view line, MetricsRow& row) {
  const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return LineKind::broken;
  const auto kind = json.find("kind");
  if (kind == json.end() || (*kind != "step" && *kind != "eval")) return LineKind::foreign;
  try {
    if (*kind == "step") {
      row = to_step(json);
      return LineKind::step;
    }
    row = to_eval(json);
    return LineKind::eval;
  } catch (const Json::exception&) {
    return LineKind::broken;  // valid JSON, but keys are missing or of another type
  }
}

void read_metrics(const std::filesystem::path& path, const RowVisitor& visit) {
  const MappedFile file(path);
  MetricsRow row;
  for_each_line(file.text(), [&](std::string_view line, bool /*ended*/) {
    const LineKind kind = parse_metrics_line(line, row);
    if (kind == LineKind::step || kind == LineKind::eval) visit(row);
  });
}

RewindResult rewind_metrics(const std::filesystem::path& path, int64_t step) {
  std::string kept;
  size_t size = 0;
  RewindResult result;
  bool rows_dropped = false;
  {
    const MappedFile file(path);
    size = file.text().size();
    for_each_line(file.text(), [&](std::string_view line, bool ended) {
      const auto [kind, line_step] = ended ? classify(line) : std::pair(LineKind::broken, int64_t{0});
      const bool is_row = kind == LineKind::step || kind == LineKind::eval;
      const bool beyond = is_row && line_step > step;
      if (kind == LineKind::broken && ended) ++result.broken_lines;
      rows_dropped |= beyond;
      if (kind == LineKind::broken || beyond) return;
      kept.append(line).append("\n");
    });
  }
  if (kept.size() == size) return result;
  if (step == 0 && rows_dropped) {
    std::filesystem::path previous = path;
    previous.replace_filename(path.stem().string() + ".previous.jsonl");
    std::error_code ignored;  // a convenience copy: without room for it the run still starts
    std::filesystem::copy_file(path, previous, std::filesystem::copy_options::overwrite_existing, ignored);
  }
  write_file_atomically(path, kept);
  result.rewritten = true;
  return result;
}

MetricsLog::MetricsLog(std::filesystem::path path, int64_t resume_step)
    : file_(std::move(path), AppendFile::Sharing::exclusive) {
  rewind(resume_step);
}

bool MetricsLog::append(const MetricsRow& row) {
  return file_.append(metrics_line(row));
}

void MetricsLog::rewind(int64_t step) {
  const std::filesystem::path path = file_.path();
  // Rows that still wait would come back behind the rewind.
  if (!file_.sync()) throw Error(ErrorKind::data, "write failed: " + file_.reason(), path);
  const RewindResult result = rewind_metrics(path, step);
  broken_lines_ += result.broken_lines;
  if (result.rewritten) file_ = AppendFile(path, AppendFile::Sharing::exclusive);
}

}  // namespace tern
