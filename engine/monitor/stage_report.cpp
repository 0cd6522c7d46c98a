#include "engine/monitor/stage_report.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <ctime>
#include <optional>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "engine/monitor/machine.h"

namespace fs = std::filesystem;

namespace tern {

namespace {

constexpr const char* kStarted = "Run started: ";
constexpr const char* kTimestamp = "timestamp: ";

std::string now_text() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  return fmt::format("{:%Y-%m-%d %H:%M:%S}", *::localtime_r(&now, &local));
}

// 1234567 -> "1,234,567".
std::string with_separators(int64_t value) {
  std::string digits = std::to_string(value);
  const size_t first = value < 0 ? 1 : 0;
  for (size_t at = digits.size(); at > first + 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

std::string value_text(const ReportValue& value) {
  if (const auto* number = std::get_if<int64_t>(&value)) {
    return *number >= 10000 ? with_separators(*number) : std::to_string(*number);
  }
  if (const auto* number = std::get_if<double>(&value)) return fmt::format("{:.4f}", *number);
  return std::get<std::string>(value);
}

std::string section_text(const ReportSection& section) {
  std::string text = fmt::format("## {}\n{}{}\n\n{}", section.title, kTimestamp, now_text(), section.text);
  for (const ReportFacts& facts : section.facts) {
    for (const auto& [name, value] : facts) text += fmt::format("- {}: {}\n", name, value_text(value));
  }
  return text + "\n";
}

std::string header_text() {
  const MachineInfo machine = machine_info();
  const std::string gpus = machine.gpu.empty() ? "None available" : machine.gpu;
  return fmt::format(
      "# Tern training report\n\nGenerated: {0}\n\n## Environment\n\n### Hardware\n- Platform: {1}\n- CPUs: {2} cores "
      "({3} "
      "logical), {4}\n- Memory: {5:.1f} GB\n- GPUs: {6}\n\n### Software\n- Tern: {7}\n- Compiler: "
      "{8}\n\n{9}{0}\n\n---\n\n",
      now_text(), machine.os, machine.cores, machine.threads, machine.cpu,
      static_cast<double>(machine.memory_bytes) / 1e9, gpus, machine.tern, machine.compiler, kStarted);
}

// What stands behind `prefix` in the first line that begins with it.
std::optional<std::string> line_after(const std::string& text, const std::string& prefix) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(prefix)) return line.substr(prefix.size());
  }
  return std::nullopt;
}

std::optional<std::time_t> parse_time(const std::optional<std::string>& text) {
  std::tm time{};
  if (!text || ::strptime(text->c_str(), "%Y-%m-%d %H:%M:%S", &time) == nullptr) return std::nullopt;
  time.tm_isdst = -1;
  return std::mktime(&time);
}

// The most important number of all, and how long everything took.
std::string summary_text(const std::string& core_metric, std::optional<std::time_t> started,
                         std::optional<std::time_t> ended) {
  std::string text = "## Summary\n\n";
  text += fmt::format("| {:<15} | {:<8} |\n|{:-<17}|{:-<10}|\n", "Metric", "BASE", "", "");
  text += fmt::format("| {:<15} | {:<8} |\n\n", "CORE", core_metric);
  if (!started || !ended) return text + "Total wall clock time: unknown\n";
  const auto minutes = static_cast<int64_t>(std::difftime(*ended, *started)) / 60;
  return text + fmt::format("Total wall clock time: {}h{}m\n", minutes / 60, minutes % 60);
}

void write_report(const fs::path& report_dir) {
  std::string report = read_file(report_dir / "header.md");
  const std::optional<std::time_t> started = parse_time(line_after(report, kStarted));
  std::optional<std::time_t> ended;
  std::string core_metric = "-";
  for (const std::string& stage : report_stages()) {
    const fs::path path = report_dir / report_file_name(stage);
    if (!fs::exists(path)) continue;
    const std::string section = read_file(path);
    if (const auto time = parse_time(line_after(section, kTimestamp))) ended = std::max(ended.value_or(*time), *time);
    if (const auto core = line_after(section, "- CORE metric: ")) core_metric = *core;
    report += section + "\n";
  }
  write_file_atomically(report_dir / "report.md", report + summary_text(core_metric, started, ended));
}

}  // namespace

const std::vector<std::string>& report_stages() {
  static const std::vector<std::string> stages = {"Tokenizer training", "Tokenizer evaluation", "Base model training",
                                                  "Base model loss", "Base model evaluation"};
  return stages;
}

std::string report_file_name(const std::string& title) {
  std::string name = title;
  std::ranges::replace(name, ' ', '-');
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name + ".md";
}

void write_report_section(const fs::path& report_dir, const ReportSection& section) {
  TERN_CHECK(std::ranges::count(report_stages(), section.title) == 1, "a stage '" + section.title + "'");
  std::error_code error;
  fs::create_directories(report_dir, error);
  if (error) throw Error(ErrorKind::data, "can't make the folder: " + error.message(), report_dir.string());
  if (!fs::exists(report_dir / "header.md")) write_file_atomically(report_dir / "header.md", header_text());
  write_file_atomically(report_dir / report_file_name(section.title), section_text(section));
  write_report(report_dir);
}

}  // namespace tern
