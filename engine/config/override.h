// One command-line override in Hydra's grammar: key=value, +key=value, ++key=value, ~key, ~key=value, group=option,
// group@package=option. Values are words, numbers, quoted text, [lists], {mappings}, ${interpolations}, functions such
// as range(0,3), and comma-separated sweeps.
// Grammar after Hydra 1.3 (hydra/grammar/Override{Lexer,Parser}.g4); tests compare with Hydra's own parser.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/config/node.h"

namespace tern::config {

// Several values for one key; --multirun runs them one after another.
struct Sweep {
  bool simple = false;               // a,b,c rather than choice(a,b,c) or range(0,3)
  std::vector<Node> values;          // in the order written
  std::vector<std::string> include;  // glob(...): options of the group that match one of these ...
  std::vector<std::string> exclude;  // ... and none of these
};

struct Override {
  enum class Type { change, add, force_add, remove };

  Type type = Type::change;
  std::string key;                     // dotted key or group path
  std::optional<std::string> package;  // what stands behind @
  std::optional<Node> value;           // nothing for ~key, and where a sweep stands instead
  std::optional<Sweep> sweep;
  std::string text;  // as given
  Origin origin;     // "override #2 (lr=abc)"

  // hydra.run.dir=... and hydra/launcher=...: accepted, of no effect here.
  [[nodiscard]] bool concerns_hydra() const;

  // key or key@package.
  [[nodiscard]] std::string full_key() const;
};

// Parses one override; `number` counts from 1 and appears in its origin. Throws Error(usage) with the position of the
// offending character.
[[nodiscard]] Override parse_override(const std::string& text, int number);

// Parses one value of the override grammar (no sweeps), as ${oc.decode:...} does.
[[nodiscard]] Node parse_override_value(const std::string& text, const Origin& origin);

// A literal text as an override value: bare where Hydra's grammar reads it back as the same text, quoted elsewhere.
[[nodiscard]] std::string quote_override_value(const std::string& text);

}  // namespace tern::config
