#include "data/puzzles/metadata.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/puzzles/python_json.h"

namespace tern::puzzles {

namespace {

using Json = nlohmann::ordered_json;

const std::string kFix = "rebuild the dataset";

// Reads typed values out of one dataset.json and names file and key when one doesn't fit.
class Reader {
 public:
  Reader(std::string_view text, const std::string& where) : where_(where) {
    json_ = Json::parse(text, nullptr, false);
    if (json_.is_discarded()) fail("broken JSON");
    if (!json_.is_object()) fail("not a JSON object");
  }

  int64_t integer(const std::string& key, int64_t smallest) const {
    const Json& value = at(key);
    if (!value.is_number_integer() || (value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX)) {
      fail("\"" + key + "\" is not an integer");
    }
    if (value.get<int64_t>() < smallest) fail("\"" + key + "\" is below " + std::to_string(smallest));
    return value.get<int64_t>();
  }

  std::optional<int64_t> optional_integer(const std::string& key, int64_t smallest) const {
    if (at(key).is_null()) return std::nullopt;
    return integer(key, smallest);
  }

  double number(const std::string& key) const {
    if (!at(key).is_number()) fail("\"" + key + "\" is not a number");
    return at(key).get<double>();
  }

  std::vector<std::string> names(const std::string& key) const {
    if (!at(key).is_array() || at(key).empty()) fail("\"" + key + "\" is not a list of names");
    std::vector<std::string> out;
    for (const Json& name : at(key)) {
      // A set's name becomes part of a file name.
      if (!name.is_string() || name.get_ref<const std::string&>().find('/') != std::string::npos) {
        fail("\"" + key + "\" is not a list of names");
      }
      out.push_back(name.get<std::string>());
    }
    return out;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { throw Error(ErrorKind::data, what, where_, kFix); }

  const Json& at(const std::string& key) const {
    const auto it = json_.find(key);
    if (it == json_.end()) fail("no key \"" + key + "\"");
    return *it;
  }

  std::string where_;
  Json json_;
};

}  // namespace

Metadata parse_metadata(std::string_view text, const std::string& where) {
  const Reader reader(text, where);
  Metadata out;
  out.pad_id = reader.integer("pad_id", 0);
  out.ignore_label_id = reader.optional_integer("ignore_label_id", INT32_MIN);
  out.blank_identifier_id = reader.integer("blank_identifier_id", 0);
  out.vocab_size = reader.integer("vocab_size", 1);
  out.seq_len = reader.integer("seq_len", 1);
  out.num_puzzle_identifiers = reader.integer("num_puzzle_identifiers", 1);
  out.total_groups = reader.integer("total_groups", 0);
  out.mean_puzzle_examples = reader.number("mean_puzzle_examples");
  out.total_puzzles = reader.integer("total_puzzles", 0);
  out.sets = reader.names("sets");
  return out;
}

std::string format_metadata(const Metadata& metadata) {
  Json json;
  json["pad_id"] = metadata.pad_id;
  json["ignore_label_id"] = nullptr;
  if (metadata.ignore_label_id) json["ignore_label_id"] = *metadata.ignore_label_id;
  json["blank_identifier_id"] = metadata.blank_identifier_id;
  json["vocab_size"] = metadata.vocab_size;
  json["seq_len"] = metadata.seq_len;
  json["num_puzzle_identifiers"] = metadata.num_puzzle_identifiers;
  json["total_groups"] = metadata.total_groups;
  json["mean_puzzle_examples"] = metadata.mean_puzzle_examples;
  json["total_puzzles"] = metadata.total_puzzles;
  json["sets"] = metadata.sets;
  return dump_python_json(json);
}

}  // namespace tern::puzzles
