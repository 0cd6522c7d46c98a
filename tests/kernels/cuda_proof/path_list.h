// Lists of files that the build hands to a test: paths with colons between.
#pragma once

#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

namespace tern::kernels::test {

inline std::vector<std::filesystem::path> split_paths(const std::string& list) {
  std::vector<std::filesystem::path> paths;
  std::istringstream text(list);
  for (std::string path; std::getline(text, path, ':');) paths.emplace_back(path);
  return paths;
}

}  // namespace tern::kernels::test
