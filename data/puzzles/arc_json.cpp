#include "data/puzzles/arc_json.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "data/puzzles/python_json.h"

namespace tern::puzzles {

namespace {

using Json = nlohmann::ordered_json;

// Grids lie 5 levels deep. The bound keeps hostile files from exhausting the stack where values are walked recursively.
constexpr int kMaxDepth = 100;

bool nested_too_deep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxDepth) return true;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

Json parse_object(const ArcSource& source) {
  if (nested_too_deep(source.text)) {
    throw Error(ErrorKind::data, "JSON is nested deeper than " + std::to_string(kMaxDepth) + " levels", source.file);
  }
  Json json;
  try {
    json = Json::parse(source.text);
  } catch (const Json::exception& e) {  // besides broken syntax also numbers beyond the range of a double
    // The library's text begins with "[json.exception.parse_error.101] parse error at line 1, column 5: ...".
    const std::string reason = e.what();
    throw Error(ErrorKind::data, "broken JSON (" + reason.substr(std::min(reason.find("] ") + 2, reason.size())) + ")",
                source.file);
  }
  if (!json.is_object()) throw Error(ErrorKind::data, "not a JSON object of puzzles", source.file);
  return json;
}

// What is being read, for messages.
struct Place {
  const std::string& file;
  const std::string& puzzle;
  std::string part;

  [[noreturn]] void fail(const std::string& what, const std::string& fix = "") const {
    throw Error(ErrorKind::data, what, file + ", puzzle " + puzzle + (part.empty() ? "" : ", " + part), fix);
  }
};

Grid read_grid(const Json& json, const Place& place) {
  if (!json.is_array() || json.empty()) place.fail("grid is not a list of rows");
  const size_t rows = json.size();
  const size_t cols = json[0].is_array() ? json[0].size() : 0;
  if (cols == 0) place.fail("grid has an empty row");
  if (rows > kMaxGridSide || cols > kMaxGridSide) {
    place.fail("grid of " + std::to_string(rows) + " x " + std::to_string(cols) + " is larger than 30 x 30");
  }
  Grid grid{static_cast<uint8_t>(rows), static_cast<uint8_t>(cols), {}};
  grid.cells.reserve(rows * cols);
  for (const Json& row : json) {
    if (!row.is_array() || row.size() != cols) place.fail("grid is not rectangular");
    for (const Json& cell : row) {
      const int64_t value = cell.is_number_integer() ? cell.get<int64_t>() : -1;
      if (value < 0 || value >= kNumColours) {
        place.fail("value " + cell.dump(-1, ' ', true).substr(0, 40) + " is outside 0-9");
      }
      grid.cells.push_back(static_cast<uint8_t>(value));
    }
  }
  return grid;
}

std::string ordinal(const std::string& kind, size_t index) {
  return kind + " pair " + std::to_string(index + 1);
}

ArcPart read_part(const std::string& key, const Json& examples, const Place& place) {
  if (!examples.is_array()) place.fail("\"" + key + "\" is not a list of pairs");
  ArcPart part;
  part.is_test = key == "test";
  for (size_t i = 0; i < examples.size(); ++i) {
    const Json& example = examples[i];
    const Place here{place.file, place.puzzle, ordinal(key, i)};
    if (!example.is_object() || !example.contains("input")) here.fail("pair has no input");
    if (!example.contains("output")) {
      here.fail(part.is_test ? "pair has no solution" : "pair has no output");
    }
    part.pairs.push_back({read_grid(example["input"], Place{place.file, place.puzzle, here.part + " input"}),
                          read_grid(example["output"], Place{place.file, place.puzzle, here.part + " output"})});
  }
  return part;
}

void fill_solutions(Json& test, const Json& solutions, const std::string& name, const ArcSource& source) {
  const Place place{source.file, name, ""};
  const auto found = solutions.find(name);
  if (found == solutions.end()) place.fail("no solution for this puzzle", "complete the file or remove it");
  if (!found->is_array()) place.fail("solution is not a list of grids");
  if (found->size() > test.size()) {
    place.fail(std::to_string(found->size()) + " solutions for " + std::to_string(test.size()) + " test pairs");
  }
  for (size_t i = 0; i < found->size(); ++i) {
    (void)read_grid((*found)[i], Place{source.file, name, ordinal("test", i)});
    test[i]["output"] = (*found)[i];
  }
}

void fill_dummies(Json& test) {
  for (Json& example : test) {
    if (!example.contains("output")) example["output"] = Json::array({Json::array({0})});
  }
}

// Checks what must hold before solutions can be filled in.
void check_shape(const Json& puzzle, const Place& place) {
  if (!puzzle.is_object()) place.fail("puzzle is not an object");
  for (const auto& [key, value] : puzzle.items()) {
    if (key != "train" && key != "test")
      place.fail("unknown key \"" + key + "\"", "a puzzle has \"train\" and \"test\"");
  }
  if (!puzzle.contains("test") || !puzzle["test"].is_array()) place.fail("puzzle has no list \"test\"");
  for (const Json& example : puzzle["test"]) {
    if (!example.is_object()) place.fail("a test pair is not an object");
  }
}

}  // namespace

ArcSubset parse_arc_subset(const ArcSource& challenges, const std::optional<ArcSource>& solutions) {
  Json puzzles = parse_object(challenges);
  Json outputs;
  if (solutions) outputs = parse_object(*solutions);

  ArcSubset subset;
  subset.has_solutions = solutions.has_value();
  for (auto& [name, puzzle] : puzzles.items()) {
    const Place place{challenges.file, name, ""};
    check_shape(puzzle, place);
    if (solutions) {
      fill_solutions(puzzle["test"], outputs, name, *solutions);
    } else {
      fill_dummies(puzzle["test"]);
    }
    ArcPuzzle& out = subset.puzzles.emplace_back();
    out.name = name;
    for (const auto& [key, examples] : puzzle.items()) out.parts.push_back(read_part(key, examples, place));
    out.json = dump_python_json(puzzle);
  }
  return subset;
}

ArcSubset load_arc_subset(const std::string& prefix, const std::string& subset) {
  const std::string stem = prefix + "_" + subset;
  const std::filesystem::path challenges_path = stem + "_challenges.json";
  const std::filesystem::path solutions_path = stem + "_solutions.json";
  if (!std::filesystem::exists(challenges_path)) {
    throw Error(ErrorKind::data, "subset " + subset + " not found", challenges_path.string(),
                "check --input-file-prefix and --subsets");
  }
  const MappedFile challenges(challenges_path);
  if (!std::filesystem::is_regular_file(solutions_path)) {
    return parse_arc_subset({challenges.text(), challenges_path.string()}, std::nullopt);
  }
  const MappedFile solutions(solutions_path);
  return parse_arc_subset({challenges.text(), challenges_path.string()},
                          ArcSource{solutions.text(), solutions_path.string()});
}

}  // namespace tern::puzzles
