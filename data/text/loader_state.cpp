#include "data/text/loader_state.h"

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace tern::text {

namespace {

nlohmann::json to_array(const DocumentAddress& address) {
  return nlohmann::json::array({address.file, address.row_group, address.document});
}

DocumentAddress address_from(const nlohmann::json& array) {
  return {array.at(0).get<int64_t>(), array.at(1).get<int64_t>(), array.at(2).get<int64_t>()};
}

[[noreturn]] void refuse_damaged(const std::string& problem, const std::string& where) {
  throw Error(ErrorKind::checkpoint, "loader state is damaged: " + problem, where, "resume from another checkpoint");
}

}  // namespace

std::string LoaderState::to_json() const {
  nlohmann::json json = {{"epoch", position.epoch},
                         {"next", to_array(position.next)},
                         {"rows", rows},
                         {"rank", rank},
                         {"world_size", world_size},
                         {"documents", documents},
                         {"packing", packing_name(packing)},
                         {"used", used}};
  json["buffered"] = nlohmann::json::array();
  for (const auto& address : buffered) json["buffered"].push_back(to_array(address));
  return json.dump();
}

LoaderState LoaderState::from_json(std::string_view text, const std::string& where) {
  try {
    const auto json = nlohmann::json::parse(text);
    LoaderState state;
    state.position = {json.at("epoch").get<int64_t>(), address_from(json.at("next"))};
    for (const auto& address : json.at("buffered")) state.buffered.push_back(address_from(address));
    state.rows = json.at("rows").get<int64_t>();
    state.rank = json.at("rank").get<int64_t>();
    state.world_size = json.at("world_size").get<int64_t>();
    state.documents = json.at("documents").get<int64_t>();
    state.packing = parse_packing(json.value("packing", "best_fit"));  // older states don't say
    state.used = json.value("used", int64_t{0});
    return state;
  } catch (const nlohmann::json::exception& error) {
    refuse_damaged(error.what(), where);
  } catch (const Error& error) {  // of parse_packing
    refuse_damaged(error.what(), where);
  }
}

LoaderState LoaderState::after_row_group(int64_t file, int64_t row_group, int64_t epoch, int64_t rank,
                                         int64_t world_size) {
  LoaderState state;
  state.position = {epoch, {file, (row_group / world_size + 1) * world_size + rank, 0}};
  state.rank = rank;
  state.world_size = world_size;
  return state;
}

}  // namespace tern::text
