#include "engine/checkpoint/layout.h"

#include <charconv>

#include <fmt/format.h>

namespace tern {

namespace {
constexpr std::string_view kStepPrefix = "step_";
}  // namespace

std::string optimizer_file(int rank, int world_size) {
  return fmt::format("optimizer.rank{}-of-{}.safetensors", rank, world_size);
}

std::string state_file(int rank, int world_size) {
  return fmt::format("state.rank{}-of-{}.safetensors", rank, world_size);
}

std::string step_folder(int64_t step) {
  return fmt::format("{}{}", kStepPrefix, step);
}

std::optional<int64_t> parse_step_folder(std::string_view name) {
  if (!name.starts_with(kStepPrefix)) return std::nullopt;
  const std::string_view digits = name.substr(kStepPrefix.size());
  int64_t step = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), step);
  // Spelling back refuses what from_chars lets through: signs, leading zeros, trailing text.
  if (error != std::errc() || end != digits.data() + digits.size() || step < 0 || step_folder(step) != name) {
    return std::nullopt;
  }
  return step;
}

std::filesystem::path with_suffix(const std::filesystem::path& folder, std::string_view suffix) {
  return {folder.string() + std::string(suffix)};
}

std::optional<std::string> strip_suffix(std::string_view name, std::string_view suffix) {
  if (!name.ends_with(suffix)) return std::nullopt;
  const std::string_view base = name.substr(0, name.size() - suffix.size());
  if (!parse_step_folder(base)) return std::nullopt;
  return std::string(base);
}

}  // namespace tern
