#include "engine/checkpoint/joint_write.h"

#include <nlohmann/json.hpp>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"

namespace tern {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFolder = "folder";
constexpr const char* kPublished = "published";

std::string files_of(int rank) {
  return "files/" + std::to_string(rank);
}

// Texts are JSON: {"error": ...}, or what there is to say.
std::string failure(const std::string& reason) {
  return Json{{"error", reason}}.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

JointWrite::JointWrite(CheckpointPeers& peers, std::string key, int rank, int world_size)
    : peers_(&peers), key_(std::move(key)), rank_(rank), world_size_(world_size) {}

void JointWrite::say(const std::string& what, const std::string& text) {
  if (world_size_ == 1) return;
  ++said_;
  peers_->publish(key_ + what, text);
}

std::string JointWrite::hear(const std::string& what, int from) {
  std::string text = peers_->await(key_ + what);
  const Json json = Json::parse(text);
  if (json.is_object() && json.contains("error")) {
    throw Error(ErrorKind::checkpoint, fmt::format("rank {} failed: {}", from, json.at("error").get<std::string>()));
  }
  return text;
}

void JointWrite::folder_is_ready() {
  say(kFolder, "[]");
}

void JointWrite::wait_for_folder() {
  (void)hear(kFolder, 0);
}

void JointWrite::files_are_written(const std::vector<ManifestFile>& files) {
  Json list = Json::array();
  for (const ManifestFile& file : files) list.push_back({file.name, file.bytes, file.checksum});
  say(files_of(rank_), list.dump());
}

std::vector<ManifestFile> JointWrite::collect_files() {
  std::vector<ManifestFile> files;
  for (int rank = 1; rank < world_size_; ++rank) {
    for (const Json& file : Json::parse(hear(files_of(rank), rank))) {
      files.push_back({file.at(0).get<std::string>(), file.at(1).get<uint64_t>(), file.at(2).get<std::string>()});
    }
  }
  return files;
}

void JointWrite::is_published() {
  say(kPublished, "[]");
}

void JointWrite::wait_until_published() {
  (void)hear(kPublished, 0);
}

void JointWrite::fail(const std::string& reason) noexcept {
  try {
    const std::vector<std::string> duties =
        rank_ == 0 ? std::vector<std::string>{kFolder, kPublished} : std::vector<std::string>{files_of(rank_)};
    while (world_size_ > 1 && said_ < static_cast<int>(duties.size())) {
      say(duties[static_cast<size_t>(said_)], failure(reason));
    }
  } catch (const std::exception&) {  // the others are gone
  }
}

}  // namespace tern
