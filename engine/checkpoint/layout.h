// Names inside a run folder and inside a checkpoint folder. This file is the only one that spells them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace tern {

inline constexpr const char* kModelFile = "model.safetensors";
inline constexpr const char* kEmaFile = "ema.safetensors";

// optimizer.rankR-of-W.safetensors and state.rankR-of-W.safetensors
[[nodiscard]] std::string optimizer_file(int rank, int world_size);
[[nodiscard]] std::string state_file(int rank, int world_size);

[[nodiscard]] std::string step_folder(int64_t step);  // step_N

// N of exactly step_N; empty for any other name, the temporary ones below included.
[[nodiscard]] std::optional<int64_t> parse_step_folder(std::string_view name);

// Temporary folders beside step_N; only a killed or failing process leaves one behind.
inline constexpr std::string_view kWritingSuffix = ".writing";    // not complete yet
inline constexpr std::string_view kReplacedSuffix = ".replaced";  // the old step_N, until the new one has its name
inline constexpr std::string_view kDeletingSuffix = ".deleting";  // let go by the retention policy

[[nodiscard]] std::filesystem::path with_suffix(const std::filesystem::path& folder, std::string_view suffix);

// Whether name is step_N followed by suffix; gives "step_N".
[[nodiscard]] std::optional<std::string> strip_suffix(std::string_view name, std::string_view suffix);

}  // namespace tern
