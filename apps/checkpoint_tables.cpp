#include "apps/checkpoint_tables.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <string>

#include <fmt/format.h>

namespace tern {

namespace {

using Json = nlohmann::ordered_json;

std::string human_bytes(uint64_t bytes) {
  const char* units[] = {"B", "kB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  for (; value >= 1000 && unit + 1 < std::size(units); ++unit) value /= 1000;
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, units[unit]);
}

std::string shape_text(const Json& shape) {
  std::string text;
  for (const Json& size : shape) text += (text.empty() ? "" : " x ") + size.dump();
  return text.empty() ? "scalar" : text;
}

void print_tensors(const Json& tensors) {
  size_t width = 0;
  for (const Json& row : tensors) width = std::max(width, row["name"].get_ref<const std::string&>().size());
  for (const Json& row : tensors) {
    fmt::print("  {:<{}}  {:<13}  {:>10}  {}\n", row["name"].get<std::string>(), width, row["dtype"].get<std::string>(),
               human_bytes(row["bytes"].get<uint64_t>()), shape_text(row["shape"]));
  }
}

void print_metadata(const Json& metadata) {
  for (const auto& [key, value] : metadata.items()) fmt::print("  {}: {}\n", key, value.get<std::string>());
}

void print_checkpoint(const Json& about) {
  fmt::print("checkpoint {}\nstep {}, written {} by Tern {}, {} process(es), {}\n", about["path"].get<std::string>(),
             about["step"].get<int64_t>(), about["created"].get<std::string>(),
             about["tern_version"].get<std::string>(), about["world_size"].get<int>(),
             human_bytes(about["bytes"].get<uint64_t>()));
  for (const auto& [name, value] : about["metrics"].items()) fmt::print("metric {} = {}\n", name, value.dump());
  for (const Json& file : about["files"]) {
    fmt::print("\n{}  {}  xxh3-128 {}\n", file["name"].get<std::string>(), human_bytes(file["bytes"].get<uint64_t>()),
               file["xxh3_128"].get<std::string>());
    print_metadata(file["metadata"]);
    print_tensors(file["tensors"]);
  }
  const std::string config = about["config"].get<std::string>();
  if (!config.empty()) fmt::print("\nconfiguration\n{}{}", config, config.back() == '\n' ? "" : "\n");
}

void print_run(const Json& about) {
  fmt::print("run folder {}, newest first\n", about["path"].get<std::string>());
  for (const Json& row : about["checkpoints"]) {
    if (row.contains("problem")) {
      fmt::print("  {:<14}  not usable: {}\n", row["name"].get<std::string>(), row["problem"].get<std::string>());
      continue;
    }
    std::string metrics;
    for (const auto& [name, value] : row["metrics"].items()) metrics += fmt::format("  {}={}", name, value.dump());
    fmt::print("  {:<14}  {}  {:>10}{}\n", row["name"].get<std::string>(), row["created"].get<std::string>(),
               human_bytes(row["bytes"].get<uint64_t>()), metrics);
  }
}

void print_file(const Json& about) {
  fmt::print("{} file {}, {} tensors, {}\n", about["kind"].get<std::string>(), about["path"].get<std::string>(),
             about["tensors"].size(), human_bytes(about["bytes"].get<uint64_t>()));
  if (about.contains("metadata")) print_metadata(about["metadata"]);
  print_tensors(about["tensors"]);
  if (about.contains("skipped")) {
    for (const Json& name : about["skipped"]) fmt::print("  {}  not a tensor\n", name.get<std::string>());
  }
}

}  // namespace

void print_description(const Json& about) {
  if (about["kind"] == "checkpoint") {
    print_checkpoint(about);
  } else if (about["kind"] == "run") {
    print_run(about);
  } else {
    print_file(about);
  }
}

}  // namespace tern
