// Folders: the steps of which atomic changes are made. Every failure is an Error(checkpoint) that names the path.
#pragma once

#include <filesystem>

namespace tern {

// Whether something of that name exists, a dangling link included; a path that can't be looked at is an error.
[[nodiscard]] bool path_exists(const std::filesystem::path& path);

// Absolute and without a trailing slash, so that a suffix can be added and the parent is the parent.
[[nodiscard]] std::filesystem::path full_path(const std::filesystem::path& path);

void make_folder(const std::filesystem::path& folder);  // with its parents
void rename_path(const std::filesystem::path& from, const std::filesystem::path& to);
void remove_tree(const std::filesystem::path& path);  // nothing there is fine

// Makes new and renamed entries of the folder durable.
void sync_folder(const std::filesystem::path& folder);

}  // namespace tern
