#include "data/puzzles/arc_identifiers.h"

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace tern::puzzles {

namespace {

constexpr std::string_view kSeparator = "|||";

[[noreturn]] void fail(const std::string& what, const std::string& where) {
  throw Error(ErrorKind::data, what, where, "build the dataset again");
}

// Receives the events of nlohmann's streaming parser; only a flat list of strings is welcome.
class NameListReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  NameListReader(const std::string& where, const std::unordered_map<std::string, int32_t>& puzzles)
      : where_(where), puzzles_(puzzles) {}

  std::vector<ArcIdentity> take() { return std::move(identities_); }

  bool start_array(size_t) override {
    if (in_list_) not_a_list();
    in_list_ = true;
    return true;
  }
  bool end_array() override { return true; }

  bool string(std::string& name) override {
    if (!in_list_) not_a_list();
    const AugmentedName parsed = parse_augmented_name(name, where_);
    const auto found = puzzles_.find(std::string(parsed.puzzle));
    identities_.push_back({found == puzzles_.end() ? -1 : found->second, parsed.augmentation});
    return true;
  }

  bool null() override { not_a_list(); }
  bool boolean(bool) override { not_a_list(); }
  bool number_integer(int64_t) override { not_a_list(); }
  bool number_unsigned(uint64_t) override { not_a_list(); }
  bool number_float(double, const std::string&) override { not_a_list(); }
  bool binary(binary_t&) override { not_a_list(); }
  bool start_object(size_t) override { not_a_list(); }
  bool key(std::string&) override { not_a_list(); }
  bool end_object() override { not_a_list(); }
  bool parse_error(size_t, const std::string&, const nlohmann::json::exception&) override {
    fail("broken JSON", where_);
  }

 private:
  [[noreturn]] void not_a_list() const { fail("not a JSON list of names", where_); }

  const std::string& where_;
  const std::unordered_map<std::string, int32_t>& puzzles_;
  std::vector<ArcIdentity> identities_;
  bool in_list_ = false;
};

}  // namespace

AugmentedName parse_augmented_name(std::string_view name, const std::string& where) {
  const size_t first = name.find(kSeparator);
  if (first == std::string_view::npos) return {name, {}};
  const auto malformed = [&] { fail("puzzle identifier '" + std::string(name) + "' is malformed", where); };
  // As upstream: the base name ends at the first separator, the augmentation is what the last two set off.
  const size_t last = name.rfind(kSeparator);
  if (first == last) malformed();
  const size_t before = name.rfind(kSeparator, last - kSeparator.size());
  if (before == std::string_view::npos) malformed();
  const size_t begin = before + kSeparator.size();
  const std::string_view transform = name.substr(begin, last - begin);
  const std::string_view colours = name.substr(last + kSeparator.size());
  AugmentedName out{name.substr(0, first), {}};
  if (transform.size() != 2 || transform[0] != 't' || transform[1] < '0' || transform[1] > '7') malformed();
  out.augmentation.transform = static_cast<uint8_t>(transform[1] - '0');
  if (colours.size() != kNumColours) malformed();
  unsigned seen = 0;
  for (size_t i = 0; i < colours.size(); ++i) {
    const auto digit = static_cast<unsigned>(colours[i] - '0');
    if (digit >= kNumColours || (seen >> digit & 1U) != 0) malformed();
    seen |= 1U << digit;
    out.augmentation.colours[i] = static_cast<uint8_t>(digit);
  }
  return out;
}

std::vector<ArcIdentity> parse_arc_identifiers(std::string_view json, const std::string& where,
                                               const std::unordered_map<std::string, int32_t>& puzzles) {
  NameListReader reader(where, puzzles);
  (void)nlohmann::json::sax_parse(json, &reader);
  return reader.take();
}

}  // namespace tern::puzzles
